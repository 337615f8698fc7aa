import { ask } from "../../../lib/contract.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import { readOutboxAtPrompt } from "../../../services/platform/operations/operations.contract.ts";
import { command, UsageError } from "../command.ts";
import { jsonText, table } from "../table.ts";

export const outbox = command({
	name: "outbox",
	summary: "Facts of each service that not every listener has taken, and how long the oldest has waited.",
	async run({ mesh, show, width }) {
		const { data } = await ask(mesh, readOutboxAtPrompt, {});
		const rows = data.map(({ service, pending, oldestSeconds }) => [service, pending, Math.round(oldestSeconds)]);
		show({ data: { data }, text: table(["service", "pending", "oldest (s)"], rows, { nothing: "No service keeps a store here.", width }) });
		return "well";
	},
});

function paramsOf(text: string | undefined): Record<string, unknown> {
	if (text === undefined) return {};
	let params: unknown;
	try {
		params = JSON.parse(text);
	} catch (error) {
		throw new UsageError(`The params are not JSON: ${(error as Error).message}.`);
	}
	if (typeof params !== "object" || params === null || Array.isArray(params)) throw new UsageError("The params must be a JSON object.");
	return params as Record<string, unknown>;
}

export const call = command({
	name: "call",
	summary: "Call an action of the mesh and print what it answers.",
	details: "No token goes along: internal and public actions answer, those that need a user or a permission refuse.",
	operands: [
		{
			name: "ACTION",
			about: "such as inventory.levels",
			candidates: async (mesh: Mesh) =>
				((await mesh.call("$node.actions", { skipInternal: true, onlyAvailable: true })) as { name: string }[]).map(({ name }) => name),
		},
		{ name: "PARAMS", about: "a JSON object", optional: true },
	],
	async run({ mesh, operands, show }) {
		const result = await mesh.call(operands.ACTION, paramsOf(operands.PARAMS));
		show({ data: result, text: jsonText(result) });
		return "well";
	},
});
