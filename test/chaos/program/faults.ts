// Breaks nodes and servers as planned, mends them, and remembers what was broken when.
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Cluster, ClusterNode } from "../../support/cluster.ts";
import type { TestServer } from "../../support/engines/engines.ts";
import type { Sky } from "./client.ts";
import { type PlannedFault, type ServerName, sayFault } from "./schedule.ts";
import type { Weather } from "./tally.ts";

/** From the first harm until all nodes say again that they are ready. Times of `performance.now()`. */
interface Spell {
	weather: Weather;
	target: string;
	from: number;
	to: number;
}

export interface FaultsGiven {
	cluster: Cluster;
	/** Those that may be broken. */
	servers: Partial<Record<ServerName, TestServer>>;
	say(line: string): void;
}

/** All nodes must be ready again this soon after what was broken is back. */
export const recoveredWithinMs = 60_000;
// Calls that were under way when the last node said it is ready belong to the fault still: they ran into it, or into connections that it cut.
const afterwardsMs = 1500;
const killsOf = 3;

export class Faults implements Sky {
	readonly #given: FaultsGiven;
	readonly #spells: Spell[] = [];
	/** What should not have happened: nodes that died by themselves, or did not come back. */
	readonly breaches: string[] = [];
	/** Nodes that are meant to be down. */
	readonly #down = new Set<string>();

	constructor(given: FaultsGiven) {
		this.#given = given;
		for (const node of given.cluster.nodes) this.#watch(node);
	}

	weather(from: number, to: number): Weather {
		return this.#spells.find(spell => spell.from <= to && from <= spell.to)?.weather ?? "calm";
	}

	isBroken(gateway: string, from: number, to: number): boolean {
		const names = new Set(this.#given.cluster.nodes.filter(({ url }) => url === gateway).map(({ name }) => name));
		return this.#spells.some(spell => names.has(spell.target) && spell.from <= to && from <= spell.to);
	}

	/** One after the other; resolves when the last is over, or the signal says enough. */
	async run(schedule: readonly PlannedFault[], signal: AbortSignal): Promise<void> {
		const began = performance.now();
		for (const fault of schedule) {
			await sleep(Math.max(0, began + fault.atMs - performance.now()), undefined, { signal }).catch(() => undefined);
			if (signal.aborted) return;
			await this.inflict(fault);
		}
	}

	/** Breaks, waits, mends, and waits until all nodes are ready. Resolves with how long that last wait was. */
	async inflict(fault: PlannedFault): Promise<number> {
		const spell = { weather: fault.kind, target: fault.target, from: performance.now(), to: Number.POSITIVE_INFINITY };
		this.#spells.push(spell);
		this.#given.say(sayFault(fault));
		const server = this.#given.servers[fault.target as ServerName];
		if (server) await breakServer(server, fault);
		else await this.#breakNode(this.#given.cluster.node(fault.target), fault);
		const mended = performance.now();
		const isReady = await this.untilReady();
		const tookMs = performance.now() - mended;
		if (!isReady) this.breaches.push(`not all nodes were ready ${recoveredWithinMs / 1000} s after ${sayFault(fault)}`);
		spell.to = performance.now() + afterwardsMs;
		this.#given.say(`${fault.target} is back; all nodes ready ${(tookMs / 1000).toFixed(1)} s later`);
		return tookMs;
	}

	async untilReady(): Promise<boolean> {
		const { nodes } = this.#given.cluster;
		for (const until = performance.now() + recoveredWithinMs; performance.now() < until; await sleep(100))
			if ((await Promise.all(nodes.map(node => node.isReady()))).every(Boolean)) return true;
		return false;
	}

	async #breakNode(node: ClusterNode, { way, forMs }: PlannedFault): Promise<void> {
		if (way === "pause") {
			node.pause();
			await sleep(forMs);
			node.resume();
			return;
		}
		this.#down.add(node.name);
		if (way === "kill") await node.kill();
		else {
			const { code, signal } = await node.stop();
			if (code !== 0) this.breaches.push(`${node.name} ended with ${signal ?? code} when it was asked to stop`);
		}
		await sleep(forMs);
		await node.restart();
		this.#down.delete(node.name);
		this.#watch(node);
	}

	#watch(node: ClusterNode): void {
		const { pid } = node;
		void node.ended.then(({ code, signal }) => {
			if (!this.#down.has(node.name)) this.breaches.push(`${node.name} (process ${pid}) ended by itself with ${signal ?? code}`);
		});
	}

	/** Ends of nodes are no longer anybody's business. */
	leaveAlone(): void {
		for (const { name } of this.#given.cluster.nodes) this.#down.add(name);
	}
}

async function breakServer(server: TestServer, { way, forMs }: PlannedFault): Promise<void> {
	switch (way) {
		case "pause":
			server.pause();
			await sleep(forMs);
			server.resume();
			return;
		case "flush":
			return flush(server.url);
		case "kills":
			for (let kill = 1; kill <= killsOf; kill++) {
				await server.kill();
				await sleep(forMs / killsOf / 2);
				await server.restart();
				if (kill < killsOf) await sleep(forMs / killsOf / 2);
			}
			return;
		case "stop":
			await server.stop();
			break;
		case "kill":
		case "wipe":
			await server.kill();
	}
	await sleep(forMs);
	await server.restart({ wipe: way === "wipe" });
}

async function flush(url: string): Promise<void> {
	const redis = new Redis(url);
	try {
		await redis.flushall();
	} finally {
		redis.disconnect();
	}
}
