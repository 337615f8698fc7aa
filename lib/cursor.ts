// Keyset cursors: the values of the last row, opaque to clients. They point into an order, so a page stays right while rows come and go.
import { validationFailed } from "./failure.ts";

export const encodeCursor = (values: readonly (string | number)[]): string => Buffer.from(JSON.stringify(values)).toString("base64url");

/** Throws `validation_failed` at `/cursor` for anything that {@link encodeCursor} with as many values did not make. */
export function decodeCursor(cursor: string, length: number): (string | number)[] {
	try {
		const values: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
		const whole =
			Array.isArray(values) && values.length === length && values.every(value => typeof value === "string" || Number.isFinite(value));
		if (whole) return values as (string | number)[];
	} catch {
		// Falls through to the one refusal: what was wrong inside an opaque value helps nobody.
	}
	throw notOfThisList();
}

/** What refuses a cursor that was made for another list, or by nobody. */
export const notOfThisList = () =>
	validationFailed({ errors: [{ pointer: "/cursor", code: "invalid", detail: "is not a cursor of this list" }] });

/** The one number of a cursor. Throws `validation_failed` at `/cursor` for any other. */
export function numberOfCursor(cursor: string): number {
	const [value] = decodeCursor(cursor, 1);
	if (!Number.isSafeInteger(value)) throw notOfThisList();
	return value as number;
}

/** A page of rows that were read one more than `limit`: the extra row only says that there is a next page. */
export function pageOf<Row>(
	rows: readonly Row[],
	limit: number,
	keyOf: (row: Row) => readonly (string | number)[],
): { data: Row[]; nextCursor: string | null } {
	const data = rows.slice(0, limit);
	const last = data[data.length - 1];
	return { data, nextCursor: rows.length > limit && last ? encodeCursor(keyOf(last)) : null };
}
