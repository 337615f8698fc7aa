// From conditions to MongoDB's query language. Operators are written here and nowhere else: every value has passed conditionsOf as a scalar and
// stands behind an operator of ours, so nothing that a request brings can be one.
import type { CollectionSpec, Query } from "./engine.ts";
import type { Condition, Scalar } from "./filter.ts";
import { checkElements, isArray } from "./indexes.ts";
import type { Json } from "./mongo-driver.ts";

/** One expression, matched against each element where the field is an array. Its beginning is literal, so an index serves it. */
const beginsWith = (prefix: string) => `^${prefix.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&").replaceAll("\0", "\\x00")}`;

function comparison({ operator, values }: Condition): Json {
	if (operator === "in") return { $in: values };
	if (operator === "prefix") return { $regex: beginsWith(String(values[0])) };
	return { [`$${operator}`]: values[0] };
}

const all = (clauses: readonly Json[]): Json => (clauses.length === 0 ? {} : clauses.length === 1 ? clauses[0]! : { $and: clauses });

/** What all conditions together ask for. Throws a TypeError for what an array cannot be asked. */
export function filterOf(collection: string, spec: CollectionSpec, conditions: readonly Condition[]): Json {
	for (const condition of conditions) if (isArray(spec, condition.field)) checkElements(collection, condition);
	return all(conditions.map(condition => ({ [condition.field]: comparison(condition) })));
}

// Comparisons stay within the type of their bound, but an order goes on: null and absent, then numbers, then texts, then booleans.
const everyNumber = { $lte: Number.POSITIVE_INFINITY };
const everyText = { $gte: "" };
const everyBoolean = { $gte: false };

/** What lies behind a value in the order of its field, nearest first. */
function beyond(value: Scalar, descending: boolean): Json[] {
	if (value === null) return descending ? [] : [everyNumber, everyText, everyBoolean];
	if (descending) return [{ $lt: value }, ...(typeof value === "string" ? [everyNumber] : []), { $eq: null }];
	return [{ $gt: value }, ...(typeof value === "number" ? [everyText] : [])];
}

/** The pieces of a page, in order. Each is one range of the index that gives the order. */
export function segmentsOf({ sort, after }: Query): { filter: Json; sort: Readonly<Record<string, 1 | -1>> }[] {
	const field = sort?.field ?? "_id";
	const direction = sort?.order === "descending" ? -1 : 1;
	const further = { [direction === 1 ? "$gt" : "$lt"]: after?.id };
	if (field === "_id") return [{ filter: after ? { _id: further } : {}, sort: { _id: direction } }];
	const order = { [field]: direction, _id: direction } as const;
	if (!after) return [{ filter: {}, sort: order }];
	const equals = { filter: { [field]: { $eq: after.value }, _id: further }, sort: order };
	return [equals, ...beyond(after.value, direction === -1).map(range => ({ filter: { [field]: range }, sort: order }))];
}

/** Both must hold. */
export const both = (one: Json, other: Json): Json =>
	Object.keys(one).length === 0 ? other : Object.keys(other).length === 0 ? one : { $and: [one, other] };
