import os from "node:os";
import type { Durability } from "./product.ts";
import type { ScenarioName } from "./scenarios.ts";

export interface ScenarioFigures {
	scenario: ScenarioName;
	title: string;
	/** What the closed loop reached; absent when a rate was given. */
	maxPerSecond?: number;
	/** What the open loop asked for and what succeeded. */
	offeredPerSecond: number;
	achievedPerSecond: number;
	p50Ms?: number;
	p99Ms?: number;
	/** Of both loops. */
	errors: Record<string, number>;
	/** Cores that product and generator kept busy while the most was looked for, or else in the open loop. */
	productCores?: number;
	generatorCores: number;
	residentMb?: number;
}

export interface Figures {
	target: string;
	durability?: Durability;
	/** With seeding, and again with the data there. */
	firstStartMs?: number;
	startMs?: number;
	peakMb?: number;
	scenarios: ScenarioFigures[];
}

export function table({ target, durability, firstStartMs, startMs, peakMb, scenarios }: Figures): string {
	const rows = [
		["scenario", "most/s", "offered/s", "achieved/s", "errors", "p50 ms", "p99 ms", "cores: product", "bench", "memory MB"],
		...scenarios.map(figures => [
			figures.title,
			whole(figures.maxPerSecond),
			whole(figures.offeredPerSecond),
			whole(figures.achievedPerSecond),
			whole(Object.values(figures.errors).reduce((sum, count) => sum + count, 0)),
			decimal(figures.p50Ms),
			decimal(figures.p99Ms),
			decimal(figures.productCores),
			decimal(figures.generatorCores),
			whole(figures.residentMb),
		]),
	];
	const start = startMs === undefined ? [] : [`start-up ${whole(startMs)} ms (first, with seeding: ${whole(firstStartMs)} ms)`];
	const memory = peakMb === undefined ? [] : [`peak memory ${whole(peakMb)} MB`];
	const title = [target, ...(durability ? [`durability ${durability}`] : []), ...start, ...memory].join(" · ");
	return [title, machine(), "", ...aligned(rows), ...errorLines(scenarios)].join("\n");
}

/** Figures mean nothing without it. */
export function machine(): string {
	return `Node ${process.versions.node}, ${os.availableParallelism()} × ${os.cpus()[0]?.model.trim() || os.arch()}, the load generator on the same machine`;
}

function errorLines(scenarios: readonly ScenarioFigures[]): string[] {
	return scenarios.flatMap(figures =>
		Object.entries(figures.errors)
			.sort(([, a], [, b]) => b - a)
			.map(([what, count]) => `${figures.scenario}: ${count} × ${what}`),
	);
}

/** As a Markdown table, so that a figure can be pasted where it is quoted. */
function aligned(rows: readonly string[][]): string[] {
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
	const line = (row: readonly string[]) =>
		`| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(" | ")} |`;
	const rule = `|${widths.map((width, at) => (at === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
	return [line(rows[0]!), rule, ...rows.slice(1).map(line)];
}

function whole(value: number | undefined): string {
	return value === undefined ? "–" : Math.round(value).toLocaleString("en");
}

function decimal(value: number | undefined): string {
	return value === undefined ? "–" : value.toFixed(value < 10 ? 2 : 1);
}
