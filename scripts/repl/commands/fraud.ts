// What waits for an analyst, how somebody stands, and the rules: what they found, and what others would have found.
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { ask } from "../../../lib/contract.ts";
import { encodeCursor } from "../../../lib/cursor.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import { type Case, CaseStatus, type FraudUser, type Reason } from "../../../services/risk/fraud/cases.contract.ts";
import type { Decision } from "../../../services/risk/fraud/fraud.contract.ts";
import * as risk from "../../../services/risk/fraud/operators.contract.ts";
import type { Rule } from "../../../services/risk/fraud/rules.contract.ts";
import { reportText } from "../../fraud/report-text.ts";
import { command, type Given, UsageError } from "../command.ts";
import { ageText, fields, moreText, shortTime, table } from "../table.ts";

type Status = Case["status"];

const pageMax = 100;
const entityText = ({ kind, id }: Case["entity"]) => `${kind}:${id}`;
const rulesText = (reasons: readonly Reason[]) => [...new Set(reasons.map(({ rule }) => rule))].join(", ");

/** Cases of several statuses as one list. The cursor is the place of the last one, which is a place in each of their lists. */
async function queueOf(
	mesh: Mesh,
	statuses: readonly Status[],
	{ limit = 20, cursor }: { limit?: number | undefined; cursor?: string | undefined },
) {
	const pages = await Promise.all(
		statuses.map(status => ask(mesh, risk.listCasesAtPrompt, { status, limit, ...(cursor ? { cursor } : {}) })),
	);
	const found = pages.flatMap(({ data }) => data).sort((one, other) => placeOf(other).localeCompare(placeOf(one)));
	const data = found.slice(0, limit);
	const last = data.at(-1);
	const goesOn = last && (found.length > limit || pages.some(({ nextCursor }) => nextCursor !== null));
	return { data, nextCursor: goesOn ? encodeCursor([Date.parse(last.openedAt), last.id]) : null };
}

const placeOf = ({ openedAt, id }: Case) => `${openedAt} ${id}`;

const casesText = (cases: readonly Case[], { nothing, width }: { nothing: string; width: number | undefined }) =>
	table(
		["id", "about", "user", "rules", "status", "age", "assignee"],
		cases.map(each => [
			each.id,
			entityText(each.entity),
			each.userId,
			rulesText(each.reasons),
			each.decision ? `${each.status}: ${each.decision}` : each.status,
			ageText(each.openedAt),
			each.assignee,
		]),
		{ nothing, width },
	);

export const fraudQueue = command({
	name: "fraud queue",
	summary: "Cases that wait for an analyst, open and claimed ones, newest first.",
	options: {
		status: { type: "text", values: CaseStatus.enum, about: "only these" },
		limit: { type: "number", value: "N", about: "how many, 1 to 100 (20)" },
		cursor: { type: "text", value: "CURSOR", about: "goes on with a list" },
	},
	async run({ mesh, options, show, width }) {
		const statuses: readonly Status[] = options.status ? [options.status as Status] : ["open", "claimed"];
		const page = await queueOf(mesh, statuses, options);
		show({ data: page, text: casesText(page.data, { nothing: "No case waits.", width }) + moreText(page.nextCursor) });
		return "well";
	},
});

const reasonsText = (reasons: readonly Reason[], width: number | undefined) =>
	table(
		["rule", "at", "what it saw"],
		reasons.map(({ rule, at, detail }) => [rule, shortTime(at), detail]),
		{ nothing: "no reasons", width },
	);

const decisionsText = (decisions: readonly Decision[], width: number | undefined) =>
	table(
		["decision", "at", "order", "outcome", "score", "rules of version", "that matched"],
		decisions.map(({ id, at, orderId, outcome, score, version, rules }) => [
			id,
			shortTime(at),
			orderId,
			outcome,
			score,
			version,
			rules
				.filter(({ matched }) => matched)
				.map(rule => (rule.state === "shadow" ? `${rule.id} (shadow)` : rule.id))
				.join(", ") || null,
		]),
		{ nothing: "no decisions", width },
	);

const standingText = ({ userId, status, counters, flaggedAt }: FraudUser) =>
	fields({ user: userId, status, "flagged at": shortTime(flaggedAt ?? null), interactions: counters.interactions });

async function showUser({ mesh, show, width }: Pick<Given, "mesh" | "show" | "width">, userId: string): Promise<void> {
	const [standing, cases, decisions] = await Promise.all([
		ask(mesh, risk.getUserAtPrompt, { id: userId }),
		ask(mesh, risk.listCasesAtPrompt, { userId, limit: 10 }),
		ask(mesh, risk.listDecisionsAtPrompt, { userId, limit: 10 }),
	]);
	const parts = [
		standingText(standing),
		...(standing.status === "flagged" ? [reasonsText(standing.reasons, width)] : []),
		casesText(cases.data, { nothing: "no cases", width }),
		decisionsText(decisions.data, width),
	];
	show({ data: { ...standing, cases: cases.data, decisions: decisions.data }, text: parts.join("\n\n") });
}

async function showCase({ mesh, show, width }: Pick<Given, "mesh" | "show" | "width">, id: string): Promise<void> {
	const found = await ask(mesh, risk.getCaseAtPrompt, { id });
	const { userId, orderId } = found;
	const about = orderId ? { orderId } : userId ? { userId } : undefined;
	const [standing, decisions] = await Promise.all([
		userId ? ask(mesh, risk.getUserAtPrompt, { id: userId }) : undefined,
		about ? ask(mesh, risk.listDecisionsAtPrompt, { ...about, limit: 10 }).then(({ data }) => data) : [],
	]);
	const parts = [
		fields({
			case: found.id,
			about: entityText(found.entity),
			status: found.status,
			assignee: found.assignee,
			decision: found.decision,
			note: found.note,
			opened: shortTime(found.openedAt),
			closed: shortTime(found.closedAt ?? null),
		}),
		reasonsText(found.reasons, width),
		...(standing ? [standingText(standing)] : []),
		decisionsText(decisions, width),
	];
	show({ data: { ...found, ...(standing ? { user: standing } : {}), decisions }, text: parts.join("\n\n") });
}

