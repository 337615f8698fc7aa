// What the judge hands to the desk, and how the desk keeps the reasons that follow from it.
import { rfc3339 } from "../../../../lib/clock.ts";
import type { CaseEntity, Reason } from "../cases.contract.ts";

/** A rule held for an entity. */
export interface Match {
	id: string;
	/** The place in the log of what made it. */
	seq: number;
	ruleId: string;
	entity: CaseEntity;
	userId?: string;
	orderId?: string;
	/** Milliseconds; the time of the event. */
	at: number;
	/** For the analyst: "interactions by user: 100 (gte 100)". */
	detail: string;
	/** Whether the user it is about is flagged besides. */
	flags: boolean;
}

/** What an analyst reads of a match. */
export const reasonOf = ({ ruleId, at, detail }: Match): Reason => ({ rule: ruleId, at: rfc3339(at), detail });

/**
 * The reasons with one more, at most so many: the oldest of the rule that has the most of them goes. So every rule keeps a reason, and a decision
 * that clears the rules of the reasons forgets none.
 */
export function withReason<R extends Reason>(reasons: readonly R[], reason: R, max: number): R[] {
	const all = [...reasons, reason];
	if (all.length <= max) return all;
	const counts = new Map<string, number>();
	for (const { rule } of all) counts.set(rule, (counts.get(rule) ?? 0) + 1);
	const most = Math.max(...counts.values());
	const gone = all.findIndex(({ rule }) => counts.get(rule) === most);
	return all.toSpliced(gone, 1);
}

/** The rules behind reasons, each once, in one order. */
export const rulesOf = (reasons: readonly Reason[]): string[] => [...new Set(reasons.map(({ rule }) => rule))].sort();
