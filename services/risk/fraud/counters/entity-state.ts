// What is remembered of one entity, and what it counts. Pure and bounded: every store loads a state, lets it change here, and saves it whole, so that
// memory, SQL and Redis cannot count differently.
import type { Logged, Observation } from "../fraud.observations.ts";
import type { CounterAsk, CounterName, SeriesNeed } from "../rules/seen.ts";
import type { EntityKind, Scalar } from "../rules.contract.ts";
import { type Attempts, addAttempt, attemptsSince, endAttempt, instrumentsDeclined, type Keeping } from "./attempts.ts";
import { addTime, addValue, inNoWindow, newerThan, type Times, type Values } from "./series.ts";
import { addToSixtieths, addToTotal, type Sixtieths, sumWithin, type Total, totalSince } from "./sums.ts";

/** What a rule forgot of an entity when an analyst cleared it. */
export interface Memory {
	/** Grows with every clear; 0 before the first. */
	episode: number;
	/** How far each series had come: what a rule counts for life is counted from here. */
	baseline: Record<string, number>;
	snoozedUntil: number;
}

export type Series = Times | Values | Total | Sixtieths;

export interface EntityState extends Attempts {
	/** The newest observation of the log that is counted in. */
	seq: number;
	/** The newest event time of anything that was not late. */
	frontier: number;
	/** What is counted: times of what happens, values of what may be different or the same, sums. Which of them follows from counter and window. */
	series: Record<string, Series>;
	/** A user's, the latest last. */
	devices: string[];
	memory: Record<string, Memory>;
}

export type Needs = ReadonlyMap<string, SeriesNeed>;

// At the least, whatever the rules ask: a rule that asks for a little more tomorrow finds it counted.
const timesMin = 128;
const valuesMin = 1024;
const attemptsMin = 512;
const devicesMax = 50;
const snoozeMs = 30 * 24 * 3_600_000;

export const newState = (): EntityState => ({
	seq: 0,
	frontier: 0,
	series: {},
	attempts: [],
	attemptCount: 0,
	devices: [],
	memory: {},
});

/**
 * Counts an observation in the state of one of its entities. What has a place in the log is counted once however often it comes, provided that the log
 * is applied in its order; of what has none only attempts and their ends may come again.
 */
export function observe(state: EntityState, kind: EntityKind, observation: Logged | Observation, needs: Needs): void {
	if ("seq" in observation) {
		if (observation.seq <= state.seq) return;
		state.seq = observation.seq;
	}
	const { isLate, value, entities } = observation;
	if (!isLate && observation.at > state.frontier) state.frontier = observation.at;
	const seen: Sighting = { fields: observation.fields, at: isLate ? inNoWindow : observation.at, needs };
	switch (observation.kind) {
		case "interaction":
			happened(state, "interactions", seen);
			break;
		case "login":
			if (entities.user !== undefined) sighted(state, "accounts", entities.user, seen);
			if (kind === "user") usedDevice(state, entities.device, seen);
			break;
		case "loginFailed":
			happened(state, "loginFailures", seen);
			if (value !== undefined) sighted(state, "loginFailureUsers", value, seen);
			break;
		case "order":
			happened(state, "orders", seen);
			added(state, "orderAmount", seen);
			break;
		case "refund":
			if (value !== undefined) sighted(state, "refunds", value, seen);
			added(state, "refundAmount", seen);
			break;
		case "attempt":
			addAttempt(state, observation, seen.at, valuesOf(state, "declinedInstruments"), keepingOf(needs));
			if (kind === "user" && entities.device !== undefined) usedDevice(state, entities.device, seen);
			break;
		case "attemptOutcome":
			endAttempt(state, observation, seen.at, valuesOf(state, "declinedInstruments"), keepingOf(needs));
			break;
		case "cleared":
			forget(state, observation);
			break;
		// These count nothing; rules are only asked at them.
		case "password":
		case "cart":
		case "held":
		case "listed":
			break;
	}
}

