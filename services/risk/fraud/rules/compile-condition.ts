// A condition, worked out once at publishing. Its comparisons lie in a row, so that a trace is one pass over them; what they add up to is a closure
// over their places in the row.
import type { Traced } from "../fraud.contract.ts";
import type { Comparison, Condition, Operator, Scalar } from "../rules.contract.ts";
import type { CounterAsk, Seen } from "./seen.ts";

export interface Evaluation {
	matched: boolean;
	/** Every comparison of the rule, in the order in which it is written. */
	conditions: Traced[];
}

export interface CompiledCondition {
	/** Looks at every comparison, also where the answer is known before: whoever reads the trace shall see them all. */
	evaluate(seen: Seen): Evaluation;
	/** The same answer as soon as it is known, and nothing written down. */
	matches(seen: Seen): boolean;
}

/** Answers the ask of a counter, the same one wherever the same thing is asked. */
export type AskOf = (fact: Exclude<Comparison["fact"], string>) => CounterAsk;

/** By the trace where there is one, otherwise by looking. */
type Decide = (seen: Seen, traced: readonly Traced[] | null) => boolean;

/** Compiles a condition that has been checked. `ruleId`: whose memory the counters are asked with. */
export function compileCondition(condition: Condition, ruleId: string, askOf: AskOf): CompiledCondition {
	const row: Compared[] = [];
	const decide = decision(condition, comparison => {
		const compared = new Compared(comparison, ruleId, askOf);
		const place = row.push(compared) - 1;
		return (seen, traced) => (traced ? traced[place]!.matched : compared.holds(compared.look(seen)));
	});
	return {
		evaluate(seen) {
			const conditions = row.map(compared => compared.trace(seen));
			return { matched: decide(seen, conditions), conditions };
		},
		matches: seen => decide(seen, null),
	};
}

function decision(condition: Condition, compare: (comparison: Comparison) => Decide): Decide {
	if ("all" in condition) return all(condition.all.map(each => decision(each, compare)));
	if ("any" in condition) return any(condition.any.map(each => decision(each, compare)));
	if ("not" in condition) return not(decision(condition.not, compare));
	return compare(condition);
}

function all(decides: readonly Decide[]): Decide {
	return (seen, traced) => {
		for (const decide of decides) if (!decide(seen, traced)) return false;
		return true;
	};
}

function any(decides: readonly Decide[]): Decide {
	return (seen, traced) => {
		for (const decide of decides) if (decide(seen, traced)) return true;
		return false;
	};
}

const not =
	(decide: Decide): Decide =>
	(seen, traced) =>
		!decide(seen, traced);

// One shape for every comparison: a closure for each would cost a trace twice as much, because no call could be foreseen.
class Compared {
	readonly #fact: Comparison["fact"];
	readonly #operator: Operator;
	readonly #threshold: Comparison["value"];
	readonly #bound: number;
	readonly #among: ReadonlySet<Scalar | undefined>;
	readonly #field: string;
	readonly #ask: CounterAsk | undefined;
	readonly #ruleId: string;

	constructor({ fact, operator, value }: Comparison, ruleId: string, askOf: AskOf) {
		this.#fact = fact;
		this.#operator = operator;
		this.#threshold = value;
		this.#bound = typeof value === "number" ? value : Number.NaN;
		this.#among = new Set(Array.isArray(value) ? (value as readonly Scalar[]) : []);
		this.#field = typeof fact === "string" ? fact : "";
		this.#ask = typeof fact === "string" ? undefined : askOf(fact);
		this.#ruleId = ruleId;
	}

	/** Undefined where what is assessed has no such field. */
	look(seen: Seen): Scalar | undefined {
		return this.#ask ? seen.count(this.#ask, this.#ruleId) : seen.field(this.#field);
	}

	/** What is absent is different from everything, and neither more nor less than anything. */
	holds(value: Scalar | undefined): boolean {
		switch (this.#operator) {
			case "eq":
				return value === this.#threshold;
			case "ne":
				return value !== this.#threshold;
			case "gt":
				return typeof value === "number" && value > this.#bound;
			case "gte":
				return typeof value === "number" && value >= this.#bound;
			case "lt":
				return typeof value === "number" && value < this.#bound;
			case "lte":
				return typeof value === "number" && value <= this.#bound;
			case "in":
				return this.#among.has(value);
			case "notIn":
				return !this.#among.has(value);
		}
	}

	trace(seen: Seen): Traced {
		const value = this.look(seen);
		return {
			fact: this.#fact,
			operator: this.#operator,
			threshold: this.#threshold,
			value: value === undefined ? null : value,
			matched: this.holds(value),
		};
	}
}
