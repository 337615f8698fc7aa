// Embedded SQL on Node's own node:sqlite: one writer with group commit, one reader, WAL.
// A commit is appended to the WAL at once and answered after one fdatasync that every commit waiting at that moment shares. That is what
// synchronous=FULL promises, without holding the event loop for the disk; checkpoints keep SQLite's own syncs (synchronous=NORMAL).
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type WalSync, walSync } from "../../lib/wal-sync.ts";
import type { Connection, Dialect, SqlEngine, Value } from "./engine.ts";

const dialect: Dialect = { name: "sqlite", insertIgnore: "INSERT OR IGNORE", forUpdate: "" };

// Enough to share one disk write among every waiting buyer, few enough that the first of them does not wait for the last.
const batchMax = 256;

interface Task {
	work: (connection: Connection) => Promise<unknown>;
	resolve: (value: unknown) => void;
	reject: (error: unknown) => void;
}

class SqliteConnection implements Connection {
	readonly database: DatabaseSync;
	readonly #statements = new Map<string, StatementSync>();
	#depth = 0;

	constructor(database: DatabaseSync) {
		this.database = database;
	}

	#prepare(sql: string): StatementSync {
		let statement = this.#statements.get(sql);
		if (!statement) {
			// Lists of `?` make as many texts as lengths: forgetting all now and then is cheaper than keeping an order of use.
			if (this.#statements.size > 500) this.#statements.clear();
			statement = this.database.prepare(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}

	async all<R extends object>(sql: string, params: readonly Value[] = []): Promise<R[]> {
		return this.#prepare(sql).all(...params) as R[];
	}

	async run(sql: string, params: readonly Value[] = []): Promise<number> {
		this.#mustBeInside();
		return Number(this.#prepare(sql).run(...params).changes);
	}

	runIfAbsent(sql: string, params: readonly Value[] = []): Promise<number> {
		return this.run(sql, params);
	}

	/** SQLite may undo a whole transaction by itself (a full disk). Whatever overlooked that must not go on outside of it. */
	#mustBeInside(): void {
		if (!this.database.isTransaction) throw new Error("the transaction was rolled back, nothing can be written in it");
	}

	/** BEGIN, COMMIT and the like: prepared once, where exec would parse them each time. */
	control(sql: string): void {
		this.#prepare(sql).run();
	}

	async savepoint<T>(work: () => Promise<T>): Promise<T> {
		this.#mustBeInside();
		const name = `s${this.#depth++}`;
		this.control(`SAVEPOINT ${name}`);
		try {
			const result = await work();
			this.control(`RELEASE ${name}`);
			return result;
		} catch (error) {
			if (this.database.isTransaction) {
				this.control(`ROLLBACK TO ${name}`);
				this.control(`RELEASE ${name}`);
			}
			throw error;
		} finally {
			this.#depth--;
		}
	}
}

export interface SqliteOptions {
	/** `full` survives a power cut, `process` a killed process. */
	durability: "full" | "process";
	/** Named crash points before and after the commit. */
	passing?: (point: "beforeCommit" | "afterCommit") => void;
}

/** Opens (or makes) the file. The folder must exist and belong to this process alone. Throws when the file is no database. */
export function openSqlite(file: string, options: SqliteOptions): SqlEngine {
	const writing = new DatabaseSync(file);
	writing.exec(
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=4000",
	);
	const writer = new SqliteConnection(writing);
	const reading = new DatabaseSync(file);
	reading.exec("PRAGMA query_only=ON; PRAGMA cache_size=-16000");
	const flusher = flushing(options.durability === "full" ? walSync(file) : undefined);
	const read = new SqliteConnection(reading);
	// What a killed process left in the log can be read, but may not be on the disk yet.
	flusher.flush().catch(() => undefined);
	const reader: Connection = {
		// Nothing is shown that a power cut could still take back: a fact that was handed on must not lose its number to another.
		// Read first: what is pending after the read covers everything that was seen.
		all: async (sql, params) => {
			const rows = await read.all(sql, params);
			await flusher.pending();
			return rows as never;
		},
		run: (sql, params) => read.run(sql, params),
		runIfAbsent: (sql, params) => read.run(sql, params),
		savepoint: work => read.savepoint(work),
	};
	const passing = options.passing ?? (() => undefined);

	let queue: Task[] = [];
	let running: Promise<void> | undefined;
	let closed = false;

	async function runBatch(tasks: Task[]): Promise<void> {
		const settled: (() => void)[] = [];
		try {
			writer.control("BEGIN IMMEDIATE");
			for (const task of tasks) {
				try {
					// Alone, the transaction itself is all that has to be undone.
					const value = await (tasks.length === 1 ? task.work(writer) : writer.savepoint(() => task.work(writer)));
					settled.push(() => task.resolve(value));
				} catch (error) {
					if (tasks.length === 1 || !writing.isTransaction) throw error;
					settled.push(() => task.reject(error));
				}
			}
			passing("beforeCommit");
			writer.control("COMMIT");
			passing("afterCommit");
		} catch (error) {
			if (writing.isTransaction) writing.exec("ROLLBACK");
			for (const task of tasks) task.reject(error);
			return;
		}
		flusher.flush().then(
			() => {
				for (const settle of settled) settle();
			},
			(error: unknown) => {
				for (const task of tasks) task.reject(error);
			},
		);
	}

	async function drain(): Promise<void> {
		while (queue.length > 0) {
			// One turn of the event loop: whoever asks in it shares the commit.
			await new Promise(resolve => setImmediate(resolve));
			const tasks = queue.slice(0, batchMax);
			queue = queue.slice(batchMax);
			const broken = flusher.broken();
			if (broken) for (const task of tasks) task.reject(broken);
			else await runBatch(tasks);
			// Those who come while the disk works would wait for it in any case: they wait before their commit, and share that too.
			await flusher.pending()?.catch(() => undefined);
		}
		running = undefined;
	}

	return {
		dialect,
		exclusive: true,
		reader,
		transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
			if (flusher.broken()) return Promise.reject(flusher.broken());
			if (closed) return Promise.reject(new Error(`the store ${file} is closed`));
			return new Promise<T>((resolve, reject) => {
				queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
				running ??= drain();
			});
		},
		healthy: () =>
			reader.all("SELECT 1").then(
				() => true,
				() => false,
			),
		async close() {
			closed = true;
			await running;
			// Those who wait have been told of a failed flush; closing goes on.
			await flusher.flush().catch(() => undefined);
			flusher.close();
			reading.close();
			writing.close();
		},
	};
}

/** Knows what is written but not yet on the disk, and refuses to go on once a flush has failed. */
function flushing(sync: WalSync | undefined) {
	let unflushed: Promise<void> | undefined;
	let broken: Error | undefined;
	return {
		flush(): Promise<void> {
			if (!sync) return Promise.resolve();
			const flush = sync.flushed();
			unflushed = flush;
			flush.then(
				() => {
					if (unflushed === flush) unflushed = undefined;
				},
				error => {
					// Nobody knows what the disk holds now, and a second flush may claim success for pages the kernel dropped.
					broken = new Error("the store could not be flushed to the disk; restart it", { cause: error });
				},
			);
			return flush;
		},
		pending: () => unflushed,
		broken: () => broken,
		close: () => sync?.close(),
	};
}
