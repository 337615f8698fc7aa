// Gives a service its SQL store: opened and migrated before the service starts, closed after its last write.
import type { Logger, Service, ServiceSchema } from "moleculer";
import type { Meta } from "../lib/contract.ts";
import type { FactInbox, FactSource, Told } from "../lib/facts.ts";
import { serviceUnavailable } from "../lib/failure.ts";
import type { KeyedRequest } from "../lib/idempotency.ts";
import { newId } from "../lib/ids.ts";
import { type Leases, ownLeases } from "../lib/leases.ts";
import type { Measurement } from "../lib/measurement.ts";
import { type Runtime, runtimeOf } from "../lib/runtime.ts";
import type { SagaDefinition } from "../lib/saga.ts";
import { currentScope, withScope } from "../lib/scope.ts";
import type { Envelope } from "../lib/vocabulary.ts";
import { type Beside, withDocuments } from "./both-stores.ts";
import type { PoolState, SqlEngine } from "./sql/engine.ts";
import { sqlFactInbox, sqlFactSource } from "./sql/facts.ts";
import { once } from "./sql/idempotency.ts";
import { sqlLeases } from "./sql/leases.ts";
import { declareMigrations, openSql } from "./sql/open-sql.ts";
import { SqlRelay } from "./sql/relay.ts";
import { sagaById, sagasOf } from "./sql/saga-rows.ts";
import { Sagas } from "./sql/sagas.ts";
import type { Migration } from "./sql/schema.ts";
import type { SqlTx, TxGiven } from "./sql/tx.ts";
import { type OperableStore, storeActions } from "./store-actions.ts";

/** How long inbox rows below the floor, and idempotency keys past their day, are kept before they are swept. */
const sweepEveryMs = 10 * 60_000;

/** As long as the start has waited for the server before. */
const startWithinMs = 30_000;

/** How long a stopping node waits for the requests under way before it leaves their sagas to another. */
const finishMs = 4000;