/** Who asks, about an entity of which kind, and on account of which instrument. */
export interface Asker {
	ruleId?: string;
	kind: EntityKind;
	instrument?: string | null | undefined;
}

/**
 * The count that a rule asks for, at the time of what is judged. A window ends with the newest that the entity has seen, so that what arrives out of order
 * is judged in the newest window it belongs to. A count for life begins where the rule's memory of the entity was taken away. Lists of confirmed fraud are
 * not counted here: that is 0.
 */
export function countOf(state: EntityState, ask: CounterAsk, now: number, { ruleId, kind, instrument }: Asker): number {
	const newest = Math.max(now, state.frontier);
	const from = ask.windowMs === null ? null : Math.max(inNoWindow, newest - ask.windowMs);
	const baseline = ruleId === undefined ? undefined : state.memory[ruleId]?.baseline;
	const count = (series: string) =>
		from === null ? Math.max(0, lifetimeOf(state, series) - (baseline?.[series] ?? 0)) : recentOf(state, series, from);
	switch (ask.counter) {
		case "declinedInstruments": {
			const at = { kind, from, newest, instrument, baseline: baseline?.declinedInstruments ?? 0 };
			return instrumentsDeclined(state, state.series.declinedInstruments as Values | undefined, at);
		}
		case "refundShare":
			return shareOf(count("refunds"), count("orders"));
		case "orderAmount":
		case "refundAmount": {
			const kept = state.series[ask.series] as Total | Sixtieths | undefined;
			if (!kept) return 0;
			return "total" in kept ? totalSince(kept, baseline?.[ask.series] ?? 0) : sumWithin(kept, ask.windowMs!, newest);
		}
		default:
			return count(ask.series);
	}
}

/** Whether a rule keeps quiet because it was wrong about this entity. One that counts for life does not: it counts from there instead. */
export function isSnoozed(state: EntityState, ruleId: string, now: number, isWindowed: boolean): boolean {
	return isWindowed && now < (state.memory[ruleId]?.snoozedUntil ?? 0);
}

/** Which time round it is for this rule and entity: 0 until its memory is taken away first. */
export const episodeOf = (state: EntityState, ruleId: string): number => state.memory[ruleId]?.episode ?? 0;

/** How many of a counter's newest are kept whether or not a rule asks for it. A narrowed series (`where`), and a sum, is not kept at all before one does. */
export function keptAnyway(counter: CounterName): number {
	switch (counter) {
		case "paymentAttempts":
			return attemptsMin;
		case "interactions":
		case "loginFailures":
		case "newDevices":
			return timesMin;
		case "orderAmount":
		case "refundAmount":
			return 0;
		// A share of orders is wrong as soon as one of its two counts is cut short, so orders are kept like different values.
		default:
			return valuesMin;
	}
}

interface Sighting {
	fields: Observation["fields"];
	at: number;
	needs: Needs;
}

const timesOf = (state: EntityState, series: string): Times => {
	state.series[series] ??= { n: 0, at: [] };
	return state.series[series] as Times;
};
const valuesOf = (state: EntityState, series: string): Values => {
	state.series[series] ??= { keys: [], at: [] };
	return state.series[series] as Values;
};

const totalOf = (state: EntityState, series: string): Total => {
	state.series[series] ??= { total: 0 };
	return state.series[series] as Total;
};
const sixtiethsOf = (state: EntityState, series: string): Sixtieths => {
	state.series[series] ??= { numbers: [], sums: [] };
	return state.series[series] as Sixtieths;
};

const capOf = (needs: Needs, series: string, min: number) => Math.max(min, needs.get(series)?.cap ?? 0);
/** How many attempts and instruments the rules need. */
export const keepingOf = (needs: Needs): Keeping => ({
	attemptsMax: capOf(needs, "paymentAttempts", attemptsMin),
	instrumentsMax: capOf(needs, "declinedInstruments", valuesMin),
});

