// What a service does inside one transaction: its own statements, and the facts they made true. Services extend it with their queries.

import type { Clock } from "../../lib/clock.ts";
import type { EventContract, FactSink } from "../../lib/contract.ts";
import { checkPayload, seal, type Told } from "../../lib/facts.ts";
import type { Scope } from "../../lib/scope.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Connection, Dialect, Row, Value } from "./engine.ts";

export interface TxGiven {
	connection: Connection;
	dialect: Dialect;
	service: string;
	clock: Clock;
	scope: Scope | undefined;
	/** One process owns the data, so that facts can be numbered as they are written. */
	exclusive: boolean;
	/** False on the reader: it must not write, and above all not tell. */
	writable: boolean;
}

/** Quoted as both engines take it: `lines`, `rank` and the like are words of the one and columns of ours. */
const quoted = (name: string) => `\`${name}\``;

function insertion(verb: string, table: string, row: Record<string, Value | undefined>): [sql: string, values: Value[]] {
	const names = Object.keys(row);
	return [
		`${verb} INTO ${table} (${names.map(quoted).join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
		Object.values(row).map(value => value ?? null),
	];
}

// Few enough for the values of one statement.
const adoptedAtOnce = 256;

const outboxRow = (fact: Envelope | Told, recordedAt: number): Record<string, Value> => ({
	id: fact.id,
	position: "position" in fact ? fact.position : null,
	type: fact.type,
	factKey: fact.key,
	recordedAt,
	envelope: JSON.stringify(fact),
});

export class SqlTx implements FactSink {
	protected readonly given: TxGiven;
	/** Told in this transaction, in order; numbered where one process owns the data, else by the relay after the commit. */
	readonly told: (Envelope | Told)[] = [];

	constructor(given: TxGiven) {
		this.given = given;
	}

	/** Milliseconds; the same clock for state and facts. */
	now(): number {
		return this.given.clock.now();
	}

	get scope(): Scope | undefined {
		return this.given.scope;
	}

	all<R extends object = Row>(sql: string, params: readonly Value[] = []): Promise<R[]> {
		return this.given.connection.all<R>(sql, params);
	}

	async get<R extends object = Row>(sql: string, params: readonly Value[] = []): Promise<R | undefined> {
		return (await this.given.connection.all<R>(sql, params))[0];
	}

	/** Rows changed. */
	run(sql: string, params: readonly Value[] = []): Promise<number> {
		if (!this.given.writable) throw new TypeError("reads go through the reader, writes through a transaction");
		return this.given.connection.run(sql, params);
	}

	/** Undoes the writes of `work`, and what it told, when it throws. */
	async savepoint<T>(work: () => Promise<T>): Promise<T> {
		const toldBefore = this.told.length;
		try {
			return await this.given.connection.savepoint(work);
		} catch (error) {
			this.told.length = toldBefore;
			throw error;
		}
	}

	/** Inserts one row; a value of undefined becomes NULL. Throws the engine's error on a duplicate key. */
	insert(table: string, row: Record<string, Value | undefined>): Promise<number> {
		const [sql, values] = insertion("INSERT", table, row);
		return this.run(sql, values);
	}

	/** Inserts rows of the same columns in one statement. */
	async insertAll(table: string, rows: readonly Record<string, Value>[]): Promise<void> {
		const [first] = rows;
		if (!first) return;
		const names = Object.keys(first);
		const values = `(${names.map(() => "?").join(", ")})`;
		await this.run(
			`INSERT INTO ${table} (${names.map(quoted).join(", ")}) VALUES ${rows.map(() => values).join(", ")}`,
			rows.flatMap(row => names.map(name => row[name] ?? null)),
		);
	}

	/** Inserts unless a row with one of its keys stands already; 0 then. */
	insertIfAbsent(table: string, row: Record<string, Value | undefined>): Promise<number> {
		const [sql, values] = insertion(this.given.dialect.insertIgnore, table, row);
		if (!this.given.writable) return this.run(sql, values);
		return this.given.connection.runIfAbsent(sql, values);
	}

	/** Changes the named columns of the rows that `where` matches exactly; rows changed. */
	update(table: string, changes: Record<string, Value | undefined>, where: Record<string, Value>): Promise<number> {
		const set = Object.keys(changes).map(name => `${quoted(name)} = ?`);
		const match = Object.keys(where).map(name => `${quoted(name)} = ?`);
		return this.run(`UPDATE ${table} SET ${set.join(", ")} WHERE ${match.join(" AND ")}`, [
			...Object.values(changes).map(value => value ?? null),
			...Object.values(where),
		]);
	}

	/** Inserts a row, or changes the one that stands under this key. */
	async put(table: string, key: Record<string, Value>, rest: Record<string, Value | undefined>): Promise<void> {
		if ((await this.insertIfAbsent(table, { ...key, ...rest })) === 0) await this.update(table, rest, key);
	}

	/** The work knows its own earlier success (a key, a fencing number): where it is unknown whether it was committed, it is simply run again. */
	repeatable(): void {
		this.given.connection.repeatable?.();
	}

	/** Appended to a SELECT whose rows are about to be written. */
	get forUpdate(): string {
		return this.given.dialect.forUpdate;
	}

	/** The outbox row of a fact, in this very transaction. Called through `tell`. */
	async append(event: EventContract, payload: Record<string, unknown>): Promise<void> {
		checkPayload(event, payload);
		const now = this.now();
		const sealed = seal(event, payload, { now, producer: this.given.service, scope: this.given.scope });
		const [envelope] = await this.#numbered([sealed]);
		await this.insert("outbox", outboxRow(envelope!, now));
		this.given.connection.witness?.(`SELECT 1 FROM outbox WHERE id = ?${this.forUpdate}`, [sealed.id]);
		this.told.push(envelope!);
	}

	/**
	 * The outbox rows of facts that were sealed before and elsewhere, in this order, of those that have none yet. Two who bring the same fact at a time
	 * meet at its key; the one that came later then finds it there.
	 */
	async adopt(facts: readonly Told[]): Promise<void> {
		for (let at = 0; at < facts.length; at += adoptedAtOnce) {
			const part = facts.slice(at, at + adoptedAtOnce);
			const found = await this.all<{ id: string }>(
				`SELECT id FROM outbox WHERE id IN (${part.map(() => "?").join(", ")})`,
				part.map(({ id }) => id),
			);
			const known = new Set(found.map(({ id }) => id));
			const fresh = await this.#numbered(part.filter(({ id }) => !known.has(id)));
			await this.insertAll(
				"outbox",
				fresh.map(fact => outboxRow(fact, Date.parse(fact.occurredAt))),
			);
			// Where a relay numbers them, it is woken for all: an attempt before this one may have written them without learning that it had.
			this.told.push(...(this.given.exclusive ? fresh : part));
		}
	}

	/** One writer at a time: the next numbers are free until this transaction ends, and a rollback leaves no gap. */
	async #numbered(facts: readonly Told[]): Promise<(Envelope | Told)[]> {
		if (!this.given.exclusive || facts.length === 0) return [...facts];
		const { position } = (await this.get<{ position: number }>("SELECT COALESCE(MAX(position), 0) AS position FROM outbox"))!;
		return facts.map((fact, index) => ({ ...fact, position: position + index + 1 }));
	}
}
