// Observations for tests: what stands in them unless a test says otherwise.
import type { AttemptEnd, Logged, Observation } from "../fraud.observations.ts";
import type { CounterAsk, CounterName } from "../rules/seen.ts";
import type { EntityKind } from "../rules.contract.ts";
import type { Needs } from "./entity-state.ts";

export const start = Date.UTC(2026, 0, 5, 9);
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export const noNeeds: Needs = new Map();

export const anAsk = (counter: CounterName, windowMs: number | null, by: EntityKind = "user"): CounterAsk => ({
	counter,
	by,
	windowMs,
	series: counter,
	where: null,
});

let made = 0;

export const anObservation = (given: Partial<Observation> = {}): Observation => ({
	id: `evt_${++made}`,
	kind: "interaction",
	at: start,
	entities: { user: "usr_a" },
	fields: {},
	...given,
});

export const logged = (seq: number, given: Partial<Observation> = {}): Logged => ({ ...anObservation(given), seq });

export const anAttempt = (id: string, instrument: string | null, at = start): Observation =>
	anObservation({ id, kind: "attempt", at, attempt: { id, instrument } });

export const anEnd = (id: string, end: AttemptEnd, at = start, instrument: string | null = null): Observation =>
	anObservation({ id: `${id}/${end}`, kind: "attemptOutcome", at, attempt: { id, instrument, end } });
