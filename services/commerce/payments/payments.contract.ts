import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import {
	currencyMismatch,
	failure,
	notFound,
	serviceUnavailable,
	unauthenticated,
	validationFailed,
	versionStale,
} from "../../../lib/failure.ts";
import { inProgress, keyRequired, keyReused } from "../../../lib/idempotency.ts";
import { Currency, Id, Money, Page, Paging, Quantity, Reason, Text, Time } from "../../../lib/vocabulary.ts";

const NullableUser = Type.Union([Id("usr"), Type.Null()], { description: "Null for a guest." });
/** A caller's own name for one wish: asking again with it is the same wish. */
const Key = Type.String({ pattern: "^[\\x21-\\x7e]{1,190}$" });
const Token = Type.String({ pattern: "^[\\x21-\\x7e]{1,190}$", description: "A provider's token, never a card number." });
const NotNegative = Type.Object({ amount: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), currency: Currency });
const Positive = Type.Object({ amount: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), currency: Currency });

export const PaymentStatus = Type.Enum(["pending", "authorized", "captured", "partiallyRefunded", "refunded", "voided", "failed"]);
export type PaymentStatus = Static<typeof PaymentStatus>;

export const PaymentMethod = Type.Enum(["card"]);
const PaidWith = Type.Object({ method: PaymentMethod, token: Token });

export const Breakdown = Type.Object(
	{ items: NotNegative, discount: NotNegative, shipping: NotNegative, tax: NotNegative, fee: NotNegative, total: NotNegative },
	{
		$id: "Breakdown",
		description: "What an amount is made of, so that a ledger can book it: total = items − discount + shipping + tax + fee.",
	},
);
export type Breakdown = Static<typeof Breakdown>;

export const PaymentView = Type.Object(
	{
		id: Id("pay"),
		orderId: Id("ord"),
		provider: Type.String(),
		method: PaymentMethod,
		amount: Money,
		captured: Money,
		refunded: Money,
		status: PaymentStatus,
		brand: Type.Optional(Type.String()),
		last4: Type.Optional(Type.String()),
		reason: Type.Optional(
			Type.String({ description: "Why it failed: `declined`, `insufficient_funds`, `authentication_failed`, `unavailable` …" }),
		),
		createdAt: Time,
	},
	{ $id: "Payment", description: "One attempt to pay an order with one instrument." },
);
export type PaymentView = Static<typeof PaymentView>;

export const RefundView = Type.Object(
	{
		id: Id("rfd"),
		paymentId: Id("pay"),
		amount: Money,
		reason: Reason,
		status: Type.Enum(["pending", "succeeded", "failed"]),
		createdAt: Time,
	},
	{
		$id: "Refund",
		description:
			"Money given back. `pending` while the provider's answer is not known; failed gives the amount back to what is refundable.",
	},
);
export type RefundView = Static<typeof RefundView>;

export const NextAction = Type.Object(
	{ type: Type.Enum(["authenticate"]), paymentId: Id("pay"), url: Type.String() },
	{ $id: "NextAction", description: "What the buyer has to do before the payment can be decided." },
);
export type NextAction = Static<typeof NextAction>;

// --- refusals

type Declined = { declineCode: string };
export const cardDeclined = failure<Declined>("refused", "card_declined", () => "The card was declined. Try another one.", ["declineCode"]);
export const insufficientFunds = failure("refused", "insufficient_funds", () => "There is not enough money for this.");
export const paymentStateConflict = failure<{ paymentId: string; status: string }>(
	"conflict",
	"payment_state_conflict",
	({ paymentId, status }) => `${paymentId} is ${status}; that does not allow this.`,
	["status"],
);
export const refundExceedsCaptured = failure<{ asked: number; refundable: number; currency: string }>(
	"refused",
	"refund_exceeds_captured",
	({ asked, refundable, currency }) => `${asked} ${currency} (minor units) asked for, ${refundable} can still be refunded.`,
	["refundable"],
);

// --- asked by the mesh: a checkout, a cancellation

// The provider may take 7 s to answer; a shorter time here would make an unknown of what is about to be known.
const timeoutMs = 10_000;
const movesMoney = { allow: "internal", idempotent: true, timeoutMs } as const;

