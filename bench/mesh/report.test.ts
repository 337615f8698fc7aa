import { describe, expect, it } from "@jest/globals";
import { medianOf, type Round, secondsOf, type WayFigures } from "./measure.ts";
import { report } from "./report.ts";

const aRound = (perSecond: number, p50Ms: number, nats = 0.1): Round => ({
	perSecond,
	p50Ms,
	p99Ms: 2 * p50Ms,
	cores: [
		{ name: "node", role: "product", cores: 0.5 },
		{ name: "NATS", role: "server", cores: nats },
		{ name: "bench", role: "generator", cores: 0.9 },
		{ name: "others", role: "others", cores: 0 },
	],
	errors: new Map(),
});

const figures = (given: Partial<WayFigures>): WayFigures => ({
	subject: "calls",
	title: "one process",
	concurrency: 1,
	...medianOf([aRound(100_000, 0.004)]),
	...given,
});

describe("the rounds of one way", () => {
	it("give the middle of every figure by itself, so that a disturbed one does not count", () => {
		const median = medianOf([aRound(1000, 1, 0.1), aRound(10, 90, 1.5), aRound(1100, 0.9, 0.2)]);
		expect(median).toMatchObject({ perSecond: 1000, p50Ms: 1, p99Ms: 2 });
		expect(median.cores.find(({ name }) => name === "NATS")?.cores).toBe(0.2);
	});

	it("give every error of all of them", () => {
		const failing = (count: number): Round => ({ ...aRound(1, 1), errors: new Map([["timed out", count]]) });
		expect(medianOf([failing(2), aRound(1, 1), failing(3)]).errors).toEqual({ "timed out": 5 });
	});

	it("take as long as they say", () => {
		const loads = { concurrency: [1, 64], seconds: 2, rounds: 3 };
		expect(secondsOf("calls", loads, 3)).toBe(3 * (1 + 2 * 3 * 2));
		expect(secondsOf("facts", loads, 2)).toBe(2 * 2 * (1 + 2 * 3 * 2));
	});
});

describe("the report of the mesh", () => {
	const text = report(
		[
			figures({}),
			figures({ title: "two nodes, CBOR", perSecond: 5000, p50Ms: 0.2 }),
			figures({ title: "two nodes, JSON", perSecond: 4000 }),
			figures({ concurrency: 64, perSecond: 200_000 }),
			figures({ title: "two nodes, CBOR", concurrency: 64, perSecond: 20_000, errors: { "timed out": 3 } }),
			figures({ title: "two nodes, JSON", concurrency: 64, perSecond: 10_000 }),
			figures({ subject: "facts", title: "one process, SQLite", perSecond: 800, p50Ms: 2.5 }),
			figures({ subject: "facts", title: "two nodes, JetStream and MariaDB", perSecond: 200, p50Ms: 12 }),
		],
		{ seconds: 2, rounds: 3 },
	);
	const row = (begin: RegExp) =>
		text
			.split("\n")
			.find(line => begin.test(line))
			?.split("|")
			.map(cell => cell.trim());

	it("sets every way beside the one process with as many callers", () => {
		expect(row(/^\| two nodes, CBOR \| +1 /)?.slice(3, 6)).toEqual(["5,000", "0.050", "200.0"]);
		expect(row(/^\| two nodes, CBOR \| +64 /)?.[4]).toBe("0.10");
		expect(row(/^\| two nodes, JetStream/)?.slice(3, 6)).toEqual(["200", "0.25", "12.0"]);
	});

	it("tells what CBOR is worth, who was busy, and what went wrong", () => {
		expect(text).toContain("CBOR ÷ JSON: 1.25 with 1 at once, 2.00 with 64 at once");
		expect(row(/^\| calls /)?.slice(7, 11)).toEqual(["cores: caller", "node", "NATS", "others"]);
		expect(row(/^\| two nodes, JSON \| +1 /)?.slice(7, 11)).toEqual(["0.90", "0.50", "0.10", "0.00"]);
		expect(text).toContain("two nodes, CBOR, 64 at once: 3 × timed out");
	});
});
