// Processes across services: one persisted row per running saga, one page of steps, each with its undo.
// A step joins the undo list before it runs, because a step that timed out may have happened.
import { isDefinite, type StoaFailure } from "./failure.ts";
import type { Actor } from "./vocabulary.ts";

export type SagaStatus = "running" | "waiting" | "compensating" | "succeeded" | "failed" | "compensated";
export type StepStatus = "pending" | "running" | "done" | "skipped" | "failed" | "undone";

/** What a step is handed. Calls are keyed by `id` and the step, so repeating one is harmless. */
export interface Running<State> {
	id: string;
	state: Readonly<State>;
	actor: Actor | null;
	/** Milliseconds until which the saga may go on before its point of no return. */
	deadlineAt: number;
}

/** The step cannot be decided yet (the buyer's bank is asked): the saga sleeps until it is woken or `untilMs` has come. */
export class Wait<State> {
	readonly patch: Partial<State>;
	readonly untilMs: number;
	constructor(untilMs: number, patch: Partial<State> = {}) {
		this.untilMs = untilMs;
		this.patch = patch;
	}
}

/** A refusal that is final for this attempt although asking again later might help (a provider that is down): undo now. */
export class GiveUp extends Error {
	readonly failure: StoaFailure;
	constructor(failure: StoaFailure) {
		super(failure.message);
		this.failure = failure;
	}
}

export interface Step<State, Tx = unknown> {
	name: string;
	/** Left out of this attempt when it answers false. */
	when?(state: Readonly<State>): boolean;
	/** Work in another service. What it answers is merged into the state. */
	run?(saga: Running<State>): Promise<Partial<State> | Wait<State> | void>;
	/** Work in our own store, in the transaction that records the step. */
	save?(tx: Tx, saga: Running<State>): Promise<Partial<State> | void>;
	/** Takes back what `run` did, or may have done. Finding nothing, it leaves a mark that refuses the late step. What it answers is merged into the state. */
	undo?(saga: Running<State>): Promise<Partial<State> | void>;
	/** Once it is done, steps are tried again for ever and nothing is undone: always, or when the state says so. */
	pointOfNoReturn?: true | ((state: Readonly<State>) => boolean);
	/** It waits for people and knows itself when that has been long enough: the saga's own deadline does not end it. */
	hasOwnDeadline?: true;
}

export interface SagaDefinition<State, Tx = unknown> {
	kind: string;
	/** Milliseconds before which it must be past its point of no return. Without, it is tried until that, however long it takes. */
	deadlineMs?: number;
	/** It begins in the transaction that decided it: nothing of it is taken back, by whomever. */
	isDecided?: true;
	steps: readonly Step<State, Tx>[];
	/** Written in the transaction that ends the saga: the kept reply, the release of what it held in our own store. */
	ended?(tx: Tx, saga: Ended<State>): Promise<void>;
	/** Fields of the state that its steps alone need: a saga that is over is kept for the operators, without them. */
	forgets?: readonly (keyof State & string)[];
}

export interface Ended<State> extends Running<State> {
	status: "succeeded" | "failed" | "compensated";
	problem: Problem | null;
}

/** A refusal as a saga keeps it. */
export interface Problem {
	kind: string;
	code: string;
	message: string;
	data: Record<string, unknown>;
}

export interface StepRecord {
	name: string;
	status: StepStatus;
	error?: string;
}

/** A saga as it is stored. Times are milliseconds. `step` is the index of the step that runs or comes next. */
export interface SagaRecord<State = Record<string, unknown>> {
	id: string;
	kind: string;
	status: SagaStatus;
	step: number;
	steps: StepRecord[];
	state: State;
	problem: Problem | null;
	/** The last error of a step or undo that is tried again. */
	error: string | null;
	actor: Actor | null;
	requestId: string | null;
	owner: string | null;
	leaseUntil: number;
	fence: number;
	attempts: number;
	nextAt: number;
	deadlineAt: number;
	createdAt: number;
	updatedAt: number;
}

export const isOver = (saga: Pick<SagaRecord, "status">) =>
	saga.status === "succeeded" || saga.status === "failed" || saga.status === "compensated";

/** Tries after which a saga is shown to the operator as stuck. It is still tried. */
export const stuckAfter = 5;

