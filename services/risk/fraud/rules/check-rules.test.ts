import { describe, expect, it } from "@jest/globals";
import { type Flaw, validationFailed } from "../../../../lib/failure.ts";
import { aRule } from "../../../../test/support/rules.ts";
import type { Condition, Rule } from "../rules.contract.ts";
import { checkRules } from "./check-rules.ts";

const flawsOf = (...rules: Rule[]): Flaw[] => {
	try {
		checkRules(rules);
		return [];
	} catch (error) {
		if (validationFailed.matches(error)) return error.data.errors!;
		throw error;
	}
};
/** Pointer and code of everything that is wrong. */
const wrong = (...rules: Rule[]) => flawsOf(...rules).map(({ pointer, code }) => `${pointer} ${code}`);
/** The same of one condition, whatever it is, with pointers from the condition on. */
const wrongIn = (when: unknown, more: Partial<Rule> = {}) =>
	wrong(aRule({ ...more, when: when as Condition })).map(flaw => flaw.replace("/rules/0/when", ""));

const amount = { fact: "amount", operator: "gte", value: 1 } as const;
const counted = (fact: object, operator: unknown = "gte", value: unknown = 5) => ({ fact, operator, value });
const hourly = { counter: "interactions", by: "user", window: "PT1H" };

describe("a set of rules", () => {
	it("is kept as it was written, without the counts that came along", () => {
		const rules = [aRule({ id: "one" }), aRule({ id: "two", state: "draft" })];
		expect(checkRules(rules.map(rule => ({ ...rule, matches: { count: 7 } })))).toEqual(rules);
	});

	it("may be empty", () => {
		expect(checkRules([])).toEqual([]);
	});

	it("has no two rules of one id", () => {
		const rules = ["a", "b", "a", "c", "a"].map(id => aRule({ id }));
		expect(wrong(...rules)).toEqual(["/rules/2/id duplicate", "/rules/4/id duplicate"]);
	});

	it("asks a rule once at each trigger", () => {
		expect(wrong(aRule({ on: ["checkout", "payment", "checkout"] }))).toEqual(["/rules/0/on/2 duplicate"]);
	});

	it.each(["draft", "shadow", "live", "retired"] as const)("is checked in the whole, %s rules too", state => {
		expect(wrong(aRule(), aRule({ id: "b", state, cooldown: "soon" }))).toEqual(["/rules/1/cooldown invalid"]);
	});

	it.each([
		["P1Y", "invalid"],
		["PT0S", "out_of_range"],
		["P401D", "out_of_range"],
	])("takes no cooldown of %s", (cooldown, code) => expect(wrong(aRule({ cooldown }))).toEqual([`/rules/0/cooldown ${code}`]));

	it.each(["PT0.5S", "P400D", "P1W2DT3H4M5S"])("takes a cooldown of %s", cooldown => expect(wrong(aRule({ cooldown }))).toEqual([]));

	it("is refused with everything that is wrong in it, each with its place and a sentence", () => {
		const when = { all: [amount, { any: [{ ...amount, operator: "above" }, { not: { fact: "colour", operator: "eq", value: "red" } }] }] };
		const rules = [aRule(), aRule({ id: "second", when: when as Condition, cooldown: "P" }), aRule()];
		expect(flawsOf(...rules)).toEqual([
			{ pointer: "/rules/2/id", code: "duplicate", detail: "stands here twice" },
			{
				pointer: "/rules/1/when/all/1/any/0/operator",
				code: "unknown",
				detail: "is none of eq, ne, gt, gte, lt, lte, in, notIn",
			},
			{
				pointer: "/rules/1/when/all/1/any/1/not/fact",
				code: "unknown",
				detail: "is neither a field of what is assessed nor a counter",
			},
			expect.objectContaining({ pointer: "/rules/1/cooldown", code: "invalid" }),
		]);
	});

	it("names fifty flaws and no more", () => {
		expect(wrong(...Array.from({ length: 80 }, (_, index) => aRule({ id: `r${index}`, cooldown: "x" })))).toHaveLength(50);
	});
});

