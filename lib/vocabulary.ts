// The shapes that more than one contract speaks of, each written once.
import Type, { type Static, type TSchema } from "typebox";
import { idPattern } from "./ids.ts";

export const Id = (kind: string) =>
	Type.String({ pattern: idPattern(kind), description: `An id of kind ${kind}.`, examples: [`${kind}_01jd9w6qkz8m4f2v7b3c5n1x0r`] });
export const Time = Type.String({ format: "date-time", description: "RFC 3339 in UTC." });
/** ISO 4217 by form here; whether the code exists is lib/money's business. */
export const Currency = Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217 code." });
export const Amount = Type.Integer({
	minimum: Number.MIN_SAFE_INTEGER,
	maximum: Number.MAX_SAFE_INTEGER,
	description: "Whole minor units of the currency.",
});
export const Money = Type.Object({ amount: Amount, currency: Currency }, { description: "Whole minor units and the currency." });
export type Money = Static<typeof Money>;

export const Totals = Type.Object(
	{ items: Money, discount: Money, shipping: Money, tax: Money, total: Money },
	{ $id: "Totals", description: "total = items − discount + shipping + tax." },
);
export type Totals = Static<typeof Totals>;

export const Sku = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description: "The code of one sellable variant." });
export const Quantity = Type.Integer({ minimum: 1, maximum: 9999 });
export const Slug = Type.String({ pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 120, description: "Lower-case words joined by dashes." });
// What a mail header gives a meaning of its own (a name, a group, a list) is no part of an address; quoted ones are nobody's.
const addressed = '\\s@\\u0000-\\u001f<>()\\[\\]\\\\,;:"';
export const Email = Type.String({
	pattern: `^[^${addressed}]+@[^${addressed}.]+(\\.[^${addressed}.]+)+$`,
	maxLength: 254,
});
/** Free text of one line or more: control characters other than line breaks and tabs are refused, NUL above all. */
export const Text = (maxLength: number, minLength = 1) =>
	Type.String({ minLength, maxLength, pattern: "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$" });
export const Reason = Text(500);

export const Address = Type.Object(
	{
		name: Text(120),
		line1: Text(200),
		line2: Type.Optional(Text(200, 0)),
		city: Text(120),
		region: Type.Optional(Text(120, 0)),
		postalCode: Text(20),
		country: Type.String({ pattern: "^[A-Z]{2}$", description: "ISO 3166-1 alpha-2." }),
	},
	{ description: "Where a parcel goes." },
);
export type Address = Static<typeof Address>;

/** What every list asks for. `cursor` is opaque: it comes from `nextCursor`. */
export const Paging = {
	limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
	cursor: Type.Optional(Type.String({ maxLength: 1024 })),
};
export interface Paging {
	limit?: number;
	cursor?: string;
}

/** A page of a list; `nextCursor` is null on the last one. */
export const Page = <Item extends TSchema>(item: Item) =>
	Type.Object({ data: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) });
export interface Page<Item> {
	data: Item[];
	nextCursor: string | null;
}

export const Nothing = Type.Null({ description: "No content." });

/** Who acted, as facts, sagas and the audit chain keep it. Never a token. */
export const Actor = Type.Object({
	kind: Type.Enum(["user", "guest", "system", "operator"]),
	id: Type.String({ description: "User id, cart id of a guest, service name, or operator name." }),
});
export type Actor = Static<typeof Actor>;

/** What travels and is kept when a fact is told. `position` numbers the facts of one producer without gaps. */
export const Envelope = Type.Object({
	id: Id("evt"),
	type: Type.String(),
	version: Type.Integer({ minimum: 1 }),
	key: Type.String(),
	producer: Type.String(),
	position: Type.Integer({ minimum: 1 }),
	occurredAt: Time,
	requestId: Type.Union([Type.String(), Type.Null()]),
	traceparent: Type.Union([Type.String(), Type.Null()]),
	actor: Type.Union([Actor, Type.Null()]),
	data: Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true })),
});
export type Envelope<Data = Record<string, unknown>> = Omit<Static<typeof Envelope>, "data"> & { data: Data };
