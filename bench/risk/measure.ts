import { setImmediate as nextTurn } from "node:timers/promises";
import { labelledStream, type StreamOptions } from "../../scripts/fraud/generate/stream.ts";
import { type FraudRow, type HonestRow, Scores } from "../../scripts/fraud/scores.ts";
import { LogOfStream } from "../../scripts/fraud/stream-file.ts";
import { runBacktest } from "../../services/risk/fraud/backtest/backtest.ts";
import { type EntityState, newState } from "../../services/risk/fraud/counters/entity-state.ts";
import { applyTo, needsOf, snapshotOf } from "../../services/risk/fraud/fraud.findings.ts";
import { entityKeys, type Logged, type Observation, triggersAt } from "../../services/risk/fraud/fraud.observations.ts";
import { compileTrial } from "../../services/risk/fraud/rules/rule-book.ts";
import { starterPack } from "../../services/risk/fraud/rules/starter-pack.ts";
import type { Rule } from "../../services/risk/fraud/rules.contract.ts";
import { percentile } from "../load.ts";

export interface Worth {
	observations: number;
	users: number;
	fraud: FraudRow[];
	honest: HonestRow[];
	alertsPerThousandUsersAndDay: number;
	perSecond: number;
}

export interface Cost {
	observations: number;
	rules: number;
	parseSeconds: number;
	replaySeconds: number;
	/** How long the process was kept from everything else at most, in the last round. */
	longestTurnMs: number;
}

export interface Attempts {
	count: number;
	rules: number;
	p50Us: number;
	p99Us: number;
}

const observationsOfCost = 500_000;
const rulesOfCost = 20;
const enoughUsers = 5000;

/** What the rules of a new shop find in a stream, with the time it took. */
export async function measureWorth(options: StreamOptions): Promise<Worth> {
	const stream = labelledStream(options);
	const log = new LogOfStream();
	for (const label of stream.labels) log.take({ label });
	const observations = [...stream.days()].flat().flatMap(observation => log.log(observation) ?? []);
	const scores = new Scores(log.labels);
	const began = performance.now();
	const report = await runBacktest({
		log: inBatches(observations),
		rules: compileTrial(starterPack),
		labels: log.verdicts,
		matched: match => scores.count(match),
	});
	const seconds = (performance.now() - began) / 1000;
	return {
		observations: observations.length,
		users: options.users,
		fraud: scores.fraud(),
		honest: scores.honest(),
		alertsPerThousandUsersAndDay: scores.perThousandAndDay(report, options.users),
		perSecond: observations.length / seconds,
	};
}

/** Half a million observations, as lines: a longer stream of the same shop. */
export function manyLines({ seed, users }: StreamOptions): string[] {
	const log = new LogOfStream();
	const lines: string[] = [];
	for (const day of labelledStream({ seed, users: Math.max(users, enoughUsers), days: 366 }).days()) {
		for (const observation of day) {
			const logged = log.log(observation);
			if (logged) lines.push(JSON.stringify(logged));
			if (lines.length === observationsOfCost) return lines;
		}
	}
	return lines;
}

/** The starter pack, and some of it once more with other thresholds. */
export function twentyRules(): readonly Rule[] {
	const more = starterPack.map(rule => ({ ...rule, id: `${rule.id}.strict`, state: "shadow" as const }));
	return [...starterPack, ...more].slice(0, rulesOfCost);
}

/** Merely parsing, and parsing and replaying, in turns; medians of the rounds. */
export async function measureCost(lines: readonly string[], rounds: number, onRound: (round: number) => void): Promise<Cost> {
	const rules = compileTrial(twentyRules());
	const parsing: number[] = [];
	const replaying: number[] = [];
	let longestTurnMs = 0;
	for (let round = 1; round <= rounds; round++) {
		onRound(round);
		let began = performance.now();
		for await (const batch of parsed(lines)) if (batch.length === 0) throw new Error("There was nothing to parse.");
		parsing.push(performance.now() - began);
		const turns = watchTurns();
		began = performance.now();
		await runBacktest({ log: parsed(lines), rules });
		replaying.push(performance.now() - began);
		longestTurnMs = turns.stop();
	}
	return {
		observations: lines.length,
		rules: rules.rules.length,
		parseSeconds: median(parsing) / 1000,
		replaySeconds: median(replaying) / 1000,
		longestTurnMs,
	};
}

/** Every attempt as a checkout's check decides it: counted in its entities' states, then every rule asked with its trace. */
export function measureAttempts(lines: readonly string[]): Attempts {
	const rules = compileTrial(twentyRules());
	const needs = needsOf(rules);
	const states = new Map<string, EntityState>();
	const took: number[] = [];
	for (const line of lines) {
		const observation = JSON.parse(line) as Observation;
		for (const key of entityKeys(observation)) if (!states.has(key)) states.set(key, newState());
		const began = performance.now();
		applyTo(states, observation, needs);
		if (observation.kind !== "attempt") continue;
		const snapshot = snapshotOf(observation, states, new Map());
		for (const rule of rules.at(triggersAt("attempt"))) rule.evaluate(snapshot);
		took.push((performance.now() - began) * 1000);
	}
	took.sort((one, other) => one - other);
	return {
		count: took.length,
		rules: rules.at(triggersAt("attempt")).length,
		p50Us: percentile(took, 50)!,
		p99Us: percentile(took, 99)!,
	};
}

async function* inBatches(observations: readonly Logged[]): AsyncGenerator<readonly Logged[]> {
	for (let from = 0; from < observations.length; from += 1000) yield observations.slice(from, from + 1000);
}

/** As a log is read: a batch at a time, and nothing kept. */
async function* parsed(lines: readonly string[]): AsyncGenerator<readonly Logged[]> {
	for (let from = 0; from < lines.length; from += 1000) yield lines.slice(from, from + 1000).map(line => JSON.parse(line) as Logged);
}

/** Something else that would like a turn, and how long it waited for one at most. */
function watchTurns(): { stop(): number } {
	let longest = 0;
	let isOver = false;
	const wait = async () => {
		for (let last = performance.now(); !isOver; last = performance.now()) {
			await nextTurn();
			longest = Math.max(longest, performance.now() - last);
		}
	};
	void wait();
	return {
		stop() {
			isOver = true;
			return longest;
		},
	};
}

const median = (values: readonly number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
