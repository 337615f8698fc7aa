// A state as text, as stores keep it: parsed and written for every event, so columns instead of objects, and times as steps from the one before.
import type { AttemptEnd } from "../fraud.observations.ts";
import { type AttemptMark, mayEnd } from "./attempts.ts";
import type { EntityState, Memory, Series } from "./entity-state.ts";

const format = 1;

/** A number: how often. A list: the values. Null: a sum, all of it or in steps of sixtieths. */
type SeriesText =
	| [name: string, counted: number | string[], steps: number[]]
	| [name: string, counted: null, total: number]
	| [name: string, counted: null, steps: number[], sums: number[]];

type Text = [
	format: typeof format,
	seq: number,
	frontier: number,
	series: SeriesText[],
	attempts: [ids: string[], steps: number[], ends: string, instruments: (string | null)[]],
	attemptCount: number,
	devices: string[],
	memory: [ruleId: string, episode: number, baseline: Record<string, number>, snoozedUntil: number][],
];

// One letter an attempt; a capital where only the end was heard of. Letters that are in the stores keep their meaning.
const letters: Readonly<Record<AttemptEnd, string>> = {
	authorized: "a",
	blocked: "b",
	challenged: "c",
	declined: "d",
	failed: "f",
	unavailable: "u",
};
const ends = new Map(Object.entries(letters).map(([end, letter]) => [letter, end as AttemptEnd]));
const pending = "-";

/** Equal states have equal texts, if they came about in the same order. */
export function textOf(state: EntityState): string {
	const { attempts } = state;
	const text: Text = [
		format,
		state.seq,
		state.frontier,
		Object.entries(state.series).map(([name, kept]) => seriesText(name, kept)),
		[
			attempts.map(({ id }) => id),
			stepsOf(attempts.map(({ at }) => at)),
			attempts.map(letterOf).join(""),
			// Only those that may still end have one.
			attempts.filter(mayEnd).map(({ instrument }) => instrument),
		],
		state.attemptCount,
		state.devices,
		Object.entries(state.memory).map(([ruleId, { episode, baseline, snoozedUntil }]) => [ruleId, episode, baseline, snoozedUntil]),
	];
	return JSON.stringify(text);
}

/** Throws for a text of another format: whoever changes it bumps the number, and the counters are made again from the log. */
export function stateOf(text: string): EntityState {
	const parsed = JSON.parse(text) as Text;
	if (parsed[0] !== format) throw new TypeError(`A state of format ${parsed[0]} cannot be read.`);
	const [, seq, frontier, series, attempts, attemptCount, devices, memory] = parsed;
	return {
		seq,
		frontier,
		series: Object.fromEntries(series.map(text => [text[0], seriesOf(text)])),
		attempts: attemptsOf(attempts),
		attemptCount,
		devices,
		memory: Object.fromEntries(
			memory.map(([ruleId, episode, baseline, snoozedUntil]): [string, Memory] => [ruleId, { episode, baseline, snoozedUntil }]),
		),
	};
}

function seriesText(name: string, kept: Series): SeriesText {
	if ("total" in kept) return [name, null, kept.total];
	if ("sums" in kept) return [name, null, stepsOf(kept.numbers), kept.sums];
	return [name, "keys" in kept ? kept.keys : kept.n, stepsOf(kept.at)];
}

function seriesOf([, counted, steps, sums]: SeriesText): Series {
	if (typeof steps === "number") return { total: steps };
	const at = timesOf(steps);
	if (counted === null) return { numbers: at, sums: sums! };
	return typeof counted === "number" ? { n: counted, at } : { keys: counted, at };
}

function letterOf({ end, isEarly }: AttemptMark): string {
	if (!end) return pending;
	return isEarly ? letters[end].toUpperCase() : letters[end];
}

function attemptsOf([ids, steps, letterRow, instruments]: Text[4]): AttemptMark[] {
	let waiting = 0;
	return timesOf(steps).map((at, place): AttemptMark => {
		const id = ids[place]!;
		const letter = letterRow[place]!;
		if (letter === pending) return { id, at, instrument: instruments[waiting++]! };
		const lower = letter.toLowerCase();
		const mark: AttemptMark = { id, at, instrument: null, end: ends.get(lower)!, ...(letter === lower ? {} : { isEarly: true }) };
		return mayEnd(mark) ? { ...mark, instrument: instruments[waiting++]! } : mark;
	});
}

function stepsOf(sorted: readonly number[]): number[] {
	let before = 0;
	return sorted.map(at => {
		const step = at - before;
		before = at;
		return step;
	});
}

/** In place: the steps were parsed for this alone. */
function timesOf(steps: number[]): number[] {
	for (let place = 1; place < steps.length; place++) steps[place] = steps[place]! + steps[place - 1]!;
	return steps;
}
