// The one path from a request to an action. Order matters: who asks, then what is asked, then whether it can be understood, then the action itself.
import type { Context } from "moleculer";
import { bodyHash } from "../../../lib/canonical.ts";
import { holdsCardNumberAnywhere } from "../../../lib/card-number.ts";
import type { ActionContract, Meta, Route } from "../../../lib/contract.ts";
import { unauthenticated } from "../../../lib/failure.ts";
import { keyRequired } from "../../../lib/idempotency.ts";
import { mayDo, type Principal } from "../../../lib/principal.ts";
import type { Tokens } from "../../../lib/tokens.ts";
import { answerOf } from "./answer.ts";
import type { Answering, Exchange } from "./exchange.ts";
import { cardDataNotAccepted } from "./gateway.contract.ts";
import { assembler } from "./params.ts";
import { type JsonObject, parseQuery, readBytes, readJson } from "./read-body.ts";
import { accessTokenOf, factsOf, idempotencyKeyOf, ifNoneMatchOf } from "./request-facts.ts";

/** What serving needs of its gateway. */
export interface Counter {
	tokens(): Tokens;
	/** Counts a principal's request, unless that was done at the door; throws `rate_limited`. */
	spend(exchange: Exchange, principal: Principal): void | Promise<void>;
}

export const fieldsOfPath = ({ path }: Route) => [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name!);

// One in ten of these passes the check by chance, and whoever reads them knows that they are no cards.
const idOrBarcode = /^(id|[A-Za-z]+Ids?|barcode|gtin|ean|upc|isbn)$/;

/** Whether a finding stands where such numbers belong: the tokenizer's own field, an id, a declared barcode. */
function exemption(rest: Route): (path: string[]) => boolean {
	const declared = new Set(rest.cardDataAt ?? []);
	return path => declared.has(path.join(".")) || idOrBarcode.test(path.findLast(key => !/^\d+$/.test(key)) ?? "");
}

/** A signed webhook is handed over as it came: its signature is over these very bytes. */
async function readRaw({ req }: Exchange, path: Record<string, string>): Promise<JsonObject> {
	const rawBody = (await readBytes(req)).toString("utf8");
	const signature = req.headers["stoa-signature"] ?? req.headers[`${path.provider}-signature`];
	return { ...path, rawBody, ...(typeof signature === "string" ? { signature } : {}) };
}

/** How a contract's route is answered; what can be worked out once is worked out here. */
export function routeOf(contract: ActionContract, rest: Route, counter: Counter): Answering {
	const assemble = assembler(contract, fieldsOfPath(rest));
	const isExempt = exemption(rest);
	const isRead = rest.method === "GET";
	const hasBody = rest.method !== "GET" && rest.method !== "DELETE";
	const permission = contract.allow === "public" || contract.allow === "user" ? undefined : contract.allow;

	async function principalOf(exchange: Exchange, token: string | undefined | null): Promise<Principal | undefined> {
		if (token === null) throw unauthenticated();
		if (token === undefined) {
			if (contract.allow !== "public") throw unauthenticated();
			return undefined;
		}
		const principal = counter.tokens().verify(token, true);
		await counter.spend(exchange, principal);
		return principal;
	}

	/** The params, and what Idempotency-Key needs of the request. Throws every refusal of form. */
	async function read(exchange: Exchange, path: Record<string, string>): Promise<{ params: JsonObject; key?: string; hash?: string }> {
		if (rest.rawBody) return { params: await readRaw(exchange, path) };
		const body = hasBody ? await readJson(exchange.req) : undefined;
		const query = parseQuery(exchange.search);
		if (body && holdsCardNumberAnywhere(body, isExempt)) throw cardDataNotAccepted();
		if (exchange.search !== "" && holdsCardNumberAnywhere(query, isExempt)) throw cardDataNotAccepted();
		const sent = rest.idempotencyKey !== undefined && exchange.req.headers["idempotency-key"] !== undefined;
		const key = sent ? idempotencyKeyOf(exchange.req.headers) : undefined;
		if (key === undefined && (sent || rest.idempotencyKey === "required")) throw keyRequired();
		const params = assemble({ path, query, body });
		return key === undefined ? { params } : { params, key, hash: bodyHash(body) };
	}

	async function answer(exchange: Exchange, ctx: Context<unknown, Meta>, path: Record<string, string>): Promise<void> {
		const { headers } = exchange.req;
		const token = rest.ignoresToken ? undefined : accessTokenOf(headers);
		const principal = await principalOf(exchange, token);
		// Who lacks the permission is told so whatever else is wrong. The node that answers says it, because it also tells the audit.
		const isAllowed = permission === undefined || mayDo(principal, permission);
		const { params, key, hash } = isAllowed ? await read(exchange, path) : { params: {} };
		const request = factsOf(exchange.req, exchange);
		if (key !== undefined) Object.assign(request, { idempotencyKey: key, bodyHash: hash });
		const result = await ctx.call(contract.name, params, { meta: token ? { accessToken: token, request } : { request } });
		const asked = { isRead, isAnonymous: !token && request.cartToken === undefined, ifNoneMatch: ifNoneMatchOf(headers) };
		const { status, headers: replied, body } = answerOf(contract, result, ctx.meta.reply ?? {}, asked);
		exchange.send(status, replied, body);
	}

	return { name: contract.name, method: rest.method, path: rest.path, countsPrincipal: !rest.ignoresToken, answer };
}
