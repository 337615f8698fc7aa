// The processes of the mesh, and what is on its way between them.
import { ask, type CallContext, type ResultOf } from "../../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../../lib/cursor.ts";
import type * as operations from "../operations.contract.ts";
import { type Backlog, backlogs } from "../operations.domain.ts";
import type { Operations } from "../operations.service.ts";

/** What the framework's registry keeps of a node. */
interface RegisteredNode {
	id: string;
	available: boolean;
	client: { version: string; langVersion: string };
	services: { name: string }[];
}

/** What each node says of itself when it is asked. */
interface Health {
	cpu: { utilization: number | null };
	process: { uptime: number; memory: { rss: number } };
}

// A node that does not answer soon is shown without its figures; the list must not wait for it.
const healthTimeoutMs = 2000;

async function healthOf(ctx: CallContext<typeof operations.listNodes>, nodeID: string): Promise<Health | undefined> {
	try {
		return await ctx.call<Health, Record<string, never>>("$node.health", {}, { nodeID, timeout: healthTimeoutMs });
	} catch {
		return undefined;
	}
}

async function nodeView(ctx: CallContext<typeof operations.listNodes>, node: RegisteredNode): Promise<operations.MeshNode> {
	const health = node.available ? await healthOf(ctx, node.id) : undefined;
	return {
		id: node.id,
		available: node.available,
		services: node.services
			.map(service => service.name)
			.filter(name => !name.startsWith("$"))
			.sort(),
		versions: { node: node.client.langVersion.replace(/^v/, ""), moleculer: node.client.version },
		cpu: health?.cpu.utilization ?? null,
		memoryBytes: health?.process.memory.rss ?? null,
		uptimeSeconds: health ? Math.floor(health.process.uptime) : null,
	};
}

export async function listNodes(
	this: Operations,
	ctx: CallContext<typeof operations.listNodes>,
): Promise<ResultOf<typeof operations.listNodes>> {
	const { limit = 20, cursor } = ctx.params;
	const after = cursor ? String(decodeCursor(cursor, 1)[0]) : "";
	const registered = this.broker.registry.getNodeList({ withServices: true }) as unknown as RegisteredNode[];
	const nodes = registered.filter(node => node.id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
	const { data, nextCursor } = pageOf(nodes, limit, node => [node.id]);
	return { data: await Promise.all(data.map(node => nodeView(ctx, node))), nextCursor };
}

/** How long the oldest fact that somebody still lacks has waited. */
async function ageOf(
	{ stores, runtime }: Operations,
	ctx: CallContext<typeof operations.readOutbox>,
	{ service, takenTo, head, oldestSeconds }: Backlog,
): Promise<number> {
	if (takenTo === head) return oldestSeconds;
	const [oldest] = (await stores.one(service, store => ask(ctx, store.readFacts, { after: takenTo, limit: 1 }))) ?? [];
	return oldest ? Math.max(oldestSeconds, (runtime.clock.now() - Date.parse(oldest.occurredAt)) / 1000) : oldestSeconds;
}

export async function readOutbox(
	this: Operations,
	ctx: CallContext<typeof operations.readOutbox>,
): Promise<ResultOf<typeof operations.readOutbox>> {
	const states = await this.stores.each(store => ask(ctx, store.storeState, {}));
	const data = backlogs(states.map(({ answer }) => answer)).map(async backlog => {
		const { service, pending } = backlog;
		return { service, pending, oldestSeconds: await ageOf(this, ctx, backlog) };
	});
	return { data: await Promise.all(data) };
}
