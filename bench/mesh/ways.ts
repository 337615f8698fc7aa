// The ways that are compared, side by side while they are: one process by itself, and pairs of nodes over NATS. The caller is always this process.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import type { ServiceBroker } from "moleculer";
import { GuardedFolder } from "../../scripts/guarded-folder.ts";
import { makeSecrets } from "../../scripts/secrets/secrets.ts";
import { dropNamespace } from "../../test/support/namespace.ts";
import type { Place } from "../place.ts";
import { type Lent, openServers, type Servers } from "../servers.ts";
import type { WatchedProcess } from "../usage.ts";
import type { ServiceName } from "./market.ts";
import { type Serializer, startNode } from "./node.ts";
import { type MeshServer, type Subject, serversFor } from "./options.ts";

export interface Way {
	title: string;
	caller: ServiceBroker;
	/** What works for it beside the caller. */
	processes: readonly WatchedProcess[];
}

export interface Ways extends Place {
	/** The first is what the others are compared with. */
	ways: readonly Way[];
}

/** Who runs what: the caller, and the node that it asks or tells, if there is one. */
interface Plan {
	title: string;
	caller: readonly ServiceName[];
	node?: readonly ServiceName[];
	serializer?: Serializer;
}

const plans: Record<Subject, readonly Plan[]> = {
	calls: [
		{ title: "one process", caller: ["stall"] },
		{ title: "two nodes, CBOR", caller: [], node: ["stall"], serializer: "CBOR" },
		{ title: "two nodes, JSON", caller: [], node: ["stall"], serializer: "JSON" },
	],
	facts: [
		{ title: "one process, SQLite", caller: ["market", "till"] },
		{ title: "two nodes, JetStream and MariaDB", caller: ["market"], node: ["till"] },
	],
};

/** For the progress bar. */
export const waysOf = (subject: Subject): number => plans[subject].length;

const program = path.join(import.meta.dirname, "node.ts");
const metWithinMs = 60_000;

export async function openWays(subject: Subject, lent: Lent<MeshServer>): Promise<Ways> {
	const site = new Site(await openServers<MeshServer>(serversFor(subject), lent));
	const remove = () => site.remove({ dropNamespaces: lent !== undefined });
	const opened = await Promise.allSettled(plans[subject].map((plan, at) => site.open(plan, `way${at}`)));
	const failed = opened.find(each => each.status === "rejected");
	if (failed) {
		await remove();
		throw failed.reason;
	}
	return { ways: opened.flatMap(each => (each.status === "fulfilled" ? [each.value] : [])), remove };
}

class Site {
	readonly #servers: Servers<MeshServer>;
	readonly #folder = new GuardedFolder("KILL");
	readonly #namespace = `bench${randomBytes(4).toString("hex")}`;
	readonly #secrets = makeSecrets({ admin: "admin@bench.example", payments: "sandbox", target: "compose" });
	readonly #namespaces: string[] = [];
	readonly #brokers: ServiceBroker[] = [];
	readonly #children: ChildProcess[] = [];

	constructor(servers: Servers<MeshServer>) {
		this.#servers = servers;
	}

	async open({ title, caller: own, node, serializer }: Plan, name: string): Promise<Way> {
		if (!node) return { title, caller: await this.#start(own, this.#settings(name)), processes: [] };
		const shared = this.#mesh(name);
		const { pid, failed } = this.#spawn(node, { ...this.#settings(`${name}-node`), ...shared }, serializer);
		const caller = await Promise.race([this.#start(own, { ...this.#settings(`${name}-caller`), ...shared }, serializer), failed]);
		await Promise.race([caller.waitForServices([...node], metWithinMs, 20), failed]);
		return { title, caller, processes: [{ name: "node", role: "product", pid }, ...this.#servers.processes] };
	}

	async remove({ dropNamespaces }: { dropNamespaces: boolean }): Promise<void> {
		await Promise.all(this.#brokers.map(broker => broker.stop()));
		// They have nothing to keep.
		for (const child of this.#children) child.kill("SIGKILL");
		await this.#folder.remove();
		if (dropNamespaces) for (const namespace of this.#namespaces) await dropNamespace(this.#servers.urls, namespace);
		await this.#servers.remove();
	}

	#settings(name: string): Record<string, string> {
		return {
			STOA_NODE_ID: name,
			STOA_DATA_DIR: path.join(this.#folder.path, name),
			STOA_OPS_PORT: "0",
			STOA_LOG_LEVEL: "error",
			STOA_RATE_LIMITS: "off",
		};
	}

	/** What the two nodes of a pair have in common. Pairs that met would answer each other's calls. */
	#mesh(name: string): Record<string, string> {
		const namespace = `${this.#namespace}_${name}`;
		this.#namespaces.push(namespace);
		const { nats, sql } = this.#servers.urls;
		return {
			STOA_NAMESPACE: namespace,
			STOA_NATS_URL: nats,
			...(sql ? { STOA_SQL_URL: sql } : {}),
			STOA_SIGNING_KEYS: this.#secrets.STOA_SIGNING_KEYS!,
			STOA_HMAC_SECRET: this.#secrets.STOA_HMAC_SECRET!,
		};
	}

	async #start(services: readonly ServiceName[], env: Record<string, string>, serializer?: Serializer): Promise<ServiceBroker> {
		const broker = await startNode({ env, services, ...(serializer ? { serializer } : {}) });
		this.#brokers.push(broker);
		return broker;
	}

	#spawn(services: readonly ServiceName[], env: Record<string, string>, serializer: Serializer | undefined) {
		const words = ["--disable-warning=ExperimentalWarning", program, services.join(","), ...(serializer ? [serializer] : [])];
		const child = spawn(process.execPath, words, { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "ignore", "inherit"] });
		this.#children.push(child);
		const ended = once(child, "exit");
		this.#folder.guard({ pid: child.pid!, ended });
		const failed = ended.then(([code, signal]): never => {
			throw new Error(`The node of ${services.join(" and ")} ended (${signal ?? code}).`);
		});
		failed.catch(() => undefined); // when it is ended in the end, nobody waits for it any more
		return { pid: child.pid!, failed };
	}
}
