// The REST trigger of the cancelling saga. A cancel during checkout waits for the checkout, which honours it between its steps.
import { requireMatch } from "../../../../lib/canonical.ts";
import type { CallContext, ResultOf } from "../../../../lib/contract.ts";
import type { StoaFailure } from "../../../../lib/failure.ts";
import { type KeyedRequest, keepable, keyedRequest, refusalOf, replay, waitMs } from "../../../../lib/idempotency.ts";
import { newId } from "../../../../lib/ids.ts";
import { actorOf } from "../../../../lib/principal.ts";
import type { SagaRecord } from "../../../../lib/saga.ts";
import { asActor } from "../../../../lib/scope.ts";
import { claimKey, keepReply } from "../../../../mixins/sql/idempotency.ts";
import { beginCancel } from "../cancel-order.saga.ts";
import { assertMayOpen } from "../orders.access.ts";
import type * as orders from "../orders.contract.ts";
import { assertCancellable } from "../orders.domain.ts";
import type { OrdersService } from "../orders.service.ts";
import type { KeptOrder, OrdersTx } from "../orders.store.ts";
import { type Entered, outcome } from "./checkout.ts";

type Ctx = CallContext<typeof orders.cancel>;
type Result = ResultOf<typeof orders.cancel>;

/** `begun`: this request began the saga. `joined`: another one did; `isRepeat`: under the same key. */
type Cancelled =
	| Exclude<Entered, { how: "begun" | "joined" }>
	| { how: "cancelled"; order: orders.Order }
	| { how: "begun"; operationId: string; checkoutId: string | null; saga: SagaRecord }
	| { how: "joined"; operationId: string; checkoutId: string | null; isRepeat: boolean };

export async function cancel(this: OrdersService, ctx: Ctx): Promise<Result> {
	const until = performance.now() + waitMs;
	const kept = await this.store.reader.orderById(ctx.params.id);
	assertMayOpen(ctx, kept && { userId: kept.order.userId, tokenHash: kept.tokenHash }, this.runtime.secret(), "orders:write");
	const request = keyedRequest(ctx, kept!.order.cartId);
	const actor = actorOf(ctx.locals.principal, kept!.order.cartId);
	const entered = await asActor(actor, () => this.store.transaction(tx => enter(this, tx, ctx, kept!, request)));
	if (entered.how === "refused") throw entered.refusal;
	if (entered.how === "kept") return replay<Result>(ctx, entered.reply, entered.requestId);
	if (entered.how === "cancelled") return entered.order;
	if (entered.how === "begun") this.store.sagas.driveBegun(entered.saga);
	if (entered.how === "joined") this.store.sagas.drive(entered.operationId);

	const { operationId, checkoutId } = entered;
	// It may lie asleep, waiting for an analyst.
	if (checkoutId) this.store.sagas.drive(checkoutId);
	if (checkoutId) await this.store.sagas.settled(checkoutId, until - performance.now());
	const isRepeat = entered.how === "joined" && entered.isRepeat;
	const answered = await outcome<orders.Order>(this, ctx, operationId, request?.scope, isRepeat, until - performance.now());
	if (!("operation" in answered) || answered.operation.status !== "succeeded") return answered;
	// Asked without a key, there is no kept reply: the order answers as it is.
	ctx.meta.reply = {};
	return (await this.store.reader.orderById(ctx.params.id))!.order;
}

async function enter(
	service: OrdersService,
	tx: OrdersTx,
	ctx: Ctx,
	seen: KeptOrder,
	request: KeyedRequest | undefined,
): Promise<Cancelled> {
	// A checkout that waits for an analyst is woken before the order is locked, as the checkout itself writes first its own row and then the order's.
	if (seen.order.status === "onHold" && seen.process) await service.store.sagas.wake(tx, seen.process);
	const kept = (await tx.lockOrder(ctx.params.id))!;
	const { order, process, cancelRequest } = kept;
	const operationId = cancelRequest?.operationId ?? newId("opr", tx.now());
	const checkoutId = process === operationId ? null : process;
	if (request) {
		const claim = await claimKey(tx, request, operationId);
		if (claim.state === "kept") return { how: "kept", reply: claim.reply, requestId: claim.requestId };
		if (claim.state === "running") return { how: "joined", operationId: claim.reference, checkoutId, isRepeat: true };
	}
	requireMatch(ctx.meta.request?.ifMatch, order);
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
	const keyScopes = [...(cancelRequest?.keyScopes ?? []), ...(request ? [request.scope] : [])];
	if (cancelRequest) {
		await tx.setCancelRequest(order.id, { operationId, keyScopes });
		return { how: "joined", operationId, checkoutId, isRepeat: false };
	}
	const saga = await beginCancel(service, tx, kept, { operationId, reason: ctx.params.reason, keyScopes });
	return { how: "begun", operationId, checkoutId, saga };
}
