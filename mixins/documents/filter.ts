// The filters that mean the same on every engine. A field holds one type, or null, or is absent (which is the same as null here and there).
// Operators are written in code: an object whose keys are not operators is refused, so that no request can bring its own.
import { checkField } from "./engine.ts";

export type Scalar = string | number | boolean | null;

export interface Operators {
	$in?: readonly (string | number | boolean)[];
	$gt?: string | number;
	$gte?: string | number;
	$lt?: string | number;
	$lte?: string | number;
	/** Also matches documents that lack the field. On an array: none of its elements equals. */
	$ne?: Scalar;
	/** An array field that holds every one of these. */
	$all?: readonly (string | number | boolean)[];
	/** Begins with; case counts. On an array: one of its elements does. */
	$prefix?: string;
}

/** All of it must match. A bare value is equality; on an array field it means "contains". */
export type Filter = Readonly<Record<string, Scalar | Operators>>;

export type Operator = "eq" | "ne" | "in" | "gt" | "gte" | "lt" | "lte" | "prefix";
export interface Condition {
	field: string;
	operator: Operator;
	/** One value, or those of `in`. */
	values: readonly Scalar[];
}

const isScalar = (value: unknown): value is Scalar =>
	value === null || typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
const isPresent = (value: unknown) => isScalar(value) && value !== null;
const isOrdered = (value: unknown) => isPresent(value) && typeof value !== "boolean";

const one =
	(operator: Operator, allowed: (value: unknown) => boolean) =>
	(value: unknown): Omit<Condition, "field">[] | undefined =>
		allowed(value) ? [{ operator, values: [value as Scalar] }] : undefined;

const readers: Readonly<Record<keyof Operators, (value: unknown) => Omit<Condition, "field">[] | undefined>> = {
	$in: value => (Array.isArray(value) && value.every(isPresent) ? [{ operator: "in", values: value }] : undefined),
	$gt: one("gt", isOrdered),
	$gte: one("gte", isOrdered),
	$lt: one("lt", isOrdered),
	$lte: one("lte", isOrdered),
	$ne: one("ne", isScalar),
	$all: value =>
		Array.isArray(value) && value.length > 0 && value.every(isPresent)
			? value.map(each => ({ operator: "eq", values: [each] }))
			: undefined,
	$prefix: one("prefix", value => typeof value === "string"),
};

/** Reads a filter into conditions. Throws a TypeError for anything that is not in {@link Filter}: it is a defect of the caller, never a request's. */
export function conditionsOf(filter: Filter): Condition[] {
	return Object.entries(filter).flatMap(([name, asked]) => {
		const field = checkField(name);
		if (isScalar(asked)) return [{ field, operator: "eq" as const, values: [asked] }];
		if (typeof asked !== "object" || Array.isArray(asked)) throw new TypeError(`the filter on ${field} is neither a value nor operators`);
		const operators = Object.entries(asked);
		if (operators.length === 0) throw new TypeError(`the filter on ${field} has no operator`);
		return operators.flatMap(([operator, value]) => {
			const read = Object.hasOwn(readers, operator) ? readers[operator as keyof Operators](value) : undefined;
			if (!read) throw new TypeError(`the filter on ${field} has no operator ${operator} over such a value`);
			return read.map(condition => ({ field, ...condition }));
		});
	});
}
