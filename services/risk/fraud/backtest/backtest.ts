// What a set of rules would have matched, had it gone live at `from`: its counters filled from the log, and nothing remembered of what it said before.
// Nothing is read or written but what is handed in, so that the same rules over the same log give the same bytes.
import { Turns } from "../../../../lib/turns.ts";
import { type EntityState, episodeOf, type Needs, newState, observe } from "../counters/entity-state.ts";
import { isAsked, isOwnDoing, needsOf, snapshotOf, subjectOf } from "../fraud.findings.ts";
import { entityKey, isDecision, type Logged, triggersAt } from "../fraud.observations.ts";
import { type Fired, mayFire } from "../rules/firing.ts";
import type { CompiledRule, RuleBook } from "../rules/rule-book.ts";
import type { BacktestReport, EntityKind } from "../rules.contract.ts";
import { ListsAsTheyWere } from "./lists-as-they-were.ts";
import { type Labels, reportOf, Tally } from "./tally.ts";

export interface Backtest {
	/** The whole log in its order, piece by piece. */
	log: AsyncIterable<readonly Logged[]>;
	rules: RuleBook;
	/** Who was judged, and how; entities by their key. */
	labels?: Labels;
	/** Event time, milliseconds: what happened before only warms the counters. Null: from the beginning. */
	from?: number | null;
	/** Event time, milliseconds: what happened then or later is left out. Null: to the end. */
	to?: number | null;
	/** After how much work the process gets a turn for everything else. */
	yieldEveryMs?: number;
	/** Hears now and then how many observations were read. */
	progress?: (read: number) => void;
	/** Hears of every match. */
	matched?: (match: { rule: CompiledRule; entityKey: string; observation: Logged }) => void;
}

/** Replays the log through the rules, in memory of its own. Attempts are judged as a checkout judges them: counted first, then asked about. */
export async function runBacktest(backtest: Backtest): Promise<BacktestReport> {
	const { log, rules, labels, from = null, to = null, yieldEveryMs, progress } = backtest;
	const replay = new Replay(backtest);
	const turns = new Turns(yieldEveryMs);
	let read = 0;
	for await (const batch of log) {
		for (const observation of batch) {
			replay.take(observation);
			read++;
			if (!turns.isOver()) continue;
			progress?.(read);
			await turns.next();
		}
	}
	progress?.(read);
	return reportOf(replay.tally, { rules: rules.rules, labels, from, to });
}

class Replay {
	readonly tally: Tally;
	readonly #given: Backtest;
	readonly #needs: Needs;
	readonly #lists = new ListsAsTheyWere();
	readonly #states = new Map<string, EntityState>();
	/** By rule and then by entity. */
	readonly #fired: ReadonlyMap<CompiledRule, Map<string, Fired>>;

	constructor(given: Backtest) {
		this.#given = given;
		this.tally = new Tally(given.rules.rules);
		this.#needs = needsOf(given.rules);
		this.#fired = new Map(given.rules.rules.map(rule => [rule, new Map()]));
	}

	take(observation: Logged): void {
		const { from, to } = this.#given;
		if (to != null && observation.at >= to) return;
		this.#apply(observation);
		if (isDecision(observation) || (from != null && observation.at < from)) return;
		this.tally.look(observation.at);
		const holding = this.#holding(observation);
		this.tally.hold(holding);
		for (const rule of holding) this.#fire(rule, observation);
	}

	/** As the judge does (applyTo in fraud.findings.ts), without its locks: half a million events have no time for lists of keys. */
	#apply(observation: Logged): void {
		const { entities, entry } = observation;
		if (entry) this.#lists.change(entry, observation.at);
		for (const kind in entities) {
			const key = entityKey(kind as EntityKind, entities[kind as EntityKind]!);
			let state = this.#states.get(key);
			if (!state) {
				state = newState();
				this.#states.set(key, state);
			}
			observe(state, kind as EntityKind, observation, this.#needs);
		}
	}

	/** The rules whose condition holds, for somebody they have something to say of. */
	#holding(observation: Logged): CompiledRule[] {
		if (isOwnDoing(observation)) return [];
		const asked = this.#given.rules.at(triggersAt(observation.kind));
		if (asked.length === 0) return [];
		const listed = this.#lists.at(observation);
		const snapshot = snapshotOf(observation, this.#states, listed);
		// The condition first: it is seldom that one holds.
		return asked.filter(rule => rule.matches(snapshot) && isAsked(rule, observation, this.#states, listed));
	}

	#fire(rule: CompiledRule, observation: Logged): void {
		const key = subjectOf(rule, observation)!;
		const fired = this.#fired.get(rule)!;
		const episode = episodeOf(this.#states.get(key)!, rule.id);
		const now = observation.at;
		if (!mayFire({ rule, fired: fired.get(key), episode, now })) return;
		fired.set(key, { at: now, episode });
		this.tally.match(rule, key);
		this.#given.matched?.({ rule, entityKey: key, observation });
	}
}
