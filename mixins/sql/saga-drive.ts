// One owner's way through one saga: forward step by step, backward when it is refused, every write under the fencing number.
import type { Logger } from "moleculer";
import { leaseMs } from "../../lib/leases.ts";
import type { Runtime } from "../../lib/runtime.ts";
import {
	endsAttempt,
	isOver,
	isPastReturn,
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
import { releaseSaga, renewLease, sagaById, writeSaga } from "./saga-rows.ts";
import type { SqlTx } from "./tx.ts";

type State = Record<string, unknown>;

export interface SagaStore<Tx extends SqlTx> {
	readonly reader: Tx;
	readonly exclusive: boolean;
	transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

export interface DriveGiven<Tx extends SqlTx> {
	store: SagaStore<Tx>;
	runtime: Runtime;
	logger: Logger;
	/** The service stops: no further step is begun. */
	stopping(): boolean;
	/** Drive this saga again after so many milliseconds. */
	again(id: string, ms: number): void;
}

/** Another node drives this saga now: everything this one still wanted to write is void. */
export class LeaseLost extends Error {}

/** Whether a write happened is not known (the connection was lost in its COMMIT): the row is the truth, and whoever takes the saga up next reads it there. */
export class WriteUnknown extends Error {
	constructor(cause: unknown) {
		super("it is not known whether the last step was saved", { cause });
	}
}

/** What this drive knows of its saga is void, or may be: it must not write any more. */
const endsDrive = (error: unknown) => error instanceof LeaseLost || error instanceof WriteUnknown;

const lateProblem: Problem = {
	kind: "unavailable",
	code: "service_unavailable",
	message: "It could not be finished in time; nothing is held.",
	data: {},
};
const sentenceOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 1000);

export class SagaDrive<Tx extends SqlTx> {
	readonly #given: DriveGiven<Tx>;
	// biome-ignore lint/suspicious/noExplicitAny: one engine drives sagas of every state; each definition is typed where it is written.
	readonly #definition: SagaDefinition<any, Tx>;
	readonly #saga: SagaRecord;

	// biome-ignore lint/suspicious/noExplicitAny: as above.
	constructor(given: DriveGiven<Tx>, definition: SagaDefinition<any, Tx>, saga: SagaRecord) {
		this.#given = given;
		this.#definition = definition;
		this.#saga = saga;
	}

	/** Until the saga ends, sleeps, or has to be tried later. Rejects with {@link LeaseLost} when another has taken it over, or {@link WriteUnknown}. */
	async run(): Promise<void> {
		const renewal = setInterval(() => {
			this.#given.store.transaction(tx => renewLease(tx, this.#saga)).catch(() => undefined);
		}, leaseMs / 3);
		try {
			if (this.#saga.status !== "compensating") await this.#forward();
			if (this.#saga.status === "compensating") await this.#backward();
		} finally {
			clearInterval(renewal);
		}
	}

	async #forward(): Promise<void> {
		const saga = this.#saga;
		// What it stands at runs in any case, also after a long pause: only so is it known what became of it.
		const first = saga.step;
		saga.status = "running";
		this.#pass("started");
		while (saga.step < this.#definition.steps.length) {
			if (this.#given.stopping()) return this.#letGo();
			if (saga.step > first && this.#isLate()) return this.#turnBack(lateProblem, { status: "pending" });
			const step = this.#definition.steps[saga.step] as Step<State, Tx>;
			if (step.when && !step.when(saga.state)) {
				this.#mark(saga.step, { status: "skipped" });
				saga.step++;
				continue;
			}
			// Recorded before it runs: a step that times out may have happened, so it must stand on the undo list.
			if (step.run && saga.steps[saga.step]!.status === "pending") {
				this.#markBegun();
				await this.#write();
			}
			try {
				this.#pass(`${step.name}/before`);
				const patch = step.run ? await step.run(this.#running()) : undefined;
				this.#pass(`${step.name}/after`);
				if (patch instanceof Wait) return await this.#sleep(patch);
				await this.#write(tx => this.#finish(tx, step, patch ?? {}));
				this.#pass(`${step.name}/saved`);
			} catch (error) {
				if (endsDrive(error)) throw error;
				// Undoing begins, or it is left for later: either way this way forward is over.
				return await this.#failed(error);
			}
		}
		if (!isOver(saga)) await this.#write(tx => this.#end(tx, "succeeded"));
		this.#pass("ended");
	}

	/** In one transaction: the step's own writes, that it is done, that the next one has begun, and the end if there is none. */
	async #finish(tx: Tx, step: Step<State, Tx>, patch: Partial<State>): Promise<void> {
		const saga = this.#saga;
		const saved = step.save ? await step.save(tx, this.#running({ ...saga.state, ...patch })) : undefined;
		saga.state = { ...saga.state, ...patch, ...saved };
		this.#mark(saga.step, { status: "done", error: undefined });
		saga.step++;
		saga.attempts = 0;
		saga.error = null;
		this.#markBegun();
		if (saga.step === this.#definition.steps.length) await this.#end(tx, "succeeded");
	}

	async #backward(): Promise<void> {
		const saga = this.#saga;
		for (const index of undoOrder(this.#definition, saga.steps)) {
			const step = this.#definition.steps[index] as Step<State, Tx>;
			try {
				this.#pass(`${step.name}/undo/before`);
				const patch = await step.undo!(this.#running());
				saga.state = { ...saga.state, ...patch };
				this.#pass(`${step.name}/undo/after`);
			} catch (error) {
				if (endsDrive(error)) throw error;
				return this.#later(error);
			}
			this.#mark(index, { status: "undone" });
			saga.attempts = 0;
			await this.#write();
		}
		// Refused before anything was held is "failed"; "compensated" says that something was given back.
		const held = saga.steps.some((record, index) => record.status === "undone" && index < saga.step);
		await this.#write(tx => this.#end(tx, held ? "compensated" : "failed"));
		this.#pass("ended");
	}

	/** A refusal before the point of no return begins the undoing; everything else is tried again later. */
	async #failed(error: unknown): Promise<void> {
		if (isPastReturn(this.#definition, this.#saga)) return this.#later(error);
		if (endsAttempt(error)) return this.#turnBack(problemOf(error), { status: "failed", error: sentenceOf(error) });
		if (this.#isLate()) return this.#turnBack(lateProblem, { status: "failed", error: sentenceOf(error) });
		return this.#later(error);
	}

	#isLate(): boolean {
		const saga = this.#saga;
		if (this.#definition.steps[saga.step]?.hasOwnDeadline || isPastReturn(this.#definition, saga)) return false;
		return this.#given.runtime.clock.now() >= saga.deadlineAt;
	}

	/** The way forward is over; `step` is how the step that it stands at ended. */
	async #turnBack(problem: Problem, step: Partial<StepRecord>): Promise<void> {
		const saga = this.#saga;
		this.#mark(saga.step, step);
		saga.problem = problem;
		saga.status = "compensating";
		saga.attempts = 0;
		await this.#write();
	}

	async #end(tx: Tx, status: "succeeded" | "failed" | "compensated"): Promise<void> {
		this.#saga.status = status;
		await this.#definition.ended?.(tx, { ...this.#running(), status, problem: this.#saga.problem });
		const forgotten = new Set<string>(this.#definition.forgets);
		this.#saga.state = Object.fromEntries(Object.entries(this.#saga.state).filter(([name]) => !forgotten.has(name)));
	}

	async #sleep(wait: Wait<State>): Promise<void> {
		const saga = this.#saga;
		const { nextAt, updatedAt } = saga;
		await this.#write(async tx => {
			// Woken while it fell asleep? The row then says so, and this write, which comes later, must not hide it.
			const stored = await sagaById(tx, saga.id);
			const woken = stored !== undefined && (stored.nextAt !== nextAt || stored.updatedAt !== updatedAt);
			saga.state = { ...saga.state, ...wait.patch };
			saga.status = "waiting";
			saga.nextAt = woken ? tx.now() : wait.untilMs;
			saga.deadlineAt = Math.max(saga.deadlineAt, wait.untilMs);
		});
		await this.#letGo();
		if (saga.nextAt <= this.#given.runtime.clock.now()) this.#given.again(saga.id, 0);
	}

	async #later(error: unknown): Promise<void> {
		const saga = this.#saga;
		saga.attempts++;
		saga.error = sentenceOf(error);
		const wait = retryDelay(saga.attempts);
		saga.nextAt = this.#given.runtime.clock.now() + wait;
		this.#given.logger.warn(`saga ${saga.id} (${saga.kind}) tries "${saga.steps[saga.step]?.name ?? "its end"}" again: ${saga.error}`);
		await this.#write();
		await this.#letGo();
		this.#given.again(saga.id, wait);
	}

	async #letGo(): Promise<void> {
		await this.#given.store.transaction(tx => releaseSaga(tx, this.#saga));
	}

	async #write(also?: (tx: Tx) => Promise<void>): Promise<void> {
		const saga = this.#saga;
		// Steps are replaced, never changed in place, so a flat copy is enough to take everything back.
		const before = { ...saga };
		let refusal: unknown;
		try {
			await this.#given.store.transaction(async tx => {
				// After a deadlock this runs again: what the try before it made of the saga was undone.
				Object.assign(saga, before);
				await this.#save(tx, also).catch(error => {
					refusal = error;
					throw error;
				});
			});
		} catch (error) {
			Object.assign(saga, before);
			// Refused by the work itself, nothing is written. Anything else may have met the commit.
			throw error === refusal ? error : new WriteUnknown(error);
		}
	}

	async #save(tx: Tx, also?: (tx: Tx) => Promise<void>): Promise<void> {
		const saga = this.#saga;
		// Asked before anything else is written: a late owner must not even begin.
		if (also && !(await renewLease(tx, saga))) throw new LeaseLost();
		await also?.(tx);
		saga.updatedAt = tx.now();
		saga.leaseUntil = tx.now() + leaseMs;
		if (!(await writeSaga(tx, saga))) throw new LeaseLost();
	}

	/** The step that comes next counts as begun, unless it is left out or our own write. */
	#markBegun(): void {
		const next = this.#definition.steps[this.#saga.step] as Step<State, Tx> | undefined;
		if (next?.run && (!next.when || next.when(this.#saga.state))) this.#mark(this.#saga.step, { status: "running" });
	}

	#mark(at: number, change: Partial<StepRecord>): void {
		this.#saga.steps = this.#saga.steps.map((record, index) => (index === at ? { ...record, ...change } : record));
	}

	#running(state: State = this.#saga.state): Running<State> {
		const { id, actor, deadlineAt } = this.#saga;
		return { id, state, actor, deadlineAt };
	}

	#pass(moment: string): void {
		this.#given.runtime.crash.at(`${this.#saga.kind}/${moment}`);
	}
}
