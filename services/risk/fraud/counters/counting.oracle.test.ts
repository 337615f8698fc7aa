// Counting against the slowest way that is surely right: keep everything, and look at all of it each time. A thousand lives of an entity for each counter.
import { describe, expect, it } from "@jest/globals";
import { Random } from "../../../../test/chaos/program/random.ts";
import type { AttemptEnd, Logged, Observation } from "../fraud.observations.ts";
import type { CounterAsk, CounterName } from "../rules/seen.ts";
import type { EntityKind } from "../rules.contract.ts";
import { countOf, type Needs, newState, observe } from "./entity-state.ts";
import { stateOf, textOf } from "./entity-text.ts";

const minute = 60_000;
const start = Date.UTC(2026, 0, 5, 9);
const lives = 1000;

const likes = { kind: "like" };
const likesSeries = 'interactions{"kind":"like"}';
const needs: Needs = new Map([[likesSeries, { series: likesSeries, counter: "interactions", where: likes, cap: 128 }]]);

const ask = (counter: CounterName, windowMs: number | null, by: EntityKind = "user"): CounterAsk => ({
	counter,
	by,
	windowMs,
	series: counter,
	where: null,
});

type Draw = (random: Random, step: number) => Pick<Observation, "kind"> & Partial<Observation>;

/** What happens around one entity: out of order by up to ten minutes, now and then late or from a clock ahead of ours, and told twice or three times. */
function aLife(random: Random, length: number, draw: Draw): { told: Logged[]; distinct: Logged[] } {
	const told: Logged[] = [];
	const distinct: Logged[] = [];
	let heardAt = start;
	for (let seq = 1; seq <= length; seq++) {
		heardAt += random.whole(0, 3 * minute);
		const drawn = draw(random, seq);
		const time: Pick<Observation, "at" | "isLate" | "isClamped"> = random.chance(0.05)
			? { at: heardAt - 25 * 60 * minute, isLate: true }
			: random.chance(0.05)
				? { at: heardAt, isClamped: true }
				: { at: heardAt - (random.chance(0.4) ? random.whole(0, 10 * minute) : 0) };
		const observation: Logged = { id: `evt_${seq}`, entities: { user: "usr_a", device: "dev_a" }, fields: {}, ...drawn, ...time, seq };
		distinct.push(observation);
		told.push(observation);
		while (random.chance(0.2)) told.push(random.pick(distinct));
	}
	return { told, distinct };
}

interface Window {
	/** Null: for life. */
	from: number | null;
	newest: number;
}

/** Compares at the end of each life, at a time of its own and in several windows, after the state has been through its text. */
function compare(counter: CounterName, draw: Draw, brute: (seen: readonly Logged[], window: Window) => number, asked = ask) {
	const wrong: object[] = [];
	for (let life = 0; life < lives; life++) {
		const random = new Random("counting", counter, life);
		const { told, distinct } = aLife(random, random.chance(0.05) ? random.whole(130, 300) : random.whole(1, 40), draw);
		let state = newState();
		for (const observation of told) {
			observe(state, "user", observation, needs);
			if (random.chance(0.1)) state = stateOf(textOf(state));
		}
		const newestSeen = Math.max(0, ...distinct.filter(({ isLate }) => !isLate).map(({ at }) => at));
		const now = random.chance(0.5) ? newestSeen - random.whole(0, 10 * minute) : newestSeen + random.whole(0, 90 * minute);
		const newest = Math.max(now, newestSeen);
		for (const windowMs of [null, 10 * minute, 60 * minute, 24 * 60 * minute]) {
			const window = { newest, from: windowMs === null ? null : newest - windowMs };
			const what = asked(counter, windowMs);
			const counted = countOf(state, what, now, { kind: what.by });
			const truth = brute(distinct, window);
			if (counted !== truth) wrong.push({ life, windowMs, counted, truth });
		}
	}
	expect(wrong).toEqual([]);
}

const isIn = ({ at, isLate }: Pick<Observation, "at" | "isLate">, window: Window) =>
	window.from === null || (!isLate && at > window.from && at <= window.newest);
const timesKept = 128;
const happened =
	(kind: Observation["kind"], max = timesKept) =>
	(seen: readonly Logged[], window: Window) => {
		const count = seen.filter(one => one.kind === kind && isIn(one, window)).length;
		return window.from === null ? count : Math.min(count, max);
	};
const different =
	(kind: Observation["kind"], counted = ({ value }: Logged) => value) =>
	(seen: readonly Logged[], window: Window) =>
		new Set(seen.filter(one => one.kind === kind && isIn(one, window)).map(counted)).size;

