// Drives sagas: claims a lease, runs steps under fencing, undoes, tries again, recovers what an owner left behind.
import type { Logger } from "moleculer";
import { newId } from "../../lib/ids.ts";
import type { Runtime } from "../../lib/runtime.ts";
import {
	endsAttempt,
	isOver,
	type Problem,
	problemOf,
	type Running,
	retryDelay,
	type SagaDefinition,
	type SagaRecord,
	type Step,
	type StepRecord,
	undoOrder,
	Wait,
} from "../../lib/saga.ts";
import { withScope } from "../../lib/scope.ts";
import { claimSaga, dueSagas, insertSaga, releaseSaga, renewLease, sagaById, voidLeases, wakeSaga, writeSaga } from "./saga-rows.ts";
import type { SqlTx } from "./tx.ts";

// A lease outlives any pause of a healthy process and is short enough that another node goes on within 5 s of a death.
const leaseMs = 3000;
const pollMs = 500;

interface Store<Tx extends SqlTx> {
	readonly reader: Tx;
	readonly exclusive: boolean;
	transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

// biome-ignore lint/suspicious/noExplicitAny: one engine drives sagas of every state; each definition is typed where it is written.
type AnyDefinition = SagaDefinition<any, any>;

/** Another node drives this saga now: everything this one still wanted to write is void. */
class LeaseLost extends Error {}

export class Sagas<Tx extends SqlTx = SqlTx> {
	readonly #store: Store<Tx>;
	readonly #runtime: Runtime;
	readonly #logger: Logger;
	readonly #definitions = new Map<string, AnyDefinition>();
	readonly #driving = new Map<string, Promise<void>>();
	#timer: NodeJS.Timeout | undefined;
	#stopping = false;

