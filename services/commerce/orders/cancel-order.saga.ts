// Cancelling on one page: once begun it is carried through; every step is harmless when repeated.
import { ask, tell } from "../../../lib/contract.ts";
import { type Ended, type Running, type SagaDefinition, Wait } from "../../../lib/saga.ts";
import { forgetKey, keepReply } from "../../../mixins/sql/idempotency.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import * as orders from "./orders.contract.ts";
import type { OrdersService } from "./orders.service.ts";
import type { OrdersTx } from "./orders.store.ts";

export const cancelKind = "cancelOrder";

// The checkout wakes the cancel when it ends; this is how long it could lie unseen if that failed.
const lookMs = 5000;

export interface Cancelling {
	orderId: string;
	reason: string;
	/** The checkout that had the order in hand when the cancel came. */
	checkoutId: string | null;
	paymentStatus?: orders.Order["paymentStatus"];
}

export const cancelOrderSaga = (service: OrdersService): SagaDefinition<Cancelling, OrdersTx> => {
	const { broker } = service;

	/** An order runs one process at a time: its checkout, which does not capture any more, hands it over when it ends. */
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
		const paymentStatus = state.paymentStatus!;
		const payments = order.payments.map(payment => ({ ...payment, status: paymentStatus }));
		const closed = await tx.saveOrder({ ...order, status: "cancelled", fulfilmentStatus: "cancelled", paymentStatus, payments });
		await tx.addToTimeline(order.id, "cancelled", state.reason);
		const { id: orderId, number, cartId, userId, totals } = closed;
		await tell(tx, orders.cancelled, { orderId, number, cartId, userId, total: totals.total, reason: state.reason });
	}

	async function ended(tx: OrdersTx, { id, status, state: { orderId } }: Ended<Cancelling>): Promise<void> {
		const { order, process, cancelRequest } = (await tx.lockOrder(orderId))!;
		if (process === id) await tx.setProcess(orderId, null);
		await tx.setCancelRequest(orderId, null);
		for (const scope of cancelRequest?.keyScopes ?? []) {
			if (status === "succeeded") await keepReply(tx, scope, { result: order });
			// An operator gave it up before it was accepted: whoever asks again asks anew.
			else await forgetKey(tx, scope);
		}
	}

	return {
		kind: cancelKind,
		deadlineMs: 60_000,
		ended,
		steps: [
			// The decision itself is the point of no return: stock and money may come back late, but they come back.
			{
				name: "accept cancellation",
				save: async (tx, { state }) => void (await tx.addToTimeline(state.orderId, "cancelRequested", state.reason)),
				pointOfNoReturn: true,
			},
			{ name: "await checkout", when: ({ checkoutId }) => checkoutId !== null, run: awaitCheckout },
			{ name: "return stock", run: async ({ state }) => void (await ask(broker, inventory.giveBack, { orderId: state.orderId })) },
			{ name: "return money", run: returnMoney },
			{ name: "close order", save: closeOrder },
		],
	};
};
