// Checkout on one page: from an open cart to a captured payment, or back to an open cart with nothing held.
import type { Static } from "typebox";
import { ask, tell } from "../../../lib/contract.ts";
import { notFound, type StoaFailure, serviceUnavailable } from "../../../lib/failure.ts";
import { refusalOf } from "../../../lib/idempotency.ts";
import { type Ended, GiveUp, type Problem, type Running, type SagaDefinition, Wait } from "../../../lib/saga.ts";
import type { Address, Money } from "../../../lib/vocabulary.ts";
import { forgetKey, keepReply } from "../../../mixins/sql/idempotency.ts";
import * as authentication from "../../identity/authentication/authentication.contract.ts";
import * as carts from "../carts/carts.contract.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import * as products from "../products/products.contract.ts";
import * as orders from "./orders.contract.ts";
import { type CartLine, moneyMoved, type Priced, placeOrder, priceCart } from "./orders.domain.ts";
import type { OrdersService } from "./orders.service.ts";
import type { OrdersTx } from "./orders.store.ts";

export const checkoutKind = "checkout";

/** What a checkout carries from step to step. */
export interface Checkout {
	cartId: string;
	orderId: string;
	paymentId: string;
	userId: string | null;
	email: string | null;
	shippingAddress: Address;
	payment: orders.CheckoutPayment;
	expectedTotal: Money | null;
	/** The cart is bought as the buyer saw it, or not at all. */
	ifMatch: string | null;
	/** The Idempotency-Key's row; kept so that the saga's end can answer it. */
	keyScope: string | null;
	tokenHash: string | null;
	currency: string;
	lines: CartLine[];
	priced: Priced | null;
	nextAction: Static<typeof orders.NextAction> | null;
	paidWith: { brand?: string; last4?: string };
	captured: boolean;
}

type CheckoutRun = Running<Checkout>;

// The buyer's bank gives its customer some minutes; after that the stock is worth more to others.
const buyersBankMs = 15 * 60_000;
const deadlineMs = 60_000;

const orderFact = (order: orders.Order) => ({
	orderId: order.id,
	number: order.number,
	cartId: order.cartId,
	userId: order.userId,
	total: order.totals.total,
});

