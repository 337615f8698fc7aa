// From conditions to SQL. Values are always bound; field names have passed a strict pattern.
// SQLite's planner does not weigh a LIMIT: for "active products by price" it would sort every active product to answer twenty. So the way is
// chosen here, and a unary + on everything else keeps the planner on it.
import type { SQLInputValue } from "node:sqlite";
import type { CollectionSpec, Query } from "./engine.ts";
import type { Condition, Scalar } from "./filter.ts";
import { checkElements, isArray, isIndexed, isUnique, orderOf } from "./indexes.ts";
import { arrayTable, expressionOf } from "./sqlite-schema.ts";

export interface Sql {
	text: string;
	values: SQLInputValue[];
}

/** SQLite's JSON has no booleans once extracted: true is 1. */
const bound = (value: Scalar): SQLInputValue => (typeof value === "boolean" ? Number(value) : value);

// No text goes on past the last code point, so this is the end of everything that begins with a prefix.
const endOf = (prefix: string) => `${prefix}\u{10FFFF}`;

/** The comparison of one expression. Ranges stay within the operand's type, as they do on MongoDB: numbers sort before texts. */
function comparison(expression: string, { operator, values }: Condition): Sql {
	const value = bound(values[0]!);
	switch (operator) {
		case "eq":
			return value === null ? { text: `${expression} IS NULL`, values: [] } : { text: `${expression} = ?`, values: [value] };
		case "ne":
			return { text: `${expression} IS NOT ?`, values: [value] };
		case "in":
			return { text: `${expression} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values.map(bound))] };
		case "prefix":
			return { text: `${expression} >= ? AND ${expression} < ?`, values: [value, endOf(String(value))] };
		case "gt":
		case "gte": {
			const sign = operator === "gt" ? ">" : ">=";
			return { text: `${expression} ${sign} ?${typeof value === "number" ? ` AND ${expression} < ''` : ""}`, values: [value] };
		}
		case "lt":
		case "lte": {
			const sign = operator === "lt" ? "<" : "<=";
			return { text: `${expression} ${sign} ?${typeof value === "string" ? ` AND ${expression} >= ''` : ""}`, values: [value] };
		}
	}
}

/** Which elements of an array field satisfy a condition, as rows `item` of its side table. */
function elementsOf(collection: string, condition: Condition): Sql {
	checkElements(collection, condition);
	const { text, values } = comparison("item.value", condition.operator === "ne" ? { ...condition, operator: "eq" } : condition);
	return { text: `${arrayTable(collection, condition.field)} AS item WHERE ${text}`, values };
}

function arrayClause(collection: string, condition: Condition, drives: boolean): Sql {
	const { text, values } = elementsOf(collection, condition);
	if (drives) return { text: `_id IN (SELECT item._id FROM ${text})`, values };
	return { text: `${condition.operator === "ne" ? "NOT " : ""}EXISTS (SELECT 1 FROM ${text} AND item._id = document._id)`, values };
}

/** One condition over `document`. `drives`: it may choose which index is walked. */
export function clauseOf(collection: string, spec: CollectionSpec, condition: Condition, drives: boolean): Sql {
	if (isArray(spec, condition.field)) return arrayClause(collection, condition, drives && condition.operator !== "ne");
	return comparison(`${drives ? "" : "+"}${expressionOf(condition.field)}`, condition);
}

// Sorting this many rows takes about a millisecond; whatever matches more often is met soon enough by walking along the order.
const fewRows = 300;

/** How a page is reached: along the order of the sorted field, or through the few documents that one condition leaves, sorted afterwards. */
export interface Way {
	alongOrder: boolean;
	drives(condition: Condition): boolean;
}

/** Chooses the way. `count` counts the rows of a FROM clause. Throws a TypeError for an order that no index gives. */
export function wayOf(
	collection: string,
	spec: CollectionSpec,
	conditions: readonly Condition[],
	query: Query,
	count: (from: Sql) => number,
): Way {
	const { field: sortField, index } = orderOf(collection, spec, conditions, query);
	const walked = [sortField, ...(index ?? [])];
	const most = Math.max(fewRows, query.limit);
	const best = conditions
		.filter(({ operator, field }) => ["eq", "in", "prefix"].includes(operator) && isIndexed(spec, field) && !walked.includes(field))
		.map(condition => ({ condition, rows: count(upTo(most, collection, spec, condition)) }))
		.sort((a, b) => a.rows - b.rows)[0];
	if (best && best.rows < most) return { alongOrder: false, drives: other => other === best.condition };
	return { alongOrder: true, drives: ({ field }) => walked.includes(field) };
}

function upTo(most: number, collection: string, spec: CollectionSpec, condition: Condition): Sql {
	const overArray = isArray(spec, condition.field);
	const { text, values } = overArray ? elementsOf(collection, condition) : comparison(expressionOf(condition.field), condition);
	return { text: `(SELECT 1 FROM ${overArray ? text : `"${collection}" WHERE ${text}`} LIMIT ${most})`, values };
}

/** The pieces of a page, in order: documents without the sorted field come first ascending and last descending, and no index range spans both. */
export function segmentsOf(spec: CollectionSpec, { sort, after }: Query, { alongOrder }: Way): (Sql & { order: string })[] {
	const descending = sort?.order === "descending";
	const direction = descending ? "DESC" : "ASC";
	const beyond = descending ? "<" : ">";
	const field = sort?.field ?? "_id";
	const byId = `_id ${direction}`;
	if (field === "_id") return [{ text: after ? `_id ${beyond} ?` : "TRUE", values: after ? [after.id] : [], order: byId }];
	const expression = `${alongOrder ? "" : "+"}${expressionOf(field)}`;
	// Every document has its own value of a unique field, and SQLite would not use that index if anything were to follow.
	if (isUnique(spec, field))
		return [
			{
				text: after ? `${expression} ${beyond} ?` : "TRUE",
				values: after ? [bound(after.value)] : [],
				order: `${expression} ${direction}`,
			},
		];
	const order = `${expression} ${direction}, ${byId}`;
	if (!after) return [{ text: "TRUE", values: [], order }];
	if (after.value === null) {
		const rest = { text: `${expression} IS NULL AND _id ${beyond} ?`, values: [after.id], order: byId };
		return descending ? [rest] : [rest, { text: `${expression} IS NOT NULL`, values: [], order }];
	}
	const value = bound(after.value);
	const rest = {
		text: `${expression} ${beyond}= ? AND (${expression} ${beyond} ? OR _id ${beyond} ?)`,
		values: [value, value, after.id],
		order,
	};
	return descending ? [rest, { text: `${expression} IS NULL`, values: [], order: byId }] : [rest];
}
