// Gives a service its SQL store: opened and migrated before the service starts, closed after its last write.
import fs from "node:fs";
import path from "node:path";
import type { Logger, Service, ServiceSchema } from "moleculer";
import SqlAdapter from "moleculer-db-adapter-sequelize";
import { Sequelize } from "sequelize";
import type { Meta } from "../lib/contract.ts";
import type { FactInbox, FactSource } from "../lib/facts.ts";
import type { KeyedRequest } from "../lib/idempotency.ts";
import { newId } from "../lib/ids.ts";
import { type Runtime, runtimeOf } from "../lib/runtime.ts";
import type { SagaDefinition } from "../lib/saga.ts";
import { currentScope, withScope } from "../lib/scope.ts";
import type { Envelope } from "../lib/vocabulary.ts";
import type { SqlEngine } from "./sql/engine.ts";
import { sqlFactInbox, sqlFactSource } from "./sql/facts.ts";
import { once } from "./sql/idempotency.ts";
import { nodeSqlite } from "./sql/node-sqlite-dialect.ts";
import { platformTables } from "./sql/platform-tables.ts";
import { sagaById, sagasOf } from "./sql/saga-rows.ts";
import { Sagas } from "./sql/sagas.ts";
import { type Migration, migrate } from "./sql/schema.ts";
import { openSqlite } from "./sql/sqlite-engine.ts";
import type { SqlTx, TxGiven } from "./sql/tx.ts";
import { type OperableStore, storeActions } from "./store-actions.ts";

/** How long inbox rows below the floor, and idempotency keys past their day, are kept before they are swept. */
const sweepEveryMs = 10 * 60_000;

export class SqlStore<Tx extends SqlTx> {
	readonly facts: FactSource;
	readonly inbox: FactInbox;
	readonly sagas: Sagas<Tx>;
	/** Reads the last committed state; refuses to write. */
	readonly reader: Tx;
	readonly #engine: SqlEngine;
	readonly #given: Omit<TxGiven, "connection" | "scope" | "writable">;
	readonly #make: new (
		given: TxGiven,
	) => Tx;
	readonly #listeners: ((facts: Envelope[]) => void)[] = [];

	constructor(engine: SqlEngine, make: new (given: TxGiven) => Tx, service: string, runtime: Runtime, logger: Logger) {
		this.#engine = engine;
		this.#make = make;
		this.#given = { dialect: engine.dialect, service, clock: runtime.clock };
		this.reader = new make({ ...this.#given, connection: engine.reader, scope: undefined, writable: false });
		this.facts = sqlFactSource(this);
		this.inbox = sqlFactInbox(this, runtime.clock, runtime.delivery);
		this.sagas = new Sagas<Tx>(this, runtime, logger);
	}

	get exclusive(): boolean {
		return this.#engine.exclusive;
	}

	/**
	 * State and the facts it makes true, saved together; resolves when both are durable. `work` must wait for nothing but `tx`:
	 * every other writer of the service waits behind it. Rejects with what `work` threw, nothing written.
	 */
	async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
		const scope = currentScope();
		let told: Envelope[] = [];
		const result = await this.#engine.transaction(connection =>
			withScope(scope, async () => {
				const tx = new this.#make({ ...this.#given, connection, scope, writable: true });
				const value = await work(tx);
				told = tx.told;
				return value;
			}),
		);
		if (told.length > 0) for (const listener of this.#listeners) listener(told);
		return result;
	}

	/** Does `work` once per Idempotency-Key, in one transaction with the key and the kept reply. */
	once<Result>(ctx: { meta: Meta }, request: KeyedRequest | undefined, work: (tx: Tx) => Promise<Result>): Promise<Result> {
		return once(this, ctx, request, work);
	}

	onTold(listener: (facts: Envelope[]) => void): void {
		this.#listeners.push(listener);
	}

	async sweep(): Promise<void> {
		await this.transaction(async tx => {
			await tx.run("DELETE FROM idempotency WHERE expiresAt < ?", [tx.now()]);
			await tx.run("DELETE FROM inbox WHERE position <= (SELECT position FROM floors WHERE floors.producer = inbox.producer)");
		});
	}

	close(): Promise<void> {
		return this.#engine.close();
	}
}

