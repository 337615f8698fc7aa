// Who and what is on a list, and what analysts have found out of whom: rows that rules and backtests read. Whatever stands for many (a shared
// instrument) is never handed to a list.

import { rfc3339 } from "../../../../lib/clock.ts";
import type { Value } from "../../../../mixins/sql/engine.ts";
import type { SqlTx } from "../../../../mixins/sql/tx.ts";
import { entityOf } from "../fraud.observations.ts";
import { confirmedFraud, type ListEntry } from "../lists.contract.ts";

/** Stolen cards and the devices they were tried on are given up long before; who buys a used device is not refused for ever. */
export const confirmedFraudMs = 180 * 24 * 3_600_000;

/** Few enough for the values of one statement. */
const askedAtOnce = 500;

export interface ListedRow {
	listName: string;
	entityKey: string;
	addedAt: number;
	expiresAt: number | null;
	note: string | null;
	caseId: string | null;
	addedBy: string | null;
}

export type Label = "fraud" | "honest";

const columns = "listName, entityKey, addedAt, expiresAt, note, caseId, addedBy";
const marks = (values: readonly unknown[]) => values.map(() => "?").join(", ");

/** Puts an entity on a list; one that is there stays since when it was, for as long as is said now. Answers how it stands. */
export async function addToList(tx: SqlTx, entry: Omit<ListedRow, "addedAt">): Promise<ListedRow> {
	const { listName, entityKey, ...rest } = entry;
	const now = tx.now();
	if ((await tx.insertIfAbsent("listEntries", { ...entry, addedAt: now })) === 0) {
		const { addedAt, expiresAt } = (await entryOf(tx, entry))!;
		// One that has expired was none: it is put there anew.
		const isOver = expiresAt !== null && expiresAt <= now;
		await tx.update("listEntries", { ...rest, addedAt: isOver ? now : addedAt }, { listName, entityKey });
	}
	return (await entryOf(tx, entry))!;
}

const entryOf = (tx: SqlTx, { listName, entityKey }: Pick<ListedRow, "listName" | "entityKey">) =>
	tx.get<ListedRow>(`SELECT ${columns} FROM listEntries WHERE listName = ? AND entityKey = ?`, [listName, entityKey]);

/** False when it is not on the list. */
export async function removeFromList(tx: SqlTx, { listName, entityKey }: Pick<ListedRow, "listName" | "entityKey">): Promise<boolean> {
	const removed = "DELETE FROM listEntries WHERE listName = ? AND entityKey = ? AND (expiresAt IS NULL OR expiresAt > ?)";
	return (await tx.run(removed, [listName, entityKey, tx.now()])) > 0;
}

/** On which lists each of these entities is at the time; those that are on none are absent. */
export async function listedOf(tx: SqlTx, keys: readonly string[], now: number): Promise<Map<string, Set<string>>> {
	const listed = new Map<string, Set<string>>();
	for (let at = 0; at < keys.length; at += askedAtOnce) {
		const asked = keys.slice(at, at + askedAtOnce);
		const rows = await tx.all<Pick<ListedRow, "listName" | "entityKey">>(
			`SELECT entityKey, listName FROM listEntries WHERE entityKey IN (${marks(asked)}) AND (expiresAt IS NULL OR expiresAt > ?)`,
			[...asked, now],
		);
		for (const { entityKey, listName } of rows) listed.set(entityKey, (listed.get(entityKey) ?? new Set()).add(listName));
	}
	return listed;
}

/** Everybody who is on a list now. */
export async function listedNow(tx: SqlTx): Promise<Map<string, Set<string>>> {
	const rows = await tx.all<Pick<ListedRow, "listName" | "entityKey">>(
		"SELECT entityKey, listName FROM listEntries WHERE expiresAt IS NULL OR expiresAt > ? ORDER BY entityKey, listName",
		[tx.now()],
	);
	const listed = new Map<string, Set<string>>();
	for (const { entityKey, listName } of rows) listed.set(entityKey, (listed.get(entityKey) ?? new Set()).add(listName));
	return listed;
}

/** What was found out of each entity last. */
export async function labelsOf(tx: SqlTx): Promise<Map<string, Label>> {
	const rows = await tx.all<{ entityKey: string; label: Label }>("SELECT entityKey, label FROM labels ORDER BY at, caseId");
	return new Map(rows.map(({ entityKey, label }) => [entityKey, label]));
}

/** In the order of the entities' keys. */
export function listPage(tx: SqlTx, listName: string, page: { after?: string | undefined; limit: number }): Promise<ListedRow[]> {
	const { after, limit } = page;
	const values: Value[] = [listName, tx.now(), ...(after === undefined ? [] : [after]), limit];
	return tx.all<ListedRow>(
		`SELECT ${columns} FROM listEntries WHERE listName = ? AND (expiresAt IS NULL OR expiresAt > ?)
		${after === undefined ? "" : "AND entityKey > ?"} ORDER BY entityKey LIMIT ?`,
		values,
	);
}

/** Forgets what has expired. */
export function sweepLists(tx: SqlTx): Promise<number> {
	return tx.run("DELETE FROM listEntries WHERE expiresAt <= ?", [tx.now()]);
}

/** What was found out about an entity; the same case again replaces what it said. */
export async function label(tx: SqlTx, found: { entityKey: string; caseId: string; label: Label }): Promise<void> {
	const { entityKey, caseId, label } = found;
	const at = tx.now();
	if ((await tx.insertIfAbsent("labels", { entityKey, caseId, label, at })) === 0)
		await tx.update("labels", { label, at }, { entityKey, caseId });
}

/** Takes back what earlier confirmations about an entity put on the list of confirmed fraud: it was found to be honest after all. */
export async function unlistConfirmed(tx: SqlTx, entityKey: string): Promise<void> {
	await tx.run(
		"DELETE FROM listEntries WHERE listName = ? AND caseId IN (SELECT caseId FROM labels WHERE entityKey = ? AND label = 'fraud')",
		[confirmedFraud, entityKey],
	);
}

/** As analysts see it. */
export function shownEntry({ entityKey, addedAt, expiresAt, ...row }: ListedRow): ListEntry {
	const { note, caseId, addedBy } = row;
	return {
		entity: entityOf(entityKey),
		addedAt: rfc3339(addedAt),
		...(expiresAt === null ? {} : { expiresAt: rfc3339(expiresAt) }),
		...(note === null ? {} : { note }),
		...(caseId === null ? {} : { caseId }),
		...(addedBy === null ? {} : { addedBy }),
	};
}