/** Promotions, tax, shipping and the risk check join this list as steps of their own when their services do. */
export const checkoutSaga = (service: OrdersService): SagaDefinition<Checkout, OrdersTx> => {
	const { broker } = service;
	const now = () => service.runtime.clock.now();

	async function claimCart({ id, state }: CheckoutRun): Promise<Partial<Checkout>> {
		const cart = await ask(broker, carts.claim, {
			cartId: state.cartId,
			checkoutId: id,
			orderId: state.orderId,
			...(state.ifMatch ? { ifMatch: state.ifMatch } : {}),
		});
		return { lines: cart.items, currency: cart.currency, tokenHash: cart.tokenHash, userId: cart.userId ?? state.userId };
	}

	async function priceOrder({ state }: CheckoutRun): Promise<Partial<Checkout>> {
		const [{ lines: quotes }, email] = await Promise.all([
			ask(broker, products.quote, { skus: state.lines.map(line => line.sku) }),
			emailOf(state),
		]);
		return { priced: priceCart(state.lines, quotes, state.currency, state.expectedTotal ?? undefined), email };
	}

	async function emailOf(state: Readonly<Checkout>): Promise<string> {
		if (state.email || !state.userId) return state.email ?? "";
		const { emails } = await ask(broker, authentication.emailsOf, { userIds: [state.userId] });
		// The buyer was erased between asking and buying.
		if (!emails[0]) throw notFound();
		return emails[0].email;
	}

	async function authorizePayment({ id, state, deadlineAt }: CheckoutRun): Promise<Partial<Checkout> | Wait<Checkout>> {
		const { total, ...parts } = state.priced!.totals;
		const answer = await ask(broker, payments.authorize, {
			paymentId: state.paymentId,
			orderId: state.orderId,
			cartId: state.cartId,
			userId: state.userId,
			amount: total,
			breakdown: { ...parts, fee: { amount: 0, currency: total.currency }, total },
			method: state.payment,
			key: id,
		});
		const { brand, last4, nextAction } = answer;
		if (answer.status === "authorized") return { paidWith: { brand, last4 }, nextAction: null };
		if (answer.status === "declined") throw payments.cardDeclined({ declineCode: answer.declineCode ?? "declined" });
		if (answer.status === "unavailable") throw new GiveUp(serviceUnavailable({ service: "The payment provider" }));
		// Its time is over. A buyer who did not answer the bank has declined; else nobody knows what became of it, and it is let go.
		if (now() >= deadlineAt) {
			if (state.nextAction) throw payments.cardDeclined({ declineCode: "authentication_timed_out" });
			throw new GiveUp(serviceUnavailable({ service: "The payment provider" }));
		}
		const asked = nextAction ?? state.nextAction;
		// Nobody has to do anything, the provider's answer is merely not known yet: ask again soon under the same key. It may never have been
		// asked, and then only this saga still has the token to ask with.
		if (!asked) throw serviceUnavailable({ service: "The payment provider" });
		// The buyer's minutes begin once: being woken without an answer does not prolong them.
		return new Wait<Checkout>(state.nextAction ? deadlineAt : now() + buyersBankMs, { nextAction: asked });
	}

	/** Lets the held money go. Whoever may take money by hand may have done so meanwhile: then it is given back. */
	async function returnPayment({ id, state: { paymentId } }: CheckoutRun): Promise<void> {
		const reason = "The checkout was not completed.";
		try {
			await ask(broker, payments.voidPayment, { paymentId, key: `${id}/void`, reason });
		} catch (error) {
			if (!payments.paymentStateConflict.matches(error)) throw error;
			await ask(broker, payments.refundAll, { paymentId, key: `${id}/refund`, reason });
		}
	}

	async function insertOrder(tx: OrdersTx, { id, state }: CheckoutRun): Promise<void> {
		const placedAt = now();
		const sequence = await tx.nextSequence();
		const { total } = state.priced!.totals;
		const paid = { id: state.paymentId, method: state.payment.method, amount: total, status: "authorized", ...state.paidWith };
		const { orderId, cartId, userId, shippingAddress } = state;
		const order = placeOrder({
			orderId,
			sequence,
			placedAt,
			cartId,
			userId,
			email: state.email!,
			shippingAddress,
			priced: state.priced!,
			payments: total.amount > 0 ? [paid] : [],
		});
		await tx.insertOrder(order, { sequence, tokenHash: state.tokenHash, process: id, placedAt });
		await tx.addToTimeline(orderId, "placed", `Order ${order.number} was placed.`);
		const items = order.items.map(({ sku, productId, quantity, total: price }) => ({ sku, productId, quantity, total: price }));
		await tell(tx, orders.placed, { ...orderFact(order), items });
		if (order.paymentStatus === "captured") await recordPaid(tx, order, "There was nothing to pay.");
	}

	async function recordPaid(tx: OrdersTx, order: orders.Order, how: string): Promise<void> {
		await tx.addToTimeline(order.id, "paid", how);
		await tell(tx, orders.paid, orderFact(order));
	}

	/** A buyer who cancelled meanwhile is not charged: the cancelling saga then voids what is held. */
	async function capturePayment({ id, state }: CheckoutRun): Promise<Partial<Checkout>> {
		const kept = await service.store.reader.orderById(state.orderId);
		if (kept?.cancelRequest) return { captured: false };
		await ask(broker, payments.captureAll, { paymentId: state.paymentId, key: `${id}/capture` });
		return { captured: true };
	}

	async function recordCapture(tx: OrdersTx, { state }: CheckoutRun): Promise<void> {
		if (!state.captured) return;
		const { order } = (await tx.lockOrder(state.orderId))!;
		// After a crash behind the capture, money may have been given back by now: the order is paid, and stays where that put it.
		const paid = order.paymentStatus === "authorized" ? await tx.saveOrder(moneyMoved(order, "captured", state.paymentId)) : order;
		await recordPaid(tx, paid, "The payment was captured.");
	}

	/** In the transaction that ends the saga: the attempt is closed, the key answered, and the order handed to a cancel that waits for it. */
	async function ended(tx: OrdersTx, saga: Ended<Checkout>): Promise<void> {
		await tx.closeAttempt(saga.id);
		const { keyScope, orderId } = saga.state;
		if (saga.status !== "succeeded") {
			if (keyScope) await answerRefusal(tx, keyScope, saga.problem!);
			return;
		}
		const { order, cancelRequest } = (await tx.lockOrder(orderId))!;
		if (keyScope) await keepReply(tx, keyScope, { result: order, status: 201, location: `/v1/orders/${orderId}` });
		await tx.setProcess(orderId, cancelRequest?.operationId ?? null);
		if (!cancelRequest) return;
		await service.store.sagas.wake(tx, cancelRequest.operationId);
		// Claims its lease in a transaction of its own, which waits for the row that this one has written.
		service.store.sagas.drive(cancelRequest.operationId);
	}

	const hasPrice = ({ priced }: Readonly<Checkout>) => !priced || priced.totals.total.amount > 0;

	return {
		kind: checkoutKind,
		deadlineMs,
		ended,
		// The order has the buyer; who bought nothing is not remembered. The token is the provider's business again.
		forgets: ["email", "shippingAddress", "payment", "tokenHash", "keyScope"],
		// Stock before money: a held payment costs the buyer more than a held shelf.
		steps: [
			{
				name: "claim cart",
				run: claimCart,
				undo: async ({ id, state }) => void (await ask(broker, carts.reopen, { cartId: state.cartId, checkoutId: id })),
			},
			{ name: "price order", run: priceOrder },
			{
				name: "reserve stock",
				run: async ({ state }) => {
					const lines = state.lines.map(({ sku, quantity }) => ({ sku, quantity }));
					await ask(broker, inventory.reserve, { orderId: state.orderId, lines });
				},
				undo: async ({ state }) => void (await ask(broker, inventory.release, { orderId: state.orderId })),
			},
			{
				name: "authorize payment",
				when: hasPrice,
				run: authorizePayment,
				undo: returnPayment,
			},
			{ name: "place order", save: insertOrder, pointOfNoReturn: true },
			{ name: "commit stock", run: async ({ state }) => void (await ask(broker, inventory.commit, { orderId: state.orderId })) },
			{ name: "capture payment", when: hasPrice, run: capturePayment, save: recordCapture },
			{
				name: "complete cart",
				run: async ({ id, state }) =>
					void (await ask(broker, carts.complete, { cartId: state.cartId, checkoutId: id, orderId: state.orderId })),
			},
		],
	};
};

/** Refusals of the business are kept; after anything else a repeat of the request tries anew. */
async function answerRefusal(tx: OrdersTx, keyScope: string, problem: Problem): Promise<void> {
	if (problem.kind !== "conflict" && problem.kind !== "refused") {
		await forgetKey(tx, keyScope);
		return;
	}
	const { code, message, data, kind } = problem;
	await keepReply(tx, keyScope, refusalOf({ type: code, message, data: { ...data, kind } } as unknown as StoaFailure));
}