describe("a count is what a count of everything would be", () => {
	it("for interactions", () => compare("interactions", () => ({ kind: "interaction" }), happened("interaction")));

	it("for interactions of one kind", () => {
		const draw: Draw = random => ({ kind: "interaction", fields: { kind: random.pick(["like", "visit"]) } });
		const brute = (seen: readonly Logged[], window: Window) =>
			happened("interaction")(
				seen.filter(({ fields }) => fields.kind === "like"),
				window,
			);
		compare("interactions", draw, brute, (counter, windowMs) => ({ ...ask(counter, windowMs), series: likesSeries, where: likes }));
	});

	it("for failed logins", () => compare("loginFailures", () => ({ kind: "loginFailed", value: "usr_a" }), happened("loginFailed")));

	it("for the users they were for", () => {
		compare("loginFailureUsers", random => ({ kind: "loginFailed", value: `usr_${random.whole(1, 30)}` }), different("loginFailed"));
	});

	it("for orders", () => compare("orders", () => ({ kind: "order" }), happened("order", 1024)));

	it("for refunded orders, and their share", () => {
		const draw: Draw = random => (random.chance(0.5) ? { kind: "order" } : { kind: "refund", value: `ord_${random.whole(1, 30)}` });
		const refunds = different("refund");
		compare("refunds", draw, refunds);
		compare("refundShare", draw, (seen, window) => {
			const [returned, ordered] = [refunds(seen, window), happened("order", 1024)(seen, window)];
			if (returned === 0) return 0;
			return ordered === 0 ? 100 : Math.min(100, Math.floor((100 * returned) / ordered));
		});
	});

	it("for accounts", () => {
		const draw: Draw = random => ({ kind: "login", entities: { device: "dev_a", user: `usr_${random.whole(1, 30)}` } });
		compare(
			"accounts",
			draw,
			different("login", ({ entities }) => entities.user),
		);
	});

	it("for new devices, of which the first is none", () => {
		const draw: Draw = random => ({ kind: "login", entities: { user: "usr_a", device: `dev_${random.whole(1, 40)}` } });
		const brute = (seen: readonly Logged[], window: Window) => {
			const isFirst = (one: Logged, place: number) =>
				place > 0 && !seen.slice(0, place).some(({ entities }) => entities.device === one.entities.device);
			return seen.filter((one, place) => isFirst(one, place) && isIn(one, window)).length;
		};
		compare("newDevices", draw, brute);
	});
});

describe("attempts are what a look at all of them would say", () => {
	const ends: AttemptEnd[] = ["authorized", "declined", "declined", "declined", "failed", "unavailable", "blocked"];

	/** Attempts and their ends in any order, each several times. */
	const draw: Draw = random => {
		const number = random.whole(1, 25);
		const about = { id: `opr_${number}`, instrument: number % 5 === 0 ? null : `card_${number % 12}` };
		return random.chance(0.5)
			? { kind: "attempt", attempt: about }
			: { kind: "attemptOutcome", attempt: { ...about, end: random.pick(ends) } };
	};

	interface Known {
		at: number | undefined;
		end: AttemptEnd | undefined;
		/** When the attempt was, or its end where that came first. */
		first: number;
		instrument: string | null;
	}

	function attemptsIn(seen: readonly Logged[]): Known[] {
		const known = new Map<string, Known>();
		for (const { kind, attempt, at, isLate } of seen) {
			const time = isLate ? 0 : at;
			const { id, instrument, end } = attempt!;
			const one = known.get(id) ?? { at: undefined, end: undefined, first: time, instrument };
			if (kind === "attempt") one.at ??= time;
			else one.end ??= end;
			known.set(id, one);
		}
		return [...known.values()];
	}
	const reaches = (at: number, window: Window) => window.from === null || (at > window.from && at <= window.newest);

	it("for attempts that their provider was asked for", () => {
		compare("paymentAttempts", draw, (seen, window) => {
			const counts = ({ at, end }: Known) => at !== undefined && end !== "unavailable" && reaches(at, window);
			return attemptsIn(seen).filter(counts).length;
		});
	});

	for (const kind of ["device", "address"] as const) {
		it(`for declined instruments of one ${kind}`, () => {
			const brute = (seen: readonly Logged[], window: Window) => {
				const all = attemptsIn(seen).filter(({ instrument }) => instrument !== null);
				const isDeclined = ({ end, first }: Known) => end === "declined" && reaches(first, window);
				const declined = new Set(all.filter(isDeclined).map(({ instrument }) => instrument));
				const isPending = ({ at, end }: Known) =>
					at !== undefined && end === undefined && at > window.newest - minute && reaches(at, window);
				const pending = new Set(
					all
						.filter(isPending)
						.map(({ instrument }) => instrument)
						.filter(instrument => !declined.has(instrument)),
				);
				return declined.size + (kind === "address" && declined.size < 2 ? 0 : pending.size);
			};
			compare("declinedInstruments", draw, brute, (counter, windowMs) => ask(counter, windowMs, kind));
		});
	}
});
