// Which nodes a local cluster has, and with which settings each is started.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ConfigError, readConfig } from "../../lib/config.ts";
import { serviceFiles } from "../../lib/service-files.ts";

const root = path.resolve(import.meta.dirname, "../..");

export interface PlannedNode {
	name: string;
	/** As in `SERVICES`. */
	services: string;
	/** Of its gateway; undefined where none runs. */
	port: number | undefined;
	opsPort: number;
	/** What it has beside the environment that all share. */
	env: Record<string, string>;
}

/** The folders under services/; the door to the world first. */
export const domains = (): string[] =>
	fs
		.readdirSync(path.join(root, "services"), { withFileTypes: true })
		.filter(entry => entry.isDirectory())
		.map(({ name }) => name)
		.sort((a, b) => Number(b === "edge") - Number(a === "edge") || a.localeCompare(b));

/** A node for each domain, and a second one where the orders are. */
export const defaultNodes = (): string[] => domains().flatMap(domain => (domain === "commerce" ? [domain, domain] : [domain]));

export const runsGateway = (services: string): boolean =>
	serviceFiles(root, services).some(file => path.basename(file) === "gateway.service.ts");

/** Names of which none comes twice: `commerce-1`, `commerce-2`. */
function namesOf(nodes: readonly string[]): string[] {
	const seen = new Map<string, number>();
	return nodes.map(node => {
		const nth = (seen.get(node) ?? 0) + 1;
		seen.set(node, nth);
		return nodes.filter(each => each === node).length > 1 ? `${node}-${nth}` : node;
	});
}

const required = {
	STOA_NATS_URL: "nats://127.0.0.1:4222",
	STOA_SQL_URL: "mysql://user:password@127.0.0.1:3306",
	STOA_MONGO_URL: "mongodb://127.0.0.1:27017",
};

/** The nodes of `edge,commerce,commerce/orders+platform`. Throws a ConfigError with a sentence for what is missing or unknown. */
export function planCluster(env: NodeJS.ProcessEnv, nodes: readonly string[]): PlannedNode[] {
	const missing = Object.keys(required).filter(name => !env[name]);
	if (missing.length > 0)
		throw new ConfigError(
			`A cluster keeps its data on servers that all nodes reach: set ${missing.join(", ")}, for example ${missing
				.map(name => `${name}=${required[name as keyof typeof required]}`)
				.join(" ")}. One process without servers is npm start.`,
		);
	if (env.SERVICES) throw new ConfigError("SERVICES is for one node; say with --nodes which nodes there are.");
	if (env.STOA_NODE_ID) throw new ConfigError("STOA_NODE_ID is for one node; here each gets its own.");
	const { port, opsPort } = readConfig(env);
	let gateways = 0;
	return namesOf(nodes).map((name, index) => {
		const services = nodes[index]!.split("+").join(",");
		const own = runsGateway(services) ? port + gateways++ : undefined;
		return {
			name,
			services,
			port: own,
			opsPort: opsPort + index,
			env: {
				SERVICES: services,
				// Told apart from another cluster's on the same servers, and the same for as long as this one runs.
				STOA_NODE_ID: `${name.replaceAll(/[^a-zA-Z0-9]+/g, "-")}-${os.hostname()}-${process.pid}`,
				STOA_OPS_PORT: String(opsPort + index),
				...(own === undefined ? {} : { STOA_PORT: String(own) }),
			},
		};
	});
}
