// The REST trigger of the cancelling saga. A cancel during checkout waits for the checkout, which honours it between its steps.
import type { CallContext, ResultOf } from "../../../../lib/contract.ts";
import type { StoaFailure } from "../../../../lib/failure.ts";
import { type KeyedRequest, keepable, keyedRequest, refusalOf, replay } from "../../../../lib/idempotency.ts";
import { newId } from "../../../../lib/ids.ts";
import type { SagaRecord } from "../../../../lib/saga.ts";
import { claimKey, keepReply } from "../../../../mixins/sql/idempotency.ts";
import { type Cancelling, cancelKind } from "../cancel-order.saga.ts";
import { assertMayOpen } from "../orders.access.ts";
import type * as orders from "../orders.contract.ts";
import { assertCancellable } from "../orders.domain.ts";
import type { OrdersService } from "../orders.service.ts";
import type { OrdersTx } from "../orders.store.ts";
import { type Entered, outcome } from "./checkout.ts";

type Ctx = CallContext<typeof orders.cancel>;
type Result = ResultOf<typeof orders.cancel>;

type CancelEntered = Entered | { how: "cancelled"; order: orders.Order } | { how: "waits"; checkoutId: string; operationId: string };

export async function cancel(this: OrdersService, ctx: Ctx): Promise<Result> {
	const kept = await this.store.reader.orderById(ctx.params.id);
	assertMayOpen(ctx, kept && { userId: kept.order.userId, tokenHash: kept.tokenHash }, this.runtime.secret(), "orders:write");
	const request = keyedRequest(ctx, kept!.order.cartId);
	const entered = await this.store.transaction(tx => enter(this, tx, ctx, request));
	switch (entered.how) {
		case "refused":
			throw entered.refusal;
		case "kept":
			return replay<Result>(ctx, entered.reply, entered.requestId);
		case "cancelled":
			return entered.order;
		case "waits":
			await this.store.sagas.settled(entered.checkoutId, 4000);
			this.store.sagas.drive(entered.operationId);
			break;
		case "begun":
			this.store.sagas.driveBegun(entered.saga);
			break;
		default:
			this.store.sagas.drive(entered.operationId);
	}
	const answered = await outcome<orders.Order>(this, ctx, entered.operationId, request?.scope, entered.how === "joined");
	if (!("operation" in answered) || answered.operation.status !== "succeeded") return answered;
	// Without a key of its own the request joined a cancel that is done now: the order answers as it is.
	ctx.meta.reply = {};
	return (await this.store.reader.orderById(ctx.params.id))!.order;
}

async function enter(service: OrdersService, tx: OrdersTx, ctx: Ctx, request: KeyedRequest | undefined): Promise<CancelEntered> {
	const { order, process, cancelRequest } = (await tx.lockOrder(ctx.params.id))!;
	const operationId = newId("opr", tx.now());
	if (request) {
		const claim = await claimKey(tx, request, cancelRequest?.operationId ?? process ?? operationId);
		if (claim.state === "kept") return { how: "kept", reply: claim.reply, requestId: claim.requestId };
		if (claim.state === "running") return { how: "joined", operationId: claim.reference };
	}
	if (order.status === "cancelled") {
		if (request) await keepReply(tx, request.scope, { result: order });
		return { how: "cancelled", order };
	}
	try {
		assertCancellable(order);
	} catch (refusal) {
		if (!request || !keepable(refusal)) throw refusal;
		await keepReply(tx, request.scope, refusalOf(refusal as StoaFailure));
		return { how: "refused", refusal };
	}
	const { reason } = ctx.params;
	if (cancelRequest) return { how: "joined", operationId: cancelRequest.operationId };
	const keyScope = request?.scope ?? null;
	await tx.setCancelRequest(order.id, { operationId, reason, keyScope });
	if (process) {
		if (request) await tx.update("idempotency", { reference: operationId }, { scope: request.scope });
		return { how: "waits", checkoutId: process, operationId };
	}
	await tx.setProcess(order.id, operationId);
	const state: Cancelling = { orderId: order.id, reason, keyScope };
	const saga = await service.store.sagas.begin(tx, cancelKind, state, { id: operationId });
	return { how: "begun", operationId, saga: saga as unknown as SagaRecord };
}
