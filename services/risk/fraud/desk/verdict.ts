// What a decision means for our rows: labels that backtests learn from, lists that rules count by, and the observation that takes away what rules
// remember. All of it in the transaction that records the step of the saga.
import { tell } from "../../../../lib/contract.ts";
import { type CaseEntity, orderDecided } from "../cases.contract.ts";
import { isWindowed } from "../fraud.findings.ts";
import { type Entities, entityKey } from "../fraud.observations.ts";
import type { FraudTx } from "../fraud.store.ts";
import type { RuleBook } from "../rules/rule-book.ts";
import { entityKinds } from "../rules.contract.ts";
import type { CaseDocument } from "./cases.ts";
import type { FlagDocument } from "./flags.ts";
import { label, listConfirmed, sweepLists, unlistConfirmed } from "./lists.ts";
import { rulesOf } from "./match.ts";

/** What an analyst confirmed is a reason of its own, and no rule. */
export const confirmedRule = "confirmed";

/** Of a case that was closed, what its saga goes on with. */
export interface Judged {
	entity: CaseEntity;
	/** Whom it is about. */
	userId: string | null;
	rules: string[];
}

/** `flag`: of the user whom the case is about, for their case decides on it. */
export const judgedOf = ({ entity, userId, reasons }: CaseDocument, flag?: FlagDocument): Judged => ({
	entity,
	userId,
	rules: rulesOf([...reasons, ...(flag?.reasons ?? [])]),
});

const keyOf = ({ kind, id }: CaseEntity) => `${kind}:${id}`;

/** The keys of what was judged: the entity, and whom it belongs to. */
const keysOf = ({ entity, userId }: Judged) => new Set([keyOf(entity), ...(userId === null ? [] : [entityKey("user", userId)])]);

/** Who takes back what a confirmation listed, when they are found to be honest: of an order its buyer. Whoever merely used a device does not. */
const answerableFor = ({ entity, userId }: Judged) =>
	entity.kind === "order" && userId !== null ? entityKey("user", userId) : keyOf(entity);

/** The entities in which rules remember something. An order is none: its case was about its buyer. */
function rememberedIn({ entity: { kind, id }, userId }: Judged): Entities {
	const known = entityKinds.find(one => one === kind);
	return { ...(known ? { [known]: id } : {}), ...(userId === null ? {} : { user: userId }) };
}

/** What was paid with and from where. Of an address nothing: whoever shares it with a fraud would be taken for one. */
async function tracesOf(tx: FraudTx, { entity: { kind, id } }: Judged): Promise<Set<string>> {
	if (kind === "address") return new Set();
	const attempts = await tx.attemptsOf(
		kind === "user" ? { userId: id } : kind === "order" ? { orderId: id } : { entityKey: `${kind}:${id}` },
	);
	return new Set([
		...(kind === "device" ? [entityKey("device", id)] : []),
		...attempts.flatMap(({ deviceHash }) => (deviceHash === null ? [] : [entityKey("device", deviceHash)])),
		// One that stands for many says nothing of who used it.
		...attempts.flatMap(({ instrument, isShared }) => (instrument === null || isShared ? [] : [entityKey("instrument", instrument)])),
	]);
}

/** It was fraud: what it was done with is listed. */
export async function saveConfirmed(tx: FraudTx, judged: Judged, { caseId, by }: { caseId: string; by: string }): Promise<void> {
	for (const key of keysOf(judged)) await label(tx, { entityKey: key, caseId, label: "fraud" });
	const about = answerableFor(judged);
	// In one order everywhere: two decisions that list the same things must not wait for each other.
	for (const key of [...(await tracesOf(tx, judged))].sort()) await listConfirmed(tx, { entityKey: key, caseId, about, addedBy: by });
	await sweepLists(tx);
}

/**
 * The rules that are to forget what was judged: those behind the decision, and whatever counts for life and matched once, in a case that was confirmed and
 * closed long ago; it would keep quiet for ever. One with a window speaks again by itself. One that is no more in force may come back.
 */
async function forgetful(tx: FraudTx, { entity, rules }: Judged, inForce: RuleBook): Promise<string[]> {
	const windowed = new Set(inForce.rules.filter(isWindowed).map(({ id }) => id));
	const fired = await tx.firedFor(keyOf(entity));
	return [...new Set([...rules.filter(rule => rule !== confirmedRule), ...fired.filter(rule => !windowed.has(rule))])].sort();
}

export interface Clearing {
	caseId: string;
	/** Names the observation, so that it counts once. */
	process: string;
	inForce: RuleBook;
}

/** It was none: what an earlier decision listed goes, and rules forget. */
export async function saveCleared(tx: FraudTx, judged: Judged, { caseId, process, inForce }: Clearing): Promise<void> {
	for (const key of keysOf(judged)) await label(tx, { entityKey: key, caseId, label: "honest" });
	await unlistConfirmed(tx, keyOf(judged.entity));
	const entities = rememberedIn(judged);
	if (Object.keys(entities).length === 0) return;
	const rules = await forgetful(tx, judged, inForce);
	await tx.log({ id: process, kind: "cleared", at: tx.now(), entities, fields: {}, rules });
}

/** The buyer's checkout waits for this. */
export async function tellOrder(tx: FraudTx, orderId: string, given: { decision: "confirmed" | "falsePositive"; caseId: string }) {
	const decision = given.decision === "confirmed" ? "rejected" : "approved";
	await tell(tx, orderDecided, { orderId, decision, caseId: given.caseId });
}
