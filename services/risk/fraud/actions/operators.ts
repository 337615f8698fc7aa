// The operator's prompt does what the routes do, by the same handlers. Only a backtest says on the way how far it is.
import { type ActionContract, type AnsweredAction, answer } from "../../../../lib/contract.ts";
import type { Fraud } from "../fraud.service.ts";
import * as contract from "../operators.contract.ts";
import { getCase, listCases } from "./cases.ts";
import { listDecisions } from "./decisions.ts";
import { getRules, replayRules } from "./rules.ts";
import { clearUser, getUser, listUsers } from "./users.ts";

/** A route's action for callers without a token. */
const alike = (asked: ActionContract, action: AnsweredAction): AnsweredAction => ({ ...action, contract: asked, visibility: "public" });

/** Backtests that run in this process and are asked after. */
const running = new Map<string, { read: number; total: number }>();

export const operatorActions: Record<string, AnsweredAction> = {
	listCasesAtPrompt: alike(contract.listCasesAtPrompt, listCases),
	getCaseAtPrompt: alike(contract.getCaseAtPrompt, getCase),
	listUsersAtPrompt: alike(contract.listUsersAtPrompt, listUsers),
	getUserAtPrompt: alike(contract.getUserAtPrompt, getUser),
	clearUserAtPrompt: alike(contract.clearUserAtPrompt, clearUser),
	listDecisionsAtPrompt: alike(contract.listDecisionsAtPrompt, listDecisions),
	getRulesAtPrompt: alike(contract.getRulesAtPrompt, getRules),

	backtestAtPrompt: answer(contract.backtestAtPrompt, async function (this: Fraud, ctx) {
		const { run, ...asked } = ctx.params;
		if (run === undefined) return replayRules(this, asked);
		const progress = { read: 0, total: await this.store.reader.logHead() };
		running.set(run, progress);
		try {
			return await replayRules(this, asked, read => {
				progress.read = read;
			});
		} finally {
			running.delete(run);
		}
	}),

	backtestProgress: answer(contract.backtestProgress, ({ params }) => running.get(params.run) ?? null),
};
