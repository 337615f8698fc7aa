// Many services' lists as one: pure, so that every order of arrival can be tried at a desk.
// Each service answers in an order of its own and keeps it; a cursor therefore holds one mark per service, not one place in time, and a fact
// that was told late by one service is never skipped because another was faster.
import { decodeCursor, encodeCursor } from "../../../lib/cursor.ts";
import { validationFailed } from "../../../lib/failure.ts";
import { idPattern } from "../../../lib/ids.ts";
import type { StoreState } from "../../../lib/store-contract.ts";

/** What one service answered, in its own order. */
export interface Answered<Answer> {
	service: string;
	answer: Answer;
}

/** How far each service's list was read; a service without a mark is read from the beginning. */
export type Marks<Mark extends string | number> = ReadonlyMap<string, Mark>;

/** Where a list of facts goes on. Services without a mark begin behind `newerThan`. */
export interface EventPlace {
	newerThan?: string;
	marks: Marks<number>;
}

/** Takes `limit` items off the heads of the lists, each time the one that comes first. `more`: something is left. */
export function merge<Item>(
	lists: readonly Answered<readonly Item[]>[],
	limit: number,
	comesFirst: (a: Item, b: Item) => boolean,
): { taken: Answered<Item>[]; more: boolean } {
	const next = lists.map(() => 0);
	const taken: Answered<Item>[] = [];
	for (;;) {
		let first: { list: number; item: Item } | undefined;
		for (const [list, { answer }] of lists.entries()) {
			const item = answer[next[list]!];
			if (item !== undefined && (!first || comesFirst(item, first.item))) first = { list, item };
		}
		if (!first) return { taken, more: false };
		if (taken.length === limit) return { taken, more: true };
		next[first.list]!++;
		taken.push({ service: lists[first.list]!.service, answer: first.item });
	}
}

/** The marks after `taken` was read as well. */
export function marksAfter<Item, Mark extends string | number>(
	before: Marks<Mark>,
	taken: readonly Answered<Item>[],
	markOf: (item: Item) => Mark,
): Map<string, Mark> {
	return new Map([...before, ...taken.map(({ service, answer }): [string, Mark] => [service, markOf(answer)])]);
}

const refusedAt = (pointer: string) => validationFailed({ errors: [{ pointer, code: "invalid", detail: "is not a cursor of this list" }] });

const markText = (marks: Marks<string | number>) => [...marks].map(([service, mark]) => `${service}=${mark}`).join(" ");

/** The pieces of a cursor. Whatever is not of our making is refused at its pointer. */
function piecesOf(cursor: string, pointer: string): { newerThan: string; marks: [string, string][] } {
	let pieces: (string | number)[];
	try {
		pieces = decodeCursor(cursor, 2);
	} catch {
		throw refusedAt(pointer);
	}
	const [newerThan, text] = pieces.map(String) as [string, string];
	const marks = text.split(" ").filter(Boolean);
	if (!marks.every(mark => /^[A-Za-z]+=[0-9a-z_]+$/.test(mark))) throw refusedAt(pointer);
	return { newerThan, marks: marks.map(mark => mark.split("=") as [string, string]) };
}

/** Marks that are ids: of dead letters and sagas. */
export const encodeIds = (marks: Marks<string>): string => encodeCursor(["", markText(marks)]);
export const decodeIds = (cursor: string | undefined): Map<string, string> => new Map(cursor ? piecesOf(cursor, "/cursor").marks : []);

export const encodePlace = ({ newerThan = "", marks }: EventPlace): string => encodeCursor([newerThan, markText(marks)]);

function decodePlace(cursor: string, pointer: string): EventPlace {
	const { newerThan, marks } = piecesOf(cursor, pointer);
	const positions = new Map(marks.map(([service, mark]) => [service, Number(mark)]));
	const sound = [...positions.values()].every(Number.isSafeInteger) && (newerThan === "" || isEventId(newerThan));
	if (!sound) throw refusedAt(pointer);
	return { ...(newerThan ? { newerThan } : {}), marks: positions };
}

const eventId = new RegExp(idPattern("evt"));
const isEventId = (text: string) => eventId.test(text);

/** Where a request for facts begins. A cursor goes on with a list, so it outweighs what that list began with. */
export function placeOf({ cursor, after }: { cursor?: string; after?: string }): EventPlace {
	if (cursor) return decodePlace(cursor, "/cursor");
	if (!after) return { marks: new Map() };
	return isEventId(after) ? { newerThan: after, marks: new Map() } : decodePlace(after, "/after");
}

/** What a service's listeners have not all taken. `takenTo` is how far the slowest of them is. */
export interface Backlog {
	service: string;
	pending: number;
	oldestSeconds: number;
	takenTo: number;
	head: number;
}

/** Only who hears a service can be behind it: a group without a cursor for it never will be asked to take its facts. */
export function backlogs(states: readonly StoreState[]): Backlog[] {
	return states.map(({ service, head, pending, oldestSeconds }) => {
		const cursors = states.map(state => state.cursors[service]).filter(cursor => cursor !== undefined);
		// A listener may have moved on between two answers; it is never ahead of what was told.
		const takenTo = Math.min(head, ...cursors);
		return { service, pending: pending + head - takenTo, oldestSeconds, takenTo, head };
	});
}