export const authorize = action({
	name: "payments.authorize",
	summary: "Hold exactly this amount. The caller chooses the id; asking again for it answers what became of it. A voided id is refused.",
	...movesMoney,
	params: Type.Object({
		paymentId: Id("pay"),
		orderId: Id("ord"),
		cartId: Id("crt"),
		userId: NullableUser,
		amount: NotNegative,
		breakdown: Breakdown,
		method: PaidWith,
		challenge: Type.Optional(
			Type.Boolean({
				description:
					"The buyer has to authenticate at their bank. It belongs to the payment: a repeat can neither take it back nor add it.",
			}),
		),
		key: Key,
	}),
	returns: Type.Object({
		paymentId: Id("pay"),
		/** `pending` without `nextAction`: the provider's answer is not known yet and will be told as a fact. `unavailable`: nothing is held. */
		status: Type.Enum(["authorized", "declined", "pending", "unavailable"]),
		declineCode: Type.Optional(Type.String()),
		brand: Type.Optional(Type.String()),
		last4: Type.Optional(Type.String()),
		nextAction: Type.Optional(NextAction),
	}),
	throws: [paymentStateConflict, currencyMismatch, validationFailed],
});

export const instrument = action({
	name: "payments.instrument",
	summary: "Name what would be paid with, before anything is asked of it. Answers also while the provider is away.",
	allow: "internal",
	idempotent: true,
	timeoutMs: 2500,
	params: Type.Object({ method: PaidWith }),
	returns: Type.Object({
		instrument: Type.String({
			description:
				"The `fingerprint` that the facts of this payment will carry; a keyed hash of the token while the provider does not say which card it is.",
		}),
		isShared: Type.Boolean({ description: "It stands for many and says nothing of one person: a fixed token of the sandbox." }),
		canChallenge: Type.Boolean({ description: "Whether the provider can have the buyer authenticate." }),
	}),
});

export const voidPayment = action({
	name: "payments.void",
	summary: "Let go of what is held; an id that is not known yet is refused when it comes late. 503 until the provider has confirmed.",
	...movesMoney,
	params: Type.Object({ paymentId: Id("pay"), key: Key, reason: Reason }),
	returns: Type.Object({ paymentId: Id("pay"), status: PaymentStatus }),
	throws: [paymentStateConflict, serviceUnavailable],
});

export const captureAll = action({
	name: "payments.captureAll",
	summary: "Take the whole amount that is held. A captured payment is answered as it is; 503 until the provider has confirmed.",
	...movesMoney,
	params: Type.Object({ paymentId: Id("pay"), key: Key }),
	returns: PaymentView,
	throws: [notFound, paymentStateConflict, serviceUnavailable],
});

export const refundAll = action({
	name: "payments.refundAll",
	summary: "Give back all that is left of what was captured; nothing left is answered as it is. 503 until the provider has confirmed.",
	...movesMoney,
	params: Type.Object({ paymentId: Id("pay"), key: Key, reason: Reason }),
	returns: PaymentView,
	throws: [notFound, paymentStateConflict, serviceUnavailable],
});

export const ofOrders = action({
	name: "payments.ofOrders",
	summary: "Every payment of the given orders, the failed ones too, oldest first.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderIds: Type.Array(Id("ord"), { maxItems: 100 }) }),
	returns: Type.Object({ payments: Type.Array(PaymentView) }),
});

// --- asked from outside

const underKey = { idempotencyKey: "required", tag: "Payments" } as const;
const keyed = [keyRequired, keyReused, inProgress, versionStale];

export const get = action({
	name: "payments.get",
	summary: "A payment: one's own, or any with payments:read.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/payments/:id", tag: "Payments" },
	params: Type.Object({ id: Id("pay") }),
	returns: PaymentView,
	throws: [notFound],
});

export const list = action({
	name: "payments.list",
	summary: "Every attempt to pay, the failed ones too, newest first.",
	allow: "payments:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/payments", tag: "Payments" },
	params: Type.Object({ orderId: Type.Optional(Id("ord")), status: Type.Optional(PaymentStatus), ...Paging }),
	returns: Page(PaymentView),
	throws: [validationFailed],
});

