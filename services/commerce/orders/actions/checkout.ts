// The REST trigger of the checkout saga: claims the key, begins or joins the saga, and answers what became of it within 8 s.
import { ask, type CallContext, type ResultOf, tell } from "../../../../lib/contract.ts";
import { currencyMismatch, type FailureKind, StoaFailure, validationFailed } from "../../../../lib/failure.ts";
import {
	inProgress,
	type KeptReply,
	type KeyedRequest,
	keepable,
	keyedRequest,
	refusalOf,
	replay,
	waitMs,
} from "../../../../lib/idempotency.ts";
import { newId } from "../../../../lib/ids.ts";
import { originOf } from "../../../../lib/origin.ts";
import { actorOf } from "../../../../lib/principal.ts";
import type { SagaRecord } from "../../../../lib/saga.ts";
import { asActor } from "../../../../lib/scope.ts";
import { claimKey, keepReply } from "../../../../mixins/sql/idempotency.ts";
import * as carts from "../../carts/carts.contract.ts";
import { type Checkout, checkoutKind } from "../checkout.saga.ts";
import * as orders from "../orders.contract.ts";
import { operationOf } from "../orders.operations.ts";
import type { OrdersService } from "../orders.service.ts";
import type { OrdersTx } from "../orders.store.ts";

type Ctx = CallContext<typeof orders.checkout>;
type Result = ResultOf<typeof orders.checkout>;
type Access = ResultOf<typeof carts.access>;

/** `begun`: this request started the saga. `joined`: an earlier one with the same key did. */
export type Entered =
	| { how: "begun"; operationId: string; saga: SagaRecord }
	| { how: "joined"; operationId: string }
	| { how: "kept"; reply: KeptReply; requestId: string | null }
	| { how: "refused"; refusal: unknown };

export async function checkout(this: OrdersService, ctx: Ctx): Promise<Result> {
	const until = performance.now() + waitMs;
	const { principal } = ctx.locals;
	const cartToken = ctx.meta.request?.cartToken ?? null;
	const cart = await ask(ctx, carts.access, { cartId: ctx.params.id, userId: principal?.userId ?? null, cartToken });
	if (!principal && !ctx.params.email)
		throw validationFailed({ errors: [{ pointer: "/email", code: "required", detail: "is required of a guest" }] });

	const request = keyedRequest(ctx, cart.cartId);
	const entered = await asActor(actorOf(principal, cart.cartId), () => this.store.transaction(tx => enter(this, tx, ctx, cart, request)));
	if (entered.how === "refused") throw entered.refusal;
	if (entered.how === "kept") return replay<Result>(ctx, entered.reply, entered.requestId);
	if (entered.how === "begun") this.store.sagas.driveBegun(entered.saga);
	// Whoever began it may have died since, or it was this very request, whose commit was answered to nobody.
	if (entered.how === "joined") this.store.sagas.drive(entered.operationId);
	return outcome(this, ctx, entered.operationId, request?.scope, entered.how === "joined", until - performance.now());
}

/** Claims the key and begins an attempt, or says why not; all in one transaction. */
async function enter(service: OrdersService, tx: OrdersTx, ctx: Ctx, cart: Access, request: KeyedRequest | undefined): Promise<Entered> {
	const operationId = newId("opr", tx.now());
	if (request) {
		const claim = await claimKey(tx, request, operationId);
		if (claim.state === "kept") return { how: "kept", reply: claim.reply, requestId: claim.requestId };
		if (claim.state === "running") return { how: "joined", operationId: claim.reference };
	}
	try {
		const saga = await begin(service, tx, ctx, cart, operationId, request?.scope ?? null);
		return { how: "begun", operationId, saga: saga as unknown as SagaRecord };
	} catch (refusal) {
		if (!request || !keepable(refusal)) throw refusal;
		await keepReply(tx, request.scope, refusalOf(refusal as StoaFailure));
		return { how: "refused", refusal };
	}
}

async function begin(
	service: OrdersService,
	tx: OrdersTx,
	ctx: Ctx,
	cart: Access,
	operationId: string,
	keyScope: string | null,
): Promise<SagaRecord<Checkout>> {
	const { principal } = ctx.locals;
	const { cartId } = cart;
	const { email, shippingAddress, payment, expectedTotal } = ctx.params;
	const { currency } = service.runtime.config;
	if (expectedTotal && expectedTotal.currency !== currency) throw currencyMismatch({ given: expectedTotal.currency, shop: currency });
	if (await tx.activeAttempt(cartId)) throw carts.cartNotOpen({ cartId, status: "completing" });
	if (await tx.orderOfCart(cartId)) throw carts.cartNotOpen({ cartId, status: "completed" });
	const orderId = newId("ord", tx.now());
	const userId = cart.userId ?? principal?.userId ?? null;
	// Another node may have begun one since we looked: the unique cart decides.
	const attempt = { id: operationId, orderId, cartId, userId, tokenHash: cart.tokenHash };
	if (!(await tx.insertAttempt(attempt))) throw carts.cartNotOpen({ cartId, status: "completing" });
	await tell(tx, orders.checkoutRequested, { orderId, operationId, cartId, userId });
	const state: Checkout = {
		cartId,
		orderId,
		paymentId: newId("pay", tx.now()),
		userId,
		email: email ?? null,
		shippingAddress,
		payment,
		expectedTotal: expectedTotal ?? null,
		ifMatch: ctx.meta.request?.ifMatch ?? null,
		origin: originOf(service.runtime.secret(), ctx.meta.request),
		sessionId: principal?.sessionId ?? cartId,
		keyScope,
		tokenHash: cart.tokenHash,
		currency: "",
		lines: [],
		priced: null,
		risk: null,
		attempt: null,
		nextAction: null,
		paidWith: {},
		isHeld: false,
		isWithdrawn: false,
		captured: false,
		returned: "voided",
	};
	return service.store.sagas.begin(tx, checkoutKind, state, { id: operationId });
}

/**
 * What became of an operation within the time: the kept reply, the refusal, or 202 with the operation as it stands. The first request and its
 * repeats read the same kept bytes.
 */
export async function outcome<R>(
	service: OrdersService,
	ctx: Pick<Ctx, "meta">,
	operationId: string,
	keyScope: string | undefined,
	repeated: boolean,
	withinMs: number,
): Promise<R | { operation: orders.Operation }> {
	const saga = await service.store.sagas.settled(operationId, withinMs);
	const kept = keyScope
		? await service.store.reader.get<{ reply: string | null; requestId: string | null }>(
				"SELECT reply, requestId FROM idempotency WHERE scope = ?",
				[keyScope],
			)
		: undefined;
	if (kept?.reply) {
		try {
			return replay<R>(ctx, JSON.parse(kept.reply) as KeptReply, kept.requestId);
		} finally {
			// A kept refusal is thrown; the first request's own answer is no repeat either way.
			if (!repeated) ctx.meta.reply = { ...ctx.meta.reply, replayed: false };
		}
	}
	if (saga?.problem && (saga.status === "failed" || saga.status === "compensated")) {
		const { kind, code, message, data } = saga.problem;
		throw new StoaFailure(kind as FailureKind, code, message, data);
	}
	if (!saga) throw inProgress();
	const operation = operationOf(saga);
	ctx.meta.reply = { status: 202, location: `/v1/operations/${operationId}` };
	return { operation };
}
