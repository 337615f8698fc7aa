// What the operator's prompt asks of risk. It brings no token: who does something there is the operator that the facts name as their actor.
import Type from "typebox";
import { action } from "../../../lib/contract.ts";
import { validationFailed } from "../../../lib/failure.ts";
import { atPrompt } from "../../../lib/operator-contract.ts";
import * as cases from "./cases.contract.ts";
import { listDecisions } from "./fraud.contract.ts";
import * as rules from "./rules.contract.ts";

export const listCasesAtPrompt = atPrompt(cases.listCases);
export const getCaseAtPrompt = atPrompt(cases.getCase);
export const listUsersAtPrompt = atPrompt(cases.listUsers);
export const getUserAtPrompt = atPrompt(cases.getUser);
export const clearUserAtPrompt = atPrompt(cases.clearUser);
export const listDecisionsAtPrompt = atPrompt(listDecisions);
export const getRulesAtPrompt = atPrompt(rules.getRules);

const RunId = Type.String({ minLength: 1, maxLength: 64, description: "Chosen by whoever wants to see how far it is." });

export const backtestAtPrompt = action({
	name: "fraud.backtestAtPrompt",
	summary: rules.backtest.summary,
	allow: "internal",
	timeoutMs: 60_000,
	bulkhead: { concurrency: 1, maxQueueSize: 4 },
	params: Type.Object({ ...rules.backtest.params.properties, run: Type.Optional(RunId) }),
	returns: rules.BacktestReport,
	throws: [validationFailed],
});

export const Progress = Type.Union([
	Type.Object({ read: Type.Integer({ minimum: 0 }), total: Type.Integer({ minimum: 0 }) }),
	Type.Null({ description: "It runs on another node, has not begun, or is over." }),
]);

export const backtestProgress = action({
	name: "fraud.backtestProgress",
	summary: "How far a backtest is that runs on the node that answers.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ run: RunId }),
	returns: Progress,
});
