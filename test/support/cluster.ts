// Many nodes of the product as processes of their own over real servers, for tests, chaos and the benchmark. Nodes are killed, paused and restarted;
// their ports, data folders and secrets stay.
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { readConfig } from "../../lib/config.ts";
import type { Mesh } from "../../lib/operator-socket.ts";
import { domains, runsGateway } from "../../scripts/cluster/plan.ts";
import { GuardedFolder } from "../../scripts/guarded-folder.ts";
import { type Ending, freePorts, isReady, launchProduct, type Ports, type ProductProcess } from "../../scripts/product-process.ts";
import { joinMesh } from "../../scripts/repl/join.ts";
import { makeSecrets } from "../../scripts/secrets/secrets.ts";
import { startServer, type TestServer } from "./engines/engines.ts";
import { dropNamespace } from "./namespace.ts";
import { administrator } from "./product.ts";

export interface ServerUrls {
	nats: string;
	sql: string;
	mongo: string;
	redis?: string;
}

export interface NodePlan {
	name: string;
	/** Folders under services/, comma separated, as in `SERVICES`. */
	services: string;
	env?: Record<string, string>;
}

const planOf = (services: string, n?: number): NodePlan => ({ name: n === undefined ? services : `${services}-${n}`, services });

/** A node for each domain. */
export const aNodePerDomain: readonly NodePlan[] = domains().map(domain => planOf(domain));
/** Two nodes for each domain: any one of them may die. */
export const twoNodesPerDomain: readonly NodePlan[] = domains().flatMap(domain => [planOf(domain, 1), planOf(domain, 2)]);

export interface ClusterNode {
	readonly name: string;
	/** Its name in the mesh, another one after every start. */
	readonly id: string;
	readonly services: string;
	/** Of the present start. */
	readonly pid: number;
	/** The gateway's address; undefined where none runs. */
	readonly url: string | undefined;
	readonly opsUrl: string;
	/** How the present start ended, whoever ended it. */
	readonly ended: Promise<Ending>;
	/** Resolves at the first ready answer since the start; rejects with its last words when it ended before. */
	ready(): Promise<void>;
	/** Whether it says so at this moment. */
	isReady(): Promise<boolean>;
	/** SIGKILL. */
	kill(): Promise<Ending>;
	/** SIGTERM, and patience. */
	stop(): Promise<Ending>;
	/** SIGSTOP: its connections stay open and nothing answers. */
	pause(): void;
	resume(): void;
	/** Ends what runs (by SIGTERM) and starts again on the same ports and folder. Resolves at once: for a start that may be meant to die. */
	launch(env?: Record<string, string>): Promise<void>;
	/** The same, and resolves when it is ready. */
	restart(env?: Record<string, string>): Promise<void>;
	/** What it has printed, over all its starts. */
	log(): string;
}

export interface ClusterOptions {
	urls: ServerUrls;
	/** Its schemas, databases, stream and keys on the servers; a new one when left out. */
	namespace?: string;
	/** {@link aNodePerDomain} when left out. */
	nodes?: readonly NodePlan[];
	/** For every node. */
	env?: Record<string, string>;
}

export interface Cluster {
	readonly namespace: string;
	readonly urls: ServerUrls;
	readonly nodes: readonly ClusterNode[];
	node(name: string): ClusterNode;
	/** Base URLs. */
	readonly gateways: readonly string[];
	/** Of the first gateway. */
	readonly url: string;
	/** The settings that every node has, so that another process may join: an operator, a node of the test's own. */
	readonly env: Readonly<Record<string, string>>;
	/** Calls any action, as an operator who joined over NATS. One for all who ask; it ends with the cluster. */
	mesh(): Promise<Mesh>;
	/** SIGTERM to all that run, gateways first. */
	stop(): Promise<void>;
	/** Kills what runs and removes the folders; with `dropNamespace` also all that the nodes made on the servers. */
	remove(options?: { dropNamespace?: boolean }): Promise<void>;
}

