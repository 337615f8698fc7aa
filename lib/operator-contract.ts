// What every node answers to the operators, of itself and of the others it sees.
import Type, { type Static, type TObject, type TSchema } from "typebox";
import { type ActionContract, action } from "./contract.ts";
import { failure } from "./failure.ts";
import { Time } from "./vocabulary.ts";

const Unless = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

/** What only the node itself knows. */
const Condition = {
	version: Unless(Type.String({ description: "Of Stoa; null, like all that follows, when the node did not say." })),
	cpu: Unless(Type.Integer({ description: "Percent of the machine in use." })),
	memoryBytes: Unless(Type.Integer({ description: "Resident memory of the process." })),
	startedAt: Unless(Time),
	uptimeSeconds: Unless(Type.Integer()),
	away: Type.Array(Type.String(), { description: "Services of this node whose store does not answer." }),
};

export const MeshNode = Type.Object(
	{
		id: Type.String(),
		available: Type.Boolean(),
		state: Type.Enum(["ready", "notReady", "starting", "draining", "silent", "left", "lost"], {
			description:
				"draining: takes no new work and ends; silent: it is there and does not answer; left: it ended in order; lost: it was not heard of any more.",
		}),
		services: Type.Array(Type.String()),
		versions: Type.Object({ node: Type.String(), moleculer: Type.String() }),
		...Condition,
	},
	{ $id: "MeshNode", description: "One process of the mesh." },
);
export type MeshNode = Static<typeof MeshNode>;

export const nodeUnknown = failure<{ node: string; nodes: string[] }>(
	"notFound",
	"node_unknown",
	({ node, nodes }) => `There is no node ${node}. There ${nodes.length === 1 ? "is" : "are"}: ${nodes.join(", ") || "none"}.`,
);
export const nodeAlone = failure<{ node: string }>(
	"refused",
	"node_alone",
	({ node }) => `${node} is the only node: nobody could go on with its work. Stop it where it runs (Ctrl-C, or SIGTERM).`,
);

export const describeNode = action({
	name: "$operator.describe",
	summary: "How this node is.",
	allow: "internal",
	params: Type.Object({}),
	returns: Type.Object({ ready: Type.Boolean(), ...Condition }),
});

export const listMeshNodes = action({
	name: "$operator.nodes",
	summary: "Every node that this one sees, and how it is.",
	allow: "internal",
	params: Type.Object({ id: Type.Optional(Type.String({ description: "Only this one." })) }),
	returns: Type.Object({ data: Type.Array(MeshNode) }),
});

/** Answered before it has happened: whether it has gone is seen in the list. */
export const drainNode = action({
	name: "$operator.drain",
	summary: "Let a node end: it takes no new work, finishes what runs, hands its leases over and goes.",
	allow: "internal",
	params: Type.Object({ id: Type.String() }),
	returns: Type.Object({
		id: Type.String(),
		onlyThere: Type.Array(Type.String(), { description: "Services that no other node runs." }),
	}),
	throws: [nodeUnknown, nodeAlone],
});

export const leaveMesh = action({
	name: "$operator.leave",
	summary: "As SIGTERM does.",
	allow: "internal",
	params: Type.Object({}),
	returns: Type.Object({}),
});

/** An action for the operator's prompt: it comes through a socket that only the owner of the data may open, or as a node of the mesh, and brings no token. */
export const atPrompt = <Params extends TObject, Result extends TSchema>({
	rest: _,
	...contract
}: ActionContract<Params, Result>): ActionContract<Params, Result> => ({
	...contract,
	name: `${contract.name}AtPrompt`,
	allow: "internal",
});
