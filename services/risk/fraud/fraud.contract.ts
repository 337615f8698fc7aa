// What the mesh asks of risk: the synchronous check of a checkout, what became of it, and how it was decided.
import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { failure, serviceUnavailable, validationFailed } from "../../../lib/failure.ts";
import { originFields } from "../../../lib/origin.ts";
import { Id, Money, Nothing, Page, Paging, Time } from "../../../lib/vocabulary.ts";
import { Outcome } from "./rules.contract.ts";

const NullableUser = Type.Union([Id("usr"), Type.Null()], { description: "Null for a guest." });

/** Never names rule, threshold or score: whoever is refused must not learn how to slip by. */
export const fraudRejected = failure("refused", "fraud_rejected", () => "This purchase cannot be accepted.");

/** One attempt to buy, as risk knows it: ids and keyed hashes. */
export const Attempt = Type.Object(
	{
		attemptId: Id("opr"),
		orderId: Id("ord"),
		paymentId: Id("pay"),
		userId: NullableUser,
		sessionId: Type.String({ minLength: 1, maxLength: 64, description: "The session of a signed-in buyer, or a guest's cart." }),
		...originFields,
		instrument: Type.Union([Type.String({ maxLength: 128 }), Type.Null()], {
			description: "Keyed hash of what is paid with; null: nothing to pay.",
		}),
		isShared: Type.Boolean({ description: "The instrument stands for many (a fixed token of the sandbox) and is never put on a list." }),
		amount: Money,
		country: Type.String({ pattern: "^[A-Z]{2}$" }),
		itemCount: Type.Integer({ minimum: 0 }),
	},
	{ $id: "RiskAttempt" },
);
export type Attempt = Static<typeof Attempt>;

export const Assessment = Type.Object({
	decisionId: Id("dec"),
	outcome: Type.Enum(["allow", "challenge", "review", "block"]),
	isFlagged: Type.Boolean({ description: "The buyer is flagged: their bank is asked, also where somebody has to look at the order." }),
});
export type Assessment = Static<typeof Assessment>;

export const assess = action({
	name: "fraud.assess",
	summary: "Count an attempt to buy and decide on it. The same attempt again gets the same decision.",
	allow: "internal",
	idempotent: true,
	params: Attempt,
	returns: Assessment,
	throws: [serviceUnavailable],
});

/** `challenged`: the buyer's bank is asked, which is no end yet. `unavailable`: the provider could not be asked, so the attempt is taken back and counts for nothing. */
export const AttemptOutcome = Type.Enum(["authorized", "challenged", "declined", "unavailable"]);
export type AttemptOutcome = Static<typeof AttemptOutcome>;

export const conclude = action({
	name: "fraud.conclude",
	summary: "What became of an attempt, before its fact arrives: the buyer's next attempt may be faster than that.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ attemptId: Id("opr"), outcome: AttemptOutcome, reason: Type.Optional(Type.String({ maxLength: 64 })) }),
	returns: Nothing,
});

const Traced = Type.Object({
	fact: Type.Unsafe<unknown>({ description: "As the rule names it: a field, or a counter." }),
	operator: Type.String(),
	threshold: Type.Unsafe<unknown>({}),
	value: Type.Unsafe<unknown>({ description: "What it was at the time; null: there was none." }),
	matched: Type.Boolean(),
});
export type Traced = Static<typeof Traced>;

export const TracedRule = Type.Object({
	id: Type.String(),
	state: Type.Enum(["shadow", "live"]),
	matched: Type.Boolean(),
	conditions: Type.Array(Traced),
});
export type TracedRule = Static<typeof TracedRule>;

export const Decision = Type.Object(
	{
		id: Id("dec"),
		orderId: Type.Optional(Id("ord")),
		userId: Type.Optional(Id("usr")),
		outcome: Outcome,
		score: Type.Integer({ description: "The points of the live rules that matched." }),
		version: Type.Integer({ description: "Of the set of rules." }),
		rules: Type.Array(TracedRule),
		at: Time,
	},
	{ $id: "RiskDecision", description: "How an attempt was decided, with every condition that was looked at." },
);
export type Decision = Static<typeof Decision>;

export const listDecisions = action({
	name: "fraud.listDecisions",
	summary: "Decisions with everything they rest on, newest first.",
	allow: "fraud:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/fraud/decisions", tag: "Risk" },
	params: Type.Object({ orderId: Type.Optional(Id("ord")), userId: Type.Optional(Id("usr")), ...Paging }),
	returns: Page(Decision),
	throws: [validationFailed],
});

export const decided = event({
	name: "fraud.decided",
	version: 1,
	key: "decisionId",
	delivery: "durable",
	summary: "An attempt to buy was decided.",
	payload: Type.Object({
		decisionId: Id("dec"),
		orderId: Id("ord"),
		userId: NullableUser,
		outcome: Type.Enum(["allow", "challenge", "review", "block"]),
		version: Type.Integer(),
	}),
});
