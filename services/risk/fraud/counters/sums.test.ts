// Sums against the slowest way that is surely right: keep every amount, and look at all of them each time, in numbers that have no end.
import { describe, expect, it } from "@jest/globals";
import { Random } from "../../../../test/chaos/program/random.ts";
import type { Logged } from "../fraud.observations.ts";
import type { CounterAsk, SeriesNeed } from "../rules/seen.ts";
import { countOf, type EntityState, type Needs, newState, observe } from "./entity-state.ts";
import { stateOf, textOf } from "./entity-text.ts";
import { day, hour, logged, minute, noNeeds, start } from "./observed.ts";

type Sum = "orderAmount" | "refundAmount";
const most = Number.MAX_SAFE_INTEGER;
const euros = { currency: "EUR" };

/** Windows that sixty divides, that it does not, and one that is shorter than sixty milliseconds. */
const windows = [null, 10 * minute, hour, day, 61_001, 7] as const;

function anAsk(counter: Sum, windowMs: number | null, where: CounterAsk["where"] = null): CounterAsk {
	const part = where ? `${counter}${JSON.stringify(where)}` : counter;
	return { counter, by: "user", windowMs, series: windowMs === null ? part : `${part}@${windowMs}`, where };
}
const aNeed = ({ series, counter, where, windowMs }: CounterAsk): SeriesNeed => ({
	series,
	counter,
	where,
	...(windowMs === null ? { cap: 1 } : { cap: 61, windowMs }),
});
const needsOf = (...asks: CounterAsk[]): Needs => new Map(asks.map(ask => [ask.series, aNeed(ask)]));

const sumOf = (state: EntityState, ask: CounterAsk, now: number, ruleId?: string) =>
	countOf(state, ask, now, { kind: "user", ...(ruleId && { ruleId }) });
const order = (seq: number, amount: number, given: Partial<Logged> = {}) =>
	logged(seq, { kind: "order", fields: { amount, currency: "EUR" }, ...given });

describe("a sum is what adding everything up would say", () => {
	const lives = 400;
	const kinds = { orderAmount: "order", refundAmount: "refund" } as const;

	/** Out of order by up to a quarter of an hour, now and then late, and told twice or three times. */
	function aLife(random: Random): { told: Logged[]; distinct: Logged[] } {
		const told: Logged[] = [];
		const distinct: Logged[] = [];
		const longest = random.pick([1, minute, 30 * minute, 3 * hour]);
		let heardAt = start;
		for (let seq = 1; seq <= random.whole(1, 150); seq++) {
			heardAt += random.whole(0, longest);
			const isLate = random.chance(0.05);
			const observation = logged(seq, {
				kind: random.pick(["order", "refund", "interaction"]),
				at: isLate ? heardAt - 25 * hour : heardAt - (random.chance(0.4) ? random.whole(0, 15 * minute) : 0),
				...(isLate && { isLate }),
				fields: { amount: random.chance(0.05) ? 0 : random.whole(1, 500_000), currency: random.pick(["EUR", "EUR", "USD"]) },
				value: `ord_${random.whole(1, 20)}`,
			});
			distinct.push(observation);
			told.push(observation);
			while (random.chance(0.2)) told.push(random.pick(distinct));
		}
		return { told, distinct };
	}

	const added = (seen: readonly Logged[], isIn: (at: bigint) => boolean) =>
		Number(
			seen.filter(({ at, isLate }) => !isLate && isIn(BigInt(at))).reduce((sum, { fields }) => sum + BigInt(fields.amount as number), 0n),
		);

	/** The documented sixtieths, and the exact sums that they lie between. */
	function truthOf(seen: readonly Logged[], windowMs: number, newest: number) {
		const [length, begins] = [BigInt(windowMs), 60n * (BigInt(newest) - BigInt(windowMs))];
		const endOf = (at: bigint) => ((60n * at + length - 1n) / length) * length;
		return {
			documented: added(seen, at => endOf(at) > begins),
			exact: added(seen, at => 60n * at > begins),
			longer: added(seen, at => 60n * at > begins - length),
		};
	}

	it.each(["orderAmount", "refundAmount"] as const)(
		"for %s, for life and in sixtieths of every window, never less than the exact sum",
		counter => {
			const wrong: object[] = [];
			for (let life = 0; life < lives; life++) {
				const random = new Random("sums", counter, life);
				const { told, distinct } = aLife(random);
				const asks = windows.flatMap(windowMs => [anAsk(counter, windowMs), anAsk(counter, windowMs, euros)]);
				const needs = needsOf(...asks);
				let state = newState();
				for (const observation of told) {
					observe(state, "user", observation, needs);
					if (random.chance(0.1)) state = stateOf(textOf(state));
				}
				const seen = distinct.filter(({ kind }) => kind === kinds[counter]);
				const newestSeen = Math.max(0, ...distinct.filter(({ isLate }) => !isLate).map(({ at }) => at));
				for (const now of [newestSeen - random.whole(0, hour), newestSeen, newestSeen + random.whole(0, 2 * hour)]) {
					for (const ask of asks) {
						const asked = seen.filter(({ fields }) => !ask.where || fields.currency === "EUR");
						const sum = sumOf(state, ask, now);
						if (ask.windowMs === null) {
							const truth = asked.reduce((total, { fields }) => total + (fields.amount as number), 0);
							if (sum !== truth) wrong.push({ life, sum, truth });
							continue;
						}
						const { documented, exact, longer } = truthOf(asked, ask.windowMs, Math.max(now, newestSeen));
						if (sum !== documented || sum < exact || sum > longer) wrong.push({ life, ask, sum, documented, exact, longer });
					}
				}
			}
			expect(wrong).toEqual([]);
		},
	);
});

