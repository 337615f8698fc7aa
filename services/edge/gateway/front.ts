// What happens to a request before it has a route: it gets a name and an address, is counted, and is turned away when it may not come in.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context, Logger } from "moleculer";
import type { Catalogue } from "../../../lib/catalogue.ts";
import type { Meta } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import type { Principal } from "../../../lib/principal.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { type Tokens, tokensOf } from "../../../lib/tokens.ts";
import { type AddressOf, addressReader } from "./client-address.ts";
import { type Cors, corsFor } from "./cors.ts";
import { isProbe } from "./doors.ts";
import { type Answering, Exchange, type Surroundings } from "./exchange.ts";
import { malformedRequest, methodNotAllowed } from "./gateway.contract.ts";
import { Meter } from "./meter.ts";
import { addressGroup, perAddress, perAddressSigningIn, perPrincipal, type Spending, spend, type WindowStore } from "./rate-limit.ts";
import { accessTokenOf, requestIdOf } from "./request-facts.ts";
import { Routes } from "./routes.ts";

/** A request on its way through the framework. */
export interface Incoming extends IncomingMessage {
	exchange: Exchange;
}

const withoutTrailingSlash = (path: string) => (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path);

export class Front {
	readonly meter = new Meter();
	isDraining = false;
	readonly #routes = new Routes<Answering>();
	readonly #runtime: Runtime;
	readonly #cors: Cors;
	readonly #addressOf: AddressOf;
	readonly #around: Surroundings;
	readonly #windows: WindowStore;

	/** Throws a ConfigError when a variable is malformed. */
	constructor(runtime: Runtime, failures: Catalogue["failures"], logger: Logger, windows: WindowStore) {
		this.#runtime = runtime;
		this.#windows = windows;
		this.#cors = corsFor(runtime.config.corsOrigins);
		this.#addressOf = addressReader(runtime.config.trustProxy);
		this.#around = { cors: this.#cors, meter: this.meter, failures, logger, isDraining: () => this.isDraining };
	}

	newRequestId(): string {
		return newId("req", this.#runtime.clock.now());
	}

	tokens(): Tokens {
		return tokensOf(this.#runtime);
	}

	open(req: IncomingMessage, res: ServerResponse): Exchange {
		const { headers } = req;
		const id = requestIdOf(headers, this.#runtime.clock.now());
		// The framework takes the request's id from these headers as they are.
		headers["x-request-id"] = id;
		delete headers["x-correlation-id"];
		const forwardedFor = headers["x-forwarded-for"];
		const address = this.#addressOf(req.socket.remoteAddress, typeof forwardedFor === "string" ? forwardedFor : undefined);
		const exchange = new Exchange(req, res, this.#around, { id, address });
		(req as Incoming).exchange = exchange;
		return exchange;
	}

	/** Counts the request, refuses what may not come in, and answers OPTIONS itself. Whether it is to be routed. */
	async admit(exchange: Exchange): Promise<boolean> {
		const { req, path } = exchange;
		const found = this.#routes.find(req.method!, withoutTrailingSlash(path));
		exchange.found = found;
		if (!isProbe(path)) await this.#spend(exchange, found && "target" in found && found.target.countsPrincipal === true);
		if (req.headers.host === undefined && req.httpVersion !== "1.0") throw malformedRequest();
		if (req.method !== "OPTIONS") return true;
		if (!found || !("allow" in found)) throw notFound();
		exchange.send(204, { Allow: found.allow.join(", "), ...this.#cors.preflight(req.headers.origin, found.allow) });
		return false;
	}

	/**
	 * One question for all windows, so that a shared store costs one way there and back. A principal is among them when the token was seen before and is
	 * good; a new one is verified later, behind the limit of its address: a flood of forged ones must not cost their verification.
	 */
	async #spend(exchange: Exchange, withPrincipal = false): Promise<void> {
		if (!this.#runtime.config.rateLimits) return;
		const address = addressGroup(exchange.address);
		const spendings: Spending[] = [{ limit: perAddress, key: address }];
		if (exchange.path.startsWith("/v1/auth/")) spendings.push({ limit: perAddressSigningIn, key: address });
		const token = withPrincipal ? accessTokenOf(exchange.req.headers) : undefined;
		const principal = token ? this.tokens().known(token) : undefined;
		if (principal) spendings.push({ limit: perPrincipal, key: principal.userId });
		exchange.isPrincipalCounted = principal !== undefined;
		await spend(this.#windows, spendings, this.#runtime.clock.now());
	}

	spend(exchange: Exchange, { userId }: Principal): void | Promise<void> {
		if (!this.#runtime.config.rateLimits || exchange.isPrincipalCounted) return;
		return spend(this.#windows, [{ limit: perPrincipal, key: userId }], this.#runtime.clock.now());
	}

	add(answering: Answering): void {
		this.#routes.add(answering.method, answering.path, answering);
	}

	/** Routes an admitted request and has it answered; whatever keeps it from that is the answer. */
	async serve(exchange: Exchange, ctx: Context<unknown, Meta>): Promise<void> {
		try {
			const { found } = exchange;
			if (!found) throw notFound();
			if ("allow" in found) throw methodNotAllowed({ allow: found.allow });
			exchange.route = found.target.name;
			await found.target.answer(exchange, ctx, found.path);
		} catch (error) {
			exchange.refuse(error, ctx.meta.reply);
		}
	}
}
