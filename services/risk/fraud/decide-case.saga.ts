// A decision of an analyst across both of our stores. The case is closed first: that alone can be refused (by another analyst's claim or decision).
// From there on the decision is only ever finished, whatever dies in between.
import type { SagaDefinition } from "../../../lib/saga.ts";
import type { DeskService } from "./desk/desk.ts";
import { confirmedRule, type Judged, judgedOf, saveCleared, saveConfirmed, tellOrder } from "./desk/verdict.ts";
import type { FraudTx } from "./fraud.store.ts";

export interface DecidingCase {
	caseId: string;
	decision: "confirmed" | "falsePositive";
	note?: string | undefined;
	/** The analyst. */
	by: string;
	ifMatch?: string | undefined;
	judged?: Judged;
	/** How far the log was when somebody was found to be a fraud. */
	head?: number;
}

// A flag is the user's own affair: their case decides on it. An order's says no more than that this order may go on, or not.
const isAboutUser = ({ judged }: DecidingCase) => judged?.entity.kind === "user";

export const decideCaseSaga = (service: DeskService): SagaDefinition<DecidingCase, FraudTx> => ({
	kind: "decideCase",
	// Nothing is held for anybody meanwhile, and giving up would leave the documents and the rows apart: it has no deadline.
	steps: [
		{
			name: "close case",
			pointOfNoReturn: true,
			async run({ id, state: { caseId, decision, note, by, ifMatch } }) {
				const closed = await service.desk.cases.close(caseId, { process: id, decision, note, by, isOwn: true, ifMatch });
				const { kind, id: subject } = closed.entity;
				// Read after the case was closed: what flags them from here on either joined that case before, or has opened one of its own.
				return { judged: judgedOf(closed, kind === "user" ? await service.desk.flags.get(subject) : undefined) };
			},
		},
		{
			name: "save verdict",
			async save(tx, { id, state: { caseId, decision, by, judged } }) {
				const { entity } = judged!;
				if (entity.kind === "order") await tellOrder(tx, entity.id, { decision, caseId });
				if (decision === "falsePositive")
					return saveCleared(tx, judged!, { caseId, process: id, inForce: await service.ruleSets.current(tx) });
				await saveConfirmed(tx, judged!, { caseId, by });
				return { head: await tx.logHead() };
			},
		},
		{
			name: "clear user",
			when: state => isAboutUser(state) && state.decision === "falsePositive",
			async run({ id, state: { judged } }) {
				await service.desk.flags.clear(judged!.userId!, await service.placeInLog(id));
			},
		},
		{
			name: "flag user",
			when: state => isAboutUser(state) && state.decision === "confirmed",
			async run({ id, state: { caseId, judged, head } }) {
				const { entity, userId } = judged!;
				const detail = `${caseId} was confirmed by an analyst`;
				// After whatever was cleared until then, before whatever is cleared from then on: late, the step flags nobody who was cleared since.
				const match = { id, seq: head! + 1, ruleId: confirmedRule, entity, at: service.runtime.clock.now(), detail, flags: true };
				await service.desk.flags.flag(userId!, match);
			},
		},
	],
});
