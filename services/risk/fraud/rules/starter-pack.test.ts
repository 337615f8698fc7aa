import { describe, expect, it } from "@jest/globals";
import { Compile } from "typebox/compile";
import { Rule, type Scalar, type Trigger } from "../rules.contract.ts";
import { checkRules } from "./check-rules.ts";
import { compileRules } from "./rule-book.ts";
import type { Seen } from "./seen.ts";
import { starterPack } from "./starter-pack.ts";

const book = compileRules({ version: 1, rules: starterPack });
/** Counts by `counter by window`. */
const seeing = (counts: Record<string, number>): Seen => ({
	field: (): Scalar | undefined => undefined,
	count: ({ counter, by, windowMs }) => counts[`${counter} ${by} ${windowMs === null ? "life" : windowMs / 60_000}`] ?? 0,
});
const matchedAt = (trigger: Trigger, counts: Record<string, number>) =>
	book
		.at([trigger])
		.filter(rule => rule.matches(seeing(counts)))
		.map(({ id, rule }) => `${id}: ${rule.outcome} ${rule.scope}`);

const [hour, day] = [60, 1440];

describe("the rules that a shop begins with", () => {
	it("pass the contract and the check like anybody's, and are all live", () => {
		const schema = Compile(Rule);
		expect(starterPack.filter(rule => !schema.Check(rule))).toEqual([]);
		expect(checkRules(starterPack)).toEqual(starterPack);
		expect(book.rules.map(({ isLive }) => isLive)).toEqual(starterPack.map(() => true));
	});

	it.each<[string, Trigger, Record<string, number>, string]>([
		["the hundredth interaction flags", "interaction", { "interactions user life": 100 }, "interactions.lifetime: flag user"],
		["a hundred in an hour are looked at", "interaction", { [`interactions user ${hour}`]: 100 }, "interactions.hourly: review user"],
		["four declined cards block a device", "checkout", { [`declinedInstruments device ${hour}`]: 4 }, "card-testing.device: block device"],
		[
			"four declined cards block an address",
			"checkout",
			{ [`declinedInstruments address ${hour}`]: 4 },
			"card-testing.address: block address",
		],
		["ten attempts challenge a device", "checkout", { "paymentAttempts device 10": 10 }, "payment-attempts.device: challenge device"],
		["ten attempts challenge a session", "checkout", { "paymentAttempts session 10": 10 }, "payment-attempts.session: challenge session"],
		["five failed logins are looked at", "login", { [`loginFailures user ${hour}`]: 5 }, "login-failures.user: review user"],
		["twenty accounts tried are looked at", "login", { "loginFailureUsers address 10": 20 }, "login-failures.address: review address"],
		["three accounts on a device are looked at", "login", { [`accounts device ${7 * day}`]: 3 }, "accounts.device: review device"],
		["a device of a fraud is looked at", "checkout", { "confirmedFraud device life": 1 }, "confirmed-fraud.device: review device"],
		[
			"a card of a fraud is looked at",
			"checkout",
			{ "confirmedFraud instrument life": 1 },
			"confirmed-fraud.instrument: review instrument",
		],
	])("%s, and one fewer does not", (_, trigger, counts, matched) => {
		expect(matchedAt(trigger, counts)).toEqual([matched]);
		const fewer = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count - 1]));
		expect(matchedAt(trigger, fewer)).toEqual([]);
	});

	it.each<Trigger>(["checkout", "password"])("a takeover is a new device and five failures within two hours, at %s", trigger => {
		const counts = { "newDevices user 120": 1, "loginFailures user 120": 5 };
		expect(matchedAt(trigger, counts)).toEqual(["account-takeover: review user"]);
		expect(matchedAt(trigger, { ...counts, "newDevices user 120": 0 })).toEqual([]);
		expect(matchedAt(trigger, { ...counts, "loginFailures user 120": 4 })).toEqual([]);
	});

	it("refund abuse is five refunds within thirty days and half of the orders", () => {
		const counts = { [`refunds user ${30 * day}`]: 5, [`refundShare user ${30 * day}`]: 50 };
		expect(matchedAt("refund", counts)).toEqual(["refund-abuse: review user"]);
		expect(matchedAt("refund", { ...counts, [`refunds user ${30 * day}`]: 4 })).toEqual([]);
		expect(matchedAt("refund", { ...counts, [`refundShare user ${30 * day}`]: 49 })).toEqual([]);
	});

	it("only card testing refuses anything by itself", () => {
		expect(starterPack.filter(({ outcome }) => outcome === "block").map(({ id }) => id)).toEqual([
			"card-testing.device",
			"card-testing.address",
		]);
	});
});
