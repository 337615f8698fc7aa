// The one interface every SQL engine offers. Embedded: node:sqlite. Deployed: mysql2, behind the same five calls.

export type Value = string | number | null;
export type Row = Record<string, Value>;

/** A connection inside (or outside of) a transaction. Statements use `?` and run in the order they are asked. */
export interface Connection {
	all<R extends object = Row>(sql: string, params?: readonly Value[]): Promise<R[]>;
	/** Rows changed. */
	run(sql: string, params?: readonly Value[]): Promise<number>;
	/** Undoes the writes of `work` when it throws, and only those. */
	savepoint<T>(work: () => Promise<T>): Promise<T>;
}

/** The words in which the engines differ. */
export interface Dialect {
	name: "sqlite" | "mysql";
	/** `INSERT` that leaves an existing row as it is. */
	insertIgnore: string;
	/** Appended to a SELECT whose rows are about to be written. SQLite has one writer, so it needs none. */
	forUpdate: string;
}

export interface SqlEngine {
	readonly dialect: Dialect;
	/** One process owns the data: leases of an earlier one are void, and facts can be numbered as they are written. */
	readonly exclusive: boolean;
	/**
	 * Runs `work` in a transaction and resolves once it is durable. `work` must wait for nothing but its connection: other writers wait behind it.
	 * Rejects with what `work` threw (nothing is written then), or with the engine's error when the commit itself failed.
	 */
	transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
	/** For reads outside of a transaction: the last committed state. */
	readonly reader: Connection;
	close(): Promise<void>;
}
