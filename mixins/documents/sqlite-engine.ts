// Documents embedded: SQLite JSON on Node's own node:sqlite, one file per service, one connection, WAL.
// Writes of one turn of the event loop share a commit and are answered once it is on the disk; each stands or falls alone.
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { newId } from "../../lib/ids.ts";
import { type WalSync, walSync } from "../../lib/wal-sync.ts";
import type { CollectionSpec, DocumentEngine, EngineCollection } from "./engine.ts";
import { SqliteCollection } from "./sqlite-collection.ts";
import { prepareSchema } from "./sqlite-schema.ts";

// Enough to share one disk write among all who wait, few enough that the first of them does not wait for the last.
const batchMax = 256;
// Lists of conditions make as many statements as there are combinations: forgetting all now and then is cheaper than keeping an order of use.
const statementsMax = 500;

/** What a collection needs of the connection. */
export interface SqliteAccess {
	prepare(sql: string): StatementSync;
	/** Runs statements inside the next shared commit; resolves with their result when it is durable. What they wrote is undone when they throw. */
	write<T>(statements: () => T): Promise<T>;
	/** Awaited after every read, so that nobody is shown what a power cut could still take back. */
	durable(): Promise<void> | undefined;
}

interface Write {
	statements: () => unknown;
	resolve: (value: unknown) => void;
	reject: (error: unknown) => void;
}

export interface SqliteDocumentsOptions {
	collections: Readonly<Record<string, CollectionSpec>>;
	/** `full` survives a power cut, `process` a killed process. */
	durability: "full" | "process";
	/** Milliseconds, for the store's id. */
	now: number;
}

export class SqliteDocuments implements DocumentEngine, SqliteAccess {
	readonly storeId: string;
	readonly exclusive = true;
	readonly #database: DatabaseSync;
	readonly #collections = new Map<string, SqliteCollection>();
	readonly #statements = new Map<string, StatementSync>();
	readonly #sync: WalSync;
	#queue: Write[] = [];
	#scheduled: NodeJS.Immediate | undefined;
	/** The flush that the newest commit waits for; undefined when everything written is durable. */
	#unflushed: Promise<void> | undefined;
	#broken: Error | undefined;

	/** Opens (or makes) the file. Its folder must exist and belong to this process alone. Throws when it is no database, or its data break a unique index. */
	constructor(file: string, options: SqliteDocumentsOptions) {
		this.#database = new DatabaseSync(file, { timeout: 2000 });
		try {
			this.#database.exec(
				"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32000; PRAGMA wal_autocheckpoint=4000",
			);
			prepareSchema(this.#database, options.collections);
			this.#database.exec("CREATE TABLE IF NOT EXISTS metadata (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
			this.#database.prepare("INSERT OR IGNORE INTO metadata VALUES ('storeId', ?)").run(newId("sto", options.now));
			this.storeId = String(this.#database.prepare("SELECT value FROM metadata WHERE name = 'storeId'").get()!.value);
			this.#sync = options.durability === "full" ? walSync(file) : { flushed: async () => undefined, close: () => undefined };
		} catch (error) {
			this.#database.close();
			throw error;
		}
		for (const [name, spec] of Object.entries(options.collections)) this.#collections.set(name, new SqliteCollection(this, name, spec));
		// What a killed process left in the log was read just now, but may not be on the disk yet.
		this.#flush();
	}

	collection(name: string): EngineCollection {
		const collection = this.#collections.get(name);
		if (!collection) throw new TypeError(`there is no collection "${name}"`);
		return collection;
	}

	prepare(sql: string): StatementSync {
		let statement = this.#statements.get(sql);
		if (!statement) {
			if (this.#statements.size >= statementsMax) this.#statements.clear();
			statement = this.#database.prepare(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}

	write<T>(statements: () => T): Promise<T> {
		if (this.#broken) return Promise.reject(this.#broken);
		if (!this.#database.isOpen) return Promise.reject(new Error("the document store is closed"));
		return new Promise<T>((resolve, reject) => {
			this.#queue.push({ statements, resolve: resolve as (value: unknown) => void, reject });
			this.#schedule();
		});
	}

	/** Those who come while the disk works would wait for it in any case: they wait before their commit, and share that too. */
	#schedule(): void {
		if (!this.#unflushed) this.#scheduled ??= setImmediate(() => this.#commitQueue());
	}

	durable(): Promise<void> | undefined {
		return this.#unflushed;
	}

	async healthy(): Promise<boolean> {
		if (this.#broken || !this.#database.isOpen) return false;
		try {
			return this.prepare("SELECT value FROM metadata WHERE name = 'storeId'").get()?.value === this.storeId;
		} catch {
			return false;
		}
	}

	async close(): Promise<void> {
		if (!this.#database.isOpen) return;
		clearImmediate(this.#scheduled);
		this.#commitQueue();
		// Those who wait have been told of a failed flush; closing goes on.
		await this.#unflushed?.catch(() => undefined);
		this.#sync.close();
		this.#database.close();
	}

	#commitQueue(): void {
		this.#scheduled = undefined;
		if (this.#broken) for (const { reject } of this.#queue.splice(0)) reject(this.#broken);
		while (this.#queue.length > 0) this.#commit(this.#queue.splice(0, batchMax));
	}

	#commit(writes: readonly Write[]): void {
		const settled: (() => void)[] = [];
		try {
			this.prepare("BEGIN IMMEDIATE").run();
			for (const { statements, resolve, reject } of writes) {
				this.prepare("SAVEPOINT write").run();
				try {
					const value = statements();
					settled.push(() => resolve(value));
				} catch (error) {
					this.prepare("ROLLBACK TO write").run();
					settled.push(() => reject(error));
				}
				this.prepare("RELEASE write").run();
			}
			this.prepare("COMMIT").run();
		} catch (error) {
			if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
			for (const { reject } of writes) reject(error);
			return;
		}
		this.#flush().then(
			() => {
				for (const settle of settled) settle();
			},
			(error: unknown) => {
				for (const { reject } of writes) reject(error);
			},
		);
	}

	#flush(): Promise<void> {
		const flush = this.#sync.flushed();
		this.#unflushed = flush;
		flush.then(
			() => {
				if (this.#unflushed !== flush) return;
				this.#unflushed = undefined;
				if (this.#queue.length > 0) this.#schedule();
			},
			// After a failed flush nobody knows what the disk holds, and a second one may claim success for pages the kernel dropped.
			(error: unknown) => {
				this.#broken = new Error("the document store could not be flushed to the disk; restart it", { cause: error });
				this.#commitQueue();
			},
		);
		return flush;
	}
}
