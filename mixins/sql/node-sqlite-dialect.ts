// Sequelize speaks to SQLite through the callback API of the sqlite3 package; here it is over node:sqlite, so nothing has to be compiled.
// Migrations and the moleculer-db adapter go this way. The stores' own statements go through sqlite-engine, which shares commits.
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

type Callback = (this: { lastID: number; changes: number }, error: Error | null, rows?: unknown) => void;

function bindings(params: unknown): SQLInputValue[] | [Record<string, SQLInputValue>] {
	if (Array.isArray(params)) return params.map(plain);
	if (params && typeof params === "object") return [Object.fromEntries(Object.entries(params).map(([key, value]) => [key, plain(value)]))];
	return [];
}

function plain(value: unknown): SQLInputValue {
	if (value === undefined) return null;
	if (typeof value === "boolean") return value ? 1 : 0;
	return value as SQLInputValue;
}

// Sequelize opens and closes a connection for every statement, and the last close of a file folds its log into it and waits for the disk.
// So connections to one file share a handle, and whoever migrates holds one of them from beginning to end.
const handles = new Map<string, { database: DatabaseSync; users: number }>();

function acquire(filename: string): DatabaseSync {
	let handle = handles.get(filename);
	if (!handle) {
		handle = { database: new DatabaseSync(filename), users: 0 };
		handle.database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
		handles.set(filename, handle);
	}
	handle.users++;
	return handle.database;
}

function release(filename: string): void {
	const handle = handles.get(filename);
	if (!handle || --handle.users > 0) return;
	handles.delete(filename);
	handle.database.close();
}

class Database {
	#database: DatabaseSync | undefined;
	readonly filename: string;
	uuid = "default";

	constructor(filename: string, mode?: unknown, callback?: (error: Error | null) => void) {
		const done = (typeof mode === "function" ? mode : callback) as ((error: Error | null) => void) | undefined;
		this.filename = filename;
		let failed: Error | null = null;
		try {
			this.#database = acquire(filename);
		} catch (error) {
			failed = error as Error;
		}
		setImmediate(() => done?.(failed));
	}

	#statement(
		sql: string,
		params: unknown,
		callback: Callback | undefined,
		run: (values: ReturnType<typeof bindings>) => { rows?: unknown; lastID?: number; changes?: number },
	) {
		let error: Error | null = null;
		let outcome: ReturnType<typeof run> = {};
		try {
			outcome = run(bindings(params));
		} catch (thrown) {
			error = Object.assign(thrown as Error, { sql });
		}
		setImmediate(() => callback?.call({ lastID: outcome.lastID ?? 0, changes: outcome.changes ?? 0 }, error, outcome.rows));
		return this;
	}

	run(sql: string, params?: unknown, callback?: Callback) {
		return this.#statement(
			sql,
			typeof params === "function" ? [] : params,
			typeof params === "function" ? (params as Callback) : callback,
			values => {
				const { changes, lastInsertRowid } = this.#database!.prepare(sql).run(...(values as SQLInputValue[]));
				return { changes: Number(changes), lastID: Number(lastInsertRowid) };
			},
		);
	}

	all(sql: string, params?: unknown, callback?: Callback) {
		return this.#statement(
			sql,
			typeof params === "function" ? [] : params,
			typeof params === "function" ? (params as Callback) : callback,
			values => ({
				rows: this.#database!.prepare(sql).all(...(values as SQLInputValue[])),
			}),
		);
	}

	/** node:sqlite is synchronous: statements are in order by themselves. */
	serialize(work?: () => void) {
		work?.();
	}

	close(callback?: (error: Error | null) => void) {
		if (this.#database) release(this.filename);
		this.#database = undefined;
		setImmediate(() => callback?.(null));
	}
}

/** Handed to Sequelize as `dialectModule`. */
export const nodeSqlite = { Database, OPEN_READONLY: 1, OPEN_READWRITE: 2, OPEN_CREATE: 4 };
