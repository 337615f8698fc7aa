// What a service does inside one transaction: its own statements, and the facts they made true. Services extend it with their queries.

import type { Clock } from "../../lib/clock.ts";
import type { EventContract, FactSink } from "../../lib/contract.ts";
import { checkPayload, seal } from "../../lib/facts.ts";
import type { Scope } from "../../lib/scope.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Connection, Dialect, Row, Value } from "./engine.ts";

export interface TxGiven {
	connection: Connection;
	dialect: Dialect;
	service: string;
	clock: Clock;
	scope: Scope | undefined;
	/** False on the reader: it must not write, and above all not tell. */
	writable: boolean;
}

export class SqlTx implements FactSink {
	protected readonly given: TxGiven;
	/** Told in this transaction, numbered, in order; handed to the relay after the commit. */
	readonly told: Envelope[] = [];

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
		return this.#insert("INSERT", table, row);
	}

	/** Inserts unless a row with one of its keys stands already; 0 then. */
	insertIfAbsent(table: string, row: Record<string, Value | undefined>): Promise<number> {
		return this.#insert(this.given.dialect.insertIgnore, table, row);
	}

	#insert(verb: string, table: string, row: Record<string, Value | undefined>): Promise<number> {
		const names = Object.keys(row);
		return this.run(
			`${verb} INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
			Object.values(row).map(value => value ?? null),
		);
	}

	/** Changes the named columns of the rows that `where` matches exactly; rows changed. */
	update(table: string, changes: Record<string, Value | undefined>, where: Record<string, Value>): Promise<number> {
		const set = Object.keys(changes).map(name => `${name} = ?`);
		const match = Object.keys(where).map(name => `${name} = ?`);
		return this.run(`UPDATE ${table} SET ${set.join(", ")} WHERE ${match.join(" AND ")}`, [
			...Object.values(changes).map(value => value ?? null),
			...Object.values(where),
		]);
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
		// One writer at a time, so the next number is free until this transaction ends, and a rollback leaves no gap.
		const last = await this.get<{ position: number }>("SELECT COALESCE(MAX(position), 0) AS position FROM outbox");
		const envelope: Envelope = { ...sealed, position: (last?.position ?? 0) + 1 };
		await this.insert("outbox", {
			id: envelope.id,
			position: envelope.position,
			type: envelope.type,
			factKey: envelope.key,
			recordedAt: now,
			envelope: JSON.stringify(envelope),
		});
		this.told.push(envelope);
	}
}
