// What is broken, when and for how long: drawn from the seed before anything starts, so that a breach can be met again.
import { Random } from "./random.ts";

export const faultKinds = ["kill", "pause", "term", "nats", "sql", "mongo", "redis"] as const;
export type FaultKind = (typeof faultKinds)[number];
export type ServerName = "nats" | "sql" | "mongo" | "redis";

/** `kills`: three times, with little time between. `wipe`: killed, and its data deleted. `flush`: emptied while it runs. */
export type Way = "kill" | "stop" | "pause" | "kills" | "wipe" | "flush";

export interface PlannedFault {
	/** After the first buyer came. A fault waits until the one before it is over. */
	atMs: number;
	kind: FaultKind;
	way: Way;
	/** A node's name, or the server's. */
	target: string;
	/** How long it stays broken. */
	forMs: number;
}

const nodeWays: Record<"kill" | "pause" | "term", [way: Way, fromMs: number, toMs: number]> = {
	kill: ["kill", 500, 5000],
	// Longer than any lease, and around the time after which the others give a silent node up.
	pause: ["pause", 4000, 9000],
	term: ["stop", 0, 2000],
};

const serverWays: Record<ServerName, readonly [way: Way, fromMs: number, toMs: number][]> = {
	nats: [
		["stop", 3000, 9000],
		["kills", 3000, 6000],
		["wipe", 500, 3000],
		["pause", 2000, 6000],
	],
	sql: [
		["stop", 2000, 8000],
		["kill", 1000, 5000],
		["pause", 2000, 7000],
	],
	// Never killed: the stand-in for MongoDB forgets its last second then, which a server that keeps a journal does not.
	mongo: [
		["stop", 2000, 8000],
		["pause", 2000, 7000],
	],
	redis: [
		["kill", 1000, 8000],
		["pause", 2000, 8000],
		["flush", 0, 0],
	],
};

export const isServerFault = (kind: FaultKind): kind is ServerName => kind in serverWays;

/** All of a list in an order of chance, then all again in another. */
function* turns<T>(list: readonly T[], random: Random): Generator<T, never> {
	for (;;) yield* random.shuffled(list);
}

export interface ScheduleGiven {
	seed: number;
	seconds: number;
	faults: readonly FaultKind[];
	nodes: readonly string[];
}

// Buyers have begun before the first fault, and see the shop stand again after the last.
const firstMs: [number, number] = [3000, 5000];
const restMs: [number, number] = [5000, 9000];
const calmAtEndMs = 4000;

/** Every kind comes before any comes again, and so does every node. */
export function scheduleOf({ seed, seconds, faults, nodes }: ScheduleGiven): PlannedFault[] {
	const random = new Random(seed, "schedule");
	const kinds = turns(faults, random);
	const victims = turns(nodes, random);
	const ways = new Map(faults.filter(isServerFault).map(kind => [kind, turns(serverWays[kind], random)]));
	const schedule: PlannedFault[] = [];
	let atMs = random.whole(...firstMs);
	while (faults.length > 0) {
		const kind = kinds.next().value;
		const [way, fromMs, toMs] = isServerFault(kind) ? ways.get(kind)!.next().value : nodeWays[kind];
		const target = isServerFault(kind) ? kind : victims.next().value;
		const forMs = random.whole(fromMs, toMs);
		if (atMs + forMs > seconds * 1000 - calmAtEndMs) return schedule;
		schedule.push({ atMs, kind, way, target, forMs });
		atMs += forMs + random.whole(...restMs);
	}
	return schedule;
}

const did: Record<Way, string> = {
	kill: "killed",
	stop: "stopped",
	pause: "paused",
	kills: "killed three times",
	wipe: "killed, its data deleted",
	flush: "emptied",
};

export const sayFault = ({ way, target, forMs }: PlannedFault) =>
	`${target} ${did[way]}${forMs > 0 ? `, back after ${(forMs / 1000).toFixed(1)} s` : ""}`;
