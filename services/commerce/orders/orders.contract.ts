import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { currencyMismatch, type Flaw, failure, notFound, serviceUnavailable, versionStale } from "../../../lib/failure.ts";
import { inProgress, keyReused } from "../../../lib/idempotency.ts";
import { Address, Email, Id, Money, Page, Paging, Quantity, Reason, Sku, Text, Time, Totals } from "../../../lib/vocabulary.ts";
import { Attempt, fraudRejected } from "../../risk/fraud/fraud.contract.ts";
import { cartEmpty, cartNotOpen } from "../carts/carts.contract.ts";
import { outOfStock } from "../inventory/inventory.contract.ts";
import { cardDeclined } from "../payments/payments.contract.ts";

export const OrderItem = Type.Object(
	{
		id: Id("itm"),
		sku: Sku,
		productId: Id("prd"),
		name: Type.String(),
		quantity: Quantity,
		unitPrice: Money,
		discount: Money,
		tax: Money,
		total: Money,
	},
	{ $id: "OrderItem", description: "One line as it was bought: prices, discount and tax are frozen at placement." },
);
export type OrderItem = Static<typeof OrderItem>;

export const OrderPayment = Type.Object({
	id: Id("pay"),
	method: Type.String(),
	amount: Money,
	status: Type.String(),
	brand: Type.Optional(Type.String()),
	last4: Type.Optional(Type.String()),
});

export const Order = Type.Object(
	{
		id: Id("ord"),
		number: Type.String({ description: "For people: short, rising, unique in the shop." }),
		cartId: Type.String(),
		userId: Type.Union([Type.String(), Type.Null()]),
		email: Email,
		status: Type.Enum(["confirmed", "onHold", "completed", "cancelled"]),
		paymentStatus: Type.Enum(["authorized", "captured", "partiallyRefunded", "refunded", "voided"]),
		fulfilmentStatus: Type.Enum(["unfulfilled", "shipped", "delivered", "cancelled"]),
		items: Type.Array(OrderItem),
		totals: Totals,
		shippingAddress: Address,
		payments: Type.Array(OrderPayment),
		riskUnavailable: Type.Optional(
			Type.Literal(true, { description: "It could not be checked when it was placed, and is checked later." }),
		),
		placedAt: Time,
		version: Type.Integer(),
	},
	{ $id: "Order", description: "What was bought. Its three states are separate axes, each written by one owner." },
);
export type Order = Static<typeof Order>;

export const NextAction = Type.Object({ type: Type.Literal("authenticate"), paymentId: Id("pay"), url: Type.String() });

export const Operation = Type.Object(
	{
		id: Id("opr"),
		kind: Type.String(),
		status: Type.Enum(["pending", "succeeded", "failed", "compensating", "compensated"]),
		steps: Type.Array(Type.Object({ name: Type.String(), status: Type.String() })),
		nextAction: Type.Optional(NextAction),
		result: Type.Optional(
			Type.Object({ orderId: Id("ord") }, { description: "As soon as there is an order to read, also while it is on hold." }),
		),
		problem: Type.Optional(Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true }))),
	},
	{ $id: "Operation", description: "Work that goes on after its request was answered." },
);
export type Operation = Static<typeof Operation>;

export const OperationAnswer = Type.Object({ operation: Operation });

export const TimelineEntry = Type.Object({ at: Time, type: Type.String(), detail: Type.String() }, { $id: "TimelineEntry" });
export type TimelineEntry = Static<typeof TimelineEntry>;

export const priceChanged = failure<{ totals: Totals }>(
	"conflict",
	"price_changed",
	({ totals }) => `The total is now ${totals.total.amount} ${totals.total.currency} (minor units).`,
	["totals"],
);
export const orderStateConflict = failure<{ orderId: string; status: string; asked: string }>(
	"conflict",
	"order_state_conflict",
	({ orderId, status, asked }) => `${orderId} is ${status}: it cannot be ${asked}.`,
);
export const refundNotInOrder = failure<{ errors: Flaw[] }>(
	"refused",
	"refund_not_in_order",
	() => "More of an item than was bought and not yet refunded.",
);

const CheckoutPayment = Type.Object({
	method: Type.Literal("card"),
	token: Type.String({ minLength: 1, maxLength: 128, pattern: "^[A-Za-z0-9_-]+$" }),
});
export type CheckoutPayment = Static<typeof CheckoutPayment>;

export const checkout = action({
	name: "orders.checkout",
	summary: "Buy what is in a cart: one order and one capture, or nothing held. 202 while the buyer's bank or a decision is awaited.",
	allow: "public",
	rest: {
		method: "POST",
		path: "/v1/carts/:id/checkout",
		status: 201,
		location: "/v1/orders/{id}",
		idempotencyKey: "required",
		tag: "Checkout",
	},
	timeoutMs: 8000,
	params: Type.Object({
		id: Id("crt"),
		email: Type.Optional(Email),
		shippingAddress: Address,
		shippingOption: Type.Optional(Text(64)),
		payment: CheckoutPayment,
		expectedTotal: Type.Optional(Money),
	}),
	returns: Type.Union([Order, OperationAnswer]),
	throws: [
		notFound,
		versionStale,
		currencyMismatch,
		cartNotOpen,
		cartEmpty,
		outOfStock,
		priceChanged,
		cardDeclined,
		fraudRejected,
		orderStateConflict,
		keyReused,
		inProgress,
		serviceUnavailable,
	],
});

