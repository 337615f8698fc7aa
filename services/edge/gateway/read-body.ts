// Reads and judges a body before anything else sees it. Every way to be wrong has its own answer, and none of them costs more than the body's size.
import type { IncomingMessage } from "node:http";
import { type Flaw, validationFailed } from "../../../lib/failure.ts";
import { escapePointer } from "../../../lib/pointer.ts";
import { bodyTooLarge, forbiddenKey, malformedJson, objectExpected, tooDeep, unsupportedMediaType } from "./gateway.contract.ts";

/** The largest resource is a product with a hundred variants: some 40 KiB. A rule set is larger. */
export const bodyBytesMax = 256 * 1024;
export const levelsMax = 32;
// A client that is told 413 while it still sends must be able to read the answer: so much more is swallowed before the connection is cut.
const swallowedBytesMax = 16 * 1024 * 1024;

export type JsonObject = Record<string, unknown>;

const utf8 = new TextDecoder("utf-8", { fatal: true });
const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/** The body's bytes. Throws `body_too_large` as soon as that is known; the rest is then read and forgotten. */
export function readBytes(req: IncomingMessage): Promise<Buffer> {
	const declared = Number(req.headers["content-length"] ?? 0);
	if (declared > bodyBytesMax) {
		swallow(req);
		return Promise.reject(bodyTooLarge({ bytesMax: bodyBytesMax }));
	}
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		let bytes = 0;
		const take = (chunk: Buffer) => {
			bytes += chunk.length;
			chunks.push(chunk);
			if (bytes <= bodyBytesMax) return;
			req.off("data", take);
			swallow(req);
			reject(bodyTooLarge({ bytesMax: bodyBytesMax }));
		};
		req.on("data", take);
		req.once("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
		// Nobody is there to read the answer, but whoever waits for the body must not wait for ever.
		req.once("close", () => reject(malformedJson()));
		req.once("error", () => reject(malformedJson()));
	});
}

function swallow(req: IncomingMessage): void {
	let bytes = 0;
	req.on("data", (chunk: Buffer) => {
		bytes += chunk.length;
		if (bytes > swallowedBytesMax) req.destroy();
	});
	req.on("error", () => undefined);
}

/** Whether the media type says JSON in UTF-8, sent as it is; a PATCH may also call its body what it is, a JSON merge patch (RFC 7396). */
export function isJson(headers: IncomingMessage["headers"], method?: string): boolean {
	const encoding = headers["content-encoding"];
	if (encoding !== undefined && encoding.toLowerCase() !== "identity") return false;
	const [type = "", ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
	const charset = parameters.map(parameter => parameter.trim()).find(parameter => parameter.startsWith("charset="));
	const json = type.trim() === "application/json" || (method === "PATCH" && type.trim() === "application/merge-patch+json");
	return json && (charset === undefined || /^charset="?utf-?8"?$/.test(charset));
}

/** The body as an object; an empty body is one without fields, whatever its media type. */
export async function readJson(req: IncomingMessage): Promise<JsonObject> {
	const bytes = await readBytes(req);
	if (bytes.length === 0) return {};
	if (!isJson(req.headers, req.method)) throw unsupportedMediaType();
	return parseObject(bytes);
}

export function parseObject(bytes: Uint8Array): JsonObject {
	const value = parse(bytes);
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw objectExpected();
	const errors: Flaw[] = [];
	inspect(value, "", errors);
	if (errors.length > 0) throw validationFailed({ errors: errors.slice(0, 50) });
	return value as JsonObject;
}

function parse(bytes: Uint8Array): unknown {
	let text: string;
	try {
		text = utf8.decode(bytes);
	} catch {
		throw malformedJson();
	}
	// Before parsing: the parser and everything behind it would follow the nesting to the end of the stack.
	if (depthOf(text) > levelsMax) throw tooDeep({ levelsMax });
	try {
		return JSON.parse(text);
	} catch {
		throw malformedJson();
	}
}

const quote = 34;
const backslash = 92;
const opening = new Set([91, 123]);
const closing = new Set([93, 125]);

/** How deep brackets are nested outside of strings, well-formed or not. */
export function depthOf(text: string): number {
	let depth = 0;
	let deepest = 0;
	let isString = false;
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (isString) {
			if (code === backslash) at++;
			else if (code === quote) isString = false;
		} else if (code === quote) isString = true;
		else if (opening.has(code)) deepest = Math.max(deepest, ++depth);
		else if (closing.has(code)) depth--;
	}
	return deepest;
}

/** What no schema says of every string, number and key. Depth is bounded by now, so that recursion is. */
function inspect(value: unknown, pointer: string, errors: Flaw[]): void {
	if (typeof value === "number" && !Number.isFinite(value))
		errors.push({ pointer, code: "wrong_type", detail: "is larger than a number can be" });
	else if (typeof value === "string" && !isText(value))
		errors.push({ pointer, code: "not_text", detail: "holds a character that no text has" });
	else if (Array.isArray(value)) for (const [at, item] of value.entries()) inspect(item, `${pointer}/${at}`, errors);
	else if (typeof value === "object" && value !== null) {
		for (const key of Object.keys(value)) {
			if (forbidden.has(key)) throw forbiddenKey();
			if (!isText(key)) throw malformedJson();
			inspect((value as JsonObject)[key], `${pointer}/${escapePointer(key)}`, errors);
		}
	}
}

/** NUL ends a text in half the systems it passes through, and a lone surrogate cannot be stored. */
const isText = (text: string) => text.isWellFormed() && !text.includes("\0");

/** Fields of a query, repeated ones as lists, for {@link checkQueryKeys} and the coercion by schema. */
export function parseQuery(search: string): JsonObject {
	const query: JsonObject = Object.create(null);
	if (search === "") return query;
	for (const [key, value] of new URLSearchParams(search)) {
		if (forbidden.has(key)) throw forbiddenKey();
		const known = query[key];
		if (known === undefined) query[key] = value;
		else if (Array.isArray(known)) known.push(value);
		else query[key] = [known, value];
	}
	const errors: Flaw[] = [];
	inspect(query, "", errors);
	if (errors.length > 0) throw validationFailed({ errors });
	return query;
}
