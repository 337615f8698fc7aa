// States in the service's own SQL store, saved in the transaction that was begun for them.
import type { Value } from "../../../../mixins/sql/engine.ts";
import type { SqlTx } from "../../../../mixins/sql/tx.ts";
import { type EntityState, newState } from "./entity-state.ts";
import type { Change, EntityStates } from "./entity-states.ts";
import { batches } from "./entity-states.ts";
import { stateOf, textOf } from "./entity-text.ts";

// A state has some kilobytes, so a statement stays far below what a server takes.
const batchSize = 100;

// As long as Redis keeps them: sessions and addresses come and go, and somebody who was away so long is somebody else.
const idleMs = 35 * 24 * 3_600_000;

const nothing = textOf(newState());
const places = (count: number, place = "?") => Array.from({ length: count }, () => place).join(", ");

export class SqlStates implements EntityStates {
	readonly #tx: SqlTx;

	constructor(tx: SqlTx) {
		this.#tx = tx;
	}

	async read(keys: readonly string[]): Promise<Map<string, EntityState>> {
		const states = new Map<string, EntityState>();
		for (const batch of batches(keys, batchSize)) {
			const texts = await this.#select(batch, "");
			for (const key of batch) states.set(key, stateOf(texts.get(key) ?? nothing));
		}
		return states;
	}

	/** A transaction names all its keys in its first call: rows of others would be locked out of order. */
	async change(keys: readonly string[], change: Change): Promise<Map<string, EntityState>> {
		const states = new Map<string, EntityState>();
		for (const batch of batches(keys, batchSize)) {
			const texts = await this.#lock(batch);
			const changed: [key: string, text: string][] = [];
			for (const key of batch) {
				const before = texts.get(key) ?? nothing;
				const state = stateOf(before);
				change(state, key);
				states.set(key, state);
				const after = textOf(state);
				if (after !== before) changed.push([key, after]);
			}
			await this.#save(changed);
		}
		return states;
	}

	/** Forgets sessions and addresses that were not seen for long. Answers how many. */
	forgetIdle(): Promise<number> {
		return this.#tx.run("DELETE FROM entities WHERE touchedAt < ? AND (entityKey LIKE 'session:%' OR entityKey LIKE 'address:%')", [
			this.#tx.now() - idleMs,
		]);
	}

	async #select(keys: readonly string[], lock: string): Promise<Map<string, string>> {
		const rows = await this.#tx.all<{ entityKey: string; state: string }>(
			`SELECT entityKey, state FROM entities WHERE entityKey IN (${places(keys.length)}) ORDER BY entityKey${lock}`,
			keys,
		);
		return new Map(rows.map(({ entityKey, state }) => [entityKey, state]));
	}

	async #lock(keys: readonly string[]): Promise<Map<string, string>> {
		const { forUpdate } = this.#tx;
		const texts = await this.#select(keys, forUpdate);
		const absent = keys.filter(key => !texts.has(key));
		if (forUpdate === "" || absent.length === 0) return texts;
		// A row that is not there cannot be locked. Where rows are locked at all the engine is MySQL, and in its words one statement makes them and locks
		// those that another has made meanwhile; an INSERT that merely failed would share the lock with everybody it failed for.
		const values = absent.flatMap((key): Value[] => [key, nothing, this.#tx.now()]);
		const made = `INSERT INTO entities (entityKey, state, touchedAt) VALUES ${places(absent.length, "(?, ?, ?)")}`;
		await this.#tx.run(`${made} ON DUPLICATE KEY UPDATE touchedAt = touchedAt`, values);
		for (const [key, text] of await this.#select(absent, forUpdate)) texts.set(key, text);
		return texts;
	}

	/** REPLACE is understood by both engines. The rows are ours: locked, or the only writer's. */
	async #save(changed: readonly [key: string, text: string][]): Promise<void> {
		if (changed.length === 0) return;
		const now = this.#tx.now();
		await this.#tx.run(
			`REPLACE INTO entities (entityKey, state, touchedAt) VALUES ${places(changed.length, "(?, ?, ?)")}`,
			changed.flatMap(([key, text]): Value[] => [key, text, now]),
		);
	}
}
