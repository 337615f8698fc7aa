// The one interface every SQL engine offers. Embedded: node:sqlite. Deployed: mysql2, behind the same calls.

export type Value = string | number | null;
export type Row = Record<string, Value>;

/** A connection inside (or outside of) a transaction. Statements use `?` and run in the order they are asked. */
export interface Connection {
	all<R extends object = Row>(sql: string, params?: readonly Value[]): Promise<R[]>;
	/** Rows changed: those that matched, also where the new value was the old one. */
	run(sql: string, params?: readonly Value[]): Promise<number>;
	/** One row, by an INSERT that begins with the dialect's `insertIgnore`; 0 when a row with one of its keys stands already. */
	runIfAbsent(sql: string, params?: readonly Value[]): Promise<number>;
	/** Undoes the writes of `work` when it throws, and only those. */
	savepoint<T>(work: () => Promise<T>): Promise<T>;
	/**
	 * Names a row that this very attempt writes and nobody else could have written (its key was made for it). A SELECT that finds it, locking, tells
	 * after a connection was lost in the middle of COMMIT whether the commit happened. The first one given counts. Absent where a commit cannot be unknown.
	 */
	witness?(sql: string, params: readonly Value[]): void;
	/** The work knows its own earlier success (an idempotency key, a fencing number): where the commit is unknown it may simply be run again. */
	repeatable?(): void;
}

/** The words in which the engines differ. */
export interface Dialect {
	name: "sqlite" | "mysql";
	/** Begins an `INSERT` for `runIfAbsent`. */
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
	 * Where several processes share the data it may be run several times (deadlock, lost connection), so it changes nothing outside of itself.
	 * Rejects with what `work` threw (nothing is written then), with the engine's error when the commit itself failed,
	 * or with `service_unavailable`: the engine is away, and whether a commit under way happened is then unknown.
	 */
	transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
	/** For reads outside of a transaction: the last committed state. */
	readonly reader: Connection;
	/** Whether the engine answers now. Never rejects. */
	healthy(): Promise<boolean>;
	/** Connections, and whether the engine is thought to be away; undefined for one that has neither. */
	pool?(): PoolState;
	close(): Promise<void>;
}

export interface PoolState {
	open: number;
	idle: number;
	waiting: number;
	/** True while callers are refused at once because the server failed several times in a row. */
	away: boolean;
}
