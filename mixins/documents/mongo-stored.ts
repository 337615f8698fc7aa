// What the driver writes of a document: the same plain JSON that the embedded engine keeps.
import { bodyOf } from "./stored-json.ts";

// To the driver an object with one of these keys is not data but a type of its own (an id, code) or a thing that converts itself.
const speaksToDriver = (value: unknown): value is object =>
	typeof value === "object" && value !== null && !Array.isArray(value) && ("_bsontype" in value || Object.hasOwn(value, "toBSON"));

/** Keys that a request may choose mean nothing to the driver in a Map. */
const asData = (key: string, value: unknown) => (key !== "" && speaksToDriver(value) ? new Map(Object.entries(value)) : value);

/** The fields beside `_id` and `version`. Throws a TypeError for what cannot be kept. */
export function fieldsAsStored(document: { _id: string }): Record<string, unknown> {
	const body = bodyOf(document);
	const isPlain = !body.includes('"_bsontype"') && !body.includes('"toBSON"');
	const fields = JSON.parse(body, isPlain ? undefined : asData) as Record<string, unknown>;
	if (speaksToDriver(fields)) throw new TypeError(`${document._id}: a document's own field has a name that the driver keeps for itself`);
	return fields;
}
