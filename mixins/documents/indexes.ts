// What the declared indexes of a collection can serve, the same on every engine.
import { type CollectionSpec, checkField, type Query } from "./engine.ts";
import type { Condition } from "./filter.ts";

export const fieldsOf = (index: string | readonly string[]): readonly string[] => (typeof index === "string" ? [index] : index);

export const isUnique = (spec: CollectionSpec, field: string) => (spec.unique ?? []).includes(field);

export const isArray = (spec: CollectionSpec, field: string) => (spec.arrayIndexes ?? []).includes(field);

export const isIndexed = (spec: CollectionSpec, field: string) =>
	field === "_id" || isUnique(spec, field) || isArray(spec, field) || (spec.indexes ?? []).some(index => fieldsOf(index)[0] === field);

/** The field a page is sorted by and the index that gives this order, if any is needed. Throws a TypeError for an order that none gives. */
export function orderOf(
	collection: string,
	spec: CollectionSpec,
	conditions: readonly Condition[],
	query: Query,
): { field: string; index: readonly string[] | undefined } {
	const field = checkField(query.sort?.field ?? "_id");
	const index = servedBy(spec, conditions, field);
	if (!index && field !== "_id" && !isUnique(spec, field)) throw new TypeError(`${collection} has no index to sort by ${field}`);
	return { field, index };
}

/** Whether some index gives the wanted order by itself, its other fields being fixed by equality. */
function servedBy(spec: CollectionSpec, conditions: readonly Condition[], sortField: string): readonly string[] | undefined {
	const fixed = new Set(conditions.filter(({ operator, field }) => operator === "eq" && !isArray(spec, field)).map(({ field }) => field));
	const serving = (spec.indexes ?? []).map(fieldsOf).filter(fields => {
		const leading = sortField === "_id" ? fields : fields.slice(0, -1);
		return (sortField === "_id" || fields.at(-1) === sortField) && leading.every(field => fixed.has(field));
	});
	return serving.sort((a, b) => b.length - a.length)[0];
}

/** Throws a TypeError for what an array cannot be asked: it has no order, and null is not among its elements. */
export function checkElements(collection: string, { field, operator, values }: Condition): void {
	if (values[0] === null || !["eq", "ne", "in", "prefix"].includes(operator))
		throw new TypeError(`${field} of ${collection} is an array: it can be asked for what it contains, nothing else`);
}

/** Throws a TypeError for a limit that is none. */
export function checkLimit({ limit }: Query): void {
	if (!Number.isInteger(limit) || limit < 1) throw new TypeError(`${limit} is not a limit`);
}

/** Throws a TypeError for names that some engine would not take, or would take for one and the same. */
export function checkCollections(collections: Readonly<Record<string, CollectionSpec>>): void {
	const known = new Set<string>();
	for (const [name, { indexes = [], arrayIndexes = [], unique = [] }] of Object.entries(collections)) {
		if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new TypeError(`"${name}" is not a name for a collection`);
		// SQLite does not tell letters of two cases apart in names of tables.
		if (known.has(name.toLowerCase())) throw new TypeError(`two collections are called "${name}"`);
		known.add(name.toLowerCase());
		for (const field of [...indexes.flatMap(fieldsOf), ...arrayIndexes, ...unique]) checkField(field);
	}
}
