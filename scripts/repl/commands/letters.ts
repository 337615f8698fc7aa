import { setTimeout as wait } from "node:timers/promises";
import { ask } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import { DeadLetter } from "../../../lib/store-contract.ts";
import {
	dropLetterAtPrompt,
	getLetterAtPrompt,
	listLettersAtPrompt,
	redriveLetterAtPrompt,
} from "../../../services/platform/operations/operations.contract.ts";
import { command } from "../command.ts";
import { fields, jsonText, moreText, shortTime, table } from "../table.ts";

const letterId = {
	name: "ID",
	about: "the id with its service, such as notifications:evt_…",
	like: /^[A-Za-z]+:evt_[0-9a-z]{26}$/,
	candidates: async (mesh: Mesh) => (await ask(mesh, listLettersAtPrompt, { limit: 100 })).data.map(({ id }) => id),
} as const;

export const letterList = command({
	name: "dlq list",
	summary: "Facts that a listener could not apply (dead, or still retrying), and those that wait behind them; newest first.",
	options: {
		group: { type: "text", value: "SERVICE", about: "only what this service could not apply" },
		status: { type: "text", values: DeadLetter.properties.status.enum, about: "only these" },
		limit: { type: "number", value: "N", about: "how many, 1 to 100 (20)" },
		cursor: { type: "text", value: "CURSOR", about: "goes on with a list" },
	},
	async run({ mesh, options, show, width }) {
		const status = options.status as DeadLetter["status"] | undefined;
		const page = await ask(mesh, listLettersAtPrompt, { ...options, status });
		const rows = page.data.map(({ id, type, key, status, attempts, lastFailedAt, error }) => [
			id,
			type,
			key,
			status,
			attempts,
			shortTime(lastFailedAt),
			error,
		]);
		const heads = ["id", "fact", "key", "status", "tries", "last", "error"];
		show({ data: page, text: table(heads, rows, { nothing: "There are no dead letters.", width }) + moreText(page.nextCursor) });
		return "well";
	},
});

export const letterShow = command({
	name: "dlq show",
	summary: "One dead letter: the last error and the whole fact.",
	operands: [letterId],
	async run({ mesh, operands, show }) {
		const letter = await ask(mesh, getLetterAtPrompt, { id: operands.ID });
		const { envelope, firstFailedAt, lastFailedAt, nextAt, attempts, ...rest } = letter;
		const head = fields({
			...rest,
			tries: attempts,
			"first failed": shortTime(firstFailedAt),
			"last failed": shortTime(lastFailedAt),
			"next try": shortTime(nextAt),
		});
		show({ data: letter, text: `${head}\n\n${jsonText(envelope)}` });
		return "well";
	},
});

// A try takes milliseconds; a listener that is slower than this is seen with `dlq show`.
const lookEveryMs = 100;
const looks = 30;

/** What became of a letter that was made due. */
async function outcomeOf(
	mesh: Mesh,
	letter: DeadLetter,
	signal: AbortSignal,
): Promise<{ outcome: "applied" | "failedAgain" | "underWay"; letter: DeadLetter }> {
	let last = letter;
	for (let look = 0; look < looks; look++) {
		try {
			last = await ask(mesh, getLetterAtPrompt, { id: letter.id });
		} catch (error) {
			if (notFound.matches(error)) return { outcome: "applied", letter };
			throw error;
		}
		if (last.attempts > 0) return { outcome: "failedAgain", letter: last };
		await wait(lookEveryMs, undefined, { signal });
	}
	return { outcome: "underWay", letter: last };
}

export const letterRedrive = command({
	name: "dlq redrive",
	summary: "Try a dead letter again now, with all its tries, and say what became of it.",
	details: "A fact is applied once, however often it is tried. Those that wait behind it follow by themselves.",
	operands: [letterId],
	async run({ mesh, operands, show, signal }) {
		const result = await outcomeOf(mesh, await ask(mesh, redriveLetterAtPrompt, { id: operands.ID }), signal);
		const texts = {
			applied: `${operands.ID} was applied.`,
			failedAgain: `${operands.ID} failed again: ${result.letter.error}`,
			underWay: `${operands.ID} is being tried. See how it fares: dlq show ${operands.ID}`,
		};
		show({ data: result, text: texts[result.outcome] });
		return result.outcome === "failedAgain" ? "not well" : "well";
	},
});

export const letterDrop = command({
	name: "dlq drop",
	summary: "Give a dead letter up for good: its listener will never apply that fact.",
	details: "The fact itself stays in the log of the service that told it. The next one of its key follows.",
	operands: [letterId],
	async run({ mesh, operands, show }) {
		const letter = await ask(mesh, dropLetterAtPrompt, { id: operands.ID });
		show({ data: letter, text: `${letter.id} was dropped: ${letter.group} will not apply ${letter.type} of ${letter.key}.` });
		return "well";
	},
});