describe("a condition", () => {
	it.each([
		["nothing at all", {}, [" invalid"]],
		["no object", "amount", [" invalid"]],
		["null", null, [" invalid"]],
		["a list", [amount], [" invalid"]],
		["an unknown key", { al: [amount] }, ["/al unknown", "/fact required", "/operator required", "/value required"]],
		["an inherited name", JSON.parse('{"__proto__": 1, "fact": "amount", "operator": "eq", "value": 1}'), ["/__proto__ unknown"]],
		["a key with a slash", { ...amount, "a/b~": 1 }, ["/a~1b~0 unknown"]],
		["two groups at once", { all: [amount], any: [amount] }, ["/any unknown"]],
		["a group and a comparison", { not: amount, value: 3 }, ["/value unknown"]],
		["an empty all", { all: [] }, ["/all empty"]],
		["an empty any further down", { all: [amount, { not: { any: [] } }] }, ["/all/1/not/any empty"]],
		["a group that is no list", { all: amount }, ["/all invalid"]],
		["a not of several", { not: [amount] }, ["/not invalid"]],
		["a hole in a list", { any: [amount, null] }, ["/any/1 invalid"]],
		["no value", { fact: "amount", operator: "eq" }, ["/value required"]],
		["a value alone", { value: 1 }, ["/fact required", "/operator required"]],
	])("is refused with %s", (_, when, flaws) => expect(wrongIn(when)).toEqual(flaws));

	const nested = (levels: number): unknown => (levels === 1 ? amount : { not: nested(levels - 1) });

	it("is sixteen levels deep at most", () => {
		expect(wrongIn(nested(16))).toEqual([]);
		expect(wrongIn(nested(17))).toEqual([`${"/not".repeat(16)} too_deep`]);
		expect(wrongIn(nested(5000))).toEqual([`${"/not".repeat(16)} too_deep`]);
	});

	it("makes a hundred comparisons at most, wherever they stand", () => {
		const some = (count: number) => ({ any: Array.from({ length: count }, () => amount) });
		expect(wrongIn({ all: [some(60), some(40)] })).toEqual([]);
		expect(wrongIn({ all: [some(60), some(45)] })).toEqual(["/all/1/any/40 too_many"]);
	});
});

describe("a fact", () => {
	it.each([
		["interaction", ["kind", "target"]],
		["login", ["result", "by"]],
		["password", []],
		["cart", ["amount", "currency", "itemCount", "status"]],
		["checkout", ["amount", "currency", "country", "itemCount", "userStatus"]],
		["payment", ["amount", "currency", "country", "itemCount", "userStatus", "reason"]],
		["order", ["amount", "currency"]],
		["refund", ["amount", "currency"]],
		["transfer", ["amount", "currency"]],
	] as const)("of %s is one of %j", (trigger, known) => {
		const value: Record<string, unknown> = { amount: 1, itemCount: 1, userStatus: "clear", result: "failed" };
		const all = ["amount", "currency", "country", "itemCount", "userStatus", "reason", "kind", "target", "result", "by", "status"];
		const refused = all.filter(
			fact => wrongIn({ fact, operator: "eq", value: value[fact] ?? "x" }, { on: [trigger] }).join() === "/fact not_allowed",
		);
		expect(refused).toEqual(all.filter(fact => !(known as readonly string[]).includes(fact)));
	});

	it("that only one of the triggers has is absent at the others", () => {
		expect(wrongIn(amount, { on: ["checkout", "login"] })).toEqual([]);
		expect(wrongIn(amount, { on: ["interaction", "login"] })).toEqual(["/fact not_allowed"]);
	});

	it.each([["colour"], ["constructor"], [""], [5], [null], [true], [["amount"]]])("%j is unknown", fact => {
		expect(wrongIn({ fact, operator: "eq", value: 1 })).toEqual(["/fact unknown"]);
	});
});

