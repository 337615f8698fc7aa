// `npm run cluster`: a small cluster on this machine against the servers of the environment, with one readable log.
import { parseArgs, styleText } from "node:util";
import { ConfigError } from "../lib/config.ts";
import { Cluster } from "./cluster/cluster.ts";
import { MergedLog } from "./cluster/merged-log.ts";
import { defaultNodes, type PlannedNode, planCluster } from "./cluster/plan.ts";
import { absentServers } from "./cluster/servers.ts";
import { table } from "./repl/table.ts";

const usage = () => `Starts a small cluster on this machine: many nodes over NATS, MySQL or MariaDB, MongoDB and Redis.

  STOA_NATS_URL=… STOA_SQL_URL=… STOA_MONGO_URL=… STOA_REDIS_URL=… npm run cluster
  npm run cluster -- --nodes edge,edge,identity,commerce,notification+platform

  --nodes   the nodes, comma separated; each a folder under services/, or several joined by + (default: ${defaultNodes().join(",")})

Gateways listen on STOA_PORT (3000) and the ports after it, operations on STOA_OPS_PORT (3030) and after. Secrets that are not given are made in
STOA_DATA_DIR (./data), which all nodes share. Every other variable of README.md is handed on. Ctrl-C stops all nodes, gateways first; a second one kills.`;

function readNodes(text: string | undefined): string[] {
	if (text === undefined) return defaultNodes();
	const nodes = text.split(",").map(node => node.trim());
	if (nodes.some(node => !/^[a-z][a-zA-Z/+]*$/.test(node)))
		throw new ConfigError(`--nodes is "${text}"; it must be like edge,commerce,commerce.`);
	return nodes;
}

function whatToTry(plans: readonly PlannedNode[], pidOf: (name: string) => number | undefined): string {
	const rows = plans.map(({ name, port, opsPort, services }) => [
		name,
		pidOf(name),
		port ? `http://localhost:${port}` : null,
		`http://localhost:${opsPort}/readyz`,
		services,
	]);
	const heads = ["node", "pid", "gateway", "operations", "runs"];
	const gateway = plans.find(({ port }) => port !== undefined);
	const victim = plans.findLast(({ name }) => name.startsWith("commerce")) ?? plans.at(-1)!;
	const lines = [
		table(heads, rows, { nothing: "", width: undefined }),
		"",
		...(gateway
			? [`Ask it           curl -s 'http://localhost:${gateway.port}/v1/products?limit=1'    try it: http://localhost:${gateway.port}/docs`]
			: []),
		"See the nodes    npm run repl -- nodes          (with the same STOA_ variables)",
		`Let one end      npm run repl -- drain ${victim.env.STOA_NODE_ID}`,
		`Let one die      kill -9 ${pidOf(victim.name)}`,
		"Stop all         Ctrl-C",
	];
	return lines.join("\n");
}

async function run(nodes: readonly string[]): Promise<number> {
	const plans = planCluster(process.env, nodes);
	const absent = await absentServers(process.env);
	if (absent.length > 0) throw new ConfigError(absent.join("\n"));
	const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
	const log = new MergedLog(
		plans.map(({ name }) => name),
		{ print: console.log, coloured },
	);
	if (!process.env.STOA_REDIS_URL) log.say("STOA_REDIS_URL is not set: every node keeps caches and rate limits for itself.");
	log.say(`${plans.length} nodes start: ${plans.map(({ name }) => name).join(", ")}`);
	const cluster = new Cluster(plans, process.env, log);
	const stopped = Promise.withResolvers<void>();
	let asked = 0;
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => {
			if (++asked > 1) cluster.kill();
			else stopped.resolve();
		});

	const ready = cluster.ready();
	const up = await Promise.race([ready, stopped.promise.then(() => false)]);
	if (up) {
		log.say(`All are ready.\n\n${whatToTry(plans, name => cluster.pidOf(name))}\n`);
		await Promise.race([stopped.promise, cluster.ended]);
	}
	if (asked > 0 || !up) log.say("stopping, gateways first");
	else log.say("No node is left.");
	const inOrder = await cluster.stop();
	return inOrder && asked > 0 ? 0 : 1;
}

const { values } = parseArgs({ options: { nodes: { type: "string" }, help: { type: "boolean", short: "h" } } });
if (values.help) console.log(usage());
else {
	try {
		process.exitCode = await run(readNodes(values.nodes));
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		console.error(styleText("red", error.message, { stream: process.stderr }));
		process.exitCode = 1;
	}
}
