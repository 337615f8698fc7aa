// Nodes of one mesh must share one truth: a service that two of them keep in two stores, or tokens that one signs and the other refuses, would look
// like lost data. Each node says of itself what it must have in common; the one that came later stops.
import type { Middleware, ServiceBroker } from "moleculer";
import { keyedHash, sha256 } from "../lib/crypto.ts";
import type { Runtime } from "../lib/runtime.ts";
import { tokensOf } from "../lib/tokens.ts";

interface Membership {
	startedAt: number;
	/** Of the hash secret and the signing keys: equal where these are. */
	secrets: string;
}
/** What a node says of itself to all others. */
export function membershipOf(runtime: Runtime): Membership {
	const secrets = sha256([keyedHash(runtime.secret(), "mesh", "member"), ...tokensOf(runtime).keyIds].join(" ")).slice(0, 16);
	return { startedAt: Date.now(), secrets };
}

interface RemoteService {
	name: string;
	metadata?: { storeId?: string };
}
interface RemoteNode {
	id: string;
	local: boolean;
	metadata?: { stoa?: Membership };
	services?: RemoteService[];
}

const isLater = (broker: ServiceBroker, own: Membership, node: RemoteNode, other: Membership) =>
	own.startedAt > other.startedAt || (own.startedAt === other.startedAt && broker.nodeID > node.id);

/** What keeps this node from running beside another; undefined when nothing does. */
function conflict(broker: ServiceBroker, own: Membership, { id, metadata, services }: RemoteNode): string | undefined {
	if (metadata?.stoa && metadata.stoa.secrets !== own.secrets)
		return `Its secrets differ from those of ${id}. Set the same STOA_SIGNING_KEYS and STOA_HMAC_SECRET on every node.`;
	for (const { name, metadata: said } of services ?? []) {
		const ownId = (broker.getLocalService(name)?.metadata as RemoteService["metadata"])?.storeId;
		if (ownId && said?.storeId && ownId !== said.storeId)
			return `${name} runs on ${id} with another store: two truths must not meet. Give both the same STOA_SQL_URL or STOA_MONGO_URL, or run it once.`;
	}
	return undefined;
}

export const meshMembers: Middleware = {
	name: "MeshMembers",

	created(broker: ServiceBroker) {
		const own = (broker as unknown as { metadata: { stoa: Membership } }).metadata.stoa;
		let ending = false;
		const look = ({ node }: { node: RemoteNode }) => {
			const other = node.metadata?.stoa;
			if (ending || node.local || !other || !isLater(broker, own, node, other)) return;
			const sentence = conflict(broker, own, node);
			if (!sentence) return;
			ending = true;
			broker.logger.fatal(`This node stops: ${sentence}`);
			process.exitCode = 1;
			broker.stop().finally(() => process.exit(1));
		};
		broker.localBus.on("$node.connected", look);
		broker.localBus.on("$node.updated", look);
		// Its own services come up one after the other, long after the others were met.
		broker.localBus.on("$broker.started", () => {
			const { nodes } = broker.registry as unknown as { nodes: { toArray(): RemoteNode[] } };
			for (const node of nodes.toArray()) look({ node });
		});
	},
};
