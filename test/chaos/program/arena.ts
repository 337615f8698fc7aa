// A shop on many nodes, with buyers in it and somebody who breaks things. The program and the suites play in it.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Cluster, type Engines, type NodePlan, startCluster, startEngines } from "../../support/cluster.ts";
import { check, type Verdict } from "./check.ts";
import { Client } from "./client.ts";
import { Faults } from "./faults.ts";
import { Memory } from "./memory.ts";
import type { ServerUrls } from "./options.ts";
import { type Stocked, stockShop } from "./people.ts";
import type { Street } from "./purchase.ts";
import { type Quiet, settle, untilQuiet } from "./quiet.ts";
import { Tally } from "./tally.ts";
import { receiveVisitors } from "./visits.ts";

const domains = ["identity", "commerce", "notification", "platform"];

/** Two gateways, so that whoever is cut off by one finds another, and so many nodes for each of the other domains. */
export const plansFor = (nodes: number): NodePlan[] => [
	...[1, 2].map(n => ({ name: `edge-${n}`, services: "edge" })),
	...domains.flatMap(services => Array.from({ length: nodes }, (_, index) => ({ name: `${services}-${index + 1}`, services }))),
];

export interface ArenaGiven {
	seed: number;
	rate: number;
	/** For each domain. */
	nodes: number;
	namespace: string;
	/** Somebody else's servers; undefined: its own, which may be broken. */
	lent?: ServerUrls | undefined;
	say(line: string): void;
}

export interface Outcome {
	quiet: Quiet;
	verdicts: Verdict[];
}

export class Arena {
	readonly cluster: Cluster;
	readonly engines: Engines | undefined;
	readonly faults: Faults;
	readonly street: Street;
	/** Of all buyers so far. */
	readonly tally: Tally;
	readonly #given: ArenaGiven;
	readonly #stocked: Stocked;
	#visits = 0;

	private constructor(given: ArenaGiven, parts: Pick<Arena, "cluster" | "engines" | "faults" | "street" | "tally"> & { stocked: Stocked }) {
		this.#given = given;
		this.cluster = parts.cluster;
		this.engines = parts.engines;
		this.faults = parts.faults;
		this.street = parts.street;
		this.tally = parts.tally;
		this.#stocked = parts.stocked;
	}

	static async open(given: ArenaGiven): Promise<Arena> {
		const { seed, rate, nodes, namespace, lent, say } = given;
		const engines = lent ? undefined : await startEngines();
		let cluster: Cluster | undefined;
		try {
			cluster = await startCluster({ urls: lent ?? engines!.urls, namespace, nodes: plansFor(nodes) });
			const memory = new Memory();
			const tally = new Tally();
			const faults = new Faults({ cluster, servers: engines?.servers ?? {}, say });
			const client = new Client(cluster.gateways, { rate, tally, sky: faults });
			const stocked = await stockShop(cluster.url, { seed, client: () => client, memory });
			return new Arena(given, { cluster, engines, faults, street: { client, memory, people: stocked.people }, tally, stocked });
		} catch (error) {
			await cluster?.remove();
			await engines?.remove();
			throw error;
		}
	}

	/** Buyers come, as the seed means them to, while the work is done. Answers how many came. */
	async trade(work: () => Promise<unknown>): Promise<number> {
		const { seed, rate } = this.#given;
		const before = this.#visits;
		const closing = new AbortController();
		const { people, goods, scarce } = this.#stocked;
		const plan = { seed, members: people.members.length, goods: goods.length, scarce };
		const given = { rate, closing: closing.signal, next: () => this.#visits++ };
		const visitors = receiveVisitors(this.street, plan, given);
		try {
			await work();
		} finally {
			closing.abort();
			await visitors;
		}
		return this.#visits - before;
	}

	/** Brings everything to its end, waits for rest, and asks whether all that must hold does. */
	async judge(): Promise<Outcome> {
		const { cluster, faults, street, tally } = this;
		const open = await settle(street);
		const mesh = await cluster.mesh();
		const quiet = await untilQuiet(street, mesh);
		const urls = this.#given.lent ?? this.engines!.urls;
		const { memory } = street;
		return { quiet, verdicts: await check({ cluster, urls, mesh, memory, tally, quiet, open, nodes: faults.breaches }) };
	}

	/** Where the logs are when their nodes are gone. */
	keepLogs(): string {
		const folder = fs.mkdtempSync(path.join(os.tmpdir(), `stoa-${this.cluster.namespace}-`));
		for (const node of this.cluster.nodes) fs.writeFileSync(path.join(folder, `${node.name}.log`), node.log());
		return folder;
	}

	async close(): Promise<void> {
		this.faults.leaveAlone();
		await this.cluster.remove({ dropNamespace: this.#given.lent !== undefined });
		await this.engines?.remove();
	}
}
