// What the end of a checkout writes, in the transaction that ends it: the attempt is closed, its key answered, risk told what it did not hear of, and the
// order, if there is one, let go of.
import { tell } from "../../../lib/contract.ts";
import type { StoaFailure } from "../../../lib/failure.ts";
import { type KeptReply, refusalOf } from "../../../lib/idempotency.ts";
import type { Ended, Problem } from "../../../lib/saga.ts";
import { forgetKey, keepReply } from "../../../mixins/sql/idempotency.ts";
import { cardDeclined } from "../payments/payments.contract.ts";
import type { Checkout } from "./checkout.saga.ts";
import * as orders from "./orders.contract.ts";
import { cancelledOrder, neverConfirmed } from "./orders.domain.ts";
import { recordCancelled } from "./orders.facts.ts";
import type { OrdersService } from "./orders.service.ts";
import type { KeptOrder, OrdersTx } from "./orders.store.ts";

/** Ends a checkout, however it went. */
export async function endCheckout(service: OrdersService, tx: OrdersTx, saga: Ended<Checkout>): Promise<void> {
	await tx.closeAttempt(saga.id);
	const { keyScope, orderId, isHeld, isWithdrawn } = saga.state;
	const isUndone = saga.status !== "succeeded";
	if (keyScope && isUndone) await answerRefusal(tx, keyScope, saga.problem!);
	// One that was undone has an order only when that was held.
	if (isUndone && !isHeld) return tellUnassessed(tx, saga);
	const kept = (await tx.lockOrder(orderId))!;
	if (keyScope && !isUndone) await keepReply(tx, keyScope, replyOf(kept, isWithdrawn));
	await handOver(service, tx, kept, isUndone ? saga : undefined);
}

/** Refusals of the business are kept; after anything else a repeat of the request tries anew. */
async function answerRefusal(tx: OrdersTx, keyScope: string, problem: Problem): Promise<void> {
	if (problem.kind !== "conflict" && problem.kind !== "refused") {
		await forgetKey(tx, keyScope);
		return;
	}
	const { code, message, data, kind } = problem;
	await keepReply(tx, keyScope, refusalOf({ type: code, message, data: { ...data, kind } } as unknown as StoaFailure));
}

/** Whoever asks again must not hear that an order stands which its buyer took back before anybody confirmed it. */
function replyOf({ order }: KeptOrder, isWithdrawn: boolean): KeptReply {
	if (isWithdrawn) return refusalOf(neverConfirmed(order.id));
	return { result: order, status: 201, location: `/v1/orders/${order.id}` };
}

/** A card that was declined while risk was away leaves no order that would be judged later, and whoever tries cards meanwhile is to be counted. */
async function tellUnassessed(tx: OrdersTx, { state: { attempt, risk }, problem }: Ended<Checkout>): Promise<void> {
	if (!attempt || !risk?.isUnavailable || problem?.code !== cardDeclined.code) return;
	const { declineCode = "declined" } = problem.data as { declineCode?: string };
	await tell(tx, orders.declinedUnassessed, { orderId: attempt.orderId, attempt, declineCode: declineCode.slice(0, 64) });
}

/** A cancel that waits for the order gets it now; without one, the order of a checkout that was undone is cancelled here. */
async function handOver(
	service: OrdersService,
	tx: OrdersTx,
	{ order, cancelRequest }: KeptOrder,
	undone: Ended<Checkout> | undefined,
): Promise<void> {
	await tx.setProcess(order.id, cancelRequest?.operationId ?? null);
	if (cancelRequest) {
		await service.store.sagas.wake(tx, cancelRequest.operationId);
		// Claims its lease in a transaction of its own, which waits for the row that this one has written.
		service.store.sagas.drive(cancelRequest.operationId);
	} else if (undone) {
		await recordCancelled(tx, await tx.saveOrder(cancelledOrder(order, undone.state.returned)), undone.problem!.message);
	}
}
