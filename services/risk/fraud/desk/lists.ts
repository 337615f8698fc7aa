// Who and what is on a list, and what analysts have found out of whom: rows that rules and backtests read. Whatever stands for many (a shared
// instrument) is never handed to a list.

import { rfc3339 } from "../../../../lib/clock.ts";
import { newId } from "../../../../lib/ids.ts";
import type { Value } from "../../../../mixins/sql/engine.ts";
import type { SqlTx } from "../../../../mixins/sql/tx.ts";
import type { LogTx } from "../fraud.log.ts";
import { entityOf, type ListChange } from "../fraud.observations.ts";
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

/** That a confirmed case put an entity on the list of confirmed fraud; `about`: who takes it back when they are found to be honest. */
interface Confirmation {
	entityKey: string;
	caseId: string;
	about: string;
	addedAt: number;
	expiresAt: number;
	addedBy: string | null;
}

export type Label = "fraud" | "honest";

const columns = "listName, entityKey, addedAt, expiresAt, note, caseId, addedBy";
const marks = (values: readonly unknown[]) => values.map(() => "?").join(", ");

/** Puts an entity on a list by hand; one that is there stays since when it was, for as long as is said now, whatever cases have said. */
export async function addToList(tx: LogTx, given: Omit<ListedRow, "addedAt" | "caseId">): Promise<ListedRow> {
	const { listName, entityKey, ...rest } = given;
	const [known] = await entriesOf(tx, listName, [entityKey]);
	const row = { ...rest, addedAt: known?.addedAt ?? tx.now(), caseId: null };
	await tx.put("listEntries", { listName, entityKey }, row);
	if (listName === confirmedFraud) await dropConfirmations(tx, { entityKey });
	await logListed(tx, { list: listName, entityKey, caseId: null, until: given.expiresAt });
	return { listName, entityKey, ...row };
}

/** Takes an entity off a list, whoever put it there. False when it is not on it. */
export async function removeFromList(tx: LogTx, { listName, entityKey }: Pick<ListedRow, "listName" | "entityKey">): Promise<boolean> {
	const removed = "DELETE FROM listEntries WHERE listName = ? AND entityKey = ? AND (expiresAt IS NULL OR expiresAt > ?)";
	const wasPut = (await tx.run(removed, [listName, entityKey, tx.now()])) > 0;
	if (wasPut) await logListed(tx, { list: listName, entityKey, caseId: null, until: tx.now() });
	const wasConfirmed = listName === confirmedFraud && (await dropConfirmations(tx, { entityKey }));
	return wasPut || wasConfirmed;
}

/** A confirmed case puts an entity on the list of confirmed fraud. What others put there, by hand or by a case of theirs, stays as it is. */
export async function listConfirmed(tx: LogTx, given: Pick<Confirmation, "entityKey" | "caseId" | "about" | "addedBy">): Promise<void> {
	const { entityKey, caseId } = given;
	const addedAt = tx.now();
	const expiresAt = addedAt + confirmedFraudMs;
	if ((await tx.insertIfAbsent("confirmations", { ...given, addedAt, expiresAt })) > 0)
		await logListed(tx, { list: confirmedFraud, entityKey, caseId, until: expiresAt });
}

/** Takes back what earlier confirmations about an entity put on the list of confirmed fraud: it was found to be honest after all. */
export async function unlistConfirmed(tx: LogTx, entityKey: string): Promise<void> {
	await dropConfirmations(tx, { about: entityKey });
	// Of an earlier version, which logged nothing.
	await tx.run(
		"DELETE FROM listEntries WHERE listName = ? AND caseId IN (SELECT caseId FROM labels WHERE entityKey = ? AND label = 'fraud')",
		[confirmedFraud, entityKey],
	);
}

/** One by one, so that just what went is logged. Answers whether any was still in force. */
async function dropConfirmations(tx: LogTx, of: { entityKey: string } | { about: string }): Promise<boolean> {
	const [[column, value]] = Object.entries(of) as [[string, string]];
	const rows = await tx.all<Confirmation>(
		`SELECT entityKey, caseId, expiresAt FROM confirmations WHERE ${column} = ? ORDER BY entityKey, caseId`,
		[value],
	);
	let wasListed = false;
	for (const { entityKey, caseId, expiresAt } of rows) {
		if ((await tx.run("DELETE FROM confirmations WHERE entityKey = ? AND caseId = ?", [entityKey, caseId])) === 0) continue;
		await logListed(tx, { list: confirmedFraud, entityKey, caseId, until: tx.now() });
		wasListed ||= expiresAt > tx.now();
	}
	return wasListed;
}

