// What a backtest counts, and the report that is made of it. Pure.
import { rfc3339 } from "../../../../lib/clock.ts";
import type { CompiledRule } from "../rules/rule-book.ts";
import type { BacktestReport } from "../rules.contract.ts";

export type Labels = ReadonlyMap<string, "fraud" | "honest">;

type RuleReport = BacktestReport["rules"][number];

const dayMs = 86_400_000;

interface Counted {
	matches: number;
	entities: Set<string>;
	/** How often the other rule held at the same event. */
	overlap: Map<CompiledRule, number>;
}

export class Tally {
	events = 0;
	firstAt = Number.POSITIVE_INFINITY;
	lastAt = Number.NEGATIVE_INFINITY;
	readonly #counted: ReadonlyMap<CompiledRule, Counted>;

	constructor(rules: readonly CompiledRule[]) {
		this.#counted = new Map(rules.map(rule => [rule, { matches: 0, entities: new Set(), overlap: new Map() }]));
	}

	/** An event was looked at. */
	look(at: number): void {
		this.events++;
		if (at < this.firstAt) this.firstAt = at;
		if (at > this.lastAt) this.lastAt = at;
	}

	/** The rules whose conditions held at one event. */
	hold(rules: readonly CompiledRule[]): void {
		if (rules.length < 2) return;
		for (const rule of rules) {
			const { overlap } = this.of(rule);
			for (const other of rules) if (other !== rule) overlap.set(other, (overlap.get(other) ?? 0) + 1);
		}
	}

	match(rule: CompiledRule, entityKey: string): void {
		const counted = this.of(rule);
		counted.matches++;
		counted.entities.add(entityKey);
	}

	of(rule: CompiledRule): Counted {
		return this.#counted.get(rule)!;
	}
}

interface Asked {
	rules: readonly CompiledRule[];
	labels: Labels | undefined;
	from: number | null;
	to: number | null;
}

/** One row a rule, in the order of the set. */
export function reportOf(tally: Tally, { rules, labels, from, to }: Asked): BacktestReport {
	const began = from ?? tally.firstAt;
	const ended = to ?? tally.lastAt;
	const days = tally.events === 0 && (from === null || to === null) ? 1 : Math.max(1, (ended - began) / dayMs);
	return {
		from: from === null ? null : rfc3339(from),
		to: to === null ? null : rfc3339(to),
		events: tally.events,
		rules: rules.map(rule => rowOf(rule, tally.of(rule), days, labels)),
	};
}

function rowOf({ id, rule }: CompiledRule, { matches, entities, overlap }: Counted, days: number, labels: Labels | undefined): RuleReport {
	const others = [...overlap].map(([other, count]) => [other.id, count] as const).sort(([one], [other]) => (one < other ? -1 : 1));
	return {
		id,
		matches,
		entities: entities.size,
		perDay: Math.round((matches / days) * 100) / 100,
		overlap: Object.fromEntries(others),
		...(labels && judged(rule.scope, entities, labels)),
	};
}

/** What is not labelled says nothing, so without a label of its kind a figure is left out rather than made up. */
function judged(scope: string, matched: ReadonlySet<string>, labels: Labels): Pick<RuleReport, "precision" | "recall"> {
	const found = [...matched].map(key => labels.get(key)).filter(label => label !== undefined);
	const rightly = found.filter(label => label === "fraud").length;
	let there = 0;
	for (const [key, label] of labels) if (label === "fraud" && key.startsWith(`${scope}:`)) there++;
	return { ...(found.length > 0 && { precision: rightly / found.length }), ...(there > 0 && { recall: rightly / there }) };
}
