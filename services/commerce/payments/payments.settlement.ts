// What an answer of the provider makes true: state, facts and the kept reply, in one transaction. An intent settles once; whoever comes later
// with an answer finds it closed and changes nothing.
import { tell } from "../../../lib/contract.ts";
import { type KeptReply, refusalOf } from "../../../lib/idempotency.ts";
import * as contract from "./payments.contract.ts";
import { conflict, happened, held, type Intent, type Payment, refundViewOf, subjectOf, viewOf } from "./payments.domain.ts";
import type { PaymentsTx } from "./payments.store.ts";
import type { Authorization, Move } from "./providers/provider.ts";

export type AuthorizeOutcome = Authorization | { status: "voided" };

// The buyer's bank tells us when the buyer has acted; this is for the message that gets lost.
const authenticationPollMs = 30_000;
const backoffMaxMs = 60_000;
const backoffMs = (attempts: number) => Math.min(500 * 2 ** Math.min(attempts, 10), backoffMaxMs);

const defer = (tx: PaymentsTx, intent: Intent, ms = backoffMs(intent.attempts)) => tx.deferIntent(intent, tx.now() + ms);

/**
 * Reads intent and payment under lock; undefined when the intent is settled already. What the provider has done is true whoever brings it. That it
 * was never asked, and when to ask again, only the holder of the lease may say: `isOurs` is false for a node that slept past it.
 */
async function opened(tx: PaymentsTx, { id, paymentId, attempts }: Intent) {
	// Settled, it finds itself closed when it is run again.
	tx.repeatable();
	const payment = await tx.lock(paymentId);
	const intent = await tx.lockIntent(id);
	if (!payment || intent?.status !== "open") return undefined;
	return { payment, intent: { ...intent, attempts }, isOurs: intent.attempts === attempts };
}

async function reply(tx: PaymentsTx, intent: Intent, kept: KeptReply): Promise<void> {
	if (intent.keyScope !== null) await tx.keepFirstReply(intent, kept);
}

async function forget(tx: PaymentsTx, intent: Intent): Promise<void> {
	if (intent.keyScope !== null) await tx.forgetKeyOf(intent);
}

/**
 * `unavailable` must be certain here: the caller has made sure that nothing was ever sent under this key. `fingerprint` names the instrument of a
 * decline that names no card.
 */
export async function settleAuthorize(tx: PaymentsTx, asked: Intent, outcome: AuthorizeOutcome, fingerprint?: string): Promise<void> {
	const found = await opened(tx, asked);
	if (!found) return;
	const { intent, payment, isOurs } = found;
	if (outcome.status === "unavailable" && !isOurs) return;
	// Somebody wants it let go: whatever was not held by now never will be, and the void says so.
	if (outcome.status !== "authorized" && (await tx.openIntents(payment.id)).some(other => other.operation === "void")) {
		await tx.closeIntent(intent.id, "voided");
		return;
	}
	switch (outcome.status) {
		case "authorized": {
			const next = happened(payment, "authorized", held(outcome.card, outcome.charge));
			await tx.savePayment(next);
			await tell(tx, contract.authorized, subjectOf(next));
			break;
		}
		case "declined":
		case "unavailable": {
			const reason = outcome.status === "declined" ? outcome.code : "unavailable";
			const card = outcome.status === "declined" ? outcome.card : undefined;
			const instrument = { fingerprint: payment.fingerprint ?? fingerprint ?? null, ...card };
			const next = happened(payment, "declined", { ...instrument, reason, nextUrl: null });
			await tx.savePayment(next);
			await tell(tx, contract.failed, { ...subjectOf(next), reason });
			break;
		}
		case "voided": {
			await becomeVoided(tx, payment);
			break;
		}
		case "pending":
		case "unknown": {
			await awaitAuthorization(tx, payment, intent, outcome);
			return;
		}
	}
	await tx.closeIntent(intent.id, outcome.status);
}

/** Told once for each thing it waits for, however often it is looked at. */
async function awaitAuthorization(tx: PaymentsTx, payment: Payment, intent: Intent, outcome: AuthorizeOutcome): Promise<void> {
	if (outcome.status === "pending") {
		if (payment.nextUrl === null) {
			const next: Payment = { ...payment, ...held(outcome.card, outcome.charge), nextUrl: outcome.url, version: payment.version + 1 };
			await tx.savePayment(next);
			await tell(tx, contract.pending, { ...subjectOf(next), waitsFor: "authentication" });
		}
		await defer(tx, intent, authenticationPollMs);
		return;
	}
	if (intent.outcome === null && payment.nextUrl === null) {
		await tx.noteIntent(intent.id, "unknown");
		await tell(tx, contract.pending, { ...subjectOf(payment), waitsFor: "provider" });
	}
	await defer(tx, intent);
}

