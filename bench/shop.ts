// What is measured: the product as one process over its own files, or as many nodes over real servers.
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { domains } from "../scripts/cluster/plan.ts";
import { launchProduct, type ProductProcess } from "../scripts/product-process.ts";
import { type Cluster, type ClusterNode, type NodePlan, startCluster } from "../test/support/cluster.ts";
import { administrator as clusterAdministrator } from "../test/support/product.ts";
import type { Place } from "./place.ts";
import type { Administrator } from "./scenarios.ts";
import { type Lent, openServers, type ServerName } from "./servers.ts";
import type { WatchedProcess } from "./usage.ts";

export type Durability = "full" | "process";

export interface Shop extends Place {
	/** Of its gateways. */
	urls: readonly string[];
	administrator: Administrator;
	processes: readonly WatchedProcess[];
	/** From the spawn to the first ready answer with a filled shop, and again with the data there. */
	firstStartMs: number;
	startMs?: number;
}

const seededWithinMs = 120_000;

/** The product as `npm start` runs it, with its defaults, except for where it keeps its data and that nobody is limited. */
export async function openEmbedded(durability: Durability): Promise<Shop> {
	const administrator = { email: "admin@bench.example", password: randomUUID() };
	const folder = mkdtempSync(path.join(os.tmpdir(), "stoa-bench-"));
	const env = {
		STOA_RATE_LIMITS: "off",
		STOA_DURABILITY: durability,
		STOA_ADMIN_EMAIL: administrator.email,
		STOA_ADMIN_PASSWORD: administrator.password,
	};
	let product: ProductProcess | undefined;
	const start = async () => {
		product = await launchProduct({ dataDir: path.join(folder, "data"), logFile: path.join(folder, "product.log"), env });
		return { product, startMs: await product.ready() };
	};
	const remove = async () => {
		await product?.stop();
		rmSync(folder, { recursive: true, force: true });
	};
	try {
		const first = await start();
		await first.product.stop();
		const { product: running, startMs } = await start();
		const processes = [{ name: "product", role: "product" as const, pid: running.pid }];
		return { urls: [running.url], administrator, processes, firstStartMs: first.startMs, startMs, remove };
	} catch (error) {
		await remove();
		throw error;
	}
}

const plansFor = (nodes: number): NodePlan[] =>
	domains().flatMap(services =>
		Array.from({ length: nodes }, (_, n) => ({ name: nodes > 1 ? `${services}-${n + 1}` : services, services })),
	);

/** So many nodes for each domain, over the servers that were lent or some of its own. */
export async function openReal({ nodes, lent }: { nodes: number; lent: Lent<ServerName> }): Promise<Shop> {
	const servers = await openServers(["nats", "sql", "mongo", "redis"], lent);
	let cluster: Cluster | undefined;
	const remove = async () => {
		// Own servers go with all that is on them.
		await cluster?.remove({ dropNamespace: lent !== undefined });
		await servers.remove();
	};
	try {
		const began = performance.now();
		cluster = await startCluster({ urls: servers.urls, nodes: plansFor(nodes) });
		await Promise.all(cluster.nodes.filter(fillsShop).map(untilSetUp));
		const firstStartMs = performance.now() - began;
		const product = cluster.nodes.map(({ name, pid }) => ({ name, role: "product" as const, pid }));
		return {
			urls: cluster.gateways,
			administrator: clusterAdministrator,
			processes: [...product, ...servers.processes],
			firstStartMs,
			remove,
		};
	} catch (error) {
		await remove();
		throw error;
	}
}

/** Of all nodes only that of the catalogue is ready before it has done what a new shop needs: filling it takes the others. It says when it has. */
const fillsShop = ({ services }: ClusterNode) => services === "commerce";

async function untilSetUp(node: ClusterNode): Promise<void> {
	for (const began = performance.now(); performance.now() - began < seededWithinMs; await sleep(50)) {
		const log = node.log();
		if (log.includes("The shop is set up.")) return;
		if (log.includes("The shop could not be set up")) break;
	}
	throw new Error(`The shop was not set up. The last words of ${node.name}:\n${node.log().slice(-2000)}`);
}