	constructor(store: Store<Tx>, runtime: Runtime, logger: Logger) {
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
				const room = 64 - this.#driving.size;
				if (room > 0) for (const { id } of await dueSagas(this.#store.reader, this.#runtime.instance, room)) this.drive(id);
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

	/** Writes a new saga in the transaction of what asked for it. Drive it after the commit. */
	async begin<State extends object>(
		tx: Tx,
		kind: string,
		state: State,
		given: { id?: string; deadlineMs?: number } = {},
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
			actor: tx.scope?.actor ?? null,
			requestId: tx.scope?.requestId ?? null,
			owner: this.#runtime.instance,
			leaseUntil: now + leaseMs,
			fence: 0,
			attempts: 0,
			nextAt: now,
			deadlineAt: now + (given.deadlineMs ?? definition.deadlineMs),
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
		if (this.#stopping || this.#driving.has(id)) return;
		const work = this.#drive(id)
			.catch(error => {
				if (!(error instanceof LeaseLost)) this.#logger.warn(`saga ${id} stands until it is taken up again`, error);
			})
			.finally(() => this.#driving.delete(id));
		this.#driving.set(id, work);
	}

	/** Waits until the saga is over or sleeps (`waiting`), at most `ms`; answers it as it then stands. */
	async settled(id: string, ms: number): Promise<SagaRecord | undefined> {
		const until = Date.now() + ms;
		for (;;) {
			const here = this.#driving.get(id);
			const left = until - Date.now();
			// Another node may be driving: then we look now and then.
			await Promise.race([here ?? delay(50), delay(Math.max(left, 0))]);
			const saga = await sagaById(this.#store.reader, id);
			if (!saga || isOver(saga) || (saga.status === "waiting" && saga.nextAt > this.#runtime.clock.now()) || left <= 0) return saga;
		}
	}

	/** An operator asks for another try now. False when it is over. */
	async retry(id: string): Promise<boolean> {
		const woken = await this.#store.transaction(tx => wakeSaga(tx, id));
		if (woken) this.drive(id);
		return woken;
	}

	/** An operator gives an attempt up: it is undone. False when it is over or past its point of no return. */
	async compensate(id: string): Promise<boolean> {
		const turned = await this.#store.transaction(async tx => {
			const saga = await claimSaga(tx, id, this.#runtime.instance, leaseMs);
			if (!saga || this.#isPast(saga)) return false;
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

	#isPast(saga: SagaRecord): boolean {
		const turning = this.#definition(saga.kind).steps.findIndex((step: Step<unknown>) => step.pointOfNoReturn);
		return turning >= 0 && saga.step > turning;
	}

	#definition(kind: string): AnyDefinition {
		const definition = this.#definitions.get(kind);
		if (!definition) throw new TypeError(`no saga of kind ${kind} is defined here`);
		return definition;
	}

	async #drive(id: string): Promise<void> {
		const saga = await this.#store.transaction(tx => claimSaga(tx, id, this.#runtime.instance, leaseMs));
		if (!saga) return;
		const definition = this.#definition(saga.kind);
		const renewal = setInterval(() => {
			this.#store.transaction(tx => renewLease(tx, saga, leaseMs)).catch(() => undefined);
		}, leaseMs / 3);
		try {
			await withScope({ requestId: saga.requestId, traceparent: null, actor: saga.actor }, async () => {
				if (saga.status !== "compensating") await this.#forward(definition, saga);
				if (saga.status === "compensating") await this.#backward(definition, saga);
			});
		} finally {
			clearInterval(renewal);
		}
	}

	async #forward(definition: AnyDefinition, saga: SagaRecord): Promise<void> {
		saga.status = "running";
		this.#runtime.crash.at(`${saga.kind}/started`);
		while (saga.step < definition.steps.length) {
			if (this.#stopping) return this.#letGo(saga);
			const step = definition.steps[saga.step] as Step<Record<string, unknown>, Tx>;
			const point = (moment: string) => this.#runtime.crash.at(`${saga.kind}/${step.name}/${moment}`);
			if (step.when && !step.when(saga.state)) {
				mark(saga, saga.step, { status: "skipped" });
				saga.step++;
				if (definition.steps[saga.step]?.run && saga.step < definition.steps.length) await this.#enter(definition, saga);
				continue;
			}
			if (step.run && saga.steps[saga.step]!.status === "pending") await this.#enter(definition, saga);
			try {
				point("before");
				const patch = step.run ? await step.run(runningOf(saga)) : undefined;
				point("after");
				if (patch instanceof Wait) return await this.#sleep(saga, patch);
				await this.#write(saga, async tx => {
					const saved = step.save ? await step.save(tx, runningOf({ ...saga, state: { ...saga.state, ...patch } })) : undefined;
					saga.state = { ...saga.state, ...patch, ...saved };
					this.#advance(definition, saga);
					if (saga.step === definition.steps.length) await this.#end(tx, definition, saga, "succeeded");
				});
				point("saved");
			} catch (error) {
				if (error instanceof LeaseLost) throw error;
				// Undoing begins, or it is left for later: either way this way forward is over.
				return await this.#failed(saga, error);
			}
		}
		if (!isOver(saga)) await this.#write(saga, tx => this.#end(tx, definition, saga, "succeeded"));
		this.#runtime.crash.at(`${saga.kind}/ended`);
	}

	/** Marks the step done and the next one as begun: from now on that one may have happened. */
	#advance(definition: AnyDefinition, saga: SagaRecord): void {
		mark(saga, saga.step, { status: "done", error: undefined });
		saga.step++;
		saga.attempts = 0;
		saga.error = null;
		this.#begin(definition, saga);
	}

	#enter(definition: AnyDefinition, saga: SagaRecord): Promise<void> {
		this.#begin(definition, saga);
		return this.#write(saga);
	}

	#begin(definition: AnyDefinition, saga: SagaRecord): void {
		const next = definition.steps[saga.step];
		if (next?.run && (!next.when || next.when(saga.state))) mark(saga, saga.step, { status: "running" });
	}

	/** A refusal before the point of no return begins the undoing; everything else is tried again later. */
	async #failed(saga: SagaRecord, error: unknown): Promise<void> {
		const past = this.#isPast(saga);
		const late = this.#runtime.clock.now() >= saga.deadlineAt;
		if (past || !(endsAttempt(error) || late)) return this.#later(saga, error);
		mark(saga, saga.step, { status: "failed", error: sentenceOf(error) });
		saga.problem = endsAttempt(error) ? problemOf(error) : lateProblem;
		saga.status = "compensating";
		saga.attempts = 0;
		await this.#write(saga);
	}

	async #backward(definition: AnyDefinition, saga: SagaRecord): Promise<void> {
		for (const index of undoOrder(definition, saga.steps)) {
			const step = definition.steps[index] as Step<Record<string, unknown>, Tx>;
			try {
				this.#runtime.crash.at(`${saga.kind}/${step.name}/undo/before`);
				await step.undo!(runningOf(saga));
				this.#runtime.crash.at(`${saga.kind}/${step.name}/undo/after`);
			} catch (error) {
				return this.#later(saga, error);
			}
			mark(saga, index, { status: "undone" });
			saga.attempts = 0;
			await this.#write(saga);
		}
		// Refused before anything was held is "failed"; "compensated" says that something was given back.
		const held = saga.steps.some((record, index) => record.status === "undone" && index < saga.step);
		await this.#write(saga, tx => this.#end(tx, definition, saga, held ? "compensated" : "failed"));
		this.#runtime.crash.at(`${saga.kind}/ended`);
	}

	async #end(tx: Tx, definition: AnyDefinition, saga: SagaRecord, status: "succeeded" | "failed" | "compensated"): Promise<void> {
		saga.status = status;
		await definition.ended?.(tx, { ...runningOf(saga), status, problem: saga.problem });
	}