async function becomeVoided(tx: PaymentsTx, payment: Payment): Promise<void> {
	const wasAuthorized = payment.status === "authorized";
	const next = happened(payment, "voided", { nextUrl: null });
	await tx.savePayment(next);
	await tell(tx, contract.voided, { ...subjectOf(next), breakdown: next.breakdown, wasAuthorized });
}

/** `certain` is false when an earlier try may have been heard: then a provider that is away says nothing of what became of it. */
export async function settleMove(tx: PaymentsTx, asked: Intent, outcome: Move, certain: boolean): Promise<void> {
	const found = await opened(tx, asked);
	if (!found) return;
	const { intent, payment, isOurs } = found;
	const isOpen = outcome.status === "unknown" || outcome.status === "pending" || (outcome.status === "unavailable" && !(certain && isOurs));
	if (isOpen) await awaitMove(tx, payment, intent);
	else if (intent.operation === "capture") await settleCapture(tx, payment, intent, outcome);
	else if (intent.operation === "void") await settleVoid(tx, payment, intent, outcome);
	else await settleRefund(tx, payment, intent, outcome);
}

async function awaitMove(tx: PaymentsTx, payment: Payment, intent: Intent): Promise<void> {
	const refund = intent.refundId === null ? undefined : await tx.refund(intent.refundId);
	// A refund is accepted before it is certain: its maker is answered now, and later asks the payment.
	if (refund) await reply(tx, intent, { result: refundViewOf(refund, payment.currency) });
	await defer(tx, intent);
}

async function settleCapture(tx: PaymentsTx, payment: Payment, intent: Intent, outcome: Move): Promise<void> {
	if (outcome.status === "succeeded") {
		const next = happened(payment, "captured", { captured: intent.amount });
		await tx.savePayment(next);
		await tell(tx, contract.captured, { ...subjectOf(next), breakdown: next.breakdown });
		await reply(tx, intent, { result: viewOf(next) });
	} else if (outcome.status === "declined") await reply(tx, intent, refusalOf(conflict(payment)));
	else await forget(tx, intent);
	await tx.closeIntent(intent.id, outcome.status);
}

async function settleVoid(tx: PaymentsTx, payment: Payment, intent: Intent, outcome: Move): Promise<void> {
	// A wish to let go stays until it is done: nobody may be left to ask again.
	if (outcome.status === "unavailable") {
		await defer(tx, intent);
		return;
	}
	if (outcome.status === "succeeded") {
		await becomeVoided(tx, payment);
		for (const other of await tx.openIntents(payment.id)) if (other.operation === "authorize") await tx.closeIntent(other.id, "voided");
	}
	await tx.closeIntent(intent.id, outcome.status);
}

async function settleRefund(tx: PaymentsTx, payment: Payment, intent: Intent, outcome: Move): Promise<void> {
	const refund = (await tx.refund(intent.refundId!))!;
	if (outcome.status === "succeeded") {
		const refundedTotal = payment.refunded + refund.amount;
		const isWhole = refundedTotal === payment.captured;
		const next = happened(payment, isWhole ? "refundedWhole" : "refundedInPart", { refunded: refundedTotal });
		await tx.savePayment(next);
		await tx.settleRefund(refund.id, "succeeded");
		const money = (amount: number) => ({ amount, currency: next.currency });
		const sums = { amount: money(refund.amount), captured: money(next.captured), refundedTotal: money(refundedTotal) };
		const status = isWhole ? "refunded" : "partiallyRefunded";
		await tell(tx, contract.refunded, { ...subjectOf(next), refundId: refund.id, breakdown: refund.breakdown, ...sums, status });
		await reply(tx, intent, { result: refundViewOf({ ...refund, status: "succeeded" }, next.currency) });
	} else {
		// Its amount counts as refundable again from here on.
		await tx.settleRefund(refund.id, "failed");
		await tx.savePayment({ ...payment, version: payment.version + 1 });
		const reason = outcome.status === "declined" ? outcome.code : "unavailable";
		const amount = { amount: refund.amount, currency: payment.currency };
		await tell(tx, contract.refundFailed, { ...subjectOf(payment), amount, refundId: refund.id, reason });
		if (outcome.status === "declined") await reply(tx, intent, { result: refundViewOf({ ...refund, status: "failed" }, payment.currency) });
		else await forget(tx, intent);
	}
	await tx.closeIntent(intent.id, outcome.status);
}
