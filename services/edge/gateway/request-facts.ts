// What the headers of a request say that services may know. Each is checked for its form; one that has another form was not sent.
import type { IncomingMessage } from "node:http";
import { newId } from "../../../lib/ids.ts";
import type { RequestFacts } from "../../../lib/principal.ts";

type Headers = IncomingMessage["headers"];

/** A header that comes twice is joined by a comma; none of ours may be. */
function header(headers: Headers, name: string, form: RegExp): string | undefined {
	const value = headers[name];
	return typeof value === "string" && form.test(value) ? value : undefined;
}

const requestId = /^[A-Za-z0-9._-]{1,64}$/;
const visibleKey = /^[\x21-\x7e]{1,255}$/;
const cartToken = /^[\x21-\x7e]{1,256}$/;
const deviceId = /^[\x21-\x7e]{16,128}$/;
const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const entityTags = /^[\x20-\x7e]{1,1024}$/;

/** The caller's own id for the request, so that both logs name it alike, or one of ours. */
export const requestIdOf = (headers: Headers, now: number): string => header(headers, "x-request-id", requestId) ?? newId("req", now);

export const idempotencyKeyOf = (headers: Headers): string | undefined => header(headers, "idempotency-key", visibleKey);
export const ifNoneMatchOf = (headers: Headers): string | undefined => header(headers, "if-none-match", entityTags);

export function factsOf(req: IncomingMessage, given: { id: string; path: string; address: string }): RequestFacts {
	const { headers } = req;
	const facts: RequestFacts = {
		id: given.id,
		method: req.method === "HEAD" ? "GET" : req.method!,
		path: given.path,
		address: given.address,
	};
	const optional = {
		traceparent: header(headers, "traceparent", traceparent),
		cartToken: header(headers, "cart-token", cartToken),
		deviceId: header(headers, "device-id", deviceId),
		ifMatch: header(headers, "if-match", entityTags),
	};
	for (const [name, value] of Object.entries(optional)) if (value !== undefined) facts[name as keyof typeof optional] = value;
	return facts;
}

/**
 * The access token of an Authorization header; undefined when there is no header, null when it is of no form that we know.
 * The scheme's name is the same in any case (RFC 9110).
 */
export function accessTokenOf(headers: Headers): string | undefined | null {
	const value = headers.authorization;
	if (value === undefined) return undefined;
	return /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(value)?.[1] ?? null;
}
