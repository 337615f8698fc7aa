import type { CallContext, ParamsOf } from "../../../../lib/contract.ts";
import { notFound, serviceUnavailable } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import { refuseStale } from "../payments.access.ts";
import type * as contract from "../payments.contract.ts";
import type { PaymentView } from "../payments.contract.ts";
import { conflict, isTombstone, type Payment, viewOf } from "../payments.domain.ts";
import { newIntent, type Payments } from "../payments.intents.ts";
import { underKey } from "../payments.keyed.ts";
import type { PaymentsTx } from "../payments.store.ts";

async function lockedPayment(tx: PaymentsTx, id: string): Promise<Payment> {
	const payment = await tx.lock(id);
	if (!payment || isTombstone(payment)) throw notFound();
	return payment;
}

/** One at a time, and not while somebody lets go of it. */
async function begin(tx: PaymentsTx, payment: Payment, wish: { id: string; requestKey: string; keyScope?: string }): Promise<void> {
	const isBusy = (await tx.openIntents(payment.id)).length > 0;
	if (payment.status !== "authorized" || isBusy) throw conflict(payment);
	await tx.insertIntent(newIntent(tx, { ...wish, payment, operation: "capture", amount: payment.amount }));
}

export function capture(service: Payments, ctx: CallContext<typeof contract.capture>): Promise<PaymentView> {
	return underKey<PaymentView>(service, ctx, async (tx, { intentId: id, ...wish }) => {
		const payment = await lockedPayment(tx, ctx.params.id);
		refuseStale(ctx, payment);
		await begin(tx, payment, { id, ...wish });
	});
}

/** For a process that has to end with the money taken: a repeat goes on with the capture that stands, or answers that it is done. */
export async function captureAll(service: Payments, { paymentId, key }: ParamsOf<typeof contract.captureAll>): Promise<PaymentView> {
	const { store, intents, runtime } = service;
	const id = newId("int", runtime.clock.now());
	const begun = await store.transaction(async tx => {
		tx.repeatable();
		const payment = await lockedPayment(tx, paymentId);
		if (payment.status === "captured" || payment.status === "partiallyRefunded" || payment.status === "refunded") return undefined;
		if (await tx.wasDeclined(paymentId, key)) throw conflict(payment);
		const standing = (await tx.openIntents(paymentId)).find(({ operation }) => operation === "capture");
		if (standing) return { id: standing.id, isFirst: standing.id === id };
		await begin(tx, payment, { id, requestKey: key });
		return { id, isFirst: true };
	});
	const intent = begun && (await intents.drive(begun.id, { isFirst: begun.isFirst }));
	const payment = (await store.reader.payment(paymentId))!;
	if (intent && intent.outcome !== "succeeded") {
		if (intent.outcome === "declined") throw conflict(payment);
		throw serviceUnavailable({ service: "The payment provider" });
	}
	return viewOf(payment);
}
