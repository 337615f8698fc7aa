// Decisions about orders: pure. Time, ids and what others answered are handed in.

import { rfc3339 } from "../../../lib/clock.ts";
import { priceOrder, refundOfUnits, sumMoney } from "../../../lib/money.ts";
import type { Address, Money, Totals } from "../../../lib/vocabulary.ts";
import { type Assessment, fraudRejected } from "../../risk/fraud/fraud.contract.ts";
import { outOfStock } from "../inventory/inventory.contract.ts";
import { type Order, type OrderItem, orderStateConflict, priceChanged, refundNotInOrder } from "./orders.contract.ts";

/** A line of a claimed cart. */
export interface CartLine {
	id: string;
	sku: string;
	productId: string;
	name: string;
	quantity: number;
}

/** What the catalogue says of a SKU now. */
export interface Quote {
	sku: string;
	productId: string;
	name: string;
	price: Money;
	active: boolean;
}

export interface Priced {
	items: OrderItem[];
	totals: Totals;
}

/**
 * Prices a cart at today's prices, in the order of rule R2. Throws out_of_stock for what the catalogue no longer sells,
 * and price_changed (with the new totals) when the buyer agreed to another total.
 */
export function priceCart(
	lines: readonly CartLine[],
	quotes: readonly Quote[],
	currency: string,
	expectedTotal: Money | undefined,
): Priced {
	// A price in another currency is no offer to this cart: the shop's currency was changed after it was begun.
	const offers = quotes.filter(({ active, price }) => active && price.currency === currency);
	const bySku = new Map(offers.map(quote => [quote.sku, quote]));
	const gone = lines.filter(line => !bySku.has(line.sku));
	if (gone.length > 0) {
		throw outOfStock({
			short: gone.map(({ sku, quantity }) => ({ sku, asked: quantity, left: 0 })),
			errors: gone.map(line => ({
				pointer: `/items/${lines.indexOf(line)}`,
				code: "unavailable",
				detail: `${line.sku} is no longer sold`,
			})),
		});
	}
	const priced = priceOrder({ currency, lines: lines.map(({ sku, quantity }) => ({ unitPrice: bySku.get(sku)!.price, quantity })) });
	const items = lines.map(({ id, sku, quantity }, index) => {
		const { productId, name, price } = bySku.get(sku)!;
		const { discount, tax, total } = priced.lines[index]!;
		return { id, sku, productId, name, quantity, unitPrice: price, discount, tax, total } as OrderItem;
	});
	const { total } = priced.totals;
	if (expectedTotal && (expectedTotal.amount !== total.amount || expectedTotal.currency !== total.currency))
		throw priceChanged({ totals: priced.totals });
	return { items, totals: priced.totals };
}

/** How a checkout may go on. */
export interface Risk {
	outcome: "allow" | "challenge" | "review";
	/** The buyer's bank is asked, of an order that somebody looks at as well. Absent in a checkout that an earlier version of us began. */
	isChallenged?: boolean;
	/** Risk was away: it judges the order afterwards. */
	isUnavailable: boolean;
}

/** Whether the buyer's bank is to be asked, whatever the card. */
export const isChallenged = (risk: Risk | null): boolean => risk !== null && (risk.isChallenged ?? risk.outcome === "challenge");

/**
 * What follows from risk's judgement, or from there being none (undefined): then it is for us to know whether the buyer `isFlagged`. A flagged buyer is
 * challenged, whatever else happens. A buyer whose card has no bank to ask, or who pays nothing, cannot be challenged: somebody looks at that order
 * instead. Throws fraud_rejected for what is to be blocked.
 */
export function riskOf(
	judged: Pick<Assessment, "outcome" | "isFlagged"> | undefined,
	{ amount, passBelow, canChallenge, isFlagged }: { amount: number; passBelow: number; canChallenge: boolean; isFlagged: boolean },
): Risk {
	const outcome = judged?.outcome ?? (amount < passBelow ? "allow" : "review");
	if (outcome === "block") throw fraudRejected();
	const asksBank = outcome === "challenge" || (judged?.isFlagged ?? isFlagged);
	const isReviewed = outcome === "review" || (asksBank && !canChallenge);
	return {
		outcome: isReviewed ? "review" : asksBank ? "challenge" : "allow",
		isChallenged: asksBank && canChallenge,
		isUnavailable: judged === undefined,
	};
}

/** What an analyst decided of an order. */
export type RiskDecision = "approved" | "rejected";
/** How a review ends; `withdrawn`: the buyer cancelled. */
export type Verdict = RiskDecision | "withdrawn";

/** Undefined while nothing is decided. A cancel goes first: nobody's money is taken who said no in time. */
export function verdictOn(held: { cancelRequest: object | null }, decision: RiskDecision | null): Verdict | undefined {
	return held.cancelRequest ? "withdrawn" : (decision ?? undefined);
}