describe("a sum within a window", () => {
	const hourly = anAsk("orderAmount", hour);

	it("lets go of a sixtieth a millisecond after all of it is out, and of none before", () => {
		const state = newState();
		// The last millisecond of one sixtieth, and the first of the next.
		for (const one of [order(1, 100, { at: start }), order(2, 1000, { at: start + 1 })]) observe(state, "user", one, needsOf(hourly));
		expect(sumOf(state, hourly, start + hour - 1)).toBe(1100);
		expect(sumOf(state, hourly, start + hour)).toBe(1000);
		expect(sumOf(state, hourly, start + hour + minute - 1)).toBe(1000);
		expect(sumOf(state, hourly, start + hour + minute)).toBe(0);
	});

	it("keeps sixty-one parts and no more, however much is ordered for however long", () => {
		const state = newState();
		for (let seq = 1; seq <= 3000; seq++) observe(state, "user", order(seq, 5, { at: start + seq * 17_000 }), needsOf(hourly));
		expect(state.series[hourly.series]).toMatchObject({ numbers: { length: 61 }, sums: { length: 61 } });
		expect(stateOf(textOf(state))).toEqual(state);
	});

	it("holds nothing of what is late, which counts for life", () => {
		const state = newState();
		const forLife = anAsk("orderAmount", null);
		observe(state, "user", order(1, 700, { isLate: true }), needsOf(hourly, forLife));
		expect(sumOf(state, hourly, start)).toBe(0);
		expect(sumOf(state, forLife, start)).toBe(700);
	});
});

describe("a sum", () => {
	it("is kept where a rule asks, and costs nobody anything before", () => {
		const state = newState();
		observe(state, "user", order(1, 700), noNeeds);
		expect(Object.keys(state.series)).toEqual(["orders"]);
	});

	it("for life begins again where a rule's memory is taken away, and in a window does not", () => {
		const [forLife, daily] = [anAsk("refundAmount", null), anAsk("refundAmount", day)];
		const state = newState();
		const refund = (seq: number, amount: number) => order(seq, amount, { kind: "refund", value: "ord_1" });
		for (const one of [refund(1, 300), refund(2, 50), logged(3, { kind: "cleared", rules: ["much"] }), refund(4, 20)])
			observe(state, "user", one, needsOf(forLife, daily));
		expect(sumOf(state, forLife, start, "much")).toBe(20);
		expect(sumOf(state, forLife, start)).toBe(370);
		expect(sumOf(state, daily, start, "much")).toBe(370);
		expect(state.memory.much?.baseline).toEqual({ refunds: 1, refundAmount: 350 });
	});

	it("that no number can hold stays at the largest, for life and in a window, also for a rule that forgot", () => {
		const [forLife, hourly] = [anAsk("orderAmount", null), anAsk("orderAmount", hour)];
		const state = newState();
		const orders = [order(1, most - 1), order(2, 7), order(3, 9, { at: start + 5 * minute })];
		for (const one of [...orders, logged(4, { kind: "cleared", rules: ["much"] }), order(5, 1)])
			observe(state, "user", one, needsOf(forLife, hourly));
		for (const ask of [forLife, hourly]) expect(sumOf(state, ask, start + 5 * minute)).toBe(most);
		expect(sumOf(state, forLife, start, "much")).toBe(most);
		expect(stateOf(textOf(state))).toEqual(state);
	});
});
