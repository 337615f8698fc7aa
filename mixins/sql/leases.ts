// Leases as rows. Taken and renewed by conditional writes, so that two nodes that ask at once find one answer; looked at before, so that a node
// which merely waits writes nothing.
import { type Leases, leaseMs, renewMs } from "../../lib/leases.ts";
import type { SqlTx } from "./tx.ts";

interface Store {
	readonly reader: SqlTx;
	transaction<T>(work: (tx: SqlTx) => Promise<T>): Promise<T>;
}

interface LeaseRow {
	name: string;
	owner: string | null;
	leaseUntil: number;
	fence: number;
}

/** Throws unless `owner` holds the lease at this moment; nobody else can take it before the transaction ends. */
export async function mustHold(tx: SqlTx, name: string, owner: string): Promise<void> {
	const lease = await tx.get<LeaseRow>(`SELECT owner, leaseUntil FROM leases WHERE name = ?${tx.forUpdate}`, [name]);
	if (lease?.owner !== owner || lease.leaseUntil < tx.now()) throw new Error(`the lease ${name} is held by another node`);
}

const marks = (names: readonly string[]) => names.map(() => "?").join(", ");

/** Of these, the ones that stand in the table. */
const leasesOf = (reader: SqlTx, names: readonly string[]) =>
	reader.all<LeaseRow>(`SELECT name, owner, leaseUntil, fence FROM leases WHERE name IN (${marks(names)})`, names);

/** Takes a lease if nobody holds it. The fencing number goes on with every owner. */
async function take(tx: SqlTx, name: string, owner: string): Promise<void> {
	const now = tx.now();
	const taken = await tx.run(
		"UPDATE leases SET owner = ?, leaseUntil = ?, fence = fence + 1 WHERE name = ? AND (owner IS NULL OR leaseUntil < ?)",
		[owner, now + leaseMs, name, now],
	);
	if (taken === 0) await tx.insertIfAbsent("leases", { name, owner, leaseUntil: now + leaseMs, fence: 1 });
}

/** `owner` is this very process. */
export function sqlLeases(store: Store, owner: string): Leases {
	async function hold(names: readonly string[]): Promise<Map<string, number>> {
		if (names.length === 0) return new Map();
		const found = new Map((await leasesOf(store.reader, names)).map(row => [row.name, row]));
		const now = store.reader.now();
		const isOurs = (lease: LeaseRow | undefined) => lease?.owner === owner && lease.leaseUntil >= now;
		const isFree = (lease: LeaseRow | undefined) => !lease || lease.owner === null || lease.leaseUntil < now;
		const due = names.filter(name => isOurs(found.get(name)) && found.get(name)!.leaseUntil - now < leaseMs - renewMs / 2);
		// In one order everywhere, or two nodes that take several would wait for each other.
		const free = names.filter(name => isFree(found.get(name))).sort();
		const held = [...found.values()].filter(isOurs);
		if (due.length === 0 && free.length === 0) return fencesOf(held);
		const rows = await store.transaction(async tx => {
			if (due.length > 0)
				await tx.run(`UPDATE leases SET leaseUntil = ? WHERE owner = ? AND name IN (${marks(due)})`, [tx.now() + leaseMs, owner, ...due]);
			for (const name of free) await take(tx, name, owner);
			return leasesOf(tx, names);
		});
		return fencesOf(rows.filter(row => row.owner === owner));
	}

	return {
		hold,
		async release(names) {
			if (names.length === 0) return;
			await store.transaction(tx =>
				tx.run(`UPDATE leases SET owner = NULL, leaseUntil = 0 WHERE owner = ? AND name IN (${marks(names)})`, [owner, ...names]),
			);
		},
	};
}

const fencesOf = (rows: readonly LeaseRow[]) => new Map(rows.map(({ name, fence }) => [name, fence]));
