import { describe, expect, it } from "@jest/globals";
import { mayFire } from "./firing.ts";

const hour = 3_600_000;
const hourly = { cooldownMs: hour };
const once = { cooldownMs: null };

describe("a rule whose condition holds", () => {
	it("says so the first time", () => {
		expect(mayFire({ rule: once, fired: undefined, episode: 0, now: 0 })).toBe(true);
	});

	it("keeps quiet until its cooldown is over, to the millisecond", () => {
		const fired = { at: 1000, episode: 0 };
		expect(mayFire({ rule: hourly, fired, episode: 0, now: 1000 + hour - 1 })).toBe(false);
		expect(mayFire({ rule: hourly, fired, episode: 0, now: 1000 + hour })).toBe(true);
	});

	it("keeps quiet about what happened before it said so and arrived later", () => {
		expect(mayFire({ rule: hourly, fired: { at: 5000, episode: 0 }, episode: 0, now: 1000 })).toBe(false);
	});

	it("without a cooldown says so once in an episode, and again in the next", () => {
		const fired = { at: 1000, episode: 3 };
		expect(mayFire({ rule: once, fired, episode: 3, now: 1000 + 400 * 24 * hour })).toBe(false);
		expect(mayFire({ rule: once, fired, episode: 9, now: 1001 })).toBe(true);
		expect(mayFire({ rule: hourly, fired, episode: 9, now: 1001 })).toBe(true);
	});

	it("says so every time where it remembers nothing", () => {
		expect(mayFire({ rule: { cooldownMs: 0 }, fired: { at: 1000, episode: 0 }, episode: 0, now: 1000 })).toBe(true);
	});
});