export const getOperation = action({
	name: "orders.getOperation",
	summary: "How a checkout or cancellation stands.",
	allow: "public",
	rest: { method: "GET", path: "/v1/operations/:id", tag: "Checkout" },
	idempotent: true,
	params: Type.Object({ id: Id("opr") }),
	returns: Operation,
	throws: [notFound],
});

export const list = action({
	name: "orders.list",
	summary: "One's own orders, newest first; staff may look for those of others.",
	allow: "user",
	rest: { method: "GET", path: "/v1/orders", tag: "Orders" },
	idempotent: true,
	params: Type.Object({
		...Paging,
		userId: Type.Optional(Type.String({ maxLength: 64 })),
		status: Type.Optional(Order.properties.status),
		email: Type.Optional(Email),
	}),
	returns: Page(Order),
});

export const get = action({
	name: "orders.get",
	summary: "One order: its buyer's, by account or by the cart's token, or any for staff.",
	allow: "public",
	rest: { method: "GET", path: "/v1/orders/:id", tag: "Orders" },
	idempotent: true,
	params: Type.Object({ id: Id("ord") }),
	returns: Order,
	throws: [notFound],
});

export const timeline = action({
	name: "orders.timeline",
	summary: "What happened to an order, oldest first.",
	allow: "public",
	rest: { method: "GET", path: "/v1/orders/:id/timeline", tag: "Orders" },
	idempotent: true,
	params: Type.Object({ id: Id("ord"), ...Paging }),
	returns: Page(TimelineEntry),
	throws: [notFound],
});

export const cancel = action({
	name: "orders.cancel",
	summary: "Cancel before shipping: stock returns, money is voided or refunded once. A cancelled order answers as it is.",
	allow: "public",
	rest: { method: "POST", path: "/v1/orders/:id/cancel", idempotencyKey: "required", tag: "Orders" },
	timeoutMs: 8000,
	params: Type.Object({ id: Id("ord"), reason: Reason }),
	returns: Type.Union([Order, OperationAnswer]),
	throws: [notFound, versionStale, orderStateConflict, keyReused, inProgress],
});

export const contactOf = action({
	name: "orders.contactOf",
	summary: "Whom to write to about an order.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord") }),
	returns: Type.Object({
		orderId: Id("ord"),
		number: Type.String(),
		userId: Type.Union([Type.String(), Type.Null()]),
		email: Email,
		total: Money,
	}),
	throws: [notFound],
});

const RefundedItem = Type.Object({ itemId: Id("itm"), quantity: Quantity, amount: Money });

export const refundItems = action({
	name: "orders.refundItems",
	summary: "What the next units of an order's items are worth (rule R6), given what was refunded of them before.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({
		orderId: Id("ord"),
		items: Type.Array(Type.Object({ itemId: Id("itm"), quantity: Quantity }), { minItems: 1, maxItems: 100 }),
		priorRefunds: Type.Array(RefundedItem),
	}),
	returns: Type.Object({ amount: Money, items: Type.Array(RefundedItem) }),
	throws: [notFound, refundNotInOrder],
});

export const recentOrders = action({
	name: "orders.recent",
	summary: "The newest orders, for the operator's prompt.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ ...Paging, status: Type.Optional(Order.properties.status) }),
	returns: Page(Order),
});

const NullableUser = Type.Union([Type.String(), Type.Null()]);

export const checkoutRequested = event({
	name: "orders.checkoutRequested",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "A buyer, authorised, asked to buy a cart: the checkout saga begins.",
	payload: Type.Object({ orderId: Id("ord"), operationId: Id("opr"), cartId: Type.String(), userId: NullableUser }),
});

const orderFact = {
	orderId: Id("ord"),
	number: Type.String(),
	cartId: Type.String(),
	userId: NullableUser,
	total: Money,
};

const items = Type.Array(Type.Object({ sku: Sku, productId: Type.String(), quantity: Quantity, total: Money }));

export const placed = event({
	name: "orders.placed",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "An order was placed: its checkout passed the point of no return.",
	payload: Type.Object({ ...orderFact, items }),
});

export const held = event({
	name: "orders.held",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "An order is on hold until an analyst has judged it. `orders.placed` or `orders.cancelled` follows.",
	payload: Type.Object({ ...orderFact, items, operationId: Id("opr") }),
});

export const unassessed = event({
	name: "orders.unassessed",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "Risk was away when an order was placed or held: it is to be judged now.",
	payload: Type.Object({
		orderId: Id("ord"),
		cartId: Type.String(),
		userId: NullableUser,
		total: Money,
		isHeld: Type.Boolean({ description: "It waits for the judgement; else it went on." }),
		attempt: Attempt,
	}),
});

export const declinedUnassessed = event({
	name: "orders.declinedUnassessed",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "A card was declined while risk was away: there is no order, and the attempt counts all the same.",
	payload: Type.Object({ orderId: Id("ord"), attempt: Attempt, declineCode: Text(64) }),
});

export const paid = event({
	name: "orders.paid",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "The whole total of an order was captured.",
	payload: Type.Object(orderFact),
});

export const completed = event({
	name: "orders.completed",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "An order reached its buyer and nothing is open.",
	payload: Type.Object(orderFact),
});

export const cancelled = event({
	name: "orders.cancelled",
	version: 1,
	key: "orderId",
	delivery: "durable",
	summary: "An order was cancelled: its stock and its money went back.",
	payload: Type.Object({ ...orderFact, reason: Type.String() }),
});