/** Lists change, and the past must be judged by those that were. What is logged names no entity of its own: it counts nowhere. */
const logListed = (tx: LogTx, entry: ListChange) =>
	tx.log({ id: newId("lst", tx.now()), kind: "listed", at: tx.now(), entities: {}, fields: {}, entry });

/** On which lists each of these entities is at the time; those that are on none are absent. */
export async function listedOf(tx: SqlTx, keys: readonly string[], now: number): Promise<Map<string, Set<string>>> {
	const listed = new Map<string, Set<string>>();
	for (let at = 0; at < keys.length; at += askedAtOnce) {
		const asked = keys.slice(at, at + askedAtOnce);
		const rows = await tx.all<Pick<ListedRow, "listName" | "entityKey">>(
			`SELECT entityKey, listName FROM listEntries WHERE entityKey IN (${marks(asked)}) AND (expiresAt IS NULL OR expiresAt > ?)
			UNION ALL SELECT entityKey, '${confirmedFraud}' FROM confirmations WHERE entityKey IN (${marks(asked)}) AND expiresAt > ?`,
			[...asked, now, ...asked, now],
		);
		for (const { entityKey, listName } of rows) listed.set(entityKey, (listed.get(entityKey) ?? new Set()).add(listName));
	}
	return listed;
}

/** What was found out of each entity last. */
export async function labelsOf(tx: SqlTx): Promise<Map<string, Label>> {
	const rows = await tx.all<{ entityKey: string; label: Label }>("SELECT entityKey, label FROM labels ORDER BY at, caseId");
	return new Map(rows.map(({ entityKey, label }) => [entityKey, label]));
}

// Of several that stand behind an entity, what was put there by hand comes first, then the case that holds longest.
const standing = `(SELECT ${columns} FROM listEntries UNION ALL
	SELECT '${confirmedFraud}' AS listName, entityKey, addedAt, expiresAt, NULL AS note, caseId, addedBy FROM confirmations) AS standing`;

/** In the order of the entities' keys. */
export async function listPage(tx: SqlTx, listName: string, page: { after?: string | undefined; limit: number }): Promise<ListedRow[]> {
	const { after, limit } = page;
	const values: Value[] = [listName, tx.now(), ...(after === undefined ? [] : [after]), limit];
	const rows = await tx.all<Pick<ListedRow, "entityKey">>(
		`SELECT DISTINCT entityKey FROM ${standing} WHERE listName = ? AND (expiresAt IS NULL OR expiresAt > ?)
		${after === undefined ? "" : "AND entityKey > ?"} ORDER BY entityKey LIMIT ?`,
		values,
	);
	const keys = rows.map(({ entityKey }) => entityKey);
	return entriesOf(tx, listName, keys);
}

/** How entities stand on a list now: since the first who put them there, until the last. Those that are not on it are absent. */
async function entriesOf(tx: SqlTx, listName: string, keys: readonly string[]): Promise<ListedRow[]> {
	if (keys.length === 0) return [];
	const rows = await tx.all<ListedRow>(
		`SELECT ${columns} FROM ${standing} WHERE listName = ? AND entityKey IN (${marks(keys)}) AND (expiresAt IS NULL OR expiresAt > ?)
		ORDER BY entityKey, caseId IS NOT NULL, expiresAt DESC`,
		[listName, ...keys, tx.now()],
	);
	return [...Map.groupBy(rows, ({ entityKey }) => entityKey).values()].map(together);
}

function together(rows: readonly ListedRow[]): ListedRow {
	const ends = rows.map(({ expiresAt }) => expiresAt).filter(end => end !== null);
	return {
		...rows[0]!,
		addedAt: Math.min(...rows.map(({ addedAt }) => addedAt)),
		expiresAt: ends.length < rows.length ? null : Math.max(...ends),
	};
}

/** Forgets what has expired. */
export async function sweepLists(tx: SqlTx): Promise<void> {
	for (const table of ["listEntries", "confirmations"]) await tx.run(`DELETE FROM ${table} WHERE expiresAt <= ?`, [tx.now()]);
}

/** What was found out about an entity; the same case again replaces what it said. */
export async function label(tx: SqlTx, found: { entityKey: string; caseId: string; label: Label }): Promise<void> {
	const { entityKey, caseId, label } = found;
	await tx.put("labels", { entityKey, caseId }, { label, at: tx.now() });
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
