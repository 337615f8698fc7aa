import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Clock, closedLoop, dueBy, intendedMs, openLoop, percentile } from "./load.ts";

/** Time passes when somebody waits for it, and then at once. */
function givenClock(): Clock & { advance(ms: number): void } {
	let now = 0;
	return {
		nowMs: () => now,
		// What is already settled is heard first.
		wait: async ms => {
			await new Promise(setImmediate);
			now += ms;
		},
		advance: ms => {
			now += ms;
		},
	};
}

describe("a percentile", () => {
	it("is the smallest value that so many do not exceed", () => {
		const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
		expect([percentile(hundred, 50), percentile(hundred, 99), percentile(hundred, 100)]).toEqual([50, 99, 100]);
		expect(percentile([7], 99)).toBe(7);
		expect(percentile([], 50)).toBeUndefined();
	});

	it("is always one of the values, with enough of them at or below it", () => {
		fc.assert(
			fc.property(fc.array(fc.nat(), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, percent) => {
				const sorted = values.sort((a, b) => a - b);
				const found = percentile(sorted, percent)!;
				expect(sorted.filter(value => value <= found).length * 100).toBeGreaterThanOrEqual(sorted.length * percent);
				expect(sorted.filter(value => value < found).length * 100).toBeLessThan(sorted.length * percent);
			}),
		);
	});
});

describe("the schedule of an open loop", () => {
	it("spreads operations evenly from the beginning", () => {
		expect([0, 1, 2].map(n => intendedMs(n, 200))).toEqual([0, 5, 10]);
		expect([0, 4.9, 5, 12, 9999].map(elapsed => dueBy(elapsed, 200, 5))).toEqual([1, 1, 2, 3, 5]);
	});

	it("never starts an operation before its time", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 50_000 }), fc.integer({ min: 0, max: 60_000 }), (rate, elapsed) => {
				const due = dueBy(elapsed, rate, Number.POSITIVE_INFINITY);
				expect(intendedMs(due - 1, rate)).toBeLessThanOrEqual(elapsed + 1e-6);
				expect(intendedMs(due, rate)).toBeGreaterThan(elapsed - 1e-6);
			}),
		);
	});
});

describe("an open loop", () => {
	it("starts as many operations as the rate says", async () => {
		const measured = await openLoop(async () => undefined, { ratePerSecond: 100, seconds: 2 }, givenClock());
		expect(measured.succeeded).toBe(200);
		expect(Math.max(...measured.latenciesMs)).toBeLessThan(1);
	});

	it("charges a server that stands still for everybody who would have come meanwhile", async () => {
		const clock = givenClock();
		let calls = 0;
		const stallsOnce = async () => {
			if (++calls === 1) clock.advance(500);
		};
		const measured = await openLoop(stallsOnce, { ratePerSecond: 100, seconds: 1 }, clock);
		expect(measured.succeeded).toBe(100);
		// The first took 500 ms; the one that should have started 10 ms later took 490; and so on.
		const slow = measured.latenciesMs.filter(latency => latency > 1);
		expect(slow).toHaveLength(50);
		const charged = slow.reduce((sum, latency) => sum + latency, 0);
		expect(charged).toBeGreaterThanOrEqual((50 * 510) / 2);
		expect(charged).toBeLessThan((50 * 510) / 2 + 50); // each up to the one millisecond of a timer late
	});

	it("counts errors by what went wrong, and their time not at all", async () => {
		let calls = 0;
		const failsOften = async () => {
			if (++calls % 4 !== 0) throw new Error(calls % 2 === 0 ? "503" : "409");
		};
		const measured = await openLoop(failsOften, { ratePerSecond: 100, seconds: 1 }, givenClock());
		expect(Object.fromEntries(measured.errors)).toEqual({ 409: 50, 503: 25 });
		expect(measured.latenciesMs).toHaveLength(25);
	});
});

describe("a closed loop", () => {
	it("asks again as soon as it is answered, until the time is over", async () => {
		const clock = givenClock();
		const measured = await closedLoop(() => clock.wait(10), { callers: 1, seconds: 1 }, clock);
		expect(measured).toMatchObject({ succeeded: 100, seconds: 1 });
		expect(new Set(measured.latenciesMs)).toEqual(new Set([10]));
	});
});
