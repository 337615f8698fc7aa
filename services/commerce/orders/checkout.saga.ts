// Checkout on one page: from an open cart to a captured payment, or back to an open cart with nothing held.
import type { Static } from "typebox";
import { ask } from "../../../lib/contract.ts";
import { notFound, serviceUnavailable } from "../../../lib/failure.ts";
import { keptMs } from "../../../lib/idempotency.ts";
import type { Origin } from "../../../lib/origin.ts";
import { GiveUp, type Running, type SagaDefinition, Wait } from "../../../lib/saga.ts";
import type { Address, Money } from "../../../lib/vocabulary.ts";
import { prolongKey } from "../../../mixins/sql/idempotency.ts";
import * as authentication from "../../identity/authentication/authentication.contract.ts";
import { type Attempt, fraudRejected } from "../../risk/fraud/fraud.contract.ts";
import * as carts from "../carts/carts.contract.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import * as products from "../products/products.contract.ts";
import { endCheckout } from "./checkout.ending.ts";
import { awaitApproval, settleReview } from "./checkout.review.ts";
import { assessRisk, concludeAttempt } from "./checkout.risk.ts";
import type * as orders from "./orders.contract.ts";
import { type CartLine, isChallenged, moneyMoved, type Priced, placeOrder, priceCart, type Risk } from "./orders.domain.ts";
import { recordHeld, recordPaid, recordPlaced, recordUnassessed } from "./orders.facts.ts";
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
	/** Where the request came from; `sessionId` of a guest is the cart. */
	origin: Origin;
	sessionId: string;
	/** The Idempotency-Key's row; kept so that the saga's end can answer it. */
	keyScope: string | null;
	tokenHash: string | null;
	currency: string;
	lines: CartLine[];
	priced: Priced | null;
	risk: Risk | null;
	/** As risk was told of it. */
	attempt: Attempt | null;
	nextAction: Static<typeof orders.NextAction> | null;
	paidWith: { brand?: string; last4?: string };
	/** The order was placed on hold. */
	isHeld: boolean;
	/** The buyer cancelled while it was held: the cancelling saga takes everything back. */
	isWithdrawn: boolean;
	captured: boolean;
	/** What became of the money of a checkout that was undone. */
	returned: "voided" | "refunded";
}

type CheckoutRun = Running<Checkout>;

// The buyer's bank gives its customer some minutes; after that the stock is worth more to others.
const buyersBankMs = 15 * 60_000;
const deadlineMs = 60_000;

