// Cancelling on one page: once begun it is carried through; every step is harmless when repeated.
import { ask } from "../../../lib/contract.ts";
import { type Ended, type Running, type SagaDefinition, type SagaRecord, Wait } from "../../../lib/saga.ts";
import type { Actor } from "../../../lib/vocabulary.ts";
import { keepReply } from "../../../mixins/sql/idempotency.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import { cancelledOrder } from "./orders.domain.ts";
import { recordCancelled } from "./orders.facts.ts";
import type { OrdersService } from "./orders.service.ts";
import type { KeptOrder, OrdersTx } from "./orders.store.ts";

export const cancelKind = "cancelOrder";

// The checkout wakes the cancel when it ends; this is how long it could lie unseen if that failed.
const lookMs = 5000;

export interface Cancelling {
	orderId: string;
	reason: string;
	/** The checkout that had the order in hand when the cancel came. */
	checkoutId: string | null;
	paymentStatus?: "voided" | "refunded";
}

/** Begins to cancel an order that is locked: at once, or when the checkout that has it in hand lets go of it. Drive it after the commit. */
export async function beginCancel(
	service: OrdersService,
	tx: OrdersTx,
	{ order, process }: KeptOrder,
	asked: { operationId: string; reason: string; keyScopes: string[]; actor?: Actor },
): Promise<SagaRecord> {
	const { operationId, reason, keyScopes, actor } = asked;
	await tx.setCancelRequest(order.id, { operationId, keyScopes });
	if (!process) await tx.setProcess(order.id, operationId);
	const state: Cancelling = { orderId: order.id, reason, checkoutId: process };
	const saga = await service.store.sagas.begin(tx, cancelKind, state, { id: operationId, ...(actor ? { actor } : {}) });
	return saga as unknown as SagaRecord;
}

export const cancelOrderSaga = (service: OrdersService): SagaDefinition<Cancelling, OrdersTx> => {
	const { broker } = service;

	/** An order runs one process at a time: its checkout, which captures no more and lets go of the money, hands it over when it ends. */
	async function awaitCheckout({ id, state }: Running<Cancelling>): Promise<Wait<Cancelling> | undefined> {
		const { process } = (await service.store.reader.orderById(state.orderId))!;
		return process === id ? undefined : new Wait(service.runtime.clock.now() + lookMs);
	}

	async function returnMoney({ id, state }: Running<Cancelling>): Promise<Partial<Cancelling>> {
		const { payments: made } = await ask(broker, payments.ofOrders, { orderIds: [state.orderId] });
		let refunded = false;
		for (const payment of made) {
			const reason = "The order was cancelled.";
			const taken = payment.captured.amount > 0;
			refunded ||= taken;
			if (taken) await ask(broker, payments.refundAll, { paymentId: payment.id, key: `${id}/${payment.id}`, reason });
			else if (payment.status === "authorized" || payment.status === "pending")
				await ask(broker, payments.voidPayment, { paymentId: payment.id, key: `${id}/${payment.id}`, reason });
		}
		return { paymentStatus: refunded ? "refunded" : "voided" };
	}

	async function closeOrder(tx: OrdersTx, { state }: Running<Cancelling>): Promise<void> {
		const { order } = (await tx.lockOrder(state.orderId))!;
		await recordCancelled(tx, await tx.saveOrder(cancelledOrder(order, state.paymentStatus!)), state.reason);
	}

	async function ended(tx: OrdersTx, { id, state: { orderId } }: Ended<Cancelling>): Promise<void> {
		const { order, process, cancelRequest } = (await tx.lockOrder(orderId))!;
		if (process === id) await tx.setProcess(orderId, null);
		await tx.setCancelRequest(orderId, null);
		for (const scope of cancelRequest?.keyScopes ?? []) await keepReply(tx, scope, { result: order });
	}

	return {
		kind: cancelKind,
		// The checkout acts on it as soon as it is asked for: stock and money may come back late, but they come back.
		isDecided: true,
		ended,
		steps: [
			{
				name: "accept cancellation",
				save: async (tx, { state }) => void (await tx.addToTimeline(state.orderId, "cancelRequested", state.reason)),
			},
			{ name: "await checkout", when: ({ checkoutId }) => checkoutId !== null, run: awaitCheckout },
			{ name: "return stock", run: async ({ state }) => void (await ask(broker, inventory.giveBack, { orderId: state.orderId })) },
			{ name: "return money", run: returnMoney },
			{ name: "close order", save: closeOrder },
		],
	};
};
