// Values that a schema accepts, made from the schema itself: so that a test of what is refused changes one thing of a body that is otherwise right.
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";

interface PlainSchema {
	type?: string;
	const?: unknown;
	enum?: readonly unknown[];
	anyOf?: readonly TSchema[];
	items?: TSchema;
	minItems?: number;
	properties?: Readonly<Record<string, TSchema>>;
	required?: readonly string[];
	additionalProperties?: unknown;
	minimum?: number;
	examples?: readonly unknown[];
}

const plain = (schema: TSchema) => schema as PlainSchema;

/** Texts that, between them, every pattern of the house accepts. */
const texts = [
	"sandbox",
	"a-word",
	"buyer@example.com",
	"a password of mine",
	"EUR",
	"GR",
	"2026-01-01T00:00:00Z",
	"tok_visa",
	"4242424242424242",
	"123",
	"/a/path",
	"orders:opr_01jd9w6qkz8m4f2v7b3c5n1x0r",
];

/** A value that the schema accepts, with every optional field in it. Throws when none can be made. */
export function sampleOf(schema: TSchema): unknown {
	const { type, const: only, enum: named, anyOf, items, minItems = 0, properties, minimum, examples } = plain(schema);
	if (only !== undefined) return only;
	if (named) return named[0];
	if (anyOf) return sampleOf(anyOf.find(branch => plain(branch).type !== "null") ?? anyOf[0]!);
	if (type === "array") return items ? Array.from({ length: Math.max(minItems, 1) }, () => sampleOf(items)) : [];
	if (type === "object") return Object.fromEntries(Object.entries(properties ?? {}).map(([name, field]) => [name, sampleOf(field)]));
	if (type === "integer" || type === "number") return Math.max(minimum ?? 1, 1);
	if (type === "boolean") return true;
	if (type === "null") return null;
	const check = Compile(schema);
	const text = [...(examples ?? []), ...texts].find(candidate => check.Check(candidate));
	if (text === undefined) throw new TypeError(`No sample of ${JSON.stringify(schema)}`);
	return text;
}

/** One place of a sample: the keys that lead to it, its schema and what stands there. */
export interface Place {
	keys: readonly (string | number)[];
	schema: TSchema;
	value: unknown;
}

/** Every place of a sample below its root, objects and lists included. */
export function placesOf(schema: TSchema, value: unknown, keys: readonly (string | number)[] = []): Place[] {
	const { anyOf, items, properties } = plain(schema);
	if (anyOf) return placesOf(anyOf.find(branch => plain(branch).type !== "null") ?? anyOf[0]!, value, keys);
	const here: Place[] = keys.length > 0 ? [{ keys, schema, value }] : [];
	if (Array.isArray(value)) return [...here, ...value.flatMap((item, at) => (items ? placesOf(items, item, [...keys, at]) : []))];
	if (typeof value !== "object" || value === null) return here;
	const fields = Object.entries(value).flatMap(([name, field]) =>
		properties?.[name] ? placesOf(properties[name], field, [...keys, name]) : [],
	);
	return [...here, ...fields];
}

/** A copy of the sample with another value in one place. */
export function withValue(sample: unknown, [key, ...rest]: readonly (string | number)[], value: unknown): unknown {
	if (key === undefined) return value;
	const copy = (Array.isArray(sample) ? [...sample] : { ...(sample as object) }) as Record<string | number, unknown>;
	copy[key] = withValue(copy[key], rest, value);
	return copy;
}

export const pointerOf = (keys: readonly (string | number)[]) => keys.map(key => `/${key}`).join("");
