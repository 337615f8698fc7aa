// The stream as risk would hear it: told day by day, so that no more than a day is ever held, and in the order in which facts arrive.
import type { Observation } from "../../../services/risk/fraud/fraud.observations.ts";
import type { Label, StreamFacts } from "../stream-file.ts";
import { castFor } from "./cast.ts";
import { Dice } from "./dice.ts";
import { day, minute } from "./shop.ts";

/** A Monday. */
const began = Date.UTC(2026, 0, 5);

// What a busy line does to facts. An attempt is no fact but a call, and arrives when it is made.
const lateShare = 0.1;
const lateMsMax = 10 * minute;
const repeatedShare = 0.02;

export interface StreamOptions {
	seed: number;
	users: number;
	days: number;
}

export interface LabelledStream {
	facts: StreamFacts;
	labels: readonly Label[];
	/** Whatever arrives on each of the days, in the order of arrival. Can be told once. */
	days(): Generator<readonly Observation[]>;
}

interface Arrival {
	at: number;
	observation: Observation;
}

/** The same stream for the same numbers. */
export function labelledStream({ seed, users, days }: StreamOptions): LabelledStream {
	const to = began + days * day;
	const actors = castFor({ seed, users, from: began, to });
	return {
		facts: { seed, users, from: new Date(began).toISOString(), to: new Date(to).toISOString() },
		labels: oneEach(actors.flatMap(({ labels }) => labels)),
		*days() {
			const dice = new Dice(`${seed}/arrival`);
			let waiting: Arrival[] = [];
			for (let from = began; from < to; from += day) {
				const until = from + day;
				for (const actor of actors) {
					for (const observation of actor.day(from)) if (observation.at < to) waiting.push(...arrivalsOf(observation, dice));
				}
				const isLast = until >= to;
				const arrived = isLast ? waiting : waiting.filter(({ at }) => at < until);
				waiting = isLast ? [] : waiting.filter(({ at }) => at >= until);
				yield arrived.sort(byArrival).map(({ observation }) => observation);
			}
		},
	};
}

function* arrivalsOf(observation: Observation, dice: Dice): Generator<Arrival> {
	const { at, kind } = observation;
	if (kind === "attempt") return yield { at, observation };
	const arrived = dice.chance(lateShare) ? at + dice.between(1, lateMsMax) : at;
	yield { at: arrived, observation };
	if (dice.chance(repeatedShare)) yield { at: arrived + dice.between(1, lateMsMax), observation };
}

function byArrival(one: Arrival, other: Arrival): number {
	if (one.at !== other.at) return one.at - other.at;
	return one.observation.id < other.observation.id ? -1 : 1;
}

/** An entity has one label. Where a story is told of somebody with an ordinary life, the story is what counts. */
function oneEach(labels: readonly Label[]): Label[] {
	const found = new Map<string, Label>();
	for (const label of labels) {
		const known = found.get(label.entity);
		if (!known || known.scenario === "ordinary") found.set(label.entity, label);
	}
	return [...found.values()];
}
