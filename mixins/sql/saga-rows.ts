// Saga rows: how a running process is kept, claimed and read. Every write of an owner carries its fencing number.
import { leaseMs } from "../../lib/leases.ts";
import type { SagaRecord, StepRecord } from "../../lib/saga.ts";
import { stuckAfter } from "../../lib/saga.ts";
import type { Value } from "./engine.ts";
import type { SqlTx } from "./tx.ts";

type SagaRow = Record<string, Value> & { scope: string | null };

function recordOf(row: SagaRow): SagaRecord {
	const scope = row.scope ? (JSON.parse(row.scope) as Pick<SagaRecord, "actor" | "requestId">) : { actor: null, requestId: null };
	const json = (name: string) => (row[name] === null ? null : JSON.parse(String(row[name])));
	return {
		...(row as unknown as SagaRecord),
		...scope,
		steps: json("steps") as StepRecord[],
		state: json("state"),
		problem: json("problem"),
	};
}

export async function sagaById(tx: SqlTx, id: string): Promise<SagaRecord | undefined> {
	const row = await tx.get<SagaRow>("SELECT * FROM sagas WHERE id = ?", [id]);
	return row && recordOf(row);
}

export async function lockSaga(tx: SqlTx, id: string): Promise<SagaRecord | undefined> {
	const row = await tx.get<SagaRow>(`SELECT * FROM sagas WHERE id = ?${tx.forUpdate}`, [id]);
	return row && recordOf(row);
}

export async function sagasOf(
	tx: SqlTx,
	query: { status?: "running" | "succeeded" | "failed" | "compensated" | "stuck"; kind?: string; before?: string; limit: number },
): Promise<SagaRecord[]> {
	const where: string[] = [];
	const values: Value[] = [];
	if (query.status === "running") where.push(`status IN ('running', 'waiting', 'compensating') AND attempts < ${stuckAfter}`);
	else if (query.status === "stuck") where.push(`status IN ('running', 'waiting', 'compensating') AND attempts >= ${stuckAfter}`);
	else if (query.status) {
		where.push("status = ?");
		values.push(query.status);
	}
	if (query.kind) {
		where.push("kind = ?");
		values.push(query.kind);
	}
	if (query.before) {
		where.push("id < ?");
		values.push(query.before);
	}
	const filter = where.length > 0 ? `WHERE ${where.join(" AND ")}` : "";
	const rows = await tx.all<SagaRow>(`SELECT * FROM sagas ${filter} ORDER BY id DESC LIMIT ?`, [...values, query.limit]);
	return rows.map(recordOf);
}

export const insertSaga = (tx: SqlTx, saga: SagaRecord) =>
	tx.insert("sagas", {
		id: saga.id,
		kind: saga.kind,
		...changing(saga),
		scope: JSON.stringify({ actor: saga.actor, requestId: saga.requestId }),
		owner: saga.owner,
		fence: saga.fence,
		deadlineAt: saga.deadlineAt,
		createdAt: saga.createdAt,
	});

const changing = (saga: SagaRecord) => ({
	status: saga.status,
	step: saga.step,
	steps: JSON.stringify(saga.steps),
	state: JSON.stringify(saga.state),
	problem: saga.problem && JSON.stringify(saga.problem),
	error: saga.error,
	leaseUntil: saga.leaseUntil,
	attempts: saga.attempts,
	nextAt: saga.nextAt,
	deadlineAt: saga.deadlineAt,
	updatedAt: saga.updatedAt,
});

/** Writes a saga as its owner; false when another has taken it over since (the fencing number moved on). */
export const writeSaga = async (tx: SqlTx, saga: SagaRecord) =>
	(await tx.update("sagas", changing(saga), { id: saga.id, fence: saga.fence })) > 0;

/** Takes the lease of a saga that nobody holds (or whose holder is gone) and returns it with a new fencing number. */
export async function claimSaga(tx: SqlTx, id: string, instance: string): Promise<SagaRecord | undefined> {
	const now = tx.now();
	// Claimed a second time by the same owner it is merely claimed, under the next number.
	tx.repeatable();
	const taken = await tx.run(
		`UPDATE sagas SET owner = ?, leaseUntil = ?, fence = fence + 1
		WHERE id = ? AND status IN ('running', 'waiting', 'compensating') AND (owner IS NULL OR owner = ? OR leaseUntil < ?)`,
		[instance, now + leaseMs, id, instance, now],
	);
	return taken > 0 ? sagaById(tx, id) : undefined;
}

/** Gives the lease back, so that anyone may go on when `nextAt` has come. */
export const releaseSaga = (tx: SqlTx, saga: SagaRecord) =>
	tx.update("sagas", { owner: null, leaseUntil: 0 }, { id: saga.id, fence: saga.fence });

export const renewLease = async (tx: SqlTx, saga: SagaRecord) =>
	(await tx.update("sagas", { leaseUntil: tx.now() + leaseMs }, { id: saga.id, fence: saga.fence })) > 0;

/**
 * Sagas that want to be driven now and that nobody else drives. One that was written in the future stands from before the clock was put back:
 * its time may be long in coming, so it is tried now.
 */
export async function dueSagas(tx: SqlTx, instance: string, limit: number): Promise<{ id: string; kind: string }[]> {
	const now = tx.now();
	return tx.all(
		`SELECT id, kind FROM sagas WHERE status IN ('running', 'waiting', 'compensating')
		AND (nextAt <= ? OR (updatedAt > ? AND status <> 'waiting'))
		AND (owner IS NULL OR owner = ? OR leaseUntil < ?) ORDER BY nextAt LIMIT ?`,
		[now, now, instance, now, limit],
	);
}

/** Makes a saga due now: what it waited for has come, or an operator asked for another try. Nothing when it is over. */
export const wakeSaga = async (tx: SqlTx, id: string) => {
	const now = tx.now();
	// Changed in any case: a saga that falls asleep in this very millisecond sees by it that it was woken.
	const woken = await tx.run(
		`UPDATE sagas SET nextAt = ?, updatedAt = CASE WHEN updatedAt < ? THEN ? ELSE updatedAt + 1 END
		WHERE id = ? AND status IN ('running', 'waiting', 'compensating')`,
		[now, now, now, id],
	);
	return woken > 0;
};

/** Nobody else can be alive behind an engine that one process owns: leases of the last start are void. */
export const voidLeases = (tx: SqlTx) => tx.run("UPDATE sagas SET owner = NULL, leaseUntil = 0 WHERE owner IS NOT NULL", []);
