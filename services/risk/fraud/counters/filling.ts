// A rule may ask for what was never kept, or not so exactly. Then the log is counted once more beside the states, and what they lack is taken over.
import { Turns } from "../../../../lib/turns.ts";
import type { Logged } from "../fraud.observations.ts";
import { entityKey } from "../fraud.observations.ts";
import type { SeriesNeed } from "../rules/seen.ts";
import type { EntityKind } from "../rules.contract.ts";
import type { AttemptMark } from "./attempts.ts";
import { type EntityState, keepingOf, type Needs, observe } from "./entity-state.ts";
import { MemoryStates } from "./memory-states.ts";
import { addValue } from "./series.ts";

/** Counts the log from its beginning. Answers the states of everybody in it. */
export async function fillSeries(
	log: AsyncIterable<readonly Logged[]> | Iterable<readonly Logged[]>,
	needed: Iterable<SeriesNeed>,
): Promise<ReadonlyMap<string, EntityState>> {
	const needs: Needs = new Map([...needed].map(need => [need.series, need]));
	const states = new MemoryStates();
	// An embedded log answers at once, and purchases are decided on meanwhile.
	const turns = new Turns();
	for await (const batch of log) {
		for (const observation of batch) {
			for (const [kind, id] of Object.entries(observation.entities) as [EntityKind, string][]) {
				observe(states.of(entityKey(kind, id)), kind, observation, needs);
			}
			if (turns.isOver()) await turns.next();
		}
	}
	return states.all();
}

/**
 * Takes over what a state lacks. Different values and attempts are merged, since the check of a checkout counts those before they are in the log; how
 * often something happened, and what it added up to, is replaced, so both must have counted the same part of the log: throws where they have not.
 */
export function takeOver(state: EntityState, filled: EntityState, lacks: readonly SeriesNeed[]): void {
	// Nothing was counted here, or it was forgotten in the meantime: a session that has expired.
	if (state.seq === 0) return;
	if (state.seq !== filled.seq)
		throw new Error(`a state that is at ${state.seq} of the log cannot take over what was counted up to ${filled.seq}`);
	const needs: Needs = new Map(lacks.map(need => [need.series, need]));
	for (const { series, counter, cap } of lacks) {
		if (counter === "paymentAttempts") state.attempts = merged(state.attempts, filled.attempts, keepingOf(needs).attemptsMax);
		const counted = filled.series[series];
		if (!counted) continue;
		const known = state.series[series];
		if ("keys" in counted && known && "keys" in known) {
			for (const [place, value] of counted.keys.entries()) addValue(known, value, counted.at[place]!, cap);
		} else state.series[series] = counted;
		for (const [ruleId, memory] of Object.entries(state.memory)) {
			const then = filled.memory[ruleId];
			const baseline = then?.episode === memory.episode ? then.baseline[series] : undefined;
			if (baseline !== undefined) memory.baseline = { ...memory.baseline, [series]: baseline };
		}
	}
}

function merged(known: readonly AttemptMark[], counted: readonly AttemptMark[], max: number): AttemptMark[] {
	const ids = new Set(known.map(({ id }) => id));
	const all = [...known, ...counted.filter(({ id }) => !ids.has(id))];
	return all.sort((one, other) => one.at - other.at).slice(-max);
}
