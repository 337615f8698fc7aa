import { setTimeout as wait } from "node:timers/promises";
import { styleText } from "node:util";
import { ask } from "../../../lib/contract.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import { listEventsAtPrompt, readOutboxAtPrompt, replayAtPrompt } from "../../../services/platform/operations/operations.contract.ts";
import { command } from "../command.ts";
import { shortTime } from "../table.ts";

// Quick enough to watch a checkout go by, slow enough to cost nothing.
const pollMs = 500;

const lineOf = ({ occurredAt, type, key, data, id }: Envelope) =>
	`${shortTime(occurredAt)}  ${styleText("bold", type)}  ${key}  ${JSON.stringify(data)}  ${styleText("dim", id)}`;

export const eventsTail = command({
	name: "events tail",
	summary: "The newest facts of all services, and every new one as it is told. Ctrl-C ends it.",
	options: {
		type: { type: "text", value: "TYPE", about: "only facts of this type, such as orders.placed" },
		key: { type: "text", value: "KEY", about: "only facts about this, such as an order id or a SKU" },
		limit: { type: "number", value: "N", about: "how many to begin with, 1 to 100 (20)" },
		once: { type: "flag", about: "print what is there and end" },
	},
	follows: true,
	async run({ mesh, options, show, signal }) {
		const { type, key, limit } = options;
		let page = await ask(mesh, listEventsAtPrompt, { type, key, limit, newest: true });
		for (;;) {
			for (const fact of page.data) show({ data: fact, text: lineOf(fact) });
			if (options.once || signal.aborted) return "well";
			// A full page has another behind it.
			if (page.nextCursor === null) await wait(pollMs, undefined, { signal }).catch(() => undefined);
			if (signal.aborted) return "well";
			page = await ask(mesh, listEventsAtPrompt, { type, key, limit: 100, after: page.tail });
		}
	},
});

export const eventsReplay = command({
	name: "events replay",
	summary: "Let a service hear facts again: what it lacks is repaired, nothing else changes.",
	details: "Facts go through the service's inbox, which knows what it has applied. Begin with --dry-run: it only counts.",
	operands: [
		{
			name: "GROUP",
			about: "the listening service",
			candidates: async (mesh: Mesh) => (await ask(mesh, readOutboxAtPrompt, {})).data.map(({ service }) => service),
		},
	],
	options: {
		from: { type: "text", value: "TIME", about: "only facts from this time on (RFC 3339)" },
		to: { type: "text", value: "TIME", about: "only facts before this time" },
		"dry-run": { type: "flag", about: "count, repair nothing" },
	},
	async run({ mesh, operands, options, show }) {
		const { from, to, "dry-run": dryRun } = options;
		const counted = await ask(mesh, replayAtPrompt, { group: operands.GROUP, from, to, dryRun });
		const repaired = dryRun ? "would be repaired" : "were repaired";
		show({ data: counted, text: `${counted.considered} facts looked at, ${counted.repaired} ${repaired}.` });
		return "well";
	},
});
