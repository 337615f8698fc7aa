// Facts out and facts in over SQL: the outbox read as a numbered source, and the inbox that settles a fact in the transaction of its effect.
import type { Clock } from "../../lib/clock.ts";
import type { DeliveryPolicy, Effect, FactInbox, FactQuery, FactSource, Letter, LetterStatus, Settled } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Value } from "./engine.ts";
import type { SqlTx } from "./tx.ts";

interface Store {
	readonly reader: SqlTx;
	transaction<T>(work: (tx: SqlTx) => Promise<T>): Promise<T>;
}

type FactRow = { position: number; envelope: string };
const factOf = ({ position, envelope }: FactRow): Envelope => ({ ...(JSON.parse(envelope) as Envelope), position });

type LetterRow = Omit<Letter, "envelope" | "key"> & { factKey: string; envelope: string };
const letterOf = ({ factKey, envelope, ...row }: LetterRow): Letter => ({
	...row,
	key: factKey,
	envelope: JSON.parse(envelope) as Envelope,
});
const sentenceOf = (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 2000);

/** The position after which facts are newer than the one of this id. */
async function placeOf(reader: SqlTx, id: string): Promise<number> {
	const next = await reader.get<{ id: string; position: number }>(
		"SELECT id, position FROM outbox WHERE id >= ? AND position IS NOT NULL ORDER BY id LIMIT 1",
		[id],
	);
	if (next) return next.id === id ? next.position : next.position - 1;
	return (await reader.get<{ position: number }>("SELECT COALESCE(MAX(position), 0) AS position FROM outbox"))!.position;
}

async function findFacts(reader: SqlTx, { after = 0, newerThan, type, key, newest, limit }: FactQuery): Promise<Envelope[]> {
	const from = newerThan === undefined ? after : Math.max(after, await placeOf(reader, newerThan));
	const where = ["position > ?"];
	const values: Value[] = [from];
	if (key !== undefined) {
		where.push("factKey = ?");
		values.push(key);
	}
	if (type !== undefined) {
		// A key has few facts and a type may have most of them; COALESCE keeps the engine from the index over types when it could choose.
		where.push(key === undefined ? "type = ?" : "COALESCE(type, '') = ?");
		values.push(type);
	}
	const rows = await reader.all<FactRow>(
		`SELECT position, envelope FROM outbox WHERE ${where.join(" AND ")} ORDER BY position ${newest ? "DESC" : "ASC"} LIMIT ?`,
		[...values, limit],
	);
	const facts = rows.map(factOf);
	return newest ? facts.reverse() : facts;
}

export function sqlFactSource(store: Store, clock: Clock, onNumbered: FactSource["onNumbered"]): FactSource {
	return {
		find: query => findFacts(store.reader, query),
		async read(after, limit) {
			const rows = await store.reader.all<FactRow>("SELECT position, envelope FROM outbox WHERE position > ? ORDER BY position LIMIT ?", [
				after,
				limit,
			]);
			return rows.map(factOf);
		},
		async head() {
			return (await store.reader.get<{ position: number }>("SELECT COALESCE(MAX(position), 0) AS position FROM outbox"))!.position;
		},
		// Without a number yet. What listeners have not taken is the groups' own count.
		async pending() {
			const row = await store.reader.get<{ pending: number; oldest: number | null }>(
				"SELECT COUNT(*) AS pending, MIN(recordedAt) AS oldest FROM outbox WHERE position IS NULL",
			);
			const { pending, oldest } = row!;
			return { pending, oldestSeconds: oldest === null ? 0 : Math.max(0, (clock.now() - oldest) / 1000) };
		},
		onNumbered,
	};
}

