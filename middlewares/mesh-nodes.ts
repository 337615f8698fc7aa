// Which other nodes are alive, asked when it matters. A node that was killed closes its connection, and NATS says at once that nobody listens on its
// subject: calls to it are then taken back and repeated elsewhere, long before its heartbeats are missed. One that is merely silent (paused, cut off)
// is avoided while another can answer.
import { type Context, type Middleware, type ServiceBroker, Strategies } from "moleculer";
import type { NatsConnection } from "nats";

// Longer than nearly every answer takes, so that a healthy mesh is hardly ever asked.
const unansweredMs = 250;
const probeWithinMs = 500;
const probeAgainMs = 500;

interface Registry {
	nodes: { get(id: string): { available: boolean } | undefined; disconnected(id: string, isUnexpected: boolean): void };
}
type Endpoint = ReturnType<InstanceType<typeof Strategies.RoundRobin>["select"]>;

const silentNodes = new WeakMap<ServiceBroker, Set<string>>();

/** In turn, leaving out nodes that are silent while there are others. */
export class AnsweringNodes extends Strategies.RoundRobin {
	override select(list: Endpoint[]): Endpoint {
		const silent = silentNodes.get(this.broker);
		if (!silent?.size) return super.select(list);
		const answering = list.filter(({ id }) => !silent.has(id));
		return super.select(answering.length > 0 ? answering : list);
	}
}

/** A new middleware per broker with a transporter. */
export function meshNodes(): Middleware {
	const silent = new Set<string>();
	const probing = new Set<string>();
	let broker: ServiceBroker;
	let client: NatsConnection | undefined;
	let stopped = false;

	const subjectOf = (nodeID: string) => `MOL-${broker.namespace}.ALIVE.${nodeID}`;
	const registry = () => broker.registry as unknown as Registry;
	const isKnown = (nodeID: string) => registry().nodes.get(nodeID)?.available === true;

	/** Asks until the node answers, is known to be gone, or was given up by its missed heartbeats. */
	async function probe(nodeID: string): Promise<void> {
		if (probing.has(nodeID)) return;
		probing.add(nodeID);
		try {
			while (!stopped && client && isKnown(nodeID)) {
				const answer = await ask(client, subjectOf(nodeID));
				if (answer === "alive") return;
				if (answer === "gone") {
					broker.logger.warn(`node ${nodeID} is gone: nobody listens on its subject`);
					registry().nodes.disconnected(nodeID, true);
					return;
				}
				silent.add(nodeID);
				await new Promise(resolve => setTimeout(resolve, probeAgainMs));
			}
		} finally {
			probing.delete(nodeID);
			silent.delete(nodeID);
		}
	}

	return {
		name: "MeshNodes",

		created(created: ServiceBroker) {
			broker = created;
			silentNodes.set(broker, silent);
			broker.localBus.on("$transporter.connected", () => {
				client = (broker as unknown as { transit?: { tx: { client: NatsConnection | null } } }).transit?.tx.client ?? undefined;
				client?.subscribe(subjectOf(broker.nodeID), { callback: (_, message) => void message.respond() });
			});
		},

		async stopped() {
			stopped = true;
		},

		remoteAction(next: (ctx: Context) => Promise<unknown>) {
			return (ctx: Context) => {
				const { nodeID } = ctx;
				const timer = nodeID ? setTimeout(() => void probe(nodeID), unansweredMs) : undefined;
				return next(ctx).finally(() => clearTimeout(timer));
			};
		},
	};
}

async function ask(client: NatsConnection, subject: string): Promise<"alive" | "gone" | "silent"> {
	try {
		await client.request(subject, undefined, { timeout: probeWithinMs });
		return "alive";
	} catch (error) {
		// NATS knows who is connected to it: this is an answer, and the one thing it cannot be is a delay.
		return (error as { code?: string }).code === "503" ? "gone" : "silent";
	}
}
