// Rules, as analysts write them: what is looked at, when it matches, and what follows. Sets of rules are versioned and never changed.
import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { validationFailed, versionStale } from "../../../lib/failure.ts";
import { Page, Paging, Time } from "../../../lib/vocabulary.ts";

/** What the counters of a rule may be counted by, and what a rule watches over. */
export const entityKinds = ["user", "device", "address", "instrument", "session"] as const;
export const EntityKind = Type.Enum([...entityKinds]);
export type EntityKind = Static<typeof EntityKind>;

export const triggers = ["interaction", "login", "password", "cart", "checkout", "payment", "order", "refund", "transfer"] as const;
export const Trigger = Type.Enum([...triggers], {
	description: "What a rule is asked at. `password`: a password was changed. Bank facts (`transfer`) come with the bank.",
});
export type Trigger = Static<typeof Trigger>;

/** From harmless to harsh: of several that match, the harshest decides. */
export const outcomes = ["allow", "flag", "challenge", "review", "block"] as const;
export const Outcome = Type.Enum([...outcomes]);
export type Outcome = Static<typeof Outcome>;

export const operators = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "notIn"] as const;
export type Operator = (typeof operators)[number];

export type Scalar = string | number | boolean;

/** Counts what happened around one entity, or adds up its amounts. `window` is an ISO 8601 duration; without it the count is for life. */
export interface CounterFact {
	counter: string;
	by: EntityKind;
	window?: string;
	/** Only what happened so: `{ "kind": "like" }`. */
	where?: Record<string, Scalar>;
}

export interface Comparison {
	/** A field of what is assessed, or a counter. */
	fact: string | CounterFact;
	operator: Operator;
	value: Scalar | readonly Scalar[];
}

export type Condition = { all: Condition[] } | { any: Condition[] } | { not: Condition } | Comparison;

// Its depth has no end, so its own check walks it and names the field that is wrong; this one only says that it is an object.
const ConditionShape = Type.Unsafe<Condition>(
	Type.Object(
		{},
		{
			additionalProperties: true,
			description:
				'`{ "all": [Condition] }`, `{ "any": [Condition] }`, `{ "not": Condition }` or `{ "fact", "operator", "value" }`. `fact` is a field of what is assessed, or `{ "counter", "by", "window"?, "where"? }`. `orderAmount` and `refundAmount` add up what was ordered or refunded, in minor units; in a window to a sixtieth of it, and never too little.',
			examples: [{ fact: { counter: "interactions", by: "user", window: "PT1H" }, operator: "gte", value: 100 }],
		},
	),
);

export const ListName = Type.String({ pattern: "^[a-z][A-Za-z0-9-]{0,31}$" });

const ruleFields = {
	id: Type.String({ pattern: "^[a-z][A-Za-z0-9.-]{0,63}$" }),
	description: Type.String({ minLength: 1, maxLength: 500 }),
	state: Type.Enum(["draft", "shadow", "live", "retired"]),
	on: Type.Array(Trigger, { minItems: 1, maxItems: triggers.length }),
	when: ConditionShape,
	outcome: Outcome,
	points: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000, description: "Added up in the score of a decision." })),
	scope: EntityKind,
	cooldown: Type.Optional(
		Type.String({
			maxLength: 32,
			description: "ISO 8601 duration in which it opens no second case for one entity. Default: its longest window, or once until cleared.",
		}),
	),
	exempt: Type.Optional(
		Type.Array(ListName, { maxItems: 10, description: "It says nothing of signed-in users who are on one of these lists." }),
	),
};

const Matches = Type.Object({ count: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), lastAt: Type.Optional(Time) });

export const Rule = Type.Object(ruleFields, { $id: "Rule", description: "When its condition holds, its outcome follows." });
export type Rule = Static<typeof Rule>;

/** A rule with how often it matched. */
export const CountedRule = Type.Object({ ...ruleFields, matches: Matches }, { $id: "CountedRule" });
export type CountedRule = Static<typeof CountedRule>;

export const RuleSet = Type.Object(
	{ version: Type.Integer({ minimum: 1 }), rules: Type.Array(CountedRule) },
	{ $id: "RuleSet", description: "The rules in force. A set is never changed, only replaced by the next version." },
);

const GivenRules = Type.Array(Type.Object({ ...ruleFields, matches: Type.Optional(Matches) }), { maxItems: 500 });

const tag = "Risk";

export const getRules = action({
	name: "fraud.getRules",
	summary: "The rules in force, shadow ones and drafts too, and how often each has matched.",
	allow: "fraud:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/fraud/rules", tag },
	params: Type.Object({}),
	returns: RuleSet,
});

export const putRules = action({
	name: "fraud.putRules",
	summary: "Replace the whole set. A counter that a new rule needs is filled from the past before the set goes live.",
	allow: "fraud:rules",
	rest: { method: "PUT", path: "/v1/fraud/rules", tag },
	params: Type.Object({ rules: GivenRules }),
	returns: RuleSet,
	throws: [validationFailed, versionStale],
});

export const RuleSetVersion = Type.Object({
	version: Type.Integer({ minimum: 1 }),
	rules: Type.Array(Rule),
	by: Type.Union([Type.String(), Type.Null()], { description: "Who published it; null for the set that came with the product." }),
	createdAt: Time,
	liveAt: Type.Union([Time, Type.Null()], { description: "Null while its counters are being filled." }),
});

export const listVersions = action({
	name: "fraud.listVersions",
	summary: "Every set of rules there was, newest first.",
	allow: "fraud:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/fraud/rules/versions", tag },
	params: Type.Object({ ...Paging }),
	returns: Page(RuleSetVersion),
	throws: [validationFailed],
});

export const RuleReport = Type.Object({
	id: Type.String(),
	matches: Type.Integer(),
	entities: Type.Integer({ description: "How many different ones it matched for." }),
	perDay: Type.Number({ description: "Matches per day of the time that was looked at, two decimals." }),
	overlap: Type.Record(Type.String(), Type.Integer(), { description: "Events at which the other rule matched as well." }),
	precision: Type.Optional(Type.Number({ description: "Of the labelled entities it matched for, the part that was fraud." })),
	recall: Type.Optional(Type.Number({ description: "Of the labelled fraud of its scope, the part it matched for." })),
});

export const BacktestReport = Type.Object(
	{ from: Type.Union([Time, Type.Null()]), to: Type.Union([Time, Type.Null()]), events: Type.Integer(), rules: Type.Array(RuleReport) },
	{ $id: "BacktestReport", description: "What a set of rules would have done. The same rules over the same log give the same bytes." },
);
export type BacktestReport = Static<typeof BacktestReport>;

export const backtest = action({
	name: "fraud.backtest",
	summary: "What a set of rules would have matched in the past, without any effect. Counters are warmed with what came before `from`.",
	allow: "fraud:rules",
	rest: { method: "POST", path: "/v1/fraud/rules/backtest", tag },
	// A log of half a million events takes some seconds.
	timeoutMs: 60_000,
	bulkhead: { concurrency: 1, maxQueueSize: 4 },
	params: Type.Object({ rules: GivenRules, from: Type.Optional(Time), to: Type.Optional(Time) }),
	returns: BacktestReport,
	throws: [validationFailed],
});

export const rulesChanged = event({
	name: "fraud.rulesChanged",
	version: 1,
	key: "version",
	delivery: "durable",
	summary: "A set of rules went live. Also broadcast, so that every node knows at once.",
	payload: Type.Object({ version: Type.String(), by: Type.Union([Type.String(), Type.Null()]) }),
});
