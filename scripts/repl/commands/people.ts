// What somebody did, and what they were told.
import { ask } from "../../../lib/contract.ts";
import { InteractionKind, ofUserAtPrompt } from "../../../services/identity/interactions/interactions.contract.ts";
import { ofUser as notificationsOfUser } from "../../../services/notification/notifications/notifications.contract.ts";
import { command } from "../command.ts";
import { moreText, shortTime, table } from "../table.ts";

const user = { name: "USER", about: "the user's id, such as usr_…", like: /^usr_[0-9a-z]{26}$/ } as const;
const paging = {
	limit: { type: "number", value: "N", about: "how many, 1 to 100 (20)" },
	cursor: { type: "text", value: "CURSOR", about: "goes on with a list" },
} as const;

export const interactions = command({
	name: "interactions",
	summary: "What somebody liked and visited, newest first, and how much that is together.",
	operands: [user],
	options: { kind: { type: "text", values: InteractionKind.enum, about: "only these" }, ...paging },
	async run({ mesh, operands, options, show, width }) {
		const kind = options.kind as InteractionKind | undefined;
		const page = await ask(mesh, ofUserAtPrompt, { id: operands.USER, ...options, kind });
		const rows = page.data.map(({ id, kind, target, recordedAt }) => [shortTime(recordedAt), kind, target, id]);
		const listed = table(["recorded", "kind", "target", "id"], rows, { nothing: "There are no interactions.", width });
		show({ data: page, text: `${listed}\n\nTogether: ${page.total}${moreText(page.nextCursor)}` });
		return "well";
	},
});

export const notify = command({
	name: "notify",
	summary: "What somebody was told, newest first: over which channel, and whether it was carried.",
	details: "queued: on its way. sent: carried. kept: to be read here, as nothing carries this channel. failed: given up.",
	operands: [user],
	options: paging,
	async run({ mesh, operands, options, show, width }) {
		const page = await ask(mesh, notificationsOfUser, { userId: operands.USER, ...options });
		const rows = page.data.map(({ createdAt, type, channel, status, readAt, title }) => [
			shortTime(createdAt),
			type,
			channel,
			status,
			shortTime(readAt),
			title,
		]);
		const heads = ["at", "type", "channel", "status", "read", "title"];
		show({ data: page, text: table(heads, rows, { nothing: "They were told nothing.", width }) + moreText(page.nextCursor) });
		return "well";
	},
});
