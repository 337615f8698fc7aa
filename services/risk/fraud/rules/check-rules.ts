// What the contract's schema cannot say of a set of rules: a condition has no fixed depth, and what it names must exist. Analysts are told of
// everything that is wrong at once, each flaw with its place.
import { type Flaw, validationFailed } from "../../../../lib/failure.ts";
import { escapePointer } from "../../../../lib/pointer.ts";
import type { CountedRule, Rule, Trigger } from "../rules.contract.ts";
import { comparisonFlaws, durationFlaws, isRecord } from "./check-comparison.ts";

const flawsMax = 50;
// A person writes three levels and a dozen comparisons; the limits only keep what a rule costs within sight.
const levelsMax = 16;
const comparisonsMax = 100;

const groups = ["all", "any", "not"] as const;

type GivenRule = Rule & Partial<Pick<CountedRule, "matches">>;

/** A walk through one rule's condition. */
interface Walk {
	triggers: readonly Trigger[];
	comparisons: number;
}

/**
 * Answers the rules as they are to be kept, without the counts that came along. Throws `validation_failed` with every flaw, fifty at most. The fields
 * of each rule have passed the contract's schema before.
 */
export function checkRules(rules: readonly GivenRule[]): readonly Rule[] {
	const errors: Flaw[] = [];
	for (const flaw of ruleFlaws(rules)) {
		errors.push(flaw);
		if (errors.length === flawsMax) break;
	}
	if (errors.length > 0) throw validationFailed({ errors });
	return rules.map(({ matches: _, ...rule }) => rule);
}

function* ruleFlaws(rules: readonly GivenRule[]): Generator<Flaw> {
	for (const index of repeated(rules.map(({ id }) => id))) yield duplicate(`/rules/${index}/id`);
	for (const [index, { on, when, cooldown }] of rules.entries()) {
		for (const at of repeated(on)) yield duplicate(`/rules/${index}/on/${at}`);
		yield* conditionFlaws(when, `/rules/${index}/when`, 1, { triggers: on, comparisons: 0 });
		if (cooldown !== undefined) yield* durationFlaws(cooldown, `/rules/${index}/cooldown`);
	}
}

function* conditionFlaws(condition: unknown, pointer: string, level: number, walk: Walk): Generator<Flaw> {
	if (level > levelsMax) {
		yield { pointer, code: "too_deep", detail: `is deeper than ${levelsMax} levels` };
	} else if (!isRecord(condition) || Object.keys(condition).length === 0) {
		yield { pointer, code: "invalid", detail: "must be a condition: all, any, not or a comparison" };
	} else {
		const group = groups.find(name => Object.hasOwn(condition, name));
		if (group) yield* groupFlaws(condition, group, pointer, level, walk);
		else yield* countedFlaws(condition, pointer, walk);
	}
}

function* groupFlaws(
	condition: Record<string, unknown>,
	group: (typeof groups)[number],
	pointer: string,
	level: number,
	walk: Walk,
): Generator<Flaw> {
	for (const key of Object.keys(condition)) {
		if (key !== group) yield { pointer: `${pointer}/${escapePointer(key)}`, code: "unknown", detail: `cannot stand beside ${group}` };
	}
	const inner = condition[group];
	const at = `${pointer}/${group}`;
	if (group === "not") yield* conditionFlaws(inner, at, level + 1, walk);
	else if (!Array.isArray(inner)) yield { pointer: at, code: "invalid", detail: "must be a list of conditions" };
	else if (inner.length === 0) yield { pointer: at, code: "empty", detail: "must hold a condition" };
	else for (const [index, each] of inner.entries()) yield* conditionFlaws(each, `${at}/${index}`, level + 1, walk);
}

function* countedFlaws(comparison: Record<string, unknown>, pointer: string, walk: Walk): Generator<Flaw> {
	walk.comparisons++;
	if (walk.comparisons <= comparisonsMax) yield* comparisonFlaws(comparison, pointer, walk.triggers);
	// Those behind it are too many as well; one flaw says it.
	else if (walk.comparisons === comparisonsMax + 1)
		yield { pointer, code: "too_many", detail: `is one comparison too many: a rule has ${comparisonsMax} at most` };
}

/** Places of the values that stood before. */
function repeated(values: readonly string[]): number[] {
	const seen = new Set<string>();
	return values.flatMap((value, index) => {
		if (seen.has(value)) return [index];
		seen.add(value);
		return [];
	});
}

const duplicate = (pointer: string): Flaw => ({ pointer, code: "duplicate", detail: "stands here twice" });
