// Attempts to pay around one entity. Each comes twice, from the check of the checkout and from the log, and its end may come before it: they are known by
// their id. What a declined one proved is kept apart from the attempts, so that a flood of later ones, blocked by ourselves, cannot push the proof out.
import type { AttemptEnd, Observation } from "../fraud.observations.ts";
import type { EntityKind } from "../rules.contract.ts";
import { addValue, inNoWindow, newerThan, notNewer, type Values } from "./series.ts";

export interface AttemptMark {
	id: string;
	at: number;
	/** Kept until it ended. */
	instrument: string | null;
	end?: AttemptEnd;
	/** Only its end was heard of so far: it is no attempt yet. */
	isEarly?: true;
}

/** What is kept of attempts; `attempts` is sorted by time. */
export interface Attempts {
	attempts: AttemptMark[];
	attemptCount: number;
}

/** What it is paid with is kept until then. */
export const mayEnd = ({ end }: AttemptMark) => end === undefined || end === "challenged";

export interface Keeping {
	/** The newest so many attempts are known by their id. */
	attemptsMax: number;
	instrumentsMax: number;
}

// The longest that a provider is asked for its answer: an attempt without an end after that was left, by the buyer or by a process that died.
const pendingMs = 60_000;
// Colleagues behind one address pay at once, each with a card of their own; somebody who tries cards has had some declined.
const provenAtAddressMin = 2;

/** Counts an attempt, unless it is known or was taken back before it was heard of. */
export function addAttempt(kept: Attempts, observation: Observation, at: number, declined: Values, keeping: Keeping): void {
	const { id, instrument } = observation.attempt!;
	const known = markOf(kept, id);
	if (known === undefined || known.isEarly) {
		if (known?.end !== "unavailable") kept.attemptCount++;
		if (known) kept.attempts.splice(kept.attempts.indexOf(known), 1);
		keep(kept, { id, at, instrument: known && !mayEnd(known) ? null : instrument, ...(known?.end && { end: known.end }) }, keeping);
	}
	if (observation.attempt!.end) endAttempt(kept, observation, at, declined, keeping);
}

/** The first end of an attempt is its last one: a later one is a repetition, or knows less. That its buyer's bank is asked is no end yet. */
export function endAttempt(kept: Attempts, observation: Observation, at: number, declined: Values, keeping: Keeping): void {
	const { id, instrument, end } = observation.attempt!;
	if (end === undefined) return;
	let mark = markOf(kept, id);
	if (mark === undefined) {
		mark = { id, at, instrument, isEarly: true };
		keep(kept, mark, keeping);
	}
	if (!mayEnd(mark)) return;
	mark.end = end;
	if (end === "challenged") return;
	if (end === "unavailable" && !mark.isEarly) kept.attemptCount--;
	const proven = mark.instrument ?? instrument;
	if (end === "declined" && proven !== null) addValue(declined, proven, mark.at, keeping.instrumentsMax);
	mark.instrument = null;
}

/** Attempts after `from`, without those whose provider could not be asked. */
export function attemptsSince({ attempts }: Attempts, from: number): number {
	let count = 0;
	for (let i = attempts.length - 1; i >= 0 && attempts[i]!.at > from; i--) {
		const { end, isEarly } = attempts[i]!;
		if (end !== "unavailable" && !isEarly) count++;
	}
	return count;
}

/**
 * Different instruments that were declined since `from`, those in the baseline taken off, and with them those that nobody has an answer for yet: whoever
 * tries cards in parallel does not slip by. At an address, which many share, these count only beside declined ones; the one being judged (`instrument`)
 * and those whose bank has answered by asking the buyer do not.
 */
export function instrumentsDeclined(
	{ attempts }: Attempts,
	declined: Values | undefined,
	at: { kind: EntityKind; from: number | null; newest: number; baseline: number; instrument?: string | null | undefined },
): number {
	const { keys, at: times } = declined ?? { keys: [], at: [] };
	const first = at.from === null ? 0 : notNewer(times, at.from);
	const proven = at.from === null ? Math.max(0, keys.length - at.baseline) : newerThan(times, at.from);
	if (at.kind === "address" && proven < provenAtAddressMin) return proven;
	const pending = new Set<string>();
	// Whoever pays now from an address where others were declined is not one of them for that.
	const own = at.kind === "address" ? at.instrument : undefined;
	const since = Math.max(at.from ?? inNoWindow, at.newest - pendingMs);
	for (let i = attempts.length - 1; i >= 0 && attempts[i]!.at > since; i--) {
		const mark = attempts[i]!;
		const { instrument } = mark;
		const isPending = mayEnd(mark) && !(mark.end === "challenged" && at.kind === "address");
		if (isPending && instrument !== null && instrument !== own && keys.indexOf(instrument, first) < 0) pending.add(instrument);
	}
	return proven + pending.size;
}

function markOf({ attempts }: Attempts, id: string): AttemptMark | undefined {
	// Whoever is looked for came a moment ago.
	for (let i = attempts.length - 1; i >= 0; i--) if (attempts[i]!.id === id) return attempts[i];
	return undefined;
}

function keep({ attempts }: Attempts, mark: AttemptMark, { attemptsMax }: Keeping): void {
	let place = attempts.length;
	while (place > 0 && attempts[place - 1]!.at > mark.at) place--;
	attempts.splice(place, 0, mark);
	while (attempts.length > attemptsMax) attempts.shift();
}