export const capture = action({
	name: "payments.capture",
	summary: "Take the whole amount of a payment that was left authorised.",
	allow: "payments:capture",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/payments/:id/capture", ...underKey },
	params: Type.Object({ id: Id("pay") }),
	returns: PaymentView,
	throws: [notFound, paymentStateConflict, serviceUnavailable, ...keyed],
});

export const refund = action({
	name: "payments.refund",
	summary: "Give back an amount, or what was paid for some items. Never more than was captured.",
	allow: "payments:refund",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/payments/:id/refunds", status: 201, location: "/v1/payments/{paymentId}/refunds/{id}", ...underKey },
	params: Type.Object({
		id: Id("pay"),
		amount: Type.Optional(Positive),
		items: Type.Optional(Type.Array(Type.Object({ itemId: Id("itm"), quantity: Quantity }), { minItems: 1, maxItems: 100 })),
		reason: Reason,
	}),
	returns: RefundView,
	throws: [notFound, validationFailed, currencyMismatch, refundExceedsCaptured, paymentStateConflict, serviceUnavailable, ...keyed],
});

export const receiveWebhook = action({
	name: "payments.receiveWebhook",
	summary: "A provider says that something changed: stored by its event id, answered, and then the truth is looked up at the provider.",
	allow: "public",
	idempotent: true,
	rest: { method: "POST", path: "/v1/hooks/payments/:provider", rawBody: true, ignoresToken: true, tag: "Payments" },
	params: Type.Object({
		provider: Type.String({ pattern: "^[a-z]{1,32}$" }),
		rawBody: Type.String({ maxLength: 262_144 }),
		signature: Type.Optional(Type.String({ maxLength: 2048, description: "The provider's signature header, as it came." })),
	}),
	returns: Type.Object({ received: Type.Boolean() }),
	throws: [notFound, unauthenticated, validationFailed],
});

// --- facts. No token, no address, no free text: an instrument is its keyed hash, a person an id.

const subject = {
	paymentId: Id("pay"),
	orderId: Id("ord"),
	cartId: Id("crt"),
	userId: NullableUser,
	provider: Type.String(),
	method: PaymentMethod,
	amount: Money,
	brand: Type.Optional(Type.String()),
	fingerprint: Type.Optional(Type.String({ description: "Keyed hash of the instrument." })),
};
const fact = { version: 1, key: "orderId", delivery: "durable" } as const;

export const pending = event({
	...fact,
	name: "payments.pending",
	summary: "A payment cannot be decided yet: the buyer's bank is asked, or the provider's answer is not known.",
	payload: Type.Object({ ...subject, waitsFor: Type.Enum(["authentication", "provider"]) }),
});

export const authorized = event({ ...fact, name: "payments.authorized", summary: "An amount is held.", payload: Type.Object(subject) });

export const failed = event({
	...fact,
	name: "payments.failed",
	summary: "An attempt to pay ended with nothing held. `unavailable`: the provider was away, which says nothing of the card.",
	payload: Type.Object({ ...subject, reason: Text(64) }),
});

export const captured = event({
	...fact,
	name: "payments.captured",
	summary: "The held amount was taken.",
	payload: Type.Object({ ...subject, breakdown: Breakdown }),
});

export const refunded = event({
	...fact,
	name: "payments.refunded",
	summary: "Money was given back; `amount` and `breakdown` are of this refund, `refundedTotal` of all so far.",
	payload: Type.Object({
		...subject,
		refundId: Id("rfd"),
		breakdown: Breakdown,
		captured: Money,
		refundedTotal: Money,
		status: Type.Enum(["partiallyRefunded", "refunded"]),
	}),
});

export const refundFailed = event({
	...fact,
	name: "payments.refundFailed",
	summary: "The provider refused a refund; its amount can be refunded again.",
	payload: Type.Object({ ...subject, refundId: Id("rfd"), reason: Text(64) }),
});

export const voided = event({
	...fact,
	name: "payments.voided",
	summary: "What was held, or might have been, was let go.",
	payload: Type.Object({ ...subject, breakdown: Breakdown, wasAuthorized: Type.Boolean() }),
});
