import { hash } from "node:crypto";
import { versionStale } from "./failure.ts";

/**
 * One text for one meaning: keys in order, no spaces, as RFC 8785 has it. What JSON cannot carry exactly is refused, because a hash of
 * something else would be worse than none.
 */
export function canonicalJson(value: unknown): string {
	if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
	if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
	if (isPlainObject(value)) {
		const members: string[] = [];
		for (const key of Object.keys(value).sort()) {
			// An optional field that is left undefined is not there, here as on the wire.
			if (value[key] !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(value[key])}`);
		}
		return `{${members.join(",")}}`;
	}
	throw new TypeError(`${describe(value)} has no canonical JSON.`);
}

/**
 * A strong ETag that changes with any visible field and with nothing else: two nodes that compose the same resource in another order of
 * keys agree, so an If-Match holds on either. 22 characters keep 132 bits.
 */
export function etagOf(value: unknown): string {
	return `"${hash("sha256", canonicalJson(value), "base64url").slice(0, 22)}"`;
}

/** Lets a change go on when `If-Match` is absent or names the resource as it stands. Throws `version_stale` otherwise; a weak tag never matches. */
export function requireMatch(ifMatch: string | undefined, current: unknown): void {
	if (ifMatch === undefined) return;
	const tags = ifMatch.split(",").map(tag => tag.trim());
	if (!tags.includes("*") && !tags.includes(etagOf(current))) throw versionStale();
}

/** What an Idempotency-Key was first used with. A request without a body has a hash too. */
export function bodyHash(value: unknown): string {
	return hash("sha256", value === undefined ? "" : canonicalJson(value), "base64url");
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
	if (typeof value !== "object" || value === null) return false;
	const prototype = Object.getPrototypeOf(value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function describe(value: unknown): string {
	return typeof value === "object" && value !== null ? `A ${value.constructor.name}` : String(value);
}
