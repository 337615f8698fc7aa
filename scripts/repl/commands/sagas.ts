import { ask } from "../../../lib/contract.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import { Saga } from "../../../lib/store-contract.ts";
import {
	compensateSagaAtPrompt,
	getSagaAtPrompt,
	listSagasAtPrompt,
	retrySagaAtPrompt,
} from "../../../services/platform/operations/operations.contract.ts";
import { command } from "../command.ts";
import { fields, jsonText, moreText, shortTime, table } from "../table.ts";

/** The step it stands at: the first that is neither done nor left out. */
const stepOf = (saga: Saga) => saga.steps.find(({ status }) => status === "running" || status === "pending" || status === "failed")?.name;

const sagaId = {
	name: "ID",
	about: "the id with its service, such as orders:opr_…",
	like: /^[A-Za-z]+:[a-z]+_[0-9a-z]{26}$/,
	candidates: async (mesh: Mesh) => (await ask(mesh, listSagasAtPrompt, { limit: 100 })).data.map(({ id }) => id),
} as const;

function shown(saga: Saga, width: number | undefined): string {
	const head = fields({
		id: saga.id,
		kind: saga.kind,
		status: saga.status,
		began: shortTime(saga.createdAt),
		changed: shortTime(saga.updatedAt),
		"next try": shortTime(saga.nextAt),
		"failed tries": saga.attempts,
		error: saga.error,
		problem: saga.problem && `${saga.problem.code}: ${saga.problem.message}`,
	});
	const steps = table(
		["step", "status", "error"],
		saga.steps.map(({ name, status, error }) => [name, status, error]),
		{ nothing: "no steps", width },
	);
	return [head, steps, jsonText(saga.state)].join("\n\n");
}

export const sagaList = command({
	name: "saga list",
	summary: "Processes across services, newest first.",
	options: {
		status: { type: "text", values: Saga.properties.status.enum, about: "only these" },
		kind: { type: "text", value: "KIND", about: "only these, such as checkout" },
		limit: { type: "number", value: "N", about: "how many, 1 to 100 (20)" },
		cursor: { type: "text", value: "CURSOR", about: "goes on with a list" },
	},
	async run({ mesh, options, show, width }) {
		const status = options.status as Saga["status"] | undefined;
		const page = await ask(mesh, listSagasAtPrompt, { ...options, status });
		const rows = page.data.map(saga => [
			saga.id,
			saga.kind,
			saga.status,
			stepOf(saga),
			saga.attempts,
			shortTime(saga.updatedAt),
			saga.error,
		]);
		const heads = ["id", "kind", "status", "step", "failed tries", "changed", "error"];
		show({ data: page, text: table(heads, rows, { nothing: "There are no such sagas.", width }) + moreText(page.nextCursor) });
		return "well";
	},
});

export const sagaShow = command({
	name: "saga show",
	summary: "One process: its steps, what was undone, and its state.",
	operands: [sagaId],
	async run({ mesh, operands, show, width }) {
		const saga = await ask(mesh, getSagaAtPrompt, { id: operands.ID });
		show({ data: saga, text: shown(saga, width) });
		return "well";
	},
});

export const sagaRetry = command({
	name: "saga retry",
	summary: "Try the step at which a process stands again, now.",
	details: "Steps are keyed, so one that had happened already does not happen twice.",
	operands: [sagaId],
	async run({ mesh, operands, show }) {
		const saga = await ask(mesh, retrySagaAtPrompt, { id: operands.ID });
		show({ data: saga, text: `${saga.id} goes on at "${stepOf(saga) ?? "its end"}". See how it fares: saga show ${saga.id}` });
		return "well";
	},
});

export const sagaCompensate = command({
	name: "saga compensate",
	summary: "Undo a process that is not past its point of no return.",
	details: "What it did is undone in reverse order; the buyer's request is then refused.",
	operands: [sagaId],
	async run({ mesh, operands, show }) {
		const saga = await ask(mesh, compensateSagaAtPrompt, { id: operands.ID });
		show({ data: saga, text: `${saga.id} is undone. See how it fares: saga show ${saga.id}` });
		return "well";
	},
});
