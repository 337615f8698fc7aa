// Documents as they are written: plain JSON that every engine can keep, and the values that lie along a dotted path of it.
import { type AnyDocument, type CollectionSpec, hiddenFields } from "./engine.ts";

/** The fields of a document as JSON text, without `_id` and `version`, which have columns of their own. Throws a TypeError for what MongoDB would not keep. */
export function bodyOf(document: { _id: string }): string {
	if (typeof document._id !== "string" || document._id === "") throw new TypeError("a document needs an _id");
	const { _id, version: _, ...fields } = document as AnyDocument;
	for (const name of hiddenFields) if (name in fields) throw new TypeError(`${_id}: "${name}" belongs to the store`);
	checkStorable(fields, _id);
	return JSON.stringify(fields);
}

export function documentOf(row: { _id: string; version: number; doc: string }): AnyDocument {
	const document = JSON.parse(row.doc) as AnyDocument;
	document._id = row._id;
	document.version = row.version;
	return document;
}

/** Throws a TypeError for a document without its unique fields. MongoDB takes an absent field for null: two documents without it would collide there. */
export function checkUnique(document: { _id: string }, collection: string, { unique = [] }: CollectionSpec): void {
	for (const field of unique) {
		const value = valueAt(document, field);
		if (typeof value !== "string" && typeof value !== "number")
			throw new TypeError(`${document._id}: every document of ${collection} needs ${field}`);
	}
}

function checkStorable(value: unknown, id: string): void {
	if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${id}: ${value} cannot be stored`);
	if (value === null || typeof value !== "object") return;
	if (Array.isArray(value)) {
		for (const item of value) checkStorable(item, id);
		return;
	}
	for (const [name, held] of Object.entries(value)) {
		if (name === "" || name === "__proto__" || name.startsWith("$") || name.includes(".") || name.includes("\0"))
			throw new TypeError(`${id}: a field cannot be called "${name}"`);
		checkStorable(held, id);
	}
}

/** Every distinct scalar along a path, going into each element where an array lies on the way. Null and absent are nothing. */
export function valuesAlong(document: object, path: string): Set<string | number> {
	const found = new Set<string | number>();
	const walk = (value: unknown, names: readonly string[]): void => {
		if (Array.isArray(value)) for (const item of value) walk(item, names);
		else if (names.length > 0) {
			if (value !== null && typeof value === "object") walk((value as Record<string, unknown>)[names[0]!], names.slice(1));
		} else if (typeof value === "string" || typeof value === "number") found.add(value);
		else if (typeof value === "boolean") found.add(Number(value));
	};
	walk(document, path.split("."));
	return found;
}

/** The value at a path through objects only; undefined when it is absent. */
function valueAt(document: object, path: string): unknown {
	let value: unknown = document;
	for (const name of path.split(".")) {
		if (value === null || typeof value !== "object") return undefined;
		value = (value as Record<string, unknown>)[name];
	}
	return value;
}