/** What the mixin adds to a service's `this`. */
export type SqlService<Tx extends SqlTx> = Service & { store: SqlStore<Tx>; runtime: Runtime };

export interface SqlStoreOptions<Tx extends SqlTx> {
	migrations: readonly Migration[];
	/** The service's own transaction, with its queries. */
	tx: new (
		given: TxGiven,
	) => Tx;
	/** Sagas this service drives; made when the store is open. */
	// biome-ignore lint/suspicious/noExplicitAny: a service may drive sagas of several states.
	sagas?: (service: any) => readonly SagaDefinition<any, Tx>[];
}

function operableOver<Tx extends SqlTx>(store: SqlStore<Tx>): OperableStore {
	const { facts, inbox, sagas, reader } = store;
	return {
		facts,
		inbox,
		storeId: async () => String((await reader.get("SELECT value FROM metadata WHERE name = 'storeId'"))?.value),
		sagas: {
			list: query => sagasOf(reader, query),
			get: id => sagaById(reader, id),
			retry: id => sagas.retry(id),
			compensate: id => sagas.compensate(id),
		},
	};
}

interface AdapterConnection {
	db: Sequelize;
	init(broker: unknown, service: unknown): void;
	connect(): Promise<void>;
	disconnect(): Promise<void>;
}

const quiet = { info: () => undefined };

/** Connects through the adapter, brings the schema up to date, and lets go: the store's own connections share commits, Sequelize's would not. */
async function bringUpToDate(service: Service, file: string, migrations: readonly Migration[]): Promise<void> {
	const sequelize = new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false });
	// The adapter syncs its model unless the instance itself says otherwise; our tables come from migrations alone.
	const adapter = new SqlAdapter(Object.assign(sequelize, { noSync: true })) as unknown as AdapterConnection;
	adapter.init(service.broker, { logger: quiet, schema: { model: { name: "metadata", define: {}, options: { timestamps: false } } } });
	const held = new nodeSqlite.Database(file);
	try {
		await adapter.connect();
		await migrate(sequelize, [platformTables, ...migrations]);
	} finally {
		await adapter.disconnect();
		held.close();
	}
}

/** The mixin. The store is open before the service's own `started` runs. */
export function sqlStore<Tx extends SqlTx>(options: SqlStoreOptions<Tx>): Partial<ServiceSchema> {
	const mixin = {
		actions: storeActions(),
		methods: {
			operable(this: SqlService<Tx>): OperableStore {
				return operableOver(this.store);
			},
		},
		created(this: SqlService<Tx>) {
			this.runtime = runtimeOf(this.broker);
		},
		async started(this: SqlService<Tx> & { sweeping?: NodeJS.Timeout }) {
			const { config, crash } = this.runtime;
			fs.mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
			const file = path.join(config.dataDir, `${this.name}.db`);
			await bringUpToDate(this, file, options.migrations);
			const engine = openSqlite(file, { durability: config.durability, passing: point => crash.at(`${this.name}/${point}`) });
			this.store = new SqlStore(engine, options.tx, this.name, this.runtime, this.logger);
			await this.store.transaction(tx => tx.insertIfAbsent("metadata", { name: "storeId", value: newId("sto", tx.now()) }));
			await this.store.sweep();
			this.sweeping = setInterval(() => this.store.sweep().catch(error => this.logger.warn("sweep failed", error)), sweepEveryMs);
			for (const saga of options.sagas?.(this) ?? []) this.store.sagas.define(saga);
			if (options.sagas) await this.store.sagas.start();
		},
		async stopped(this: SqlService<Tx> & { sweeping?: NodeJS.Timeout }) {
			clearInterval(this.sweeping);
			if (!this.store) return;
			await this.store.sagas.stop();
			await this.store.close();
		},
	};
	return mixin as unknown as Partial<ServiceSchema>;
}
