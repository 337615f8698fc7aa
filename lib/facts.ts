// What the durable-events middleware needs of a store, whatever engine is below: a source of numbered facts, and an inbox that settles them.
import { Compile } from "typebox/compile";
import { rfc3339 } from "./clock.ts";
import type { EventContract } from "./contract.ts";
import { newId } from "./ids.ts";
import type { Scope } from "./scope.ts";
import type { Envelope } from "./vocabulary.ts";

/** What operators look for among the facts of one service. */
export interface FactQuery {
	/** Position after which facts are looked at; 0 when left out. */
	after?: number;
	/** Facts newer than the one of this id: after its own place where it is among these, else after the place it would have. */
	newerThan?: string;
	type?: string;
	key?: string;
	/** The last `limit` that match instead of the first; in order either way. */
	newest?: boolean;
	limit: number;
}

/** The facts a service has told, numbered without gaps from 1. The rows are kept: they are the truth, transport is only transport. */
export interface FactSource {
	/** Facts with a position above `after`, in order, at most `limit`. */
	read(after: number, limit: number): Promise<Envelope[]>;
	/** Facts that match, in order of position. */
	find(query: FactQuery): Promise<Envelope[]>;
	/** The newest position given; 0 before the first fact. */
	head(): Promise<number>;
	/** Facts that are stored but have no position yet, and how long the oldest has waited. */
	pending(): Promise<{ pending: number; oldestSeconds: number }>;
	/** Called after the commit with the facts it numbered, in order. A wake-up only: whoever misses it reads. */
	onNumbered(listener: (facts: Envelope[]) => void): void;
}

/** Gives told facts their positions where several nodes write the same data, on one of them at a time. */
export interface FactRelay {
	/** Another node told something. */
	wake(): unknown;
	/** Called when something was told here, which another node may have to number. */
	onTold(listener: () => void): void;
}

/** How an attempt to apply a fact ended. Whichever it is, the fact is settled: applied, or kept here as a letter. */
export type Settled = "applied" | "known" | "waiting" | "failed";

/** `retrying`: will be tried again at `nextAt`. `dead`: out of tries. `waiting`: an earlier fact of its key is one of the other two. */
export type LetterStatus = "retrying" | "dead" | "waiting";

/** A fact that a listener could not apply, or that waits behind one of its key, kept whole. `id` is the fact's id. */
export interface Letter {
	id: string;
	producer: string;
	position: number;
	key: string;
	type: string;
	status: LetterStatus;
	attempts: number;
	error: string | null;
	nextAt: number | null;
	firstFailedAt: number;
	lastFailedAt: number;
	envelope: Envelope;
}

/** When a fact that failed is tried again, and when it is given up. */
export interface DeliveryPolicy {
	attempts: number;
	/** Milliseconds before the try after `attempt` failed ones. */
	backoff(attempt: number): number;
}

// Five tries over some 17 s: long enough for a node to restart, short enough that an operator hears of it in time.
export const defaultDelivery: DeliveryPolicy = { attempts: 5, backoff: attempt => 200 * 4 ** (attempt - 1) };

/** A fact that has no position yet. */
export type Told = Omit<Envelope, "position">;

/** The effect of a fact on a listener's state. SQL stores hand over the transaction that also writes the inbox; document stores undefined. */
export type Effect = (envelope: Envelope, tx: unknown) => Promise<void>;

export interface FactInbox {
	/** Per producer the position up to which every fact is settled. */
	floors(): Promise<Map<string, number>>;
	/**
	 * Settles facts of one producer, in one transaction where the engine has them: known → nothing; an earlier fact of its producer and key is a
	 * letter → kept waiting; else the effect, and when that throws its writes are undone and the fact is kept as a letter. Moves the floor.
	 * Facts of one producer must be handed over in order of position. `after` is the fact handed over before the first of these: while that one
	 * is not settled the call rejects, or the floor would hide it for ever.
	 */
	apply(envelopes: readonly Envelope[], effect: Effect, after?: number): Promise<Settled[]>;
	/** The facts up to `position` that were not handed over do not concern this listener. */
	skipTo(producer: string, position: number): Promise<void>;
	/** Whether this very fact took effect (or waits as a letter). */
	knows(envelope: Pick<Envelope, "id" | "producer" | "position">): Promise<boolean>;
	/** Newest first; `before` is the last id of the page before. */
	letters(query: { status?: LetterStatus; before?: string; limit: number }): Promise<Letter[]>;
	letter(id: string): Promise<Letter | undefined>;
	/** Letters whose time has come, lowest position first. */
	due(now: number, limit: number): Promise<Letter[]>;
	/** Tries a letter again. Applied: it goes, and the next of its key becomes due. Failed: counted, and dead when out of tries. */
	retry(id: string, effect: Effect): Promise<Settled>;
	/** Makes a dead or retrying letter due now, with all its tries. False when there is none, or it waits behind another. */
	redrive(id: string): Promise<boolean>;
	/** Gives a letter up for good; the next of its key becomes due. */
	drop(id: string): Promise<boolean>;
}

const checks = new Map<EventContract, ReturnType<typeof Compile>>();

/** Throws at the producer when a payload is not what the event declares: a listener must never meet it. */
export function checkPayload(event: EventContract, payload: Record<string, unknown>): void {
	let check = checks.get(event);
	if (!check) {
		check = Compile(event.payload);
		checks.set(event, check);
	}
	if (check.Check(payload)) return;
	const [flaw] = check.Errors(payload);
	throw new TypeError(`${event.name}: its payload is not what it declares at ${flaw?.instancePath || "/"} (${flaw?.message})`);
}

/** Makes an envelope without its position, which the relay gives. The caller has checked the payload. */
export function seal(
	event: EventContract,
	payload: Record<string, unknown>,
	given: { now: number; producer: string; scope: Scope | undefined },
): Told {
	return {
		id: newId("evt", given.now),
		type: event.name,
		version: event.version,
		key: String(payload[event.key]),
		producer: given.producer,
		occurredAt: rfc3339(given.now),
		requestId: given.scope?.requestId ?? null,
		traceparent: given.scope?.traceparent ?? null,
		actor: given.scope?.actor ?? null,
		data: payload,
	};
}
