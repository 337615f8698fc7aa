// Clearing somebody from their own side: what a false positive does, for their flag and for their case, whoever holds it.

import type { SagaDefinition } from "../../../lib/saga.ts";
import { caseStateConflict } from "./cases.contract.ts";
import type { CaseDocument } from "./desk/cases.ts";
import type { DeskService } from "./desk/desk.ts";
import { rulesOf } from "./desk/match.ts";
import { saveCleared } from "./desk/verdict.ts";
import type { FraudTx } from "./fraud.store.ts";

export interface ClearingUser {
	userId: string;
	reason: string;
	/** The analyst; null for an operator at the prompt, whom the facts name as their actor. */
	by: string | null;
	/** Their case, if one was open. */
	caseId: string | null;
	/** The rules behind it; undefined when somebody else was faster and there is nothing left to clear. */
	rules?: string[];
}

/** Closes the case, if nobody has meanwhile. */
async function closeCase(service: DeskService, process: string, { caseId, reason, by }: ClearingUser): Promise<CaseDocument | undefined> {
	if (caseId === null) return undefined;
	try {
		return await service.desk.cases.close(caseId, {
			process,
			decision: "falsePositive",
			note: reason,
			...(by === null ? {} : { by }),
		});
	} catch (error) {
		if (caseStateConflict.matches(error)) return undefined;
		throw error;
	}
}

export const clearUserSaga = (service: DeskService): SagaDefinition<ClearingUser, FraudTx> => ({
	kind: "clearUser",
	steps: [
		{
			name: "close case",
			pointOfNoReturn: true,
			async run({ id, state }) {
				const closed = await closeCase(service, id, state);
				// Read after the case was closed: what flags them from here on either joined that case before, or has opened one of its own.
				const flag = await service.desk.flags.get(state.userId);
				if (!closed && flag?.status !== "flagged") return {};
				return { rules: rulesOf([...(closed?.reasons ?? []), ...(flag?.reasons ?? [])]) };
			},
		},
		{
			name: "save verdict",
			async save(tx, { id, state: { userId, caseId, rules } }) {
				if (!rules) return;
				// Without a case of its own the label stands under the process that found it out.
				const clearing = { caseId: caseId ?? id, process: id, inForce: await service.ruleSets.current(tx) };
				await saveCleared(tx, { entity: { kind: "user", id: userId }, userId, rules }, clearing);
			},
		},
		{
			name: "clear user",
			when: ({ rules }) => rules !== undefined,
			async run({ id, state: { userId } }) {
				await service.desk.flags.clear(userId, await service.placeInLog(id));
			},
		},
	],
});