const flagged = async (mesh: Mesh) =>
	(await ask(mesh, risk.listUsersAtPrompt, { status: "flagged", limit: pageMax })).data.map(({ userId }) => userId);

export const fraudShow = command({
	name: "fraud show",
	summary: "How somebody stands, with their cases and how their purchases were decided; or one case.",
	operands: [
		{
			name: "ID",
			about: "a user's or a case's id, usr_… or cas_…",
			like: /^(usr|cas)_[0-9a-z]{26}$/,
			candidates: async (mesh: Mesh) => [
				...(await flagged(mesh)),
				...(await queueOf(mesh, ["open", "claimed"], { limit: pageMax })).data.map(({ id }) => id),
			],
		},
	],
	async run({ operands, ...given }) {
		await (operands.ID.startsWith("usr_") ? showUser : showCase)(given, operands.ID);
		return "well";
	},
});

export const fraudClear = command({
	name: "fraud clear",
	summary: "Clear somebody who was flagged wrongly: the flag goes, their case is closed, and rules count from here.",
	details: "Who is clear stays so. The facts and the audit name you, and the case keeps the reason.",
	operands: [
		{ name: "USER", about: "the user's id, such as usr_…", like: /^usr_[0-9a-z]{26}$/, candidates: flagged },
		{ name: "REASON", about: "why, in your words", many: true },
	],
	async run({ mesh, operands, show }) {
		const before = await ask(mesh, risk.getUserAtPrompt, { id: operands.USER });
		const after = await ask(mesh, risk.clearUserAtPrompt, { id: operands.USER, reason: operands.REASON });
		const cleared = before.status === "flagged" ? `${after.userId} is clear.` : `${after.userId} was not flagged.`;
		// What happened while they were being cleared is not forgiven with the rest.
		const still = `${after.userId} is still flagged, for what came meanwhile: ${rulesText(after.reasons)}.`;
		show({ data: after, text: after.status === "clear" ? cleared : still });
		return after.status === "clear" ? "well" : "not well";
	},
});

export const fraudRules = command({
	name: "fraud rules",
	summary: "The rules in force, and how often each has matched.",
	details: "Shadow rules match without any effect, drafts are not asked. Rules are replaced by PUT /v1/fraud/rules.",
	async run({ mesh, show, width }) {
		const set = await ask(mesh, risk.getRulesAtPrompt, {});
		const rows = set.rules.map(({ id, state, outcome, on, scope, matches }) => [
			id,
			state,
			outcome,
			on.join(" "),
			scope,
			matches.count,
			shortTime(matches.lastAt ?? null),
		]);
		const heads = ["id", "state", "outcome", "on", "scope", "matches", "last"];
		show({ data: set, text: `${table(heads, rows, { nothing: "There are no rules.", width })}\n\nVersion ${set.version}` });
		return "well";
	},
});

/** The rules of a file, as a list or as GET /v1/fraud/rules answers them. */
function rulesOf(file: string): Rule[] {
	let given: unknown;
	try {
		given = JSON.parse(fs.readFileSync(file, "utf8"));
	} catch (error) {
		throw new UsageError(`${file} cannot be read as JSON: ${(error as Error).message}.`);
	}
	const rules = Array.isArray(given) ? given : (given as { rules?: unknown } | null)?.rules;
	if (!Array.isArray(rules)) throw new UsageError(`${file} holds no list of rules.`);
	return rules as Rule[];
}

// A draft is tried as if it were in shadow: that is what a draft is for.
const tried = (rules: readonly Rule[]): Rule[] => rules.map(rule => (rule.state === "draft" ? { ...rule, state: "shadow" } : rule));

const lookEveryMs = 300;

/** Says every fifth how far a backtest is, until it is over. With many nodes some looks ask one that does not know. */
async function tellProgress(mesh: Mesh, run: string, tell: (text: string) => void, over: AbortSignal): Promise<void> {
	for (let told = 0; ; ) {
		await wait(lookEveryMs, undefined, { signal: over });
		const progress = await ask(mesh, risk.backtestProgress, { run });
		if (!progress || progress.read - told < progress.total / 5) continue;
		told = progress.read;
		tell(`${progress.read} of ${progress.total} observations were read.`);
	}
}

export const fraudBacktest = command({
	name: "fraud backtest",
	summary: "What rules would have matched in the past, without any effect: those in force, or those of a file.",
	details: "The file is a list of rules, or what GET /v1/fraud/rules answers. Counters are warmed with what came before --from.",
	operands: [{ name: "FILE", about: "a JSON file on this machine", optional: true }],
	options: {
		from: { type: "text", value: "TIME", about: "only what happened from this time on (RFC 3339)" },
		to: { type: "text", value: "TIME", about: "only what happened before this time" },
	},
	async run({ mesh, operands, options, show, remark, width, signal }) {
		const rules = operands.FILE ? rulesOf(operands.FILE) : (await ask(mesh, risk.getRulesAtPrompt, {})).rules;
		const run = randomUUID();
		const over = new AbortController();
		void tellProgress(mesh, run, remark, AbortSignal.any([over.signal, signal])).catch(() => undefined);
		try {
			const report = await ask(mesh, risk.backtestAtPrompt, { rules: tried(rules), ...options, run });
			show({ data: report, text: reportText(report, width) });
			return "well";
		} finally {
			over.abort();
		}
	},
});
