// From facts to observations: what a fact says of whom. Pure; who was in an attempt is looked up and handed in.
import type { PayloadOf } from "../../../lib/contract.ts";
import type { Envelope, Money } from "../../../lib/vocabulary.ts";
import type * as carts from "../../commerce/carts/carts.contract.ts";
import type * as orders from "../../commerce/orders/orders.contract.ts";
import type * as payments from "../../commerce/payments/payments.contract.ts";
import type * as authentication from "../../identity/authentication/authentication.contract.ts";
import type * as interactions from "../../identity/interactions/interactions.contract.ts";
import type { Attempt } from "./fraud.contract.ts";
import type { AttemptEnd, Entities, Observation, ObservationKind } from "./fraud.observations.ts";
import type { AttemptRow } from "./fraud.store.ts";

// Clocks of nodes differ a little; what is further ahead would keep itself out of every window.
const aheadMsMax = 2 * 60_000;
const lateAfterMs = 24 * 3_600_000;

/** Event time is the envelope's, judged by when the fact was heard. */
export function timeOf(occurredAt: number, heardAt: number): Pick<Observation, "at" | "isLate" | "isClamped"> {
	if (occurredAt > heardAt + aheadMsMax) return { at: heardAt, isClamped: true };
	return heardAt - occurredAt > lateAfterMs ? { at: occurredAt, isLate: true } : { at: occurredAt };
}

type Heard<Event> = Envelope<PayloadOf<Event>>;

function observed(
	envelope: Envelope<unknown>,
	heardAt: number,
	kind: ObservationKind,
	what: Omit<Observation, "id" | "kind" | "at">,
): Observation {
	return { id: envelope.id, kind, ...timeOf(Date.parse(envelope.occurredAt), heardAt), ...what };
}

interface Origin {
	addressHash: string;
	deviceHash: string | null;
}
const originOf = ({ addressHash, deviceHash }: Origin): Entities => ({
	address: addressHash,
	...(deviceHash === null ? {} : { device: deviceHash }),
});
const userOf = (userId: string | null): Entities => (userId === null ? {} : { user: userId });

const moneyOf = ({ amount, currency }: Money) => ({ amount, currency });

export function interactionObserved(envelope: Heard<typeof interactions.recorded>, heardAt: number): Observation {
	const { userId, sessionId, kind, target } = envelope.data;
	const entities = { user: userId, session: sessionId, ...originOf(envelope.data) };
	return observed(envelope, heardAt, "interaction", { entities, fields: { kind, target } });
}

export function loginObserved(envelope: Heard<typeof authentication.succeeded>, heardAt: number): Observation {
	const { userId, sessionId, by } = envelope.data;
	const entities = { user: userId, session: sessionId, ...originOf(envelope.data) };
	return observed(envelope, heardAt, "login", { entities, fields: { result: "succeeded", by } });
}

/** An email nobody has counts as somebody: whoever tries many addresses guesses at most of them. */
export function loginFailureObserved(envelope: Heard<typeof authentication.failed>, heardAt: number): Observation {
	const { userId, emailHash } = envelope.data;
	const entities = { ...userOf(userId), ...originOf(envelope.data) };
	return observed(envelope, heardAt, "loginFailed", {
		entities,
		fields: { result: "failed", by: "login" },
		value: userId ?? `email:${emailHash}`,
	});
}

export function passwordObserved(envelope: Heard<typeof authentication.passwordChanged>, heardAt: number): Observation {
	const { userId, sessionId } = envelope.data;
	return observed(envelope, heardAt, "password", { entities: { user: userId, session: sessionId }, fields: {} });
}

export function cartObserved(envelope: Heard<typeof carts.changed>, heardAt: number): Observation {
	const { cartId, userId, status, itemCount, total } = envelope.data;
	const entities: Entities = userId === null ? { session: cartId } : { user: userId };
	return observed(envelope, heardAt, "cart", { entities, fields: { status, itemCount, ...moneyOf(total) } });
}

/** Everybody and everything that was in an attempt. */
export function entitiesOf({
	userId,
	sessionId,
	instrument,
	...origin
}: Omit<AttemptRow, "id" | "orderId" | "paymentId" | "isShared" | "at">) {
	return { ...userOf(userId), session: sessionId, ...originOf(origin), ...(instrument === null ? {} : { instrument }) } as Entities;
}

export function orderObserved(
	envelope: Envelope<Pick<PayloadOf<typeof orders.placed>, "userId" | "total">>,
	heardAt: number,
	attempt: AttemptRow | undefined,
	kind: "order" | "held" = "order",
): Observation {
	const { userId, total } = envelope.data;
	return observed(envelope, heardAt, kind, { entities: attempt ? entitiesOf(attempt) : userOf(userId), fields: moneyOf(total) });
}

export function refundObserved(envelope: Heard<typeof payments.refunded>, heardAt: number, attempt: AttemptRow | undefined): Observation {
	const { userId, orderId, amount } = envelope.data;
	const entities = attempt ? entitiesOf(attempt) : userOf(userId);
	return observed(envelope, heardAt, "refund", { entities, fields: moneyOf(amount), value: orderId });
}

// What says nothing of the card: nobody asked its bank, or its bank asked the buyer and got no good answer.
const noEvidence = new Set([
	"authentication_failed",

	"unknown_token",
	"voided",
	"amount_not_supported",
	"processing_error",
	"authentication_timed_out",
	"try_again_later",
]);

/** How an attempt ended that was not authorized. */
export function endOf(reason: string): AttemptEnd {
	if (reason === "unavailable") return "unavailable";
	return noEvidence.has(reason) ? "failed" : "declined";
}

/** What became of a payment. An attempt that was never assessed is known by its payment alone. */
export function paymentObserved(
	envelope: Envelope<PayloadOf<typeof payments.authorized>>,
	heardAt: number,
	attempt: AttemptRow | undefined,
	{ end, reason }: { end: AttemptEnd; reason?: string },
): Observation {
	const { paymentId, userId, amount, fingerprint } = envelope.data;
	const instrument = attempt?.instrument ?? fingerprint ?? null;
	const entities = attempt ? entitiesOf(attempt) : { ...userOf(userId), ...(fingerprint === undefined ? {} : { instrument: fingerprint }) };
	return observed(envelope, heardAt, "attemptOutcome", {
		entities,
		fields: { ...moneyOf(amount), ...(reason === undefined ? {} : { reason }) },
		attempt: { id: paymentId, instrument, end },
	});
}

/** An attempt to buy. `userStatus` is how its buyer stood when it was made, if anybody looked. */
export function attemptObserved(attempt: Attempt, at: number, userStatus?: "clear" | "flagged"): Observation {
	const { attemptId, paymentId, amount, country, itemCount } = attempt;
	return {
		id: attemptId,
		kind: "attempt",
		at,
		entities: entitiesOf(attempt),
		fields: { ...moneyOf(amount), country, itemCount, ...(userStatus === undefined ? {} : { userStatus }) },
		attempt: { id: paymentId, instrument: attempt.instrument },
	};
}

/** What became of an attempt, for its entities. */
export function outcomeObserved(attempt: AttemptRow, end: AttemptEnd, at: number): Observation {
	return {
		id: `${attempt.id}/${end}`,
		kind: "attemptOutcome",
		at,
		entities: entitiesOf(attempt),
		fields: {},
		attempt: { id: attempt.paymentId, instrument: attempt.instrument, end },
	};
}
