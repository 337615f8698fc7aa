// What risk hears. Each fact becomes an observation in the log, in the transaction that notes that it was heard: so every one counts once. Nothing is
// judged here.
import { type EventContract, type HeardEvent, hear, type PayloadOf } from "../../../lib/contract.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import * as carts from "../../commerce/carts/carts.contract.ts";
import * as orders from "../../commerce/orders/orders.contract.ts";
import * as payments from "../../commerce/payments/payments.contract.ts";
import * as authentication from "../../identity/authentication/authentication.contract.ts";
import { recorded } from "../../identity/interactions/interactions.contract.ts";
import { detailOf } from "./fraud.findings.ts";
import type { Judge } from "./fraud.judge.ts";
import type { Observation } from "./fraud.observations.ts";
import * as observing from "./fraud.observing.ts";
import type { FraudTx } from "./fraud.store.ts";

type Observed<E extends EventContract> = (envelope: Envelope<PayloadOf<E>>, tx: FraudTx) => Observation | Promise<Observation>;

const logs = <E extends EventContract>(event: E, observationOf: Observed<E>): Record<string, HeardEvent> =>
	hear<E, { judge?: Judge }, FraudTx>(event, async function ({ envelope, tx }) {
		await tx.log(await observationOf(envelope, tx));
		this.judge?.soon();
	});

/** Held without a rule that asked for it: risk was away, or the buyer's bank could not be asked. */
const undecided = { ruleId: "risk-unavailable", detail: "It was held because nobody could decide on it." };

/** A case of its own for an order that waits, or went on, with a reason for each live rule that matched. */
export async function openOrderCase(
	tx: FraudTx,
	observationId: string,
	{ orderId, userId, at }: { orderId: string; userId: string | null; at: number },
): Promise<void> {
	const decision = await tx.decisionOfOrder(orderId);
	const reasons = (decision?.rules ?? [])
		.filter(({ state, matched }) => state === "live" && matched)
		.map(({ id: ruleId, conditions }) => ({ ruleId, detail: detailOf(conditions) }));
	const about = { entity: { kind: "order" as const, id: orderId }, orderId, ...(userId === null ? {} : { userId }), at, flags: false };
	for (const reason of reasons.length > 0 ? reasons : [undecided])
		await tx.insertErrand(observationId, { match: { id: `${orderId}/${reason.ruleId}`, ...about, ...reason } });
}

export const heard: Record<string, HeardEvent> = {
	...logs(recorded, (envelope, tx) => observing.interactionObserved(envelope, tx.now())),
	...logs(authentication.succeeded, (envelope, tx) => observing.loginObserved(envelope, tx.now())),
	...logs(authentication.failed, (envelope, tx) => observing.loginFailureObserved(envelope, tx.now())),
	...logs(authentication.passwordChanged, (envelope, tx) => observing.passwordObserved(envelope, tx.now())),
	...logs(carts.changed, (envelope, tx) => observing.cartObserved(envelope, tx.now())),

	...logs(payments.authorized, async (envelope, tx) =>
		observing.paymentObserved(envelope, tx.now(), await tx.attemptOfPayment(envelope.data.paymentId), { end: "authorized" }),
	),
	...logs(payments.failed, async (envelope, tx) => {
		const { paymentId, reason } = envelope.data;
		return observing.paymentObserved(envelope, tx.now(), await tx.attemptOfPayment(paymentId), { end: observing.endOf(reason), reason });
	}),
	...hear<typeof payments.pending, unknown, FraudTx>(payments.pending, async ({ envelope, params, tx }) => {
		if (params.waitsFor !== "authentication") return;
		const attempt = await tx.attemptOfPayment(params.paymentId);
		await tx.log(observing.paymentObserved(envelope, tx.now(), attempt, { end: "challenged" }));
	}),
	...logs(payments.refunded, async (envelope, tx) =>
		observing.refundObserved(envelope, tx.now(), await tx.attemptOfOrder(envelope.data.orderId)),
	),

	...logs(orders.placed, async (envelope, tx) =>
		observing.orderObserved(envelope, tx.now(), await tx.attemptOfOrder(envelope.data.orderId)),
	),

	...hear<typeof orders.held, unknown, FraudTx>(orders.held, async ({ envelope, params, tx }) => {
		const observation = observing.orderObserved(envelope, tx.now(), await tx.attemptOfOrder(params.orderId), "held");
		await tx.log(observation);
		await openOrderCase(tx, observation.id, { orderId: params.orderId, userId: params.userId, at: observation.at });
	}),

	// Nothing is left to judge of an order that its buyer took back.
	...hear<typeof orders.cancelled, unknown, FraudTx>(orders.cancelled, async ({ envelope, params, tx }) => {
		if (!(await tx.hasCaseOfOrder(params.orderId))) return;
		const observation = observing.orderObserved(envelope, tx.now(), undefined, "held");
		await tx.log(observation);
		await tx.insertErrand(observation.id, { withdraw: params.orderId });
	}),

	// It went on, or waits, without us. Whoever judges next decides on it as if it had been asked.
	...hear<typeof orders.unassessed, unknown, FraudTx>(orders.unassessed, async ({ envelope, params, tx }) => {
		if (await tx.decisionOf(params.attempt.attemptId)) return;
		const { at } = observing.timeOf(Date.parse(envelope.occurredAt), tx.now());
		await tx.insertAttempt(params.attempt, at, JSON.stringify(params));
	}),

	// Its card was declined without us, and no order is left to decide on. What payments told of it may have been heard before: then it was an end of
	// nobody's attempt, and around its device and address it is none yet. Said twice, it counts once.
	...hear<typeof orders.declinedUnassessed, { judge?: Judge }, FraudTx>(
		orders.declinedUnassessed,
		async function ({ envelope, params: { attempt, declineCode }, tx }) {
			const time = observing.timeOf(Date.parse(envelope.occurredAt), tx.now());
			// We may have been late rather than away, and have taken it up after nobody waited any more.
			if (await tx.insertAttempt(attempt, time.at)) await tx.log({ ...observing.attemptObserved(attempt, time.at), ...time });
			const known = (await tx.attemptById(attempt.attemptId))!;
			await tx.log({ ...observing.outcomeObserved(known, observing.endOf(declineCode), time.at), ...time });
			this.judge?.soon();
		},
	),
};
