// The synchronous check of a checkout: the attempt is counted first, then the rules are asked, and the decision is kept with everything it rests on.
import { answer, tell } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import { listedOf } from "../desk/lists.ts";
import * as contract from "../fraud.contract.ts";
import { type Found, foundBy, isAsked, type Listed, type States, snapshotOf } from "../fraud.findings.ts";
import { noteFound } from "../fraud.matching.ts";
import { entityKeys, type Observation, triggersAt } from "../fraud.observations.ts";
import { attemptObserved, endOf, outcomeObserved } from "../fraud.observing.ts";
import type { Fraud } from "../fraud.service.ts";
import type { DecisionRow, FraudTx } from "../fraud.store.ts";
import type { RuleBook } from "../rules/rule-book.ts";
import { type Outcome, outcomes } from "../rules.contract.ts";

type Decided = contract.Assessment["outcome"];

const harsher = (one: Outcome, other: Outcome): Outcome => (outcomes.indexOf(other) > outcomes.indexOf(one) ? other : one);

/** Being flagged never refuses anybody; it asks their bank, whatever the rules of the day say. */
export const flaggedRule = "flagged-user";

export const assess = {
	...answer(contract.assess, async function (this: Fraud, ctx) {
		return shown(await decide(this, ctx.params, this.runtime.clock.now()));
	}),
	// A circuit that opens when many answers are late lets everybody pass unjudged, and whoever tries cards can make them late.
	circuitBreaker: { enabled: false },
};

export const conclude = answer(contract.conclude, async function (this: Fraud, ctx) {
	const { attemptId, outcome, reason = "declined" } = ctx.params;
	const attempt = await this.store.reader.attemptById(attemptId);
	if (!attempt) return null;
	const end = outcome === "declined" ? endOf(reason) : outcome;
	// Not for the log: the payment's own fact says it there, and the states take an end only once.
	await this.counters.apply([outcomeObserved(attempt, end, this.runtime.clock.now())]);
	return null;
});

const shown = ({ id: decisionId, outcome, rules }: DecisionRow): contract.Assessment => ({
	decisionId,
	outcome: outcome === "flag" ? "allow" : (outcome as Decided),
	isFlagged: rules.some(({ id }) => id === flaggedRule),
});

/** Attempts that a process is deciding on. */
const underWay = new WeakMap<Fraud, Map<string, Promise<DecisionRow>>>();

/** Decides on an attempt, once: whoever asks again, or at the same time, gets the decision that stands. */
export function decide(service: Fraud, attempt: contract.Attempt, at: number): Promise<DecisionRow> {
	const here = underWay.get(service) ?? new Map<string, Promise<DecisionRow>>();
	underWay.set(service, here);
	// Who waited in vain asks again while the answer is on its way: a process that is late must not do everything twice.
	let deciding = here.get(attempt.attemptId);
	if (!deciding) {
		deciding = decideHere(service, attempt, at).finally(() => here.delete(attempt.attemptId));
		here.set(attempt.attemptId, deciding);
	}
	return deciding;
}

async function decideHere(service: Fraud, attempt: contract.Attempt, at: number): Promise<DecisionRow> {
	const { store, counters, desk, judge, ruleSets } = service;
	const known = await store.reader.decisionOf(attempt.attemptId);
	if (known) return known;
	await judge.catchUp();
	const userStatus = attempt.userId === null ? "clear" : ((await desk.flags.get(attempt.userId))?.status ?? "clear");
	const observation = attemptObserved(attempt, at, userStatus);
	const { decision, isNew } = await counters.counting(observation, async (tx, states) => {
		const isFirst = await tx.insertAttempt(attempt, at);
		const earlier = isFirst ? undefined : await tx.decisionOf(attempt.attemptId);
		if (earlier) return { decision: earlier, isNew: false };
		const book = await ruleSets.current(tx);
		const { decision, found } = judged(attempt, observation, {
			book,
			states,
			listed: await listedOf(tx, entityKeys(observation), at),
			id: newId("dec", tx.now()),
		});
		if (!(await tx.insertDecision(decision))) return { decision: (await tx.decisionOf(attempt.attemptId))!, isNew: false };
		await record(tx, observation, decision, found);
		return { decision, isNew: true };
	});
	judge.soon();
	// What we refused ourselves waits for no outcome, and says nothing of the card. Should this get lost, it counts as waiting for a minute.
	if (isNew && decision.outcome === "block") await counters.apply([blockedOf(observation)]).catch(() => undefined);
	return decision;
}

const blockedOf = (observation: Observation): Observation => ({
	...observation,
	id: `${observation.id}/blocked`,
	kind: "attemptOutcome",
	attempt: { ...observation.attempt!, end: "blocked" },
});

interface Given {
	book: RuleBook;
	states: States;
	listed: Listed;
	id: string;
}

/** Every rule that is asked of a purchase is traced whole, whether it held or not. */
function judged(attempt: contract.Attempt, observation: Observation, { book, states, listed, id }: Given) {
	const snapshot = snapshotOf(observation, states, listed);
	const isFlagged = observation.fields.userStatus === "flagged";
	const found: Found[] = [];
	let outcome: Outcome = isFlagged ? "challenge" : "allow";
	let score = 0;
	const traced: contract.TracedRule[] = [];
	for (const rule of book.at(triggersAt("attempt"))) {
		if (!isAsked(rule, observation, states, listed)) continue;
		const { matched, conditions } = rule.evaluate(snapshot);
		traced.push({ id: rule.id, state: rule.isLive ? "live" : "shadow", matched, conditions });
		if (!matched) continue;
		found.push(foundBy(rule, observation, states, conditions));
		if (!rule.isLive) continue;
		outcome = harsher(outcome, rule.rule.outcome);
		score += rule.rule.points ?? 0;
	}
	if (isFlagged) traced.push(flagged);
	const { attemptId, orderId, userId } = attempt;
	const decision: DecisionRow = {
		attemptId,
		id,
		orderId,
		userId,
		outcome,
		score,
		version: book.version,
		rules: traced,
		at: observation.at,
	};
	return { decision, found };
}

const flagged: contract.TracedRule = {
	id: flaggedRule,
	state: "live",
	matched: true,
	conditions: [{ fact: "userStatus", operator: "eq", threshold: "flagged", value: "flagged", matched: true }],
};

/** With the decision: its place in the log, what it tells, and what the analysts shall see. A review opens its case with the held order. */
async function record(tx: FraudTx, observation: Observation, decision: DecisionRow, found: readonly Found[]): Promise<void> {
	await tx.log(observation);
	// Behind the attempt, so that whoever tries rules on the past finds it as open as it was when it was decided on.
	if (decision.outcome === "block") await tx.log(blockedOf(observation));
	const { id: decisionId, orderId, userId, version } = decision;
	await tell(tx, contract.decided, { decisionId, orderId, userId, outcome: shown(decision).outcome, version });
	await noteFound(tx, found);
}
