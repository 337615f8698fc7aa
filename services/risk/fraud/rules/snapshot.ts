import { countOf, type EntityState } from "../counters/entity-state.ts";
import { entityKey, type Observation } from "../fraud.observations.ts";
import type { Scalar } from "../rules.contract.ts";
import type { CounterAsk, Seen } from "./seen.ts";

/** What rules see of one observation: its own fields, and the states of its entities with it counted in. Not to be kept until they change. */
export class Snapshot implements Seen {
	readonly now: number;
	readonly #observation: Observation;
	readonly #states: (key: string) => EntityState | undefined;
	readonly #isListed: (key: string) => boolean;
	/** Many rules ask the same of a window, and get the same answer; only what is counted for life depends on the rule's memory. */
	#counted: Map<CounterAsk, number> | undefined;

	/** `isListed`: whether an entity is on a list of confirmed fraud. */
	constructor(observation: Observation, states: (key: string) => EntityState | undefined, isListed: (key: string) => boolean) {
		this.now = observation.at;
		this.#observation = observation;
		this.#states = states;
		this.#isListed = isListed;
	}

	field(name: string): Scalar | undefined {
		const { fields } = this.#observation;
		// A rule may not find what every object inherits.
		return Object.hasOwn(fields, name) ? fields[name] : undefined;
	}

	count(ask: CounterAsk, ruleId: string): number {
		if (ask.windowMs === null) return this.#look(ask, ruleId);
		let count = this.#counted?.get(ask);
		if (count === undefined) {
			count = this.#look(ask, ruleId);
			this.#counted ??= new Map();
			this.#counted.set(ask, count);
		}
		return count;
	}

	#look(ask: CounterAsk, ruleId: string): number {
		const id = this.#observation.entities[ask.by];
		if (id === undefined) return 0;
		const key = entityKey(ask.by, id);
		if (ask.counter === "confirmedFraud") return this.#isListed(key) ? 1 : 0;
		const state = this.#states(key);
		return state ? countOf(state, ask, this.now, { ruleId, kind: ask.by, instrument: this.#observation.attempt?.instrument }) : 0;
	}
}
