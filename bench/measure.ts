import { closedLoop, type Measured, openLoop, percentile } from "./load.ts";
import type { Options } from "./options.ts";
import type { Progress } from "./progress.ts";
import type { ScenarioFigures } from "./report.ts";
import type { Scenario, ScenarioName } from "./scenarios.ts";
import { type Cores, productUsage, type WatchedProcess, watchCores } from "./usage.ts";

/** Where latencies are measured: busy, and with room for the bursts that full load has none for. */
const shareOfMost = 0.7;
/** For compilers and caches to warm up; not counted. */
const warmUpSeconds = 2;

type Phases = Pick<Options, "seconds" | "rates" | "connections">;

/** How long one scenario takes in all. */
export function secondsOf({ seconds, rates }: Pick<Phases, "seconds" | "rates">): number {
	return warmUp(seconds) + (rates.size > 0 ? 1 : 2) * seconds;
}

/** All phases of one scenario. `processes` are those to watch, which run on this machine and were started here. */
export async function measure(
	name: ScenarioName,
	scenario: Scenario,
	options: Phases,
	progress: Progress,
	processes: readonly WatchedProcess[] = [],
): Promise<ScenarioFigures> {
	const { seconds } = options;
	const callers = options.connections ?? scenario.callers;
	progress.phase(`${scenario.title}: warming up`, warmUp(seconds));
	await closedLoop(scenario.operation, { callers, seconds: warmUp(seconds) });

	const given = options.rates.get(name);
	let busiest: Watched | undefined;
	if (given === undefined) {
		progress.phase(`${scenario.title}: finding the most with ${callers} callers`, seconds);
		busiest = await watched(() => closedLoop(scenario.operation, { callers, seconds }), processes);
	}
	const most = busiest && busiest.measured.succeeded / busiest.measured.seconds;
	const offered = given ?? Math.max(1, most! * shareOfMost);
	progress.phase(`${scenario.title}: ${Math.round(offered)} per second`, seconds);
	const open = await watched(() => openLoop(scenario.operation, { ratePerSecond: offered, seconds }), processes);

	const sorted = open.measured.latenciesMs.sort((a, b) => a - b);
	return {
		scenario: name,
		title: scenario.title,
		maxPerSecond: most,
		offeredPerSecond: offered,
		achievedPerSecond: open.measured.succeeded / Math.max(seconds, open.measured.seconds),
		p50Ms: percentile(sorted, 50),
		p99Ms: percentile(sorted, 99),
		errors: together(busiest?.measured.errors, open.measured.errors),
		cores: (busiest ?? open).cores,
		residentMb: productUsage(processes)?.residentMb,
	};
}

interface Watched {
	measured: Measured;
	cores: Cores[];
}

async function watched(run: () => Promise<Measured>, processes: readonly WatchedProcess[]): Promise<Watched> {
	const coresSince = watchCores(processes);
	const measured = await run();
	return { measured, cores: coresSince(measured.seconds) };
}

function warmUp(seconds: number): number {
	return Math.min(warmUpSeconds, seconds);
}

function together(...parts: (ReadonlyMap<string, number> | undefined)[]): Record<string, number> {
	const all: Record<string, number> = {};
	for (const [what, count] of parts.flatMap(part => [...(part ?? [])])) all[what] = (all[what] ?? 0) + count;
	return all;
}
