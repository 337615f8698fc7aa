import { describe, expect, it } from "@jest/globals";
import { comparison, type Figures, type ScenarioFigures, table } from "./report.ts";
import type { Cores } from "./usage.ts";

const aScenario = (given: Partial<ScenarioFigures> = {}): ScenarioFigures => ({
	scenario: "detail",
	title: "product detail",
	maxPerSecond: 1000,
	offeredPerSecond: 700,
	achievedPerSecond: 700,
	p50Ms: 2,
	p99Ms: 20,
	errors: {},
	cores: [
		{ name: "product", role: "product", cores: 0.9 },
		{ name: "bench", role: "generator", cores: 0.25 },
		{ name: "others", role: "others", cores: 0.05 },
	],
	...given,
});

const nodes: Cores[] = [
	{ name: "edge", role: "product", cores: 0.5 },
	{ name: "commerce", role: "product", cores: 0.75 },
	{ name: "MariaDB", role: "server", cores: 0.25 },
	{ name: "bench", role: "generator", cores: 0.125 },
	{ name: "others", role: "others", cores: 0 },
];
const embedded: Figures = { target: "embedded, one process", durability: "full", scenarios: [aScenario()] };
const real: Figures = { target: "real engines", scenarios: [aScenario({ maxPerSecond: 400, p50Ms: 5, cores: nodes })] };

/** The cells of the row that begins with the name, in whichever table comes first. */
const rowOf = (text: string, name: string) =>
	text
		.split("\n")
		.find(line => line.startsWith(`| ${name} `))
		?.split("|")
		.slice(1, -1)
		.map(cell => cell.trim());

describe("the table of a run", () => {
	it("of one process says what the product and the generator used, and asks for no servers", () => {
		const text = table(embedded);
		expect(text).toContain("embedded, one process · durability full");
		expect(rowOf(text, "scenario")).not.toContain("servers");
		expect(rowOf(text, "product detail")?.slice(-4)).toEqual(["0.90", "0.25", "0.05", "–"]);
		expect(text).not.toContain("cores kept busy");
	});

	it("of many nodes adds them up, and then tells each of them and of the servers", () => {
		const text = table(real);
		expect(rowOf(text, "scenario")?.slice(7)).toEqual(["cores: product", "servers", "bench", "others", "memory MB"]);
		expect(rowOf(text, "product detail")?.slice(7)).toEqual(["1.25", "0.25", "0.13", "0.00", "–"]);
		expect(rowOf(text, "cores kept busy")).toEqual(["cores kept busy", "detail"]);
		expect(rowOf(text, "commerce")).toEqual(["commerce", "0.75"]);
		expect(rowOf(text, "MariaDB")).toEqual(["MariaDB", "0.25"]);
		expect(text).toMatch(/\| together, of \d+ +\| +1\.6[23] \|/);
	});
});

describe("two runs side by side", () => {
	it("are told as what the real engines reach for each one of the embedded, and how much longer an answer takes", () => {
		expect(rowOf(comparison(embedded, real), "product detail")).toEqual(["product detail", "1,000", "400", "0.40", "2.00", "5.00", "2.50"]);
	});

	it("at a given rate compare what was achieved", () => {
		const at = (achievedPerSecond: number): ScenarioFigures => {
			const { maxPerSecond: _, ...scenario } = aScenario({ achievedPerSecond });
			return scenario;
		};
		const text = comparison({ ...embedded, scenarios: [at(50)] }, { ...real, scenarios: [at(25)] });
		expect(rowOf(text, "product detail")?.slice(1, 4)).toEqual(["50", "25", "0.50"]);
	});

	it("leave open what only one of them has", () => {
		const text = comparison(embedded, { ...real, scenarios: [] });
		expect(rowOf(text, "product detail")).toEqual(["product detail", "1,000", "–", "–", "2.00", "–", "–"]);
	});
});
