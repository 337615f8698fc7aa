// What follows from the seed alone: options, schedule and visitors.
import { describe, expect, it } from "@jest/globals";
import { OptionError, readOptions } from "./options.ts";
import { type FaultKind, faultKinds, type PlannedFault, scheduleOf } from "./schedule.ts";
import { type Visit, visitOf } from "./traffic-plan.ts";

const nodes = ["edge-1", "edge-2", "commerce-1", "commerce-2"];
const schedule = (seed: number, seconds = 300, faults: readonly FaultKind[] = faultKinds) => scheduleOf({ seed, seconds, faults, nodes });

describe("a schedule of faults", () => {
	it("is the same for the same seed and another for another", () => {
		expect(schedule(7)).toEqual(schedule(7));
		expect(schedule(7)).not.toEqual(schedule(8));
	});

	it("brings every kind before it brings any again, and every node before any again", () => {
		const first = schedule(3).slice(0, faultKinds.length);
		expect(new Set(first.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
		const victims = schedule(3, 600, ["kill"]).slice(0, nodes.length);
		expect(new Set(victims.map(({ target }) => target))).toEqual(new Set(nodes));
	});

	it("breaks one thing at a time, leaves time between, and ends before the buyers go", () => {
		for (const seed of [1, 2, 3, 4, 5]) {
			const faults = schedule(seed, 120);
			const ends = ({ atMs, forMs }: PlannedFault) => atMs + forMs;
			for (const [index, fault] of faults.entries()) if (index > 0) expect(fault.atMs).toBeGreaterThan(ends(faults[index - 1]!));
			expect(ends(faults.at(-1)!)).toBeLessThan(120_000);
		}
	});

	it("never kills the stand-in for MongoDB, which forgets its last second then", () => {
		expect(new Set(schedule(9, 3600, ["mongo"]).map(({ way }) => way))).toEqual(new Set(["stop", "pause"]));
	});
});

describe("the visitors of a shop", () => {
	const given = { seed: 7, members: 8, goods: 18, scarce: 6 };
	const visits = (seed = 7) => Array.from({ length: 2000 }, (_, n) => visitOf(n, { ...given, seed }));
	const ofKind = <Kind extends Visit["kind"]>(kind: Kind) =>
		visits().filter((visit): visit is Extract<Visit, { kind: Kind }> => visit.kind === kind);

	it("mean to do the same for the same seed, each whatever the others did", () => {
		expect(visits()).toEqual(visits());
		expect(visitOf(1234, given)).toEqual(visits()[1234]);
		expect(visits(8)).not.toEqual(visits());
	});

	it("try every card, repeat requests, cancel and give back", () => {
		const purchases = ofKind("buy");
		expect(new Set(purchases.map(({ card }) => card)).size).toBe(9);
		expect(new Set(purchases.map(({ repeats }) => repeats)).size).toBe(3);
		expect(new Set(purchases.map(({ then }) => then)).size).toBe(4);
		expect(purchases.some(({ member }) => member === undefined) && purchases.some(({ member }) => member !== undefined)).toBe(true);
	});

	it("want the last pieces too, and only those are ever delivered anew", () => {
		expect(ofKind("buy").some(({ lines }) => lines.some(({ goods }) => goods >= given.goods - given.scarce))).toBe(true);
		expect(ofKind("restock").filter(({ goods }) => goods < given.goods - given.scarce)).toEqual([]);
	});
});

describe("the command line", () => {
	it("has a default for everything", () => {
		const { seed, namespace, ...options } = readOptions([], {})!;
		expect(options).toEqual({ minutes: 5, faults: ["kill", "pause", "nats", "sql", "redis"], rate: 50, nodes: 2, lent: undefined });
		expect(namespace).toBe(`chaos${seed}`);
	});

	it.each([
		[["--faults", "kill,flood"], '"flood"'],
		[["--minutes", "0"], "--minutes"],
		[["--nodes", "1.5"], "--nodes"],
		[["--namespace", "Chaos"], "--namespace"],
		[["--rate"], "--rate"],
	])("refuses %s and names it", (args, named) => {
		expect(() => readOptions(args, {})).toThrow(OptionError);
		expect(() => readOptions(args, {})).toThrow(named);
	});

	it("breaks no server that was lent, and wants all of them or none", () => {
		const env = { STOA_NATS_URL: "nats://n", STOA_SQL_URL: "mysql://s", STOA_MONGO_URL: "mongodb://m", STOA_REDIS_URL: "redis://r" };
		expect(readOptions(["--faults", "kill,term"], env)).toMatchObject({ lent: { nats: "nats://n" } });
		expect(() => readOptions(["--faults", "kill,sql"], env)).toThrow("--faults sql");
		expect(() => readOptions([], { STOA_NATS_URL: "nats://n" })).toThrow("set together");
	});
});