/** Promotions, tax and shipping join this list as steps of their own when their services do. */
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
			...(isChallenged(state.risk) ? { challenge: true } : {}),
			key: id,
		});
		const { brand, last4, nextAction } = answer;
		if (answer.status === "authorized") {
			concludeSoon(id, "authorized");
			return { paidWith: { brand, last4 }, nextAction: null };
		}
		if (answer.status === "declined") return declined(id, answer.declineCode ?? "declined");
		if (answer.status === "unavailable") return unavailable(id);
		// Its time is over. A buyer who did not answer the bank has declined; else nobody knows what became of it, and it is let go.
		if (now() >= deadlineAt) return state.nextAction ? declined(id, "authentication_timed_out") : unavailable(id);
		const asked = nextAction ?? state.nextAction;
		// Nobody has to do anything, the provider's answer is merely not known yet: ask again soon under the same key. It may never have been
		// asked, and then only this saga still has the token to ask with.
		if (!asked) throw serviceUnavailable({ service: "The payment provider" });
		if (!state.nextAction) concludeSoon(id, "challenged");
		// The buyer's minutes begin once: being woken without an answer does not prolong them.
		return new Wait<Checkout>(state.nextAction ? deadlineAt : now() + buyersBankMs, { nextAction: asked });
	}

	/** Nobody is refused by what it says, so nobody waits for it. */
	function concludeSoon(attemptId: string, outcome: "authorized" | "challenged"): void {
		void concludeAttempt(service, attemptId, outcome, outcome);
	}

	async function declined(attemptId: string, declineCode: string): Promise<never> {
		await concludeAttempt(service, attemptId, "declined", declineCode);
		throw payments.cardDeclined({ declineCode });
	}

	async function unavailable(attemptId: string): Promise<never> {
		await concludeAttempt(service, attemptId, "unavailable", "unavailable");
		throw new GiveUp(serviceUnavailable({ service: "The payment provider" }));
	}

	/** Lets the held money go, and refuses whatever would take it later. False when it was taken before. */
	async function letGo({ id, state: { paymentId } }: CheckoutRun, reason: string): Promise<boolean> {
		try {
			await ask(broker, payments.voidPayment, { paymentId, key: `${id}/void`, reason });
			return true;
		} catch (error) {
			if (!payments.paymentStateConflict.matches(error)) throw error;
			return false;
		}
	}

	/** Whoever may take money by hand may have done so meanwhile: then it is given back. */
	async function returnPayment(saga: CheckoutRun): Promise<Partial<Checkout>> {
		const reason = "The checkout was not completed.";
		if (await letGo(saga, reason)) return { returned: "voided" };
		await ask(broker, payments.refundAll, { paymentId: saga.state.paymentId, key: `${saga.id}/refund`, reason });
		return { returned: "refunded" };
	}

	async function insertOrder(tx: OrdersTx, { id, state }: CheckoutRun): Promise<Partial<Checkout>> {
		// An analyst may have been faster than the buyer's bank.
		const { riskDecision } = (await tx.attemptById(id))!;
		if (riskDecision === "rejected") throw fraudRejected();
		const isHeld = state.risk?.outcome === "review" && riskDecision === null;
		const riskUnavailable = state.risk?.isUnavailable === true;
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
			isHeld,
			riskUnavailable,
		});
		await tx.insertOrder(order, { sequence, tokenHash: state.tokenHash, process: id, placedAt });
		if (isHeld && state.keyScope) await prolongKey(tx, state.keyScope, placedAt + service.runtime.config.reviewWithinMs + keptMs);
		if (isHeld) await recordHeld(tx, order, id);
		else await recordPlaced(tx, order);
		if (riskUnavailable) await recordUnassessed(tx, order, state.attempt!);
		return { isHeld };
	}

	/** A buyer who cancelled meanwhile is not charged, unless a process that died in here has done so: the capture may even be under way. */
	async function capturePayment(saga: CheckoutRun): Promise<Partial<Checkout>> {
		const { id, state } = saga;
		const kept = await service.store.reader.orderById(state.orderId);
		if (kept?.cancelRequest) return { captured: !(await letGo(saga, "The order was cancelled.")) };
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

	/** An order that was held stands for its cart, also when it is cancelled: it is not bought a second time. */
	async function returnCart({ id, state: { cartId, orderId, isHeld } }: CheckoutRun): Promise<void> {
		if (isHeld) await ask(broker, carts.complete, { cartId, checkoutId: id, orderId });
		else await ask(broker, carts.reopen, { cartId, checkoutId: id });
	}

	const goesOn = ({ isWithdrawn }: Readonly<Checkout>) => !isWithdrawn;
	const hasPrice = ({ priced }: Readonly<Checkout>) => !priced || priced.totals.total.amount > 0;

	return {
		kind: checkoutKind,
		deadlineMs,
		ended: (tx, saga) => endCheckout(service, tx, saga),
		// The order has the buyer; who bought nothing is not remembered. The token is the provider's business again.
		forgets: ["email", "shippingAddress", "payment", "tokenHash", "keyScope", "origin", "sessionId", "attempt"],
		// Stock before money: a held payment costs the buyer more than a held shelf.
		steps: [
			{ name: "claim cart", run: claimCart, undo: returnCart },
			{ name: "price order", run: priceOrder },
			{
				name: "reserve stock",
				run: async ({ state }) => {
					const lines = state.lines.map(({ sku, quantity }) => ({ sku, quantity }));
					await ask(broker, inventory.reserve, { orderId: state.orderId, lines });
				},
				undo: async ({ state }) => void (await ask(broker, inventory.release, { orderId: state.orderId })),
			},
			{ name: "assess risk", run: saga => assessRisk(service, saga) },
			{ name: "authorize payment", when: hasPrice, run: authorizePayment, undo: returnPayment },
			{ name: "place order", save: insertOrder, pointOfNoReturn: ({ isHeld }) => !isHeld },
			{
				name: "await approval",
				when: ({ isHeld }) => isHeld,
				run: saga => awaitApproval(service, saga),
				save: settleReview,
				pointOfNoReturn: true,
				hasOwnDeadline: true,
			},
			{
				name: "commit stock",
				when: goesOn,
				run: async ({ state }) => void (await ask(broker, inventory.commit, { orderId: state.orderId })),
			},
			{ name: "capture payment", when: state => goesOn(state) && hasPrice(state), run: capturePayment, save: recordCapture },
			{
				name: "complete cart",
				run: async ({ id, state }) =>
					void (await ask(broker, carts.complete, { cartId: state.cartId, checkoutId: id, orderId: state.orderId })),
			},
		],
	};
};
