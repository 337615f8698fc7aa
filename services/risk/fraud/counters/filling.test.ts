import { describe, expect, it } from "@jest/globals";
import { missing } from "../fraud.rule-sets.ts";
import type { SeriesNeed } from "../rules/seen.ts";
import { countOf, newState, observe } from "./entity-state.ts";
import { fillSeries, takeOver } from "./filling.ts";
import { anAsk, anAttempt, anEnd, hour, logged, noNeeds, start } from "./observed.ts";

const where = { kind: "like" };
const series = 'interactions{"kind":"like"}';
const likes: SeriesNeed = { series, counter: "interactions", where, cap: 128 };
const askLikes = { ...anAsk("interactions", null), series, where };
const key = "user:usr_a";

describe("a counter that nobody asked for before", () => {
	const log = [
		logged(1, { fields: { kind: "like" } }),
		logged(2, { fields: { kind: "visit" } }),
		logged(3, { kind: "cleared", rules: ["likes"] }),
		logged(4, { fields: { kind: "like" } }),
	];

	it("is filled from the log, and a rule counts from where its memory was taken away", async () => {
		const state = newState();
		for (const one of log) observe(state, "user", one, noNeeds);
		const filled = await fillSeries([log], [likes]);
		takeOver(state, filled.get(key)!, [likes]);
		expect(countOf(state, askLikes, start, { kind: "user" })).toBe(2);
		expect(countOf(state, askLikes, start, { kind: "user", ruleId: "likes" })).toBe(1);
		expect(countOf(state, anAsk("interactions", null), start, { kind: "user" })).toBe(3);
	});

	it("is not taken over by a state that has come further, or less far, than it was filled", async () => {
		const state = newState();
		for (const one of log.slice(0, 2)) observe(state, "user", one, noNeeds);
		const filled = await fillSeries([log], [likes]);
		expect(() => takeOver(state, filled.get(key)!, [likes])).toThrow("cannot take over");
		const forgotten = newState();
		takeOver(forgotten, filled.get(key)!, [likes]);
		expect(forgotten).toEqual(newState());
	});
});

describe("a sum that nobody asked for before", () => {
	const sums: SeriesNeed[] = [
		{ series: "orderAmount", counter: "orderAmount", where: null, cap: 1 },
		{ series: `orderAmount@${hour}`, counter: "orderAmount", where: null, cap: 61, windowMs: hour },
	];
	const needs = new Map(sums.map(need => [need.series, need]));
	const forLife = anAsk("orderAmount", null);
	const hourly = { ...anAsk("orderAmount", hour), series: `orderAmount@${hour}` };
	const order = (seq: number, at = start) => logged(seq, { kind: "order", at, fields: { amount: 10 ** seq, currency: "EUR" } });
	const log = [order(1), order(2), logged(3, { kind: "cleared", rules: ["much"] }), order(4, start + hour)];

	it("is filled from the log, with what a rule forgot, and whatever stood there from earlier is replaced", async () => {
		const state = newState();
		// Asked for once, then no more.
		observe(state, "user", log[0]!, needs);
		for (const one of log.slice(1)) observe(state, "user", one, noNeeds);
		takeOver(state, (await fillSeries([log], sums)).get(key)!, sums);
		expect(countOf(state, forLife, start, { kind: "user" })).toBe(10_110);
		expect(countOf(state, forLife, start, { kind: "user", ruleId: "much" })).toBe(10_000);
		expect(countOf(state, hourly, start, { kind: "user" })).toBe(10_000);
		// From then on it is counted like any other.
		observe(state, "user", order(5, start + hour), needs);
		expect(countOf(state, hourly, start, { kind: "user" })).toBe(110_000);
	});

	it("lacks where it was kept for another window", () => {
		const other: SeriesNeed = { series: `orderAmount@${2 * hour}`, counter: "orderAmount", where: null, cap: 61, windowMs: 2 * hour };
		expect(missing([], sums)).toEqual(sums);
		expect(missing(sums, [...sums, other])).toEqual([other]);
	});
});

describe("a counter that must be kept longer", () => {
	it("keeps what the check of a checkout has counted beside the log", async () => {
		const need: SeriesNeed = { series: "declinedInstruments", counter: "declinedInstruments", where: null, cap: 2000 };
		const attempts: SeriesNeed = { series: "paymentAttempts", counter: "paymentAttempts", where: null, cap: 600 };
		const log = Array.from({ length: 600 }, (_, place) => ({
			...anAttempt(`opr_${place}`, `card_${place}`, start + place),
			seq: place + 1,
			entities: { user: "usr_a" },
		}));
		const state = newState();
		for (const one of log) observe(state, "user", one, noNeeds);
		for (const direct of [anAttempt("opr_now", "card_now", start + 700), anEnd("opr_now", "declined", start + 700)]) {
			observe(state, "user", direct, noNeeds);
		}
		expect(countOf(state, anAsk("paymentAttempts", hour), start, { kind: "user" })).toBe(512);
		takeOver(state, (await fillSeries([log], [need, attempts])).get(key)!, [need, attempts]);
		expect(countOf(state, anAsk("paymentAttempts", hour), start, { kind: "user" })).toBe(600);
		expect(state.attempts.at(-1)?.id).toBe("opr_now");
		expect(countOf(state, anAsk("declinedInstruments", null, "user"), start + 2 * hour, { kind: "user" })).toBe(1);
	});
});
