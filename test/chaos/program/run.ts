// One run from the first server to the verdict. scripts/chaos.ts is its command line.
import { setTimeout as sleep } from "node:timers/promises";
import { Arena, plansFor } from "./arena.ts";
import type { Verdict } from "./check.ts";
import type { ChaosOptions } from "./options.ts";
import { type Progress, scheduleLines, showProgress, trafficTable } from "./report.ts";
import { type PlannedFault, scheduleOf } from "./schedule.ts";

type Say = (line: string) => void;

/** Answers whether everything holds. What it printed says the rest. */
export async function runChaos(options: ChaosOptions, say: Say): Promise<boolean> {
	const { seed, minutes, rate, nodes, faults } = options;
	say(`chaos: seed ${seed}, ${minutes} min, at most ${rate} requests a second, two gateways and ${nodes} node(s) for each domain`);
	const schedule = scheduleOf({ seed, seconds: minutes * 60, faults, nodes: plansFor(nodes).map(({ name }) => name) });
	say(`schedule of ${schedule.length} fault(s), each when the one before it is over:`);
	for (const line of scheduleLines(schedule)) say(line);
	const missed = faults.filter(kind => !schedule.some(fault => fault.kind === kind));
	if (missed.length > 0) say(`  (too short for ${missed.join(", ")})`);

	say(options.lent ? "starting the nodes …" : "starting servers and nodes …");
	let progress: Progress | undefined;
	const arena = await Arena.open({ ...options, say: line => (progress ? progress.say(line) : say(line)) });
	try {
		say("buyers come:");
		progress = showProgress(minutes * 60);
		await trade(arena, options, schedule, say, () => progress?.done());
		say("everything is mended; what was left open is brought to its end …");
		const { quiet, verdicts } = await arena.judge();
		say(quiet.restless.length > 0 ? "no rest within 60 s" : `quiet after ${quiet.seconds.toFixed(1)} s`);
		if (conclude(verdicts, seed, say)) return true;
		say(`what the nodes printed: ${arena.keepLogs()}`);
		return false;
	} finally {
		progress?.done();
		await arena.close();
	}
}

async function trade(
	arena: Arena,
	{ minutes }: ChaosOptions,
	schedule: readonly PlannedFault[],
	say: Say,
	over: () => void,
): Promise<void> {
	const began = performance.now();
	const ends = AbortSignal.timeout(minutes * 60_000);
	const visitors = await arena.trade(async () => {
		await arena.faults.run(schedule, ends);
		await sleep(Math.max(0, minutes * 60_000 - (performance.now() - began)));
	});
	over();
	const { requests } = arena.tally;
	say(`${visitors} visitors, ${requests} requests, ${((requests * 1000) / (performance.now() - began)).toFixed(0)} a second:`);
	for (const line of trafficTable(arena.tally.lines())) say(line);
}

const shownMax = 20;

/** A line for each thing that must hold, and one verdict. */
export function conclude(verdicts: readonly Verdict[], seed: number, say: Say): boolean {
	say("");
	for (const { name, breaches } of verdicts) {
		say(`  ${name.padEnd(42)} ${breaches.length === 0 ? "holds" : `BROKEN (${breaches.length})`}`);
		for (const breach of breaches.slice(0, shownMax)) say(`      ${breach}`);
		if (breaches.length > shownMax) say(`      and ${breaches.length - shownMax} more`);
	}
	const broken = verdicts.filter(({ breaches }) => breaches.length > 0);
	say("");
	if (broken.length === 0) say(`verdict: everything holds (seed ${seed})`);
	else say(`verdict: BREACH of ${broken.map(({ name }) => name).join("; ")} (seed ${seed})`);
	return broken.length === 0;
}