describe("a counter", () => {
	it.each(["user", "device", "address", "instrument", "session"])("may be counted by %s", by => {
		expect(wrongIn(counted({ ...hourly, by }), { on: ["login"] })).toEqual([]);
	});

	it.each([
		["an unknown name", { ...hourly, counter: "clicks" }, ["/fact/counter unknown"]],
		["an inherited name", { ...hourly, counter: "toString" }, ["/fact/counter unknown"]],
		["no name", { by: "user" }, ["/fact/counter required"]],
		["an unknown entity", { ...hourly, by: "order" }, ["/fact/by unknown"]],
		["no entity", { counter: "interactions" }, ["/fact/by required"]],
		["an unknown key", { ...hourly, within: "PT1H" }, ["/fact/within unknown"]],
		["nothing at all", {}, ["/fact/counter required", "/fact/by required"]],
		["a window of months", { ...hourly, window: "P1M" }, ["/fact/window invalid"]],
		["a window that is a number", { ...hourly, window: 3600 }, ["/fact/window invalid"]],
		["no window's length", { ...hourly, window: "PT0S" }, ["/fact/window out_of_range"]],
		["an endless window", { ...hourly, window: "P400DT1S" }, ["/fact/window out_of_range"]],
		["a window of confirmed fraud", { ...hourly, counter: "confirmedFraud" }, ["/fact/window not_allowed"]],
		["new devices without a window", { counter: "newDevices", by: "user" }, ["/fact/window required"]],
		["a share without a window", { counter: "refundShare", by: "user" }, ["/fact/window required"]],
		["a where that is no object", { ...hourly, where: "like" }, ["/fact/where invalid"]],
		["a where by another field", { ...hourly, where: { kind: "like", target: "x" } }, ["/fact/where/target unknown"]],
		["a where that is no word", { ...hourly, where: { kind: 5 } }, ["/fact/where/kind invalid"]],
		["a where of many", { ...hourly, where: { kind: ["like"] } }, ["/fact/where/kind invalid"]],
		["a where of a book", { ...hourly, where: { kind: "x".repeat(257) } }, ["/fact/where/kind too_long"]],
	])("is refused with %s", (_, fact, flaws) => expect(wrongIn(counted(fact))).toEqual(flaws));

	it.each([
		["interactions", { kind: "like" }],
		["orders", { currency: "EUR" }],
		["refunds", { currency: "EUR" }],
		["orderAmount", { currency: "EUR" }],
		["refundAmount", { currency: "EUR" }],
	])("%s may be narrowed by %j", (counter, where) => expect(wrongIn(counted({ ...hourly, counter, where }))).toEqual([]));

	it.each(["paymentAttempts", "declinedInstruments", "loginFailures", "loginFailureUsers", "newDevices", "refundShare", "accounts"])(
		"%s is narrowed by nothing",
		counter => expect(wrongIn(counted({ ...hourly, counter, where: { kind: "like" } }))).toEqual(["/fact/where/kind unknown"]),
	);

	it("is compared with numbers only", () => {
		expect(wrongIn(counted(hourly, "eq", "100"))).toEqual(["/value invalid"]);
		expect(wrongIn(counted(hourly, "ne", true))).toEqual(["/value invalid"]);
		expect(wrongIn(counted(hourly, "in", [1, "2", 3]))).toEqual(["/value/1 invalid"]);
	});

	it("is told exactly up to ten thousand where it is remembered one by one, and for life without end", () => {
		expect(wrongIn(counted(hourly, "gte", 10_000))).toEqual([]);
		expect(wrongIn(counted(hourly, "gte", 10_001))).toEqual(["/value out_of_range"]);
		expect(wrongIn(counted(hourly, "notIn", [1, 10_001]))).toEqual(["/value/1 out_of_range"]);
		expect(wrongIn(counted({ counter: "accounts", by: "device" }, "gte", 10_001))).toEqual(["/value out_of_range"]);
		expect(wrongIn(counted({ counter: "interactions", by: "user" }, "gte", 1_000_000))).toEqual([]);
	});

	it.each(["orderAmount", "refundAmount"])("%s is an exact number of any size, for life and in a window", counter => {
		for (const fact of [
			{ ...hourly, counter },
			{ counter, by: "address" },
		]) {
			expect(wrongIn(counted(fact, "gte", Number.MAX_SAFE_INTEGER))).toEqual([]);
			expect(wrongIn(counted(fact, "gte", 2 ** 53))).toEqual(["/value invalid"]);
			expect(wrongIn(counted(fact, "eq", "1000 EUR"))).toEqual(["/value invalid"]);
			expect(wrongIn(counted({ ...fact, where: { kind: "like" } }))).toEqual(["/fact/where/kind unknown"]);
		}
	});
});

describe("operator and value", () => {
	const many = (count: number) => Array.from({ length: count }, (_, index) => index);

	it.each([
		["an operator that is none", "amount", "above", 1, ["/operator unknown"]],
		["an operator that is no word", "amount", ["eq"], 1, ["/operator unknown"]],
		["an order of words", "currency", "gt", "EUR", ["/operator invalid"]],
		["an order against a word", "amount", "gt", "1", ["/value invalid"]],
		["an order against a list", "amount", "lte", [1], ["/value invalid"]],
		["no scalar", "amount", "eq", null, ["/value invalid"]],
		["a number for a word", "currency", "eq", 978, ["/value invalid"]],
		["a word for a number", "itemCount", "ne", "three", ["/value invalid"]],
		["more than can be counted", "amount", "gte", 2 ** 53, ["/value invalid"]],
		["infinity", "amount", "lt", Number.POSITIVE_INFINITY, ["/value invalid"]],
		["a status that nobody has", "userStatus", "eq", "blocked", ["/value unknown"]],
		["a result that no login has", "result", "in", ["failed", "maybe"], ["/value/1 unknown"]],
		["one of a single value", "currency", "in", "EUR", ["/value invalid"]],
		["one of nothing", "currency", "notIn", [], ["/value invalid"]],
		["one of too many", "amount", "in", many(1001), ["/value invalid"]],
		["one of lists", "amount", "in", [1, [2]], ["/value/1 invalid"]],
		["a book", "country", "eq", "x".repeat(257), ["/value too_long"]],
	])("are refused with %s", (_, fact, operator, value, flaws) => {
		expect(wrongIn({ fact, operator, value }, { on: ["checkout", "login"] })).toEqual(flaws);
	});

	it.each([
		["amount", "gt", 0.5],
		["amount", "eq", -1],
		["amount", "in", many(1000)],
		["currency", "eq", "EUR"],
		["country", "notIn", ["DE", "AT"]],
		["userStatus", "ne", "clear"],
	])("%s %s a fitting value is taken", (fact, operator, value) => expect(wrongIn({ fact, operator, value })).toEqual([]));
});
