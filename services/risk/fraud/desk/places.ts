// Where a page of the desk's lists begins: a time, and the id that tells equals apart.
import { decodeCursor, notOfThisList } from "../../../../lib/cursor.ts";

export interface Place {
	/** Milliseconds. */
	value: number;
	id: string;
}

/** Throws `validation_failed` at `/cursor` for anything that is not a cursor of such a list. */
export function placeOf(cursor: string): Place {
	const [value, id] = decodeCursor(cursor, 2);
	if (typeof value === "number" && typeof id === "string") return { value, id };
	throw notOfThisList();
}