	async #sleep(saga: SagaRecord, wait: Wait<Record<string, unknown>>): Promise<void> {
		// Woken while it fell asleep? The row's nextAt then lies in the past, and this write, which comes later, must not hide that.
		const before = saga.updatedAt;
		await this.#write(saga, async tx => {
			const stored = await sagaById(tx, saga.id);
			const woken = stored !== undefined && stored.updatedAt > before && stored.nextAt > before;
			saga.state = { ...saga.state, ...wait.patch };
			saga.status = "waiting";
			saga.nextAt = woken ? tx.now() : wait.untilMs;
			saga.deadlineAt = Math.max(saga.deadlineAt, wait.untilMs);
		});
		await this.#letGo(saga);
	}

	async #later(saga: SagaRecord, error: unknown): Promise<void> {
		saga.attempts++;
		saga.error = sentenceOf(error);
		saga.nextAt = this.#runtime.clock.now() + retryDelay(saga.attempts);
		this.#logger.warn(`saga ${saga.id} (${saga.kind}) tries "${saga.steps[saga.step]?.name ?? "its end"}" again: ${saga.error}`);
		await this.#write(saga);
		await this.#letGo(saga);
		const soon = setTimeout(() => this.drive(saga.id), retryDelay(saga.attempts));
		soon.unref();
	}

	async #letGo(saga: SagaRecord): Promise<void> {
		await this.#store.transaction(tx => releaseSaga(tx, saga));
	}

	async #write(saga: SagaRecord, also?: (tx: Tx) => Promise<void>): Promise<void> {
		// Steps are replaced, never changed in place, so a flat copy is enough to take everything back.
		const before = { ...saga };
		try {
			await this.#store.transaction(async tx => {
				// Asked before anything else is written: a late owner must not even begin.
				if (also && !(await renewLease(tx, saga, leaseMs))) throw new LeaseLost();
				await also?.(tx);
				saga.updatedAt = tx.now();
				saga.leaseUntil = tx.now() + leaseMs;
				if (!(await writeSaga(tx, saga))) throw new LeaseLost();
			});
		} catch (error) {
			Object.assign(saga, before);
			throw error;
		}
	}
}

function mark(saga: SagaRecord, at: number, change: Partial<StepRecord>): void {
	saga.steps = saga.steps.map((record, index) => (index === at ? { ...record, ...change } : record));
}

const runningOf = (saga: SagaRecord): Running<Record<string, unknown>> => ({
	id: saga.id,
	state: saga.state,
	actor: saga.actor,
	deadlineAt: saga.deadlineAt,
});
const sentenceOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 1000);
const delay = (ms: number) => new Promise(resolve => setTimeout(resolve, ms).unref());

const lateProblem: Problem = {
	kind: "unavailable",
	code: "service_unavailable",
	message: "It could not be finished in time; nothing is held.",
	data: {},
};