function happened(state: EntityState, counter: CounterName, { fields, at, needs }: Sighting): void {
	const min = keptAnyway(counter);
	addTime(timesOf(state, counter), at, capOf(needs, counter, min));
	for (const need of needs.values()) {
		if (isNarrowed(need, counter, fields)) addTime(timesOf(state, need.series), at, Math.max(min, need.cap));
	}
}

function sighted(state: EntityState, counter: CounterName, value: string, { fields, at, needs }: Sighting): void {
	addValue(valuesOf(state, counter), value, at, capOf(needs, counter, valuesMin));
	for (const need of needs.values()) {
		if (isNarrowed(need, counter, fields)) addValue(valuesOf(state, need.series), value, at, Math.max(valuesMin, need.cap));
	}
}

/** A series of its own for every window that is asked for. What costs nothing leaves none behind. */
function added(state: EntityState, counter: CounterName, { fields, at, needs }: Sighting): void {
	const { amount } = fields;
	if (typeof amount !== "number" || amount <= 0) return;
	for (const { series, counter: needed, where, windowMs } of needs.values()) {
		if (needed !== counter || !isPart(where, fields)) continue;
		if (windowMs === undefined) addToTotal(totalOf(state, series), amount);
		else if (at !== inNoWindow) addToSixtieths(sixtiethsOf(state, series), amount, at, windowMs);
	}
}

/** Whether somebody asks for this counter where only some of it counts, and this is some of that. */
const isNarrowed = ({ counter, where }: SeriesNeed, happening: CounterName, fields: Readonly<Record<string, Scalar>>) =>
	where !== null && counter === happening && isPart(where, fields);

function isPart(where: SeriesNeed["where"], fields: Readonly<Record<string, Scalar>>): boolean {
	for (const name in where) if (fields[name] !== where[name]) return false;
	return true;
}

// Whoever signs in and names none was there all the same: the next device is a new one.
const unnamed = "";

/** Somebody's very first device is not a new one: there is nothing to take over yet. */
function usedDevice(state: EntityState, device: string | undefined, seen: Sighting): void {
	const { devices } = state;
	if (device === undefined) {
		if (devices.length === 0) devices.push(unnamed);
		return;
	}
	const place = devices.lastIndexOf(device);
	if (place < 0 && devices.length > 0) happened(state, "newDevices", seen);
	if (place >= 0) devices.splice(place, 1);
	devices.push(device);
	if (devices.length > devicesMax) devices.shift();
}

function forget(state: EntityState, observation: Logged | Observation): void {
	const baseline: Record<string, number> = {};
	for (const series of ["paymentAttempts", ...Object.keys(state.series)]) {
		const count = lifetimeOf(state, series);
		if (count > 0) baseline[series] = count;
	}
	for (const ruleId of observation.rules ?? []) {
		const episode = "seq" in observation ? observation.seq : episodeOf(state, ruleId) + 1;
		state.memory[ruleId] = { episode, baseline, snoozedUntil: observation.at + snoozeMs };
	}
}

function lifetimeOf(state: EntityState, series: string): number {
	if (series === "paymentAttempts") return state.attemptCount;
	const kept = state.series[series];
	if (!kept) return 0;
	if ("keys" in kept) return kept.keys.length;
	if ("total" in kept) return kept.total;
	// What a window adds up to is nothing for life.
	return "n" in kept ? kept.n : 0;
}

function recentOf(state: EntityState, series: string, from: number): number {
	if (series === "paymentAttempts") return attemptsSince(state, from);
	const kept = state.series[series];
	return kept && "at" in kept ? newerThan(kept.at, from) : 0;
}

/** Whole per cent. Orders older than the window may be refunded in it, so that there may be more refunds than orders: all of them, then. */
function shareOf(refunds: number, orders: number): number {
	if (refunds === 0) return 0;
	return orders === 0 ? 100 : Math.min(100, Math.floor((100 * refunds) / orders));
}
