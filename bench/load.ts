import { setTimeout as sleep } from "node:timers/promises";

/** One whole operation, such as a checkout of two requests; it throws what went wrong. */
export type Operation = () => Promise<unknown>;

export interface Clock {
	nowMs(): number;
	wait(ms: number): Promise<unknown>;
}

export interface Measured {
	succeeded: number;
	/** How often each thing went wrong. */
	errors: Map<string, number>;
	seconds: number;
	/** Of what succeeded, in milliseconds. */
	latenciesMs: number[];
}

const realClock: Clock = { nowMs: () => performance.now(), wait: ms => sleep(ms) };

/** When the n-th operation of an open loop is meant to start, counted from the beginning. */
export function intendedMs(n: number, ratePerSecond: number): number {
	return (n * 1000) / ratePerSecond;
}

/** How many operations should have been started by now. */
export function dueBy(elapsedMs: number, ratePerSecond: number, total: number): number {
	return Math.min(total, Math.floor((elapsedMs * ratePerSecond) / 1000) + 1);
}

/** Nearest rank: the smallest value that at least `percent` of all do not exceed. */
export function percentile(sorted: readonly number[], percent: number): number | undefined {
	return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

/**
 * So many callers, each asking again as soon as it is answered: finds out how much there is to be had. Its latencies say little, because
 * a slow server is simply asked less often.
 */
export async function closedLoop(
	operation: Operation,
	{ callers, seconds }: { callers: number; seconds: number },
	clock: Clock = realClock,
): Promise<Measured> {
	const measured = nothingYet();
	const began = clock.nowMs();
	const until = began + seconds * 1000;
	const call = async () => {
		for (let started = clock.nowMs(); started < until; started = clock.nowMs()) {
			await attempt(operation, measured, () => clock.nowMs() - started);
			// A refused connection fails at once, and a loop of those would starve the timers.
			if (measured.succeeded === 0 && sum(measured.errors) % 1000 === 999) await clock.wait(1);
		}
	};
	await Promise.all(Array.from({ length: callers }, call));
	return { ...measured, seconds: (clock.nowMs() - began) / 1000 };
}

/**
 * Operations start when the schedule says, whether or not the last ones were answered, as buyers do. Latency counts from the intended
 * start, so a server that stands still is charged for everybody who would have come meanwhile.
 */
export async function openLoop(
	operation: Operation,
	{ ratePerSecond, seconds }: { ratePerSecond: number; seconds: number },
	clock: Clock = realClock,
): Promise<Measured> {
	const measured = nothingYet();
	const total = Math.max(1, Math.round(ratePerSecond * seconds));
	const underway: Promise<void>[] = [];
	const began = clock.nowMs();
	while (underway.length < total) {
		const due = dueBy(clock.nowMs() - began, ratePerSecond, total);
		while (underway.length < due) {
			const intended = began + intendedMs(underway.length, ratePerSecond);
			underway.push(attempt(operation, measured, () => clock.nowMs() - intended));
		}
		await clock.wait(Math.max(1, began + intendedMs(due, ratePerSecond) - clock.nowMs()));
	}
	await Promise.all(underway);
	return { ...measured, seconds: (clock.nowMs() - began) / 1000 };
}

async function attempt(operation: Operation, measured: Measured, elapsedMs: () => number): Promise<void> {
	try {
		await operation();
		measured.succeeded++;
		measured.latenciesMs.push(elapsedMs());
	} catch (error) {
		const what = error instanceof Error ? error.message : String(error);
		measured.errors.set(what, (measured.errors.get(what) ?? 0) + 1);
	}
}

function nothingYet(): Measured {
	return { succeeded: 0, errors: new Map(), seconds: 0, latenciesMs: [] };
}

export function sum(errors: ReadonlyMap<string, number>): number {
	return [...errors.values()].reduce((total, count) => total + count, 0);
}
