import { ask, type CallContext, type ParamsOf } from "../../../../lib/contract.ts";
import { currencyMismatch, notFound, serviceUnavailable, validationFailed } from "../../../../lib/failure.ts";
import { keyedRequest } from "../../../../lib/idempotency.ts";
import { newId } from "../../../../lib/ids.ts";
import { refundItems } from "../../orders/orders.contract.ts";
import { refuseStale } from "../payments.access.ts";
import type * as contract from "../payments.contract.ts";
import type { PaymentView, RefundView } from "../payments.contract.ts";
import {
	breakdownOfRefund,
	conflict,
	type ItemShare,
	isTombstone,
	type Payment,
	refundable,
	refuseRefund,
	viewOf,
} from "../payments.domain.ts";
import { newIntent, type Payments } from "../payments.intents.ts";
import { underKey } from "../payments.keyed.ts";
import type { PaymentsTx } from "../payments.store.ts";

interface Wanted {
	amount: number;
	reason: string;
	items: ItemShare[] | null;
}

/** Takes the amount from what is refundable, in the transaction that writes the wish: two at once never give back more than was taken. */
async function begin(
	tx: PaymentsTx,
	payment: Payment,
	wanted: Wanted,
	wish: { id: string; requestKey: string; keyScope?: string },
): Promise<void> {
	const refunds = await tx.refunds(payment.id);
	refuseRefund(payment, refunds, wanted.amount);
	const breakdown = breakdownOfRefund(payment, refunds, wanted.amount, wanted.items !== null);
	const now = tx.now();
	const refund = {
		id: newId("rfd", now),
		paymentId: payment.id,
		orderId: payment.orderId,
		...wanted,
		status: "pending" as const,
		breakdown,
		createdAt: now,
	};
	await tx.insertRefund(refund);
	await tx.savePayment({ ...payment, version: payment.version + 1 });
	await tx.insertIntent(newIntent(tx, { ...wish, payment, operation: "refund", amount: wanted.amount, refundId: refund.id }));
}

/** Somebody else refunded of this order while its orders service worked out what the items are worth. */
class WorthChanged extends Error {}

async function sharesOf(
	service: Payments,
	ctx: CallContext<typeof contract.refund>,
): Promise<{ version: number; items: ItemShare[]; amount: number } | undefined> {
	const { id, items } = ctx.params;
	const request = keyedRequest(ctx);
	// A repeat is answered from what stands under its key: it must not depend on another service being there.
	if (!items || (request && (await service.store.reader.knowsKey(request.scope)))) return undefined;
	const payment = await service.store.reader.payment(id);
	if (!payment || isTombstone(payment)) throw notFound();
	const before = (await service.store.reader.refundsOfOrder(payment.orderId)).filter(({ status }) => status !== "failed");
	const priorRefunds = before.flatMap(refund => refund.items ?? []);
	const worth = await ask(ctx, refundItems, { orderId: payment.orderId, items, priorRefunds });
	if (worth.amount.amount === 0)
		throw validationFailed({
			errors: [{ pointer: "/items", code: "nothing_left", detail: "there is nothing left to refund for these items" }],
		});
	return { version: payment.version, items: worth.items, amount: worth.amount.amount };
}

function refuseUnlessOneOf({ amount, items }: CallContext<typeof contract.refund>["params"]): void {
	if ((amount === undefined) !== (items === undefined)) return;
	const flaw = amount
		? { code: "not_allowed", detail: "stands beside amount; send one of them" }
		: { code: "required", detail: "is required, or amount" };
	throw validationFailed({ errors: [{ pointer: "/items", ...flaw }] });
}

export async function refund(service: Payments, ctx: CallContext<typeof contract.refund>): Promise<RefundView> {
	const { id, amount, reason } = ctx.params;
	refuseUnlessOneOf(ctx.params);
	// A few rounds are plenty: each one lost means that another refund of the same payment got through.
	for (let round = 0; round < 5; round++) {
		const shares = await sharesOf(service, ctx);
		try {
			return await underKey<RefundView>(service, ctx, async (tx, { intentId, ...wish }) => {
				const payment = await tx.lock(id);
				if (!payment || isTombstone(payment)) throw notFound();
				refuseStale(ctx, payment);
				if (amount && amount.currency !== payment.currency) throw currencyMismatch({ given: amount.currency, shop: payment.currency });
				if (!amount && shares?.version !== payment.version) throw new WorthChanged();
				const wanted = { amount: amount?.amount ?? shares!.amount, reason, items: shares?.items ?? null };
				await begin(tx, payment, wanted, { id: intentId, ...wish });
			});
		} catch (error) {
			if (!(error instanceof WorthChanged)) throw error;
		}
	}
	throw serviceUnavailable({ service: "payments" });
}

/** For a process that has to end with nothing kept: goes on with refunds that are on their way, and gives back what is left beside them. */
export async function refundAll(service: Payments, { paymentId, key, reason }: ParamsOf<typeof contract.refundAll>): Promise<PaymentView> {
	const { store, intents, runtime } = service;
	const own = newId("int", runtime.clock.now());
	const begun = await store.transaction(async tx => {
		tx.repeatable();
		const payment = await tx.lock(paymentId);
		if (!payment || isTombstone(payment)) throw notFound();
		const refunds = await tx.refunds(paymentId);
		refuseRefund(payment, refunds, 0);
		if (await tx.wasDeclined(paymentId, key)) throw conflict(payment);
		const standing = (await tx.openIntents(paymentId))
			.filter(({ operation }) => operation === "refund")
			.map(({ id }) => ({ id, isFirst: id === own }));
		const left = refundable(payment, refunds);
		if (left === 0) return standing;
		await begin(tx, payment, { amount: left, reason, items: null }, { id: own, requestKey: key });
		return [...standing, { id: own, isFirst: true }];
	});
	const driven = await Promise.all(begun.map(({ id, isFirst }) => intents.drive(id, { isFirst })));
	const payment = (await store.reader.payment(paymentId))!;
	if (driven.some(({ outcome }) => outcome === "declined")) throw conflict(payment);
	if (driven.some(({ outcome }) => outcome !== "succeeded")) throw serviceUnavailable({ service: "The payment provider" });
	return viewOf(payment);
}