export function sqlFactInbox(store: Store, clock: Clock, policy: DeliveryPolicy): FactInbox {
	/** The floor of a producer, locked: its facts and its letters are settled by one transaction at a time. */
	const lockFloor = async (tx: SqlTx, producer: string): Promise<number> => {
		const locked = () => tx.get<{ position: number }>(`SELECT position FROM floors WHERE producer = ?${tx.forUpdate}`, [producer]);
		const floor = await locked();
		if (floor) return floor.position;
		await tx.insertIfAbsent("floors", { producer, position: 0 });
		return (await locked())!.position;
	};

	const lettersOf = (tx: SqlTx, producer: string) =>
		tx.all<{ factKey: string }>("SELECT DISTINCT factKey FROM letters WHERE producer = ?", [producer]);

	/** `waiting` are the keys behind whose letters a fact must wait; one that fails joins them. */
	const settle = async (tx: SqlTx, envelope: Envelope, effect: Effect, waiting: Set<string>): Promise<Settled> => {
		if (waiting.has(envelope.key)) {
			await keep(tx, envelope, "waiting", null);
			return "waiting";
		}
		try {
			await tx.savepoint(() => effect(envelope, tx));
			return "applied";
		} catch (error) {
			await keep(tx, envelope, "retrying", sentenceOf(error));
			waiting.add(envelope.key);
			return "failed";
		}
	};

	const keep = (tx: SqlTx, envelope: Envelope, status: LetterStatus, error: string | null) => {
		const now = clock.now();
		const failed = status === "retrying";
		return tx.insert("letters", {
			id: envelope.id,
			producer: envelope.producer,
			position: envelope.position,
			factKey: envelope.key,
			type: envelope.type,
			status: failed && policy.attempts <= 1 ? "dead" : status,
			attempts: failed ? 1 : 0,
			error,
			nextAt: failed ? now + policy.backoff(1) : null,
			firstFailedAt: now,
			lastFailedAt: now,
			envelope: JSON.stringify(envelope),
		});
	};

	/** The next fact of a key becomes due when the one before it is out of the way. */
	const release = (tx: SqlTx, letter: Letter) =>
		tx.run(
			`UPDATE letters SET status = 'retrying', attempts = 0, nextAt = ? WHERE id =
			(SELECT id FROM (SELECT id FROM letters WHERE producer = ? AND factKey = ? ORDER BY position LIMIT 1) AS first) AND status = 'waiting'`,
			[clock.now(), letter.producer, letter.key],
		);

	const known = async (reader: SqlTx, { id, producer, position }: Pick<Envelope, "id" | "producer" | "position">) => {
		if (await reader.get("SELECT 1 FROM inbox WHERE id = ?", [id])) return true;
		const floor = await reader.get<{ position: number }>("SELECT position FROM floors WHERE producer = ?", [producer]);
		return floor !== undefined && floor.position >= position;
	};

	const letter = async (reader: SqlTx, id: string) => {
		const row = await reader.get<LetterRow>("SELECT * FROM letters WHERE id = ?", [id]);
		return row && letterOf(row);
	};

	/** A letter, once nobody else settles anything of its producer: it may be gone by then. */
	const lockLetter = async (tx: SqlTx, id: string) => {
		const found = await letter(tx, id);
		if (!found) return undefined;
		await lockFloor(tx, found.producer);
		return letter(tx, id);
	};

	return {
		async floors() {
			const rows = await store.reader.all<{ producer: string; position: number }>("SELECT producer, position FROM floors");
			return new Map(rows.map(row => [row.producer, row.position]));
		},

		apply: (envelopes, effect, after) =>
			store.transaction(async (tx): Promise<Settled[]> => {
				const last = envelopes[envelopes.length - 1];
				if (!last) return [];
				const { producer } = last;
				const floor = await lockFloor(tx, producer);
				if (after !== undefined && floor < after)
					throw new Error(`${producer}'s fact ${after} is not settled yet, ${last.position} has to wait`);
				const fresh = envelopes.filter(({ position }) => position > floor);
				if (fresh.length > 0) {
					await tx.update("floors", { position: last.position }, { producer });
					await tx.insertAll(
						"inbox",
						fresh.map(({ id, position }) => ({ id, producer, position })),
					);
				}
				const waiting = new Set((await lettersOf(tx, producer)).map(({ factKey }) => factKey));
				const settled: Settled[] = [];
				for (const envelope of envelopes) settled.push(envelope.position > floor ? await settle(tx, envelope, effect, waiting) : "known");
				return settled;
			}),

		skipTo: (producer, position) =>
			store.transaction(async tx => {
				if ((await lockFloor(tx, producer)) < position) await tx.update("floors", { position }, { producer });
			}),
		knows: fact => known(store.reader, fact),

		async letters({ status, before, limit }) {
			const asked = { "status = ?": status, "id < ?": before };
			const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
			const where = given.length > 0 ? `WHERE ${given.map(([text]) => text).join(" AND ")}` : "";
			const values = [...given.map(([, value]) => value), limit];
			return (await store.reader.all<LetterRow>(`SELECT * FROM letters ${where} ORDER BY id DESC LIMIT ?`, values)).map(letterOf);
		},

		letter: id => letter(store.reader, id),

		async due(now, limit) {
			const rows = await store.reader.all<LetterRow>(
				// Last tried in the future: the clock went back since, and its time may be long in coming.
				"SELECT * FROM letters WHERE status = 'retrying' AND (nextAt <= ? OR lastFailedAt > ?) ORDER BY position LIMIT ?",
				[now, now, limit],
			);
			return rows.map(letterOf);
		},

		retry: (id, effect) =>
			store.transaction(async (tx): Promise<Settled> => {
				const found = await lockLetter(tx, id);
				if (!found) return "known";
				if (found.status !== "retrying") return "waiting";
				try {
					await tx.savepoint(() => effect(found.envelope, tx));
				} catch (error) {
					const attempts = found.attempts + 1;
					const dead = attempts >= policy.attempts;
					const now = clock.now();
					await tx.update(
						"letters",
						{
							attempts,
							status: dead ? "dead" : "retrying",
							error: sentenceOf(error),
							nextAt: dead ? null : now + policy.backoff(attempts),
							lastFailedAt: now,
						},
						{ id },
					);
					return "failed";
				}
				await tx.run("DELETE FROM letters WHERE id = ?", [id]);
				await release(tx, found);
				return "applied";
			}),

		redrive: id =>
			store.transaction(async tx => {
				if (!(await lockLetter(tx, id))) return false;
				const changed = await tx.run(
					"UPDATE letters SET status = 'retrying', attempts = 0, nextAt = ? WHERE id = ? AND status <> 'waiting'",
					[clock.now(), id],
				);
				return changed > 0;
			}),

		drop: id =>
			store.transaction(async tx => {
				const found = await lockLetter(tx, id);
				if (!found) return false;
				await tx.run("DELETE FROM letters WHERE id = ?", [id]);
				await release(tx, found);
				return true;
			}),
	};
}