export class SqlStore<Tx extends SqlTx> {
	readonly facts: FactSource;
	readonly inbox: FactInbox;
	readonly leases: Leases;
	/** Numbers what was told, where several nodes write the same data. */
	readonly relay: SqlRelay | undefined;
	readonly sagas: Sagas<Tx>;
	/** Reads the last committed state; refuses to write. */
	readonly reader: Tx;
	readonly #engine: SqlEngine;
	readonly #given: Omit<TxGiven, "connection" | "scope" | "writable">;
	readonly #make: new (
		given: TxGiven,
	) => Tx;
	readonly #numbered: ((facts: Envelope[]) => void)[] = [];

	constructor(engine: SqlEngine, make: new (given: TxGiven) => Tx, service: string, runtime: Runtime, logger: Logger) {
		this.#engine = engine;
		this.#make = make;
		const { exclusive } = engine;
		this.#given = { dialect: engine.dialect, service, clock: runtime.clock, exclusive };
		this.reader = new make({ ...this.#given, connection: engine.reader, scope: undefined, writable: false });
		this.leases = exclusive ? ownLeases : sqlLeases(this, runtime.instance);
		this.relay = exclusive ? undefined : new SqlRelay({ store: this, leases: this.leases, runtime, logger, service });
		this.relay?.onNumbered(facts => this.#announce(facts));
		this.facts = sqlFactSource(this, runtime.clock, listener => this.#numbered.push(listener));
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
		let told: (Envelope | Told)[] = [];
		const result = await this.#engine.transaction(connection =>
			withScope(scope, async () => {
				const tx = new this.#make({ ...this.#given, connection, scope, writable: true });
				const value = await work(tx);
				told = tx.told;
				return value;
			}),
		);
		if (told.length > 0) this.#pass(told);
		return result;
	}

	/** Facts of documents beside this store join its own, each once, however often it is brought. Resolves when all are durable here. */
	adopt(facts: readonly Told[]): Promise<void> {
		return this.transaction(async tx => {
			tx.repeatable();
			await tx.adopt(facts);
		});
	}

	/** Numbered already, they go on to whoever hears them; else whoever numbers them is woken, here or on another node. */
	#pass(told: readonly (Envelope | Told)[]): void {
		if (this.relay) this.relay.told();
		else this.#announce(told as Envelope[]);
	}

	#announce(facts: Envelope[]): void {
		for (const listener of this.#numbered) listener(facts);
	}

	/** Does `work` once per Idempotency-Key, in one transaction with the key and the kept reply. */
	once<Result>(ctx: { meta: Meta }, request: KeyedRequest | undefined, work: (tx: Tx) => Promise<Result>): Promise<Result> {
		return once(this, ctx, request, work);
	}

	/** Connections of a shared server; undefined for a file. */
	pool(): PoolState | undefined {
		return this.#engine.pool?.();
	}

	/** Made once with the data. */
	async id(): Promise<string> {
		return String((await this.reader.get("SELECT value FROM metadata WHERE name = 'storeId'"))?.value);
	}

	async sweep(): Promise<void> {
		await this.transaction(async tx => {
			await tx.run("DELETE FROM idempotency WHERE expiresAt < ?", [tx.now()]);
			await tx.run("DELETE FROM inbox WHERE position <= (SELECT position FROM floors WHERE floors.producer = inbox.producer)");
		});
	}

	/** Begins to number what is told, where several nodes write the same data. */
	start(): void {
		this.relay?.start();
	}

	/** Numbers what was told until now, then ends the connection. */
	async close(): Promise<void> {
		await this.relay?.stop();
		await this.#engine.close();
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
	const { facts, inbox, leases, relay, sagas, reader } = store;
	return {
		facts,
		inbox,
		leases,
		relay,
		storeId: () => store.id(),
		sagas: {
			list: query => sagasOf(reader, query),
			get: id => sagaById(reader, id),
			retry: id => sagas.retry(id),
			compensate: id => sagas.compensate(id),
		},
	};
}

function poolMeasurements(service: string, { open, idle, waiting, away }: PoolState): Measurement[] {
	const gauge = (name: string, help: string, value: number): Measurement => ({
		name,
		type: "gauge",
		help,
		samples: [{ labels: { service }, value }],
	});
	return [
		gauge("stoa_sql_connections", "Connections to the server.", open),
		gauge("stoa_sql_connections_idle", "Of them, those that nobody uses.", idle),
		gauge("stoa_sql_waiting", "Transactions and reads that wait for a connection.", waiting),
		gauge("stoa_sql_away", "1 while callers are refused at once because the server failed several times in a row.", away ? 1 : 0),
	];
}

/** A server that has just migrated for every service at once may be slow to its first guest; a start that fails for that would only begin again. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
	for (const until = performance.now() + startWithinMs; ; ) {
		try {
			await work();
			return;
		} catch (error) {
			if (!serviceUnavailable.matches(error) || performance.now() > until) throw error;
			await new Promise(resolve => setTimeout(resolve, 250));
		}
	}
}

/** The mixin. The store is open before the service's own `started` runs. */
export function sqlStore<Tx extends SqlTx>(options: SqlStoreOptions<Tx>): Partial<ServiceSchema> {
	const { migrations } = options;
	const mixin = {
		factKeeper: "sql",
		actions: storeActions(),
		methods: {
			operable(this: SqlService<Tx> & Beside): OperableStore {
				const own = operableOver(this.store);
				return this.documents ? withDocuments(own, this.documents) : own;
			},
			/** For the operations port. */
			measurements(this: SqlService<Tx>): Measurement[] {
				const pool = this.store?.pool();
				return pool ? poolMeasurements(this.name, pool) : [];
			},
			/** Sagas end with the requests that wait for them; what takes longer is left to the next node, while this one's services are still there. */
			async letGo(this: SqlService<Tx> & { _trackedContexts?: unknown[] }): Promise<void> {
				const until = performance.now() + finishMs;
				while (this._trackedContexts?.length && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 20));
				await this.store?.sagas.stop();
			},
		},
		created(this: SqlService<Tx>) {
			this.runtime = runtimeOf(this.broker);
		},
		async started(this: SqlService<Tx> & Beside & { sweeping?: NodeJS.Timeout }) {
			const engine = await openSql(this, migrations);
			this.store = new SqlStore(engine, options.tx, this.name, this.runtime, this.logger);
			await patiently(() =>
				this.store.transaction(tx => tx.insertIfAbsent("metadata", { name: "storeId", value: newId("sto", tx.now()) })),
			);
			// Other nodes compare it: one service must have one truth.
			(this.metadata as { storeId?: string }).storeId = await this.store.id();
			await this.store.sweep();
			this.sweeping = setInterval(() => this.store.sweep().catch(error => this.logger.warn("sweep failed", error)), sweepEveryMs);
			this.store.start();
			// Documents carry their facts into this store, and a saga's step may need them.
			await this.openBeside?.();
			for (const saga of options.sagas?.(this) ?? []) this.store.sagas.define(saga);
			if (options.sagas) await this.store.sagas.start();
		},
		async stopped(this: SqlService<Tx> & Beside & { sweeping?: NodeJS.Timeout }) {
			clearInterval(this.sweeping);
			if (!this.store) return;
			await this.store.sagas.stop();
			await this.closeBeside?.();
			await this.store.close();
		},
	};
	return declareMigrations(mixin as unknown as Partial<ServiceSchema>, migrations);
}
