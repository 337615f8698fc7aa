// What a payment may become, how much of it can go back, and what that consists of. No I/O, no clock.

import { rfc3339 } from "../../../lib/clock.ts";
import type { ParamsOf, PayloadOf, ResultOf } from "../../../lib/contract.ts";
import { validationFailed } from "../../../lib/failure.ts";
import { allocate, halfUp } from "../../../lib/money.ts";
import type * as contract from "./payments.contract.ts";
import {
	type Breakdown,
	type PaymentStatus,
	type PaymentView,
	paymentStateConflict,
	type RefundView,
	refundExceedsCaptured,
} from "./payments.contract.ts";
import type { Card } from "./providers/provider.ts";

export interface Payment {
	id: string;
	orderId: string;
	cartId: string;
	userId: string | null;
	provider: string;
	method: "card";
	currency: string;
	amount: number;
	captured: number;
	refunded: number;
	status: PaymentStatus;
	/** Why it failed. */
	reason: string | null;
	/** The provider's own name for what it holds. */
	charge: string | null;
	brand: string | null;
	last4: string | null;
	fingerprint: string | null;
	/** Where the buyer has to act. */
	nextUrl: string | null;
	/** The buyer has to authenticate, whatever the bank itself would ask for. */
	challenge: boolean;
	breakdown: Breakdown;
	version: number;
	createdAt: number;
	updatedAt: number;
}

export interface ItemShare {
	itemId: string;
	quantity: number;
	amount: { amount: number; currency: string };
}

export interface Refund {
	id: string;
	paymentId: string;
	orderId: string;
	amount: number;
	reason: string;
	status: RefundView["status"];
	items: ItemShare[] | null;
	breakdown: Breakdown;
	createdAt: number;
}

export type Operation = "authorize" | "capture" | "void" | "refund";

/** One wish towards the provider. It is written before the provider is called, and open until what became of it is known for certain. */
export interface Intent {
	/** Also the key the provider knows it by. */
	id: string;
	paymentId: string;
	operation: Operation;
	amount: number;
	status: "open" | "closed";
	outcome: string | null;
	refundId: string | null;
	/** The caller's own key. */
	requestKey: string;
	/** The kept Idempotency-Key that waits for this. */
	keyScope: string | null;
	/** Request and actor that asked, as JSON: facts told later name them. */
	scope: string | null;
	attempts: number;
	/** Until then somebody is at it. */
	leaseUntil: number;
	/** When the background looks at it. */
	nextAt: number;
	createdAt: number;
	updatedAt: number;
}

const steps = {
	pending: { authorized: "authorized", declined: "failed", voided: "voided" },
	authorized: { captured: "captured", voided: "voided" },
	captured: { refundedInPart: "partiallyRefunded", refundedWhole: "refunded" },
	partiallyRefunded: { refundedInPart: "partiallyRefunded", refundedWhole: "refunded" },
	refunded: {},
	voided: {},
	failed: {},
} as const satisfies Record<PaymentStatus, Partial<Record<Happening, PaymentStatus>>>;
type Happening = "authorized" | "declined" | "captured" | "voided" | "refundedInPart" | "refundedWhole";

/** The payment after something happened to it. What the table does not allow is refused aloud. */
export function happened(payment: Payment, happening: Happening, changes: Partial<Payment> = {}): Payment {
	const allowed: Partial<Record<Happening, PaymentStatus>> = steps[payment.status];
	const status = allowed[happening];
	if (!status) throw conflict(payment);
	return { ...payment, ...changes, status, version: payment.version + 1 };
}

export const conflict = ({ id, status }: Pick<Payment, "id" | "status">) => paymentStateConflict({ paymentId: id, status });

/** A void of an id nobody knew leaves this mark: a late authorize finds its payment voided. It belongs to no order and is shown to nobody. */
export const isTombstone = (payment: Payment) => payment.orderId === "";

const partsOf = ({ items, discount, shipping, tax, fee, total }: Breakdown) => ({ items, discount, shipping, tax, fee, total });

/** Throws `validation_failed` when the parts are not what is to be paid: no ledger could book it. */
export function newPayment(asked: ParamsOf<typeof contract.authorize>, given: { provider: string; now: number }): Payment {
	const { paymentId: id, orderId, cartId, userId, amount, breakdown, method, challenge = false } = asked;
	const parts = Object.values(partsOf(breakdown));
	const sum = breakdown.items.amount - breakdown.discount.amount + breakdown.shipping.amount + breakdown.tax.amount + breakdown.fee.amount;
	if (sum !== amount.amount || breakdown.total.amount !== amount.amount || parts.some(part => part.currency !== amount.currency))
		throw validationFailed({ errors: [{ pointer: "/breakdown", code: "not_the_amount", detail: "does not add up to the amount" }] });
	const { provider, now } = given;
	const unknown = { reason: null, charge: null, brand: null, last4: null, fingerprint: null, nextUrl: null };
	const sums = { currency: amount.currency, amount: amount.amount, captured: 0, refunded: 0 };
	return {
		id,
		orderId,
		cartId,
		userId,
		provider,
		method: method.method,
		...sums,
		status: "pending",
		...unknown,
		challenge,
		breakdown,
		version: 1,
		createdAt: now,
		updatedAt: now,
	};
}