/** Starts the nodes side by side and resolves when all are ready. When one fails, nothing is left over. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
	const { urls, namespace = `t${randomBytes(4).toString("hex")}`, nodes: plans = aNodePerDomain } = options;
	const env = { ...settingsOf(urls, namespace), ...options.env };
	const folder = new GuardedFolder("KILL");
	const nodes: Node[] = [];
	for (const plan of plans) nodes.push(new Node(plan, env, folder, await freePorts()));
	let operator: Promise<Mesh> | undefined;
	const remove: Cluster["remove"] = async (what = {}) => {
		await operator?.then(
			mesh => mesh.close(),
			() => undefined,
		);
		await Promise.all(nodes.map(node => node.kill()));
		await folder.remove();
		if (what.dropNamespace) await dropNamespace(urls, namespace);
	};
	try {
		await Promise.all(nodes.map(node => node.restart()));
	} catch (error) {
		// What cannot be cleared away must not hide why nothing started.
		await remove({ dropNamespace: options.namespace === undefined }).catch(() => undefined);
		throw error;
	}
	const node = (name: string) => {
		const found = nodes.find(each => each.name === name);
		if (!found) throw new Error(`There is no node ${name}; there are ${nodes.map(each => each.name).join(", ")}.`);
		return found;
	};
	const gateways = nodes.flatMap(({ url }) => url ?? []);
	return {
		namespace,
		urls,
		nodes,
		node,
		gateways,
		url: gateways[0] ?? "",
		env,
		mesh: () => {
			operator ??= joinMesh(readConfig(env), `tests-${process.pid}`);
			return operator;
		},
		async stop() {
			await Promise.all(nodes.filter(({ url }) => url).map(each => each.stop()));
			await Promise.all(nodes.map(each => each.stop()));
		},
		remove,
	};
}

/** What all nodes of one mesh have in common; the secrets are made here, once. */
function settingsOf({ nats, sql, mongo, redis }: ServerUrls, namespace: string): Record<string, string> {
	const secrets = makeSecrets({ admin: administrator.email, payments: "sandbox", target: "compose" });
	const shared = ["STOA_SIGNING_KEYS", "STOA_HMAC_SECRET", "STOA_SANDBOX_WEBHOOK_SECRET"].map(name => [name, secrets[name]!]);
	return {
		...Object.fromEntries(shared),
		STOA_NATS_URL: nats,
		STOA_SQL_URL: sql,
		STOA_MONGO_URL: mongo,
		...(redis ? { STOA_REDIS_URL: redis } : {}),
		STOA_NAMESPACE: namespace,
		STOA_ADMIN_EMAIL: administrator.email,
		STOA_ADMIN_PASSWORD: administrator.password,
		STOA_RATE_LIMITS: "off",
		// Risk may be cut off or not be there at all, and no analyst comes to approve what would be held meanwhile.
		STOA_RISK_PASS_BELOW: "1000000000",
	};
}

class Node implements ClusterNode {
	readonly name: string;
	readonly services: string;
	readonly url: string | undefined;
	readonly opsUrl: string;
	readonly dataDir: string;
	readonly #logFile: string;
	readonly #folder: GuardedFolder;
	readonly #ports: Ports;
	readonly #env: Record<string, string>;
	#process: ProductProcess | undefined;
	#starts = 0;

	constructor({ name, services, env }: NodePlan, shared: Record<string, string>, folder: GuardedFolder, ports: Ports) {
		this.name = name;
		this.services = services;
		this.dataDir = path.join(folder.path, name);
		this.#logFile = path.join(folder.path, `${name}.log`);
		this.#folder = folder;
		this.#ports = ports;
		this.#env = { ...shared, SERVICES: services, ...env };
		this.url = runsGateway(services) ? `http://127.0.0.1:${ports.port}` : undefined;
		this.opsUrl = `http://127.0.0.1:${ports.opsPort}`;
	}

	get #running() {
		if (!this.#process) throw new Error(`${this.name} was not started.`);
		return this.#process;
	}

	get id() {
		return `${this.name}-start${this.#starts}`;
	}

	get pid() {
		return this.#running.pid;
	}

	get ended() {
		return this.#running.ended;
	}

	async ready() {
		await this.#running.ready();
	}

	isReady() {
		return isReady(this.opsUrl);
	}

	async restart(env?: Record<string, string>) {
		await this.launch(env);
		await this.ready();
	}

	async launch(env: Record<string, string> = {}) {
		await this.#process?.stop();
		this.#starts++;
		const settings = { ...this.#env, STOA_NODE_ID: this.id, ...env };
		const launch = { dataDir: this.dataDir, logFile: this.#logFile, env: settings, ports: this.#ports };
		const started = await launchProduct(launch);
		this.#process = started;
		this.#folder.guard(started);
	}

	async kill() {
		return (await this.#process?.kill()) ?? neverStarted;
	}

	stop() {
		return this.#running.stop();
	}

	pause() {
		this.#running.pause();
	}

	resume() {
		this.#running.resume();
	}

	log() {
		return fs.existsSync(this.#logFile) ? fs.readFileSync(this.#logFile, "utf8") : "";
	}
}

const neverStarted: Ending = { code: null, signal: null };

export interface Engines<Name extends keyof ServerUrls = keyof ServerUrls> {
	urls: Record<Name, string>;
	servers: Record<Name, TestServer>;
	/** Kills them and deletes what they kept. */
	remove(): Promise<void>;
}

const allServers: readonly (keyof ServerUrls)[] = ["nats", "sql", "mongo", "redis"];

/** Servers of one's own, started side by side: they may be killed, paused and restarted. All that a cluster needs, or those that are named. */
export async function startEngines<Name extends keyof ServerUrls = keyof ServerUrls>(
	names: readonly Name[] = allServers as readonly Name[],
): Promise<Engines<Name>> {
	const started = await Promise.allSettled(names.map(name => startServer(name)));
	const running = started.flatMap(each => (each.status === "fulfilled" ? [each.value] : []));
	const remove = async () => {
		await Promise.all(running.map(server => server.remove()));
	};
	const failed = started.find(each => each.status === "rejected");
	if (failed) {
		await remove();
		throw failed.reason;
	}
	const servers = Object.fromEntries(names.map((name, at) => [name, running[at]])) as Record<Name, TestServer>;
	const urls = Object.fromEntries(names.map(name => [name, servers[name].url])) as Record<Name, string>;
	return { urls, servers, remove };
}