/** What `GET /v1/sagas?status=` calls it. */
export function shownStatus(saga: Pick<SagaRecord, "status" | "attempts">): "running" | "succeeded" | "failed" | "compensated" | "stuck" {
	if (saga.status === "succeeded" || saga.status === "failed" || saga.status === "compensated") return saga.status;
	return saga.attempts >= stuckAfter ? "stuck" : "running";
}

/**
 * Every crash point a saga passes, from its step list: before a step runs, after it ran, after that was saved; the same for its undo. What is saved after
 * one step is what stands before the next: whoever tries all of them in earnest may leave one of the two out ({@link isTwin}).
 */
export function crashPointsOf(definition: { kind: string; steps: readonly { name: string; undo?: unknown }[] }): string[] {
	const points = definition.steps.flatMap(step => [
		`${definition.kind}/${step.name}/before`,
		`${definition.kind}/${step.name}/after`,
		`${definition.kind}/${step.name}/saved`,
		...(step.undo ? [`${definition.kind}/${step.name}/undo/before`, `${definition.kind}/${step.name}/undo/after`] : []),
	]);
	return [`${definition.kind}/started`, ...points, `${definition.kind}/ended`];
}

/** Whether nothing is written between this crash point and the next: a step was saved, and another follows. */
export const isTwin = (point: string, definition: { steps: readonly { name: string }[] }) =>
	point.endsWith("/saved") && !point.endsWith(`/${definition.steps.at(-1)!.name}/saved`);

export function problemOf(error: unknown): Problem {
	const failure = (error instanceof GiveUp ? error.failure : error) as StoaFailure;
	const { kind, ...data } = failure.data;
	return { kind: String(kind), code: failure.type, message: failure.message, data };
}

/** Whether a point of no return lies behind it: from there on nothing is undone. */
export function isPastReturn<State, Tx>(
	{ isDecided, steps }: Pick<SagaDefinition<State, Tx>, "isDecided" | "steps">,
	saga: Pick<SagaRecord<State>, "steps" | "state">,
): boolean {
	if (isDecided) return true;
	return steps.some(({ pointOfNoReturn: turns }, index) => {
		if (saga.steps[index]?.status !== "done") return false;
		return typeof turns === "function" ? turns(saga.state) : turns === true;
	});
}

/**
 * A saga under today's list of steps. One that an older version of us began keeps what it did, by the names of its steps; what is new to it and lies
 * behind the place where it stands is left out. Throws a TypeError when that place is gone: such a saga must end before the upgrade.
 */
export function aligned<Saga extends Pick<SagaRecord, "id" | "kind" | "step" | "steps">>(
	{ steps }: { steps: readonly { name: string }[] },
	saga: Saga,
): Saga {
	const isSame = steps.length === saga.steps.length && steps.every(({ name }, index) => name === saga.steps[index]!.name);
	if (isSame) return saga;
	const place = saga.steps[saga.step]?.name;
	const step = place === undefined ? steps.length : steps.findIndex(({ name }) => name === place);
	if (step < 0) throw new TypeError(`${saga.id} stands at "${place}", a step that ${saga.kind} has no more`);
	const known = new Map(saga.steps.map(record => [record.name, record]));
	const records = steps.map(({ name }, index): StepRecord => known.get(name) ?? { name, status: index < step ? "skipped" : "pending" });
	return { ...saga, step, steps: records };
}

/** A refusal that ends the attempt, as opposed to an outcome nobody knows. */
export const endsAttempt = (error: unknown) => error instanceof GiveUp || isDefinite(error);

/** Milliseconds before a step is tried again: quick at first, at most 5 s, so that a service that returned is used soon. */
export const retryDelay = (attempts: number) => Math.min(100 * 2 ** Math.min(attempts, 10), 5000);

/** An undo before the point of no return takes back whatever ran or may have run, last first. */
export function undoOrder<State, Tx>(definition: SagaDefinition<State, Tx>, records: readonly StepRecord[]): number[] {
	return definition.steps
		.map((step, index) => ({ step, index, record: records[index] }))
		.filter(({ step, record }) => step.undo && (record?.status === "running" || record?.status === "done" || record?.status === "failed"))
		.map(({ index }) => index)
		.reverse();
}
