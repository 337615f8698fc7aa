// A set of rules, ready to be asked: which rules at which trigger, what they need of the counters, and for how long they keep quiet.
import { canonicalJson } from "../../../../lib/canonical.ts";
import { parseDuration } from "../../../../lib/duration.ts";
import { sixtiethsMax } from "../counters/sums.ts";
import type { Comparison, Condition, CounterFact, Rule, Trigger } from "../rules.contract.ts";
import { counters } from "./askable.ts";
import { type AskOf, compileCondition, type Evaluation } from "./compile-condition.ts";
import type { CounterAsk, CounterName, Seen, SeriesNeed } from "./seen.ts";

export interface CompiledRule {
	readonly rule: Rule;
	readonly id: string;
	/** False: a shadow, which is watched and has no effect. */
	readonly isLive: boolean;
	/** What it asks of the counters, each once. */
	readonly asks: readonly CounterAsk[];
	/** How long it opens no second case for one entity; null: until its memory of the entity is taken away. */
	readonly cooldownMs: number | null;
	evaluate(seen: Seen): Evaluation;
	/** Whether it matches, as soon as that is known and without a trace. */
	matches(seen: Seen): boolean;
}

export interface RuleBook {
	readonly version: number;
	readonly rules: readonly CompiledRule[];
	/** What every series that is asked for must keep. */
	readonly needs: readonly SeriesNeed[];
	/** The rules that are asked at any of the triggers, each once, in the order of the set. */
	at(triggers: readonly Trigger[]): readonly CompiledRule[];
}

// A new rule that asks for a little more than the others shall find its counts there, without a replay.
const keptMin = 128;
// Different ones are found among repetitions: a hundred tries of four cards are a hundred entries.
const keptOfManyMin = 1024;

/** Compiles a set that has been checked. Drafts and retired rules stay outside: they are kept in the set and asked nowhere. */
export function compileRules({ version, rules }: { version: number; rules: readonly Rule[] }): RuleBook {
	const askOf = asking();
	const compiled = rules.filter(({ state }) => state === "live" || state === "shadow").map(rule => compileRule(rule, askOf));
	// Combinations of triggers are as few as kinds of observations, and each is put together once.
	const known = new Map<string, readonly CompiledRule[]>();
	return {
		version,
		rules: compiled,
		needs: needsOf(compiled, askOf),
		at(triggers) {
			const key = triggers.length === 1 ? triggers[0]! : triggers.join(" ");
			let found = known.get(key);
			if (!found) {
				found = compiled.filter(({ rule }) => rule.on.some(trigger => triggers.includes(trigger)));
				known.set(key, found);
			}
			return found;
		},
	};
}

/** For trying rules on the past: drafts are asked as well, as shadows. */
export const compileTrial = (rules: readonly Rule[]): RuleBook =>
	compileRules({ version: 0, rules: rules.map(rule => (rule.state === "draft" ? { ...rule, state: "shadow" } : rule)) });

/** Whether a rule says nothing of somebody: by the lists that a signed-in user is on. Of a guest nothing is proven, so a guest is on none. */
export function isExempt({ exempt }: Pick<Rule, "exempt">, listsOfUser: ReadonlySet<string>): boolean {
	if (!exempt || listsOfUser.size === 0) return false;
	return exempt.some(list => listsOfUser.has(list));
}

function compileRule(rule: Rule, askOf: AskOf): CompiledRule {
	const condition = compileCondition(rule.when, rule.id, askOf);
	const facts = comparisonsOf(rule.when).map(({ fact }) => fact);
	const asks = [...new Set(facts.filter(fact => typeof fact !== "string").map(askOf))];
	return {
		rule,
		id: rule.id,
		isLive: rule.state === "live",
		asks,
		cooldownMs: cooldownOf(rule, asks),
		evaluate: condition.evaluate,
		matches: condition.matches,
	};
}

/** Within its longest window a rule may match at every event for one and the same reason, which is one case. */
function cooldownOf({ cooldown }: Rule, asks: readonly CounterAsk[]): number | null {
	if (cooldown !== undefined) return lengthOf(cooldown);
	// A rule that counts nothing has no memory: what it says, it says of this one purchase.
	if (asks.length === 0) return 0;
	const windows = asks.map(({ windowMs }) => windowMs).filter(windowMs => windowMs !== null);
	return windows.length === 0 ? null : Math.max(...windows);
}

/** Asks that mean the same are the same object, so that a snapshot can remember by it what it has counted. */
function asking(): AskOf {
	const known = new Map<string, CounterAsk>();
	return ({ counter: name, by, window, where }: CounterFact) => {
		const counter = name as CounterName;
		const windowMs = window === undefined ? null : lengthOf(window);
		const narrowed = where && Object.keys(where).length > 0 ? where : null;
		const part = narrowed ? `${counter}${canonicalJson(narrowed)}` : counter;
		// Times answer every window; the parts of a sum only the one they are parts of.
		const series = windowMs !== null && counters[counter].counts === "amounts" ? `${part}@${windowMs}` : part;
		const key = `${by} ${windowMs} ${series}`;
		let ask = known.get(key);
		if (!ask) {
			ask = { counter, by, windowMs, series, where: narrowed };
			known.set(key, ask);
		}
		return ask;
	};
}

function needsOf(rules: readonly CompiledRule[], askOf: AskOf): readonly SeriesNeed[] {
	const needs = new Map<string, SeriesNeed>();
	for (const { fact, value } of rules.flatMap(({ rule }) => comparisonsOf(rule.when))) {
		if (typeof fact === "string") continue;
		const need = needOf(askOf(fact), value);
		needs.set(need.series, { ...need, cap: Math.max(need.cap, needs.get(need.series)?.cap ?? 0) });
	}
	return [...needs.values()];
}

/** One more than the highest threshold, so that "more than" and "exactly" are told apart from "at least". A sum costs the same whatever is asked. */
function needOf({ series, counter, where, windowMs }: CounterAsk, value: Comparison["value"]): SeriesNeed {
	const { counts } = counters[counter];
	if (counts === "amounts") return { series, counter, where, ...(windowMs === null ? { cap: 1 } : { cap: sixtiethsMax, windowMs }) };
	const isEvents = counts === "events";
	const asked = isEvents && windowMs === null ? 0 : highest(value) + 1;
	return { series, counter, where, cap: Math.max(asked, isEvents ? keptMin : keptOfManyMin) };
}

const highest = (value: Comparison["value"]) => Math.ceil(Math.max(...(Array.isArray(value) ? (value as number[]) : [value as number])));

function comparisonsOf(condition: Condition): Comparison[] {
	if ("all" in condition) return condition.all.flatMap(comparisonsOf);
	if ("any" in condition) return condition.any.flatMap(comparisonsOf);
	if ("not" in condition) return comparisonsOf(condition.not);
	return [condition];
}

function lengthOf(duration: string): number {
	const ms = parseDuration(duration);
	if (ms === undefined) throw new TypeError(`The rules were never checked: "${duration}" is no duration.`);
	return ms;
}