/** What became of an order on hold whose buyer took it back. */
export const neverConfirmed = (orderId: string) => orderStateConflict({ orderId, status: "cancelled", asked: "confirmed" });

/** An order as it is placed: paid for by authorisation, not captured yet. What costs nothing is paid already. */
export function placeOrder(given: {
	orderId: string;
	sequence: number;
	placedAt: number;
	cartId: string;
	userId: string | null;
	email: string;
	shippingAddress: Address;
	priced: Priced;
	payments: Order["payments"];
	isHeld: boolean;
	riskUnavailable: boolean;
}): Order {
	return {
		id: given.orderId,
		number: `S${given.sequence}`,
		cartId: given.cartId,
		userId: given.userId,
		email: given.email,
		status: given.isHeld ? "onHold" : "confirmed",
		paymentStatus: given.priced.totals.total.amount > 0 ? "authorized" : "captured",
		fulfilmentStatus: "unfulfilled",
		items: given.priced.items,
		totals: given.priced.totals,
		shippingAddress: given.shippingAddress,
		payments: given.payments,
		...(given.riskUnavailable ? { riskUnavailable: true as const } : {}),
		placedAt: rfc3339(given.placedAt),
		version: 1,
	};
}

/** Which changes an axis allows. What is absent is refused with order_state_conflict. */
const paymentSteps = {
	// A refund can be heard of before the checkout has recorded the capture that it gives back.
	authorized: { captured: "captured", voided: "voided", partlyRefunded: "partiallyRefunded", refunded: "refunded" },
	captured: { partlyRefunded: "partiallyRefunded", refunded: "refunded" },
	partiallyRefunded: { partlyRefunded: "partiallyRefunded", refunded: "refunded" },
	refunded: {},
	voided: {},
} as const satisfies Record<
	Order["paymentStatus"],
	Partial<Record<"captured" | "voided" | "partlyRefunded" | "refunded", Order["paymentStatus"]>>
>;

export type MoneyMoved = "captured" | "voided" | "partlyRefunded" | "refunded";

/** The order after money moved; the payment's own line follows. Throws order_state_conflict for a move its state does not allow. */
export function moneyMoved(order: Order, moved: MoneyMoved, paymentId: string): Order {
	const next = (paymentSteps[order.paymentStatus] as Partial<Record<MoneyMoved, Order["paymentStatus"]>>)[moved];
	if (!next) throw orderStateConflict({ orderId: order.id, status: order.paymentStatus, asked: moved });
	return {
		...order,
		paymentStatus: next,
		payments: order.payments.map(payment => (payment.id === paymentId ? { ...payment, status: next } : payment)),
	};
}

const hasLeft = ({ status, fulfilmentStatus }: Order) =>
	status === "completed" || fulfilmentStatus === "shipped" || fulfilmentStatus === "delivered";

export const isCancellable = (order: Order) => order.status !== "cancelled" && !hasLeft(order);

/** Throws order_state_conflict once an order left the house. */
export function assertCancellable(order: Order): void {
	if (hasLeft(order)) throw orderStateConflict({ orderId: order.id, status: order.fulfilmentStatus, asked: "cancelled" });
}

/** The order after its stock and its money went back. */
export const cancelledOrder = (order: Order, paymentStatus: "voided" | "refunded"): Order => ({
	...order,
	status: "cancelled",
	fulfilmentStatus: "cancelled",
	paymentStatus,
	payments: order.payments.map(payment => ({ ...payment, status: paymentStatus })),
});

interface RefundedItem {
	itemId: string;
	quantity: number;
	amount: Money;
}

/** What the next units are worth by rule R6. Throws refund_not_in_order for an unknown item or more than is left of it. */
export function refundOfItems(
	order: Order,
	asked: readonly { itemId: string; quantity: number }[],
	prior: readonly RefundedItem[],
): { amount: Money; items: RefundedItem[] } {
	const currency = order.totals.total.currency;
	const refunded: RefundedItem[] = [...prior];
	const items = asked.map(({ itemId, quantity }, index) => {
		const item = order.items.find(({ id }) => id === itemId);
		const before = refunded.filter(refund => refund.itemId === itemId);
		const units = before.reduce((sum, refund) => sum + refund.quantity, 0);
		if (!item || units + quantity > item.quantity) {
			const left = item ? item.quantity - units : 0;
			throw refundNotInOrder({ errors: [{ pointer: `/items/${index}`, code: "refund_not_in_order", detail: `${left} left to refund` }] });
		}
		const amount = refundOfUnits({
			total: item.total,
			units: item.quantity,
			alreadyRefundedUnits: units,
			alreadyRefundedAmount: sumMoney(
				before.map(refund => refund.amount),
				currency,
			),
			unitsNow: quantity,
		});
		const line = { itemId, quantity, amount };
		// Two lines of one item in one request follow each other like two requests.
		refunded.push(line);
		return line;
	});
	return {
		amount: sumMoney(
			items.map(item => item.amount),
			currency,
		),
		items,
	};
}
