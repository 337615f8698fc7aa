import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { ask, tell } from "../../lib/contract.ts";
import { closedLoop, type Measured, type Operation, openLoop, percentile } from "../load.ts";
import type { Progress } from "../progress.ts";
import { type Cores, watchCores } from "../usage.ts";
import { type Market, machineMs, price, sold, taken } from "./market.ts";
import type { MeshOptions, Subject } from "./options.ts";
import type { Way } from "./ways.ts";

export interface Round {
	perSecond: number;
	p50Ms: number | undefined;
	p99Ms: number | undefined;
	cores: readonly Cores[];
	errors: ReadonlyMap<string, number>;
}

export interface WayFigures {
	subject: Subject;
	title: string;
	concurrency: number;
	perSecond: number;
	p50Ms: number | undefined;
	p99Ms: number | undefined;
	cores: readonly Cores[];
	errors: Record<string, number>;
}

/** Where the time under way of facts is measured, as in the HTTP benchmark. */
const shareOfMost = 0.7;
/** For compilers to warm up; not counted. */
const warmUpSeconds = 1;
/** How long the event loop may be kept from its timers: calls within a process never leave it by themselves, and heartbeats would be missed. */
const breathAfterMs = 5;
const appliedWithinMs = 60_000;
const lookEveryMs = 10;
/** Facts of one buyer keep their order, those of others do not wait for it. */
const buyers = 64;

type Loads = Pick<MeshOptions, "concurrency" | "seconds" | "rounds">;

/** Facts are told in two loops, one for the most and one for the time under way. */
const loopsOf: Record<Subject, number> = { calls: 1, facts: 2 };

/** How long a subject takes in so many ways. */
export function secondsOf(subject: Subject, options: Loads, ways: number): number {
	return ways * loopsOf[subject] * (warmUp(options) + options.concurrency.length * options.rounds * options.seconds);
}

export async function measureWays(subject: Subject, ways: readonly Way[], options: Loads, progress: Progress): Promise<WayFigures[]> {
	for (const way of ways) {
		progress.phase(`${subject}, ${way.title}: warming up`, loopsOf[subject] * warmUp(options));
		await roundOf[subject](way, { callers: Math.max(...options.concurrency), seconds: warmUp(options) });
	}
	const figures: WayFigures[] = [];
	for (const concurrency of options.concurrency) figures.push(...(await sideBySide(subject, ways, { ...options, concurrency }, progress)));
	return figures;
}

/**
 * Every way takes its turn in every round, so that whatever else the machine does meets all of them; and the order goes round, so that none always
 * cleans up after the same one.
 */
async function sideBySide(
	subject: Subject,
	ways: readonly Way[],
	{ concurrency, rounds, seconds }: Omit<Loads, "concurrency"> & { concurrency: number },
	progress: Progress,
): Promise<WayFigures[]> {
	const measured = new Map<Way, Round[]>(ways.map(way => [way, []]));
	for (let round = 1; round <= rounds; round++)
		for (const way of rotated(ways, round)) {
			progress.phase(`${subject}, ${way.title}: ${concurrency} at once, round ${round} of ${rounds}`, loopsOf[subject] * seconds);
			measured.get(way)!.push(await roundOf[subject](way, { callers: concurrency, seconds }));
		}
	return ways.map(way => ({ subject, title: way.title, concurrency, ...medianOf(measured.get(way)!) }));
}

const rotated = <Item>(items: readonly Item[], by: number): Item[] => items.map((_, at) => items[(at + by) % items.length]!);

type Load = { callers: number; seconds: number };
const roundOf: Record<Subject, (way: Way, load: Load) => Promise<Round>> = { calls: callsOf, facts: factsOf };

async function callsOf({ caller, processes }: Way, load: Load): Promise<Round> {
	const coresSince = watchCores(processes);
	const call = breathing(() => ask(caller, price, { sku: "STRAP-20-BROWN", quantity: 2 }));
	const { succeeded, seconds, latenciesMs, errors } = await closedLoop(call, load);
	const cores = coresSince(seconds);
	const sorted = latenciesMs.sort((a, b) => a - b);
	return { perSecond: succeeded / seconds, p50Ms: percentile(sorted, 50), p99Ms: percentile(sorted, 99), cores, errors };
}

