import os from "node:os";
import type { ScenarioName } from "./scenarios.ts";
import type { Durability } from "./shop.ts";
import { aligned, decimal, machine, ratio, whole } from "./tables.ts";
import type { Cores } from "./usage.ts";

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
	/** Of each process while the most was looked for, or else in the open loop. */
	cores: readonly Cores[];
	/** Of the product's processes together. */
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

export function table(figures: Figures): string {
	const { scenarios } = figures;
	const hasServers = scenarios.some(({ cores }) => cores.some(({ role }) => role === "server"));
	const rows = [
		[
			...["scenario", "most/s", "offered/s", "achieved/s", "errors", "p50 ms", "p99 ms", "cores: product"],
			...(hasServers ? ["servers"] : []),
			...["bench", "others", "memory MB"],
		],
		...scenarios.map(scenario => [
			scenario.title,
			whole(scenario.maxPerSecond),
			whole(scenario.offeredPerSecond),
			whole(scenario.achievedPerSecond),
			whole(Object.values(scenario.errors).reduce((sum, count) => sum + count, 0)),
			decimal(scenario.p50Ms),
			decimal(scenario.p99Ms),
			decimal(coresOf(scenario, "product")),
			...(hasServers ? [decimal(coresOf(scenario, "server"))] : []),
			decimal(coresOf(scenario, "generator")),
			decimal(coresOf(scenario, "others")),
			whole(scenario.residentMb),
		]),
	];
	return [titleOf(figures), machine(), "", ...aligned(rows), ...errorLines(scenarios), ...coresByProcess(scenarios)].join("\n");
}

function titleOf({ target, durability, firstStartMs, startMs, peakMb }: Figures): string {
	const first = firstStartMs === undefined ? [] : [`first start with seeding ${whole(firstStartMs)} ms`];
	const start = startMs === undefined ? [] : [`start-up ${whole(startMs)} ms`];
	const memory = peakMb === undefined ? [] : [`peak memory ${whole(peakMb)} MB`];
	return [target, ...(durability ? [`durability ${durability}`] : []), ...first, ...start, ...memory].join(" · ");
}

function coresOf({ cores }: ScenarioFigures, role: Cores["role"]): number | undefined {
	const known = cores.filter(each => each.role === role);
	return known.length === 0 ? undefined : total(known);
}

const total = (cores: readonly Cores[]) => cores.reduce((sum, each) => sum + each.cores, 0);

/** Where the product is more than one process: who was busy in which scenario. All together near the number of cores means that the machine limits. */
function coresByProcess(scenarios: readonly ScenarioFigures[]): string[] {
	const processes = scenarios[0]?.cores ?? [];
	if (processes.filter(({ role }) => role === "product").length < 2) return [];
	const names = processes.map(({ name }) => name);
	const rows = [
		["cores kept busy", ...scenarios.map(({ scenario }) => scenario)],
		...names.map(name => [name, ...scenarios.map(({ cores }) => decimal(cores.find(each => each.name === name)?.cores))]),
		[`together, of ${os.availableParallelism()}`, ...scenarios.map(({ cores }) => decimal(total(cores)))],
	];
	return ["", ...aligned(rows)];
}

/** Two runs side by side; the ratio says how much the other reaches for each one of the base. */
export function comparison(base: Figures, other: Figures): string {
	const rows = [
		["scenario", "embedded/s", "real/s", "real ÷ embedded", "p50 ms: embedded", "real", "real ÷ embedded"],
		...base.scenarios.map(one => {
			const another = other.scenarios.find(({ scenario }) => scenario === one.scenario);
			const [reached, reachedByOther] = [reachedBy(one), another && reachedBy(another)];
			return [
				one.title,
				whole(reached),
				whole(reachedByOther),
				ratio(reachedByOther, reached),
				decimal(one.p50Ms),
				decimal(another?.p50Ms),
				ratio(another?.p50Ms, one.p50Ms),
			];
		}),
	];
	return [`${other.target} ÷ ${base.target}, in one run`, "", ...aligned(rows)].join("\n");
}

const reachedBy = ({ maxPerSecond, achievedPerSecond }: ScenarioFigures) => maxPerSecond ?? achievedPerSecond;

function errorLines(scenarios: readonly ScenarioFigures[]): string[] {
	return scenarios.flatMap(figures =>
		Object.entries(figures.errors)
			.sort(([, a], [, b]) => b - a)
			.map(([what, count]) => `${figures.scenario}: ${count} × ${what}`),
	);
}
