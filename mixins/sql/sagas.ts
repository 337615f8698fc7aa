// The sagas of one service: begun in the transaction that wants them, driven under a lease, taken over when their owner is gone.
import type { Logger } from "moleculer";
import { newId } from "../../lib/ids.ts";
import { leaseMs } from "../../lib/leases.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { aligned, isOver, isPastReturn, type SagaDefinition, type SagaRecord, type Step } from "../../lib/saga.ts";
import { withScope } from "../../lib/scope.ts";
import type { Actor } from "../../lib/vocabulary.ts";
import { LeaseLost, SagaDrive, type SagaStore } from "./saga-drive.ts";
import { claimSaga, dueSagas, insertSaga, lockSaga, releaseSaga, sagaById, voidLeases, wakeSaga, writeSaga } from "./saga-rows.ts";
import type { SqlTx } from "./tx.ts";

const pollMs = 500;
// Longer than anything waits, and still a time that can be written down.
const unboundMs = 100 * 365 * 24 * 60 * 60_000;
// As many as one process can drive at once without starving its requests.
const drivenMax = 256;

// biome-ignore lint/suspicious/noExplicitAny: one engine drives sagas of every state; each definition is typed where it is written.
type AnyDefinition = SagaDefinition<any, any>;

const delay = (ms: number) => new Promise(resolve => setTimeout(resolve, ms).unref());

export class Sagas<Tx extends SqlTx = SqlTx> {
	readonly #store: SagaStore<Tx>;
	readonly #runtime: Runtime;
	readonly #logger: Logger;
	readonly #definitions = new Map<string, AnyDefinition>();
	readonly #driving = new Map<string, Promise<void>>();
	#timer: NodeJS.Timeout | undefined;
	#stopping = false;

	constructor(store: SagaStore<Tx>, runtime: Runtime, logger: Logger) {
		this.#store = store;
		this.#runtime = runtime;
		this.#logger = logger;
	}

	define(definition: AnyDefinition): void {
		this.#definitions.set(definition.kind, definition);
	}

