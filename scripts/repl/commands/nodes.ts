// The nodes of the mesh: how they are, and how one is let go.
import { setTimeout as wait } from "node:timers/promises";
import { ask } from "../../../lib/contract.ts";
import { drainNode, listMeshNodes, type MeshNode } from "../../../lib/operator-contract.ts";
import { type Mesh, OperatorCallError } from "../../../lib/operator-socket.ts";
import { command } from "../command.ts";
import { shortTime, table } from "../table.ts";

const megabytes = (bytes: number | null) => bytes && Math.round(bytes / 1_000_000);
const stateText = ({ state, away }: MeshNode) => (away.length > 0 ? `${state}: ${away.join(" ")} away` : state);

export const nodes = command({
	name: "nodes",
	summary: "The nodes of the mesh, how they are and what they run.",
	details: "draining: it ends. silent: it is there and does not answer. left: it ended in order. lost: it died, or cannot be reached.",
	async run({ mesh, show, width }) {
		const { data } = await ask(mesh, listMeshNodes, {});
		const rows = data.map(node => [
			node.id,
			stateText(node),
			node.version,
			shortTime(node.startedAt),
			node.cpu,
			megabytes(node.memoryBytes),
			node.services.join(" ") || null,
		]);
		const heads = ["id", "state", "version", "up since", "cpu %", "MB", "services"];
		show({ data: { data }, text: table(heads, rows, { nothing: "There are no nodes.", width }) });
		return "well";
	},
});

// A node waits up to 10 s for requests and then for calls that run; more means that something hangs.
const goneWithinMs = 60_000;
const lookEveryMs = 200;

/** Looks until the node has gone; "still there" when it takes too long. */
async function untilGone(mesh: Mesh, id: string, signal: AbortSignal): Promise<"left" | "lost" | "still there"> {
	for (const began = performance.now(); performance.now() - began < goneWithinMs; await wait(lookEveryMs, undefined, { signal })) {
		try {
			const [node] = (await ask(mesh, listMeshNodes, { id })).data;
			if (!node?.available) return node?.state === "lost" ? "lost" : "left";
		} catch (error) {
			// It was the very process that we came through.
			if (!(error instanceof OperatorCallError)) return "left";
			throw error;
		}
	}
	return "still there";
}

export const drain = command({
	name: "drain",
	summary: "Let a node end in order, and wait until it has gone.",
	details:
		"It takes no new work, finishes what runs, hands its leases over and ends with exit code 0, as SIGTERM has it. Whoever started it may start it again.",
	operands: [
		{
			name: "NODE",
			about: "the node's id, as nodes shows it",
			candidates: async (mesh: Mesh) => (await ask(mesh, listMeshNodes, {})).data.filter(node => node.available).map(({ id }) => id),
		},
	],
	async run({ mesh, operands, show, remark, signal }) {
		const id = operands.NODE;
		const { onlyThere } = await ask(mesh, drainNode, { id });
		remark(`${id} takes no new work and finishes what runs.`);
		if (onlyThere.length > 0) remark(`No other node runs ${onlyThere.join(", ")}: they are away until one does.`);
		const outcome = await untilGone(mesh, id, signal);
		const texts = {
			left: `${id} has gone.`,
			lost: `${id} was lost before it had finished: others take its work over.`,
			"still there": `${id} has not gone within ${goneWithinMs / 1000} s. Its log says what it waits for; nodes shows whether it is still there.`,
		};
		show({ data: { id, outcome, onlyThere }, text: texts[outcome] });
		return outcome === "left" ? "well" : "not well";
	},
});