let runs = 0;

interface Telling extends Measured {
	/** Until the last fact took effect, since the first was told. */
	seconds: number;
	p50Ms: number;
	p99Ms: number;
}

/** The most in a closed loop, and then the time under way with room to breathe: facts that queue behind each other would only tell the queue's length. */
async function factsOf(way: Way, { callers, seconds }: Load): Promise<Round> {
	const coresSince = watchCores(way.processes);
	const began = machineMs();
	const most = await telling(way, tellOne => closedLoop(tellOne, { callers, seconds }));
	const cores = coresSince((machineMs() - began) / 1000);
	const perSecond = most.seconds > 0 ? most.succeeded / most.seconds : 0;
	const ratePerSecond = Math.max(1, perSecond * shareOfMost);
	const { p50Ms, p99Ms, errors } = await telling(way, tellOne => openLoop(tellOne, { ratePerSecond, seconds }));
	return { perSecond, p50Ms, p99Ms, cores, errors: plus(most.errors, errors) };
}

/** Tells facts in the loop and waits until all of them took effect. */
async function telling({ caller }: Way, loop: (tellOne: Operation) => Promise<Measured>): Promise<Telling> {
	const { store } = caller.getLocalService("market") as Market;
	const run = `run${++runs}`;
	let told = 0;
	const began = machineMs();
	const tellOne = breathing(() => {
		const fact = { run, buyer: `buyer${told++ % buyers}`, toldAtMs: machineMs() };
		// The closure may run again after a lost race, so it changes nothing outside.
		return store.transaction(async tx => tell(tx, sold, fact));
	});
	const measured = await loop(tellOne);
	for (const waitedFrom = machineMs(); ; await sleep(lookEveryMs)) {
		const { facts, lastAtMs, p50Ms, p99Ms } = await ask(caller, taken, { run });
		if (facts >= measured.succeeded) return { ...measured, seconds: (lastAtMs - began) / 1000, p50Ms, p99Ms };
		if (machineMs() - waitedFrom > appliedWithinMs)
			throw new Error(`${facts} of ${measured.succeeded} facts took effect within ${appliedWithinMs / 1000} s.`);
	}
}

function plus(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): Map<string, number> {
	const all = new Map(one);
	for (const [what, count] of other) all.set(what, (all.get(what) ?? 0) + count);
	return all;
}

function breathing(operation: Operation): Operation {
	let breathed = performance.now();
	return async () => {
		await operation();
		if (performance.now() - breathed < breathAfterMs) return;
		breathed = performance.now();
		await turn();
	};
}

/** The middle one of the rounds for every figure by itself: one that was disturbed does not count. */
export function medianOf(rounds: readonly Round[]): Omit<WayFigures, "subject" | "title" | "concurrency"> {
	const errors: Record<string, number> = {};
	for (const [what, count] of rounds.flatMap(round => [...round.errors])) errors[what] = (errors[what] ?? 0) + count;
	const cores = (rounds[0]?.cores ?? []).map(({ name, role }) => ({
		name,
		role,
		cores: middle(rounds.map(round => round.cores.find(each => each.name === name)?.cores)) ?? 0,
	}));
	return {
		perSecond: middle(rounds.map(({ perSecond }) => perSecond)) ?? 0,
		p50Ms: middle(rounds.map(({ p50Ms }) => p50Ms)),
		p99Ms: middle(rounds.map(({ p99Ms }) => p99Ms)),
		cores,
		errors,
	};
}

function middle(values: readonly (number | undefined)[]): number | undefined {
	const known = values.filter(value => value !== undefined).sort((a, b) => a - b);
	return percentile(known, 50);
}

function warmUp({ seconds }: Pick<Loads, "seconds">): number {
	return Math.min(warmUpSeconds, seconds);
}
