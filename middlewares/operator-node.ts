// Every node tells operators how it is and how the others are, ends when it is told to, and says so while it does.
import fs from "node:fs";
import path from "node:path";
import type { Middleware, ServiceBroker } from "moleculer";
import { rfc3339 } from "../lib/clock.ts";
import { answer, ask, type CallContext, type ResultOf } from "../lib/contract.ts";
import { describeNode, drainNode, leaveMesh, listMeshNodes, type MeshNode, nodeAlone, nodeUnknown } from "../lib/operator-contract.ts";
import { readinessOf } from "../lib/readiness.ts";

/** What the framework's registry keeps of a node. */
interface KnownNode {
	id: string;
	available: boolean;
	client: { version: string; langVersion: string };
	services?: { name: string }[];
	metadata?: NodeMetadata;
}
/** What a node says of itself to all others. */
interface NodeMetadata {
	draining?: boolean;
	/** What nodes of the shop have in common; an operator's own node has none. */
	stoa?: object;
}
interface Registry {
	nodes: { toArray(): KnownNode[] };
	discoverer: { sendLocalNodeInfo(): Promise<void> };
	regenerateLocalRawInfo(changed: boolean, stopping: boolean): void;
}
interface Health {
	cpu: { utilization: number | null };
	process: { memory: { rss: number } };
}
type Described = ResultOf<typeof describeNode>;

// A node that does not answer soon is shown without its figures; the list must not wait for it.
const describeWithinMs = 2000;
const leaveWithinMs = 5000;

const manifest = path.resolve(import.meta.dirname, "../package.json");
const version = (JSON.parse(fs.readFileSync(manifest, "utf8")) as { version: string }).version;

const registryOf = (broker: ServiceBroker) => broker.registry as unknown as Registry;
const metadataOf = (broker: ServiceBroker) => (broker as unknown as { metadata: NodeMetadata }).metadata;
const namesOf = ({ services = [] }: KnownNode) => services.map(({ name }) => name).filter(name => !name.startsWith("$"));
const isAnswering = ({ services = [] }: KnownNode) => services.some(({ name }) => name === "$operator");

/** The nodes that are there. Of those that announce nothing, this very one only while it stops. */
const present = (broker: ServiceBroker) =>
	registryOf(broker)
		.nodes.toArray()
		.filter(node => node.available);

async function describe(broker: ServiceBroker, ctx: CallContext<typeof describeNode>): Promise<Described> {
	const readiness = await readinessOf(broker);
	const health = await ctx.call<Health, object>("$node.health", {}, { nodeID: broker.nodeID });
	return {
		ready: readiness.ready,
		version,
		cpu: health.cpu.utilization,
		memoryBytes: health.process.memory.rss,
		startedAt: rfc3339(Math.round(performance.timeOrigin)),
		uptimeSeconds: Math.floor(process.uptime()),
		away: readiness.away,
	};
}

/** What can be said of a node without asking it; undefined when it must be asked. */
function stateOf(node: KnownNode, wasLost: boolean): MeshNode["state"] | undefined {
	if (!node.available) return wasLost ? "lost" : "left";
	if (node.metadata?.draining) return "draining";
	return isAnswering(node) ? undefined : "starting";
}

async function viewOf(ctx: CallContext<typeof listMeshNodes>, node: KnownNode, wasLost: boolean): Promise<MeshNode> {
	const state = stateOf(node, wasLost);
	const patience = { nodeID: node.id, timeout: describeWithinMs };
	const described = state ? undefined : await ask(ctx, describeNode, {}, patience).catch(() => undefined);
	return {
		id: node.id,
		available: node.available,
		state: state ?? (described ? (described.ready ? "ready" : "notReady") : "silent"),
		services: namesOf(node).sort(),
		versions: { node: node.client.langVersion.replace(/^v/, ""), moleculer: node.client.version },
		version: described?.version ?? null,
		cpu: described?.cpu ?? null,
		memoryBytes: described?.memoryBytes ?? null,
		startedAt: described?.startedAt ?? null,
		uptimeSeconds: described?.uptimeSeconds ?? null,
		away: described?.away ?? [],
	};
}

async function drain(broker: ServiceBroker, ctx: CallContext<typeof drainNode>): Promise<ResultOf<typeof drainNode>> {
	const { id } = ctx.params;
	// Operators' own nodes are left where they were opened.
	const nodes = present(broker).filter(node => !broker.options.transporter || node.metadata?.stoa);
	const node = nodes.find(each => each.id === id);
	if (!node) throw nodeUnknown({ node: id, nodes: nodes.map(each => each.id).sort() });
	if (!broker.options.transporter) throw nodeAlone({ node: id });
	const others = new Set(nodes.filter(each => each !== node).flatMap(namesOf));
	// Looked at before it is told: a node that ends says at once that it runs nothing any more.
	const onlyThere = namesOf(node).filter(name => !others.has(name));
	// One that ends already needs no second word.
	if (!node.metadata?.draining) await ask(ctx, leaveMesh, {}, { nodeID: id, timeout: leaveWithinMs });
	return { id, onlyThere };
}

/** A new middleware per broker. */
export function operatorNode(): Middleware {
	const lost = new WeakSet<object>();
	return {
		name: "OperatorNode",

		created(broker: ServiceBroker) {
			broker.localBus.on("$node.disconnected", ({ node, unexpected }: { node: object; unexpected: boolean }) => {
				if (unexpected) lost.add(node);
				else lost.delete(node);
			});
			broker.createService({
				name: "$operator",
				actions: {
					describe: answer(describeNode, ctx => describe(broker, ctx)),
					nodes: answer(listMeshNodes, async ctx => {
						const wanted = ctx.params.id;
						const nodes = registryOf(broker)
							.nodes.toArray()
							.filter(({ id }) => wanted === undefined || id === wanted)
							.sort((a, b) => (a.id < b.id ? -1 : 1));
						return { data: await Promise.all(nodes.map(node => viewOf(ctx, node, lost.has(node)))) };
					}),
					drain: answer(drainNode, ctx => drain(broker, ctx)),
					leave: answer(leaveMesh, () => {
						// After the answer: who asked would otherwise wait for an end that waits for the answer.
						setImmediate(() => process.kill(process.pid, "SIGTERM"));
						return {};
					}),
				},
			});
		},

		// The framework has told the others that this node offers nothing any more; why, they read here.
		async stopping(broker: ServiceBroker) {
			if (!broker.transit) return;
			metadataOf(broker).draining = true;
			registryOf(broker).regenerateLocalRawInfo(true, true);
			await registryOf(broker)
				.discoverer.sendLocalNodeInfo()
				.catch(() => undefined);
		},
	};
}
