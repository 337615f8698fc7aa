// What an action answered becomes status, headers and bytes.
import { hash } from "node:crypto";
import { etagOf } from "../../../lib/canonical.ts";
import type { ActionContract, Reply } from "../../../lib/contract.ts";

export interface Answer {
	status: number;
	headers: Record<string, string>;
	body: Buffer | undefined;
}

interface Rendered {
	bytes: Buffer;
	/** Made when it is first asked for: most lists never are. */
	etag: string | undefined;
}

/** Services hand out one frozen object as long as a resource stays the same: what was made of it once is good for as long. */
const kept = new WeakMap<object, Rendered>();

function render(result: unknown): Rendered {
	const isLasting = typeof result === "object" && result !== null && Object.isFrozen(result);
	const known = isLasting ? kept.get(result) : undefined;
	if (known) return known;
	const rendered = { bytes: Buffer.from(JSON.stringify(result)), etag: undefined };
	if (isLasting) kept.set(result, rendered);
	return rendered;
}

type Fields = Record<string, unknown>;
const isObject = (result: unknown): result is Fields => typeof result === "object" && result !== null && !Array.isArray(result);
const isList = (result: unknown) => !isObject(result) || Array.isArray(result.data);

/** A resource has the tag that its service compares with If-Match. A list has none of its own: the one of its bytes serves readers only. */
function tagged(rendered: Rendered, result: unknown): string {
	rendered.etag ??= isList(result) ? `"${hash("sha256", rendered.bytes, "base64url").slice(0, 22)}"` : etagOf(result);
	return rendered.etag;
}

/** `/v1/carts/{id}` with the fields of the result; undefined when one is missing. */
export function locationOf(template: string, result: unknown): string | undefined {
	let isWhole = true;
	const location = template.replaceAll(/\{([\w.]+)\}/g, (_, name: string) => {
		const value = name.split(".").reduce<unknown>((inside, key) => (isObject(inside) ? inside[key] : undefined), result);
		isWhole &&= typeof value === "string" || typeof value === "number";
		return encodeURIComponent(String(value));
	});
	return isWhole ? location : undefined;
}

/** Whether the client has what it would be sent: weak comparison, as RFC 9110 has it for If-None-Match. */
export function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
	if (ifNoneMatch === undefined) return false;
	return ifNoneMatch.split(",").some(tag => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}

export interface Asked {
	isRead: boolean;
	/** Neither a principal nor a cart's guest: what such a caller may see, anybody may, and a cache between may keep it. */
	isAnonymous: boolean;
	ifNoneMatch: string | undefined;
}

/** The answer of a route whose action succeeded. */
export function answerOf({ rest }: ActionContract, result: unknown, reply: Reply, asked: Asked): Answer {
	const isEmpty = result === null || result === undefined;
	const status = reply.status ?? rest?.status ?? (isEmpty ? 204 : 200);
	const headers: Record<string, string> = { "Cache-Control": "no-store" };
	if (reply.replayed) headers["Idempotent-Replayed"] = "true";
	if (reply.retryAfterSeconds !== undefined) headers["Retry-After"] = String(Math.max(1, Math.ceil(reply.retryAfterSeconds)));
	const location = reply.location ?? (status === 201 && rest?.location ? locationOf(rest.location, result) : undefined);
	if (location !== undefined) headers.Location = location;
	if (isEmpty || status === 204) return { status, headers, body: undefined };

	const rendered = render(result);
	headers["Content-Type"] = "application/json; charset=utf-8";
	const isCacheable = asked.isRead && asked.isAnonymous;
	if (isCacheable) {
		headers["Cache-Control"] = "no-cache";
		headers.Vary = "Authorization, Cart-Token";
	}
	if (isCacheable || !isList(result)) headers.ETag = tagged(rendered, result);
	if (asked.isRead && status === 200 && headers.ETag !== undefined && isUnchanged(asked.ifNoneMatch, headers.ETag))
		return { status: 304, headers, body: undefined };
	return { status, headers, body: rendered.bytes };
}