	/** Takes over what an earlier owner left, now and every half second. */
	async start(): Promise<void> {
		if (this.#store.exclusive) await this.#store.transaction(voidLeases);
		const poll = async () => {
			try {
				const room = drivenMax - this.#driving.size;
				// Those driven here are due by their rows as well; asked for as many as can be, they leave no other out.
				const due = room > 0 ? await dueSagas(this.#store.reader, this.#runtime.instance, drivenMax) : [];
				for (const { id } of due.filter(({ id }) => !this.#driving.has(id)).slice(0, room)) this.drive(id);
			} catch (error) {
				this.#logger.warn("sagas cannot be looked for", error);
			}
			if (!this.#stopping) this.#timer = setTimeout(poll, pollMs);
		};
		await poll();
	}

	/** Lets running steps end and starts no more; what is left is taken over by whoever comes next. */
	async stop(): Promise<void> {
		this.#stopping = true;
		clearTimeout(this.#timer);
		await Promise.allSettled(this.#driving.values());
	}

	/** Writes a new saga in the transaction of what asked for it, leased to this process. Drive it after the commit. */
	async begin<State extends object>(
		tx: Tx,
		kind: string,
		state: State,
		given: { id?: string; actor?: Actor } = {},
	): Promise<SagaRecord<State>> {
		const definition = this.#definition(kind);
		const now = tx.now();
		const saga: SagaRecord<State> = {
			id: given.id ?? newId("sag", now),
			kind,
			status: "running",
			step: 0,
			steps: definition.steps.map((step: Step<State>, index: number) => ({
				name: step.name,
				status: index === 0 && step.run ? "running" : "pending",
			})),
			state,
			problem: null,
			error: null,
			actor: given.actor ?? tx.scope?.actor ?? null,
			requestId: tx.scope?.requestId ?? null,
			owner: this.#runtime.instance,
			leaseUntil: now + leaseMs,
			fence: 0,
			attempts: 0,
			nextAt: now,
			deadlineAt: now + (definition.deadlineMs ?? unboundMs),
			createdAt: now,
			updatedAt: now,
		};
		await insertSaga(tx, saga as SagaRecord);
		return saga;
	}

	/** Makes a waiting saga go on, in the transaction that knows why. Drive it after the commit. */
	wake(tx: Tx, id: string): Promise<boolean> {
		return wakeSaga(tx, id);
	}

	/** Drives a saga until it ends, waits or is lost; returns at once. Harmless when it is driven already. */
	drive(id: string): void {
		this.#go(id, () => this.#store.transaction(tx => claimSaga(tx, id, this.#runtime.instance)));
	}

	/** Drives a saga that this process has just begun: its lease is ours already. */
	driveBegun(saga: SagaRecord): void {
		this.#go(saga.id, async () => saga);
	}

	#go(id: string, claim: () => Promise<SagaRecord | undefined>): void {
		if (this.#stopping || this.#driving.has(id)) return;
		const work = this.#drive(claim)
			.catch(error => {
				if (!(error instanceof LeaseLost)) this.#logger.warn(`saga ${id} stands until it is taken up again`, error);
			})
			.finally(() => this.#driving.delete(id));
		this.#driving.set(id, work);
	}

	async #drive(claim: () => Promise<SagaRecord | undefined>): Promise<void> {
		const saga = await claim();
		if (!saga) return;
		const given = {
			store: this.#store,
			runtime: this.#runtime,
			logger: this.#logger,
			stopping: () => this.#stopping,
			again: (id: string, ms: number) => void setTimeout(() => this.drive(id), ms).unref(),
		};
		const definition = this.#definition(saga.kind);
		const drive = new SagaDrive<Tx>(given, definition, aligned(definition, saga));
		await withScope({ requestId: saga.requestId, traceparent: null, actor: saga.actor }, () => drive.run());
	}

	/** Waits until the saga is over or sleeps (`waiting`), at most `ms`; answers it as it then stands. */
	async settled(id: string, ms: number): Promise<SagaRecord | undefined> {
		const until = performance.now() + ms;
		for (;;) {
			const here = this.#driving.get(id);
			const left = until - performance.now();
			// Another node may be driving: then we look now and then.
			await Promise.race([here ?? delay(50), delay(Math.max(left, 0))]);
			const saga = await sagaById(this.#store.reader, id);
			const asleep = saga?.status === "waiting" && saga.nextAt > this.#runtime.clock.now();
			if (!saga || isOver(saga) || asleep || left <= 0) return saga;
		}
	}

	/** An operator asks for another try now. False when it is over. */
	async retry(id: string): Promise<boolean> {
		const woken = await this.#store.transaction(tx => wakeSaga(tx, id));
		if (woken) this.drive(id);
		return woken;
	}

	/** An operator gives an attempt up: it is undone. False when it is over, past its point of no return, or being driven right now. */
	async compensate(id: string): Promise<boolean> {
		if (this.#driving.has(id)) return false;
		const turned = await this.#store.transaction(async tx => {
			// Judged under lock: until then another node may carry it past its point of no return.
			const found = await lockSaga(tx, id);
			if (!found) return false;
			const definition = this.#definition(found.kind);
			if (isPastReturn(definition, aligned(definition, found))) return false;
			const saga = await claimSaga(tx, id, this.#runtime.instance);
			if (!saga) return false;
			saga.status = "compensating";
			saga.problem ??= { kind: "conflict", code: "saga_compensated", message: "An operator took it back.", data: {} };
			saga.nextAt = tx.now();
			await writeSaga(tx, saga);
			await releaseSaga(tx, saga);
			return true;
		});
		if (turned) this.drive(id);
		return turned;
	}

	#definition(kind: string): AnyDefinition {
		const definition = this.#definitions.get(kind);
		if (!definition) throw new TypeError(`no saga of kind ${kind} is defined here`);
		return definition;
	}
}
