// The official package, set so that what our own machinery decides (when to send again, when to stop waiting) is decided there alone.
import http from "node:http";
import https from "node:https";
import Stripe from "stripe";
import type { StripeSettings } from "../../../../lib/config.ts";
import type { Unavailable, Unknown } from "./provider.ts";

// Less than the service waits for a whole wish: a request ends before its lease does.
const timeoutMs = 6000;
// An idle connection may have died unseen, and what is sent into it has an unknown outcome. A new one costs less than finding out.
const idleMs = 4000;

/**
 * The last version of the API in which a PaymentIntent names the types it takes. Afterwards it takes what the account offers, and then Stripe wants
 * a return address even from a shop that has only cards.
 */
const apiVersion = "2026-08-26.dahlia" as Stripe.LatestApiVersion;
export interface CardsOnly {
	payment_method_types: ["card"];
}

/** Nothing came of it, for a reason that is in the request or the card. `notFound`: it named something that Stripe does not know. */
export interface Refused {
	status: "refused";
	code: string | undefined;
	declineCode: string | undefined;
	notFound: boolean;
}
export type Failure = Unavailable | Unknown | Refused;

export function stripeClient({ key, url }: StripeSettings): Stripe {
	const address = url === undefined ? undefined : new URL(url);
	const isPlain = address?.protocol === "http:";
	const agent = new (isPlain ? http : https).Agent({ keepAlive: true, timeout: idleMs });
	return new Stripe(key, {
		httpClient: sendingOnce(Stripe.createNodeHttpClient(agent)),
		apiVersion,
		maxNetworkRetries: 0,
		timeout: timeoutMs,
		telemetry: false,
		...(address && {
			host: address.hostname.replace(/^\[(.*)\]$/, "$1"),
			port: address.port || (isPlain ? 80 : 443),
			protocol: isPlain ? "http" : "https",
		}),
	});
}

/** A connection that was closed is tried again by the package, however it is set. Its request may have been heard: we look before we repeat. */
function sendingOnce(client: Stripe.HttpClient): Stripe.HttpClient {
	const makeRequest: Stripe.HttpClient["makeRequest"] = async (...request) => {
		const [, , , method] = request;
		try {
			return await client.makeRequest(...request);
		} catch (error) {
			const wasClosed = codeOf(error) === "ECONNRESET" || codeOf(error) === "EPIPE";
			throw wasClosed && method !== "GET" ? new ConnectionClosed({ cause: error }) : error;
		}
	};
	return { getClientName: () => client.getClientName(), makeRequest };
}

class ConnectionClosed extends Error {
	constructor(options: ErrorOptions) {
		super("the connection was closed", options);
	}
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code;

const neverSentCodes = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** No connection came about, so nothing was said over it. */
const wasNeverSent = (error: unknown) =>
	neverSentCodes.has(codeOf(error) ?? "") || (error as NodeJS.ErrnoException | undefined)?.syscall === "connect";

/** What a call that threw says of its outcome. Whatever is not certain is unknown. */
export function failureOf(error: unknown): Failure {
	if (!(error instanceof Stripe.errors.StripeError)) return { status: "unknown" };
	switch (error.type) {
		case "StripeConnectionError":
			return { status: wasNeverSent(error.detail) ? "unavailable" : "unknown" };
		// Turned away at the door: too many requests, or a key that is not (or no longer) allowed to do this.
		case "StripeRateLimitError":
		case "StripeAuthenticationError":
		case "StripePermissionError":
			return { status: "unavailable" };
		case "StripeCardError":
		case "StripeInvalidRequestError": {
			const { code, decline_code: declineCode, statusCode } = error;
			return { status: "refused", code, declineCode, notFound: statusCode === 404 || code === "resource_missing" };
		}
		default:
			return { status: "unknown" };
	}
}

const isOurKeyRefused = (error: unknown) =>
	error instanceof Stripe.errors.StripeAuthenticationError || error instanceof Stripe.errors.StripePermissionError;

/** What an operator has to put right, if anything. The error itself is not for the log: it repeats what was asked, client secret included. */
export function flawOf(error: unknown): string | undefined {
	if (isOurKeyRefused(error)) return "Stripe refuses STOA_STRIPE_KEY: nothing can be paid until that is put right";
	// The other codes speak of a card, or of a state that it is in: nothing is wrong with the shop.
	const isForm = error instanceof Stripe.errors.StripeInvalidRequestError && (!error.code || error.code.startsWith("parameter_"));
	if (!isForm) return undefined;
	return `Stripe refused a request: ${error.code ?? error.rawType} ${error.param ?? ""} (${error.requestId ?? "no request id"})`;
}

/** Another request under the same key, or to the same object, has not ended yet. */
export const isUnderWay = (error: unknown) => error instanceof Stripe.errors.StripeError && error.statusCode === 409;

/** A fault on their side that was kept as the answer of its key: for a day that key brings nothing else. */
export const isKeptFault = (error: unknown) =>
	error instanceof Stripe.errors.StripeError && (error.statusCode ?? 0) >= 500 && error.headers?.["idempotent-replayed"] === "true";
