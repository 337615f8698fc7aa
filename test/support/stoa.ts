// The product in the test's own process: chosen services on embedded stores in a folder of its own, or (Jest's project "mesh") each domain on a node
// of its own over real servers.
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { type Service, ServiceBroker, type ServiceSchema } from "moleculer";
import type { Clock } from "../../lib/clock.ts";
import { readConfig } from "../../lib/config.ts";
import type { Meta } from "../../lib/contract.ts";
import type { DeliveryPolicy } from "../../lib/facts.ts";
import type { Role } from "../../lib/principal.ts";
import { makeRuntime, type Runtime } from "../../lib/runtime.ts";
import { serviceFiles } from "../../lib/service-files.ts";
import { tokensOf } from "../../lib/tokens.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";
import { sharedServer } from "./engines/engines.ts";

const root = path.resolve(import.meta.dirname, "../..");

export interface StoaOptions {
	/** Folders under services/ (`commerce`, `platform/audit`); all when left out. */
	services?: readonly string[];
	/** Services of the test's own: a stub that stands in for a neighbour. */
	also?: readonly ServiceSchema[];
	env?: Record<string, string>;
	clock?: Clock;
	delivery?: DeliveryPolicy;
	dataDir?: string;
}

export interface Stoa {
	/** Where a test asks: the only node, or the gateway's. */
	broker: ServiceBroker;
	runtime: Runtime;
	dataDir: string;
	/** Base URL of the gateway, without a slash at its end; empty when it does not run here. */
	url: string;
	service<T = Service>(name: string): T;
	/** Meta of a call by a signed-in user: a valid access token. */
	as(userId: string, roles?: readonly Role[]): Meta & { accessToken: string };
	/** Stops and starts again on the same data. */
	restart(): Promise<void>;
	/** Stops and removes the data. */
	stop(): Promise<void>;
}

interface Node {
	broker: ServiceBroker;
	runtime: Runtime;
}

async function startNode(
	options: StoaOptions,
	files: readonly string[],
	env: Record<string, string>,
	also: readonly ServiceSchema[],
): Promise<Node> {
	const config = readConfig({
		NODE_ENV: "test",
		STOA_PORT: "0",
		STOA_OPS_PORT: "0",
		STOA_LOG_LEVEL: "error",
		STOA_RATE_LIMITS: "off",
		...env,
		...options.env,
	});
	const { clock, delivery } = options;
	const runtime = makeRuntime({ config, ...(clock ? { clock } : {}), ...(delivery ? { delivery } : {}) });
	const broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
	for (const file of files) broker.createService(((await import(file)) as { default: ServiceSchema }).default);
	for (const schema of also) broker.createService(schema);
	await broker.start();
	return { broker, runtime };
}

/** The gateway's node first. */
function domainsOf(files: readonly string[]): [domain: string, files: string[]][] {
	const domains = Map.groupBy(files, file => path.basename(path.dirname(path.dirname(file))));
	return [...domains].sort(([one], [other]) => Number(other === "edge") - Number(one === "edge"));
}

/** Starts the product (or a part of it) for a test. */
export async function startStoa(options: StoaOptions = {}): Promise<Stoa> {
	const dataDir = options.dataDir ?? fs.mkdtempSync(path.join(os.tmpdir(), "stoa-test-"));
	const files = serviceFiles(root, (options.services ?? []).join(","));
	const servers = isMesh ? await meshServers() : {};
	const stoa = { dataDir } as Stoa;
	let nodes: Node[] = [];

	async function start(): Promise<void> {
		if (isMesh) {
			const domains = domainsOf(files);
			const of = ([domain, own]: (typeof domains)[number], at: number) =>
				startNode(options, own, { STOA_DATA_DIR: dataDir, STOA_NODE_ID: domain, ...servers }, at === 0 ? (options.also ?? []) : []);
			nodes = await Promise.all(domains.map(of));
			await Promise.all(
				nodes.map(({ broker }) =>
					meets(
						broker,
						files.map(file => path.basename(path.dirname(file))),
					),
				),
			);
		} else nodes = [await startNode(options, files, { STOA_DATA_DIR: dataDir }, options.also ?? [])];
		const [first] = nodes as [Node];
		const gateway = first.broker.getLocalService("gateway") as (Service & { server?: { address(): AddressInfo } }) | undefined;
		stoa.broker = first.broker;
		stoa.runtime = first.runtime;
		stoa.url = gateway?.server ? `http://127.0.0.1:${gateway.server.address().port}` : "";
	}
	const end = () => Promise.all(nodes.map(({ broker }) => broker.stop()));

	stoa.service = <T>(name: string) => nodes.map(({ broker }) => broker.getLocalService(name)).find(Boolean) as T;
	stoa.as = (userId, roles = ["customer"]) => ({
		accessToken: tokensOf(stoa.runtime).sign({ userId, sessionId: `ses_${userId}`, roles, roleVersion: Number.MAX_SAFE_INTEGER }),
	});
	stoa.restart = async () => {
		await end();
		await start();
	};
	stoa.stop = async () => {
		await end();
		fs.rmSync(dataDir, { recursive: true, force: true });
	};
	await start();
	return stoa;
}

const isMesh = (globalThis as { stoaForm?: string }).stoaForm === "mesh";

/** The run's servers, and a namespace on them that nobody else uses. */
async function meshServers(): Promise<Record<string, string>> {
	const [nats, sql, mongo, redis] = await Promise.all([
		sharedServer("nats"),
		sharedServer("sql"),
		sharedServer("mongo"),
		sharedServer("redis"),
	]);
	// Suites that follow each other in one of Jest's processes have its number in common, and nothing else.
	const namespace = `j${randomBytes(6).toString("hex")}`;
	return {
		STOA_NATS_URL: nats,
		STOA_SQL_URL: sql,
		STOA_MONGO_URL: mongo,
		STOA_REDIS_URL: redis,
		STOA_NAMESPACE: namespace,
		STOA_SQL_POOL: "3",
	};
}

/** Every service of the others is known here: what a test asks first must not be refused because a node was met too late. */
const meets = (broker: ServiceBroker, services: readonly string[]) => broker.waitForServices([...services], 60_000, 20);