/** The mark of a void that came before its payment. */
export function tombstone(id: string, given: { provider: string; currency: string; now: number }): Payment {
	const nothing = { amount: 0, currency: given.currency };
	const breakdown = { items: nothing, discount: nothing, shipping: nothing, tax: nothing, fee: nothing, total: nothing };
	const method = { method: "card" as const, token: "" };
	const payment = newPayment({ paymentId: id, orderId: "", cartId: "", userId: null, amount: nothing, breakdown, method, key: "" }, given);
	return { ...payment, status: "voided" };
}

export const held = (card: Card, charge: string): Partial<Payment> => ({ ...card, charge, nextUrl: null });

/** What can still be given back: refunds that are on their way count as gone. */
export function refundable(payment: Payment, refunds: readonly Refund[]): number {
	return refunds.filter(refund => refund.status !== "failed").reduce((left, refund) => left - refund.amount, payment.captured);
}

/** Throws when there is nothing captured to give back, or not that much. */
export function refuseRefund(payment: Payment, refunds: readonly Refund[], asked: number): void {
	if (payment.status !== "captured" && payment.status !== "partiallyRefunded" && payment.status !== "refunded") throw conflict(payment);
	const left = refundable(payment, refunds);
	if (asked > left) throw refundExceedsCaptured({ asked, refundable: left, currency: payment.currency });
}

/**
 * What a refund consists of, so that the parts of all refunds of a payment sum to the parts of the payment, to the cent. Items that come back
 * bring their price and tax; an amount given as a gesture takes its share of everything that is left, shipping and fee too.
 */
export function breakdownOfRefund(payment: Payment, refunds: readonly Refund[], amount: number, forItems: boolean): Breakdown {
	const { currency } = payment;
	const left = (part: keyof Breakdown) =>
		refunds
			.filter(refund => refund.status !== "failed")
			.reduce((rest, refund) => rest - refund.breakdown[part].amount, payment.breakdown[part].amount);
	const goods = left("items") - left("discount");
	const share = (weights: number[]) => allocate({ amount, currency }, weights).map(part => part.amount) as [number, number, number, number];
	const coversItems = forItems && amount <= goods + left("tax");
	const [net, tax, shipping, fee] = coversItems
		? share([goods, left("tax"), 0, 0])
		: share([goods, left("tax"), left("shipping"), left("fee")]);
	const discount = goods === 0 ? 0 : halfUp(BigInt(left("discount")) * BigInt(net), goods);
	const parts = { items: net + discount, discount, shipping, tax, fee, total: amount };
	return Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, { amount: value, currency }])) as Breakdown;
}

// --- what others get to see

export function viewOf(payment: Payment): PaymentView {
	const { id, orderId, provider, method, currency, status, brand, last4, reason } = payment;
	const money = (amount: number) => ({ amount, currency });
	return {
		id,
		orderId,
		provider,
		method,
		amount: money(payment.amount),
		captured: money(payment.captured),
		refunded: money(payment.refunded),
		status,
		...(brand === null ? {} : { brand }),
		...(last4 === null ? {} : { last4 }),
		...(reason === null ? {} : { reason }),
		createdAt: rfc3339(payment.createdAt),
	};
}

export function refundViewOf({ id, paymentId, amount, reason, status, createdAt }: Refund, currency: string): RefundView {
	return { id, paymentId, amount: { amount, currency }, reason, status, createdAt: rfc3339(createdAt) };
}

/** What `authorize` answers of a payment, however often it is asked. Throws when it was voided: that id is used up. */
export function authorizationOf(payment: Payment): ResultOf<typeof contract.authorize> {
	const { id: paymentId, brand, last4, nextUrl, reason, status } = payment;
	if (status === "voided") throw conflict(payment);
	const card = { ...(brand === null ? {} : { brand }), ...(last4 === null ? {} : { last4 }) };
	if (status === "failed")
		return reason === "unavailable"
			? { paymentId, status: "unavailable" }
			: { paymentId, status: "declined", declineCode: reason ?? "declined", ...card };
	if (status !== "pending") return { paymentId, status: "authorized", ...card };
	return { paymentId, status, ...card, ...(nextUrl === null ? {} : { nextAction: { type: "authenticate", paymentId, url: nextUrl } }) };
}

/** What every fact of a payment says; never the token or the last digits. */
export function subjectOf(payment: Payment): PayloadOf<typeof contract.authorized> {
	const { id: paymentId, orderId, cartId, userId, provider, method, amount, currency, brand, fingerprint } = payment;
	const instrument = { ...(brand === null ? {} : { brand }), ...(fingerprint === null ? {} : { fingerprint }) };
	return { paymentId, orderId, cartId, userId, provider, method, amount: { amount, currency }, ...instrument };
}
