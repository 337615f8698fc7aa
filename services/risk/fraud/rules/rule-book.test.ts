import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { aRule } from "../../../../test/support/rules.ts";
import type { Comparison, Condition, CounterFact, Operator, Rule, Scalar } from "../rules.contract.ts";
import { checkRules } from "./check-rules.ts";
import { compileRules, isExempt } from "./rule-book.ts";
import type { CounterAsk, Seen } from "./seen.ts";

/** What is seen: fields as they are, and counts by the name of their series. */
const seeing = (fields: Record<string, Scalar>, counts: Record<string, number> = {}): Seen => ({
	field: name => fields[name],
	count: ask => counts[ask.series] ?? 0,
});
const compiled = (given: Partial<Rule>) => compileRules({ version: 1, rules: [aRule(given)] }).rules[0]!;
const counting = (fact: CounterFact, value = 5): Comparison => ({ fact, operator: "gte", value });
const hourly: CounterFact = { counter: "interactions", by: "user", window: "PT1H" };

describe("comparing", () => {
	it.each<[Operator, Comparison["value"], Scalar | undefined, boolean]>([
		["eq", 5, 5, true],
		["eq", 5, "5", false],
		["eq", "EUR", "EUR", true],
		["eq", 5, undefined, false],
		["ne", 5, 6, true],
		["ne", 5, 5, false],
		["ne", 5, undefined, true],
		["gt", 5, 5, false],
		["gt", 5, 6, true],
		["gt", 5, undefined, false],
		["gte", 5, 5, true],
		["gte", 5, 4, false],
		["gte", 5, "6", false],
		["gte", 0, undefined, false],
		["lt", 5, 5, false],
		["lt", 5, 4, true],
		["lt", 5, undefined, false],
		["lte", 5, 5, true],
		["lte", 5, 6, false],
		["lte", 5, undefined, false],
		["in", [1, 5], 5, true],
		["in", [1, 5], "5", false],
		["in", ["DE", "AT"], "CH", false],
		["in", [1, 5], undefined, false],
		["notIn", [1, 5], 5, false],
		["notIn", [1, 5], 4, true],
		["notIn", [1, 5], undefined, true],
	])("%s %j of %j is %s", (operator, value, actual, matched) => {
		const rule = compiled({ when: { fact: "amount", operator, value } });
		const seen = seeing(actual === undefined ? {} : { amount: actual });
		expect(rule.evaluate(seen)).toEqual({
			matched,
			conditions: [{ fact: "amount", operator, threshold: value, value: actual ?? null, matched }],
		});
		expect(rule.matches(seen)).toBe(matched);
	});
});

describe("the trace", () => {
	const when: Condition = {
		any: [
			{ fact: "amount", operator: "gte", value: 100 },
			{ all: [{ fact: "country", operator: "eq", value: "DE" }, { not: counting(hourly, 10) }] },
		],
	};

	it("holds every comparison in the order in which it is written, also when the first has decided", () => {
		expect(compiled({ when }).evaluate(seeing({ amount: 100 }, { interactions: 12 }))).toEqual({
			matched: true,
			conditions: [
				{ fact: "amount", operator: "gte", threshold: 100, value: 100, matched: true },
				{ fact: "country", operator: "eq", threshold: "DE", value: null, matched: false },
				{ fact: hourly, operator: "gte", threshold: 10, value: 12, matched: true },
			],
		});
	});

	it("is not what the backtest pays for: it stops as soon as the answer is known", () => {
		const asked: string[] = [];
		const seen: Seen = {
			field: name => {
				asked.push(name);
				return 100;
			},
			count: ({ series }) => asked.push(series),
		};
		expect(compiled({ when }).matches(seen)).toBe(true);
		expect(asked).toEqual(["amount"]);
	});

	it("counts with the rule's own memory of the entity", () => {
		const asked: [CounterAsk, string][] = [];
		const seen: Seen = { field: () => undefined, count: (...ask) => asked.push(ask) };
		const rule = compiled({ id: "mine", when: counting(hourly) });
		rule.evaluate(seen);
		expect(asked).toEqual([[rule.asks[0], "mine"]]);
	});
});

describe("a book of rules", () => {
	const book = compileRules({
		version: 7,
		rules: [
			aRule({ id: "draft", state: "draft" }),
			aRule({ id: "both", on: ["payment", "checkout"] }),
			aRule({ id: "shadow", state: "shadow" }),
			aRule({ id: "login", on: ["login"], when: counting(hourly) }),
			aRule({ id: "retired", state: "retired" }),
		],
	});
	const ids = (rules: readonly { id: string }[]) => rules.map(({ id }) => id);

	it("holds the live rules and the shadows, drafts and retired ones not", () => {
		expect(book.version).toBe(7);
		expect(book.rules.map(({ id, isLive }) => [id, isLive])).toEqual([
			["both", true],
			["shadow", false],
			["login", true],
		]);
	});

	it("asks at a moment of several triggers each rule once, in the order of the set", () => {
		expect(ids(book.at(["checkout", "payment"]))).toEqual(["both", "shadow"]);
		expect(ids(book.at(["payment"]))).toEqual(["both"]);
		expect(ids(book.at(["login"]))).toEqual(["login"]);
		expect(ids(book.at(["cart"]))).toEqual([]);
		expect(ids(book.at([]))).toEqual([]);
		expect(book.at(["checkout", "payment"])).toBe(book.at(["checkout", "payment"]));
	});

	it("asks for one thing with one ask, however many rules want it", () => {
		const liked: CounterFact = { ...hourly, window: "PT60M", where: { kind: "like" } };
		const { rules } = compileRules({
			version: 1,
			rules: [
				aRule({ id: "a", when: { all: [counting(hourly, 3), { not: counting({ ...hourly, where: {} }, 9) }] } }),
				aRule({
					id: "b",
					when: { any: [counting({ ...hourly, window: "PT3600S" }), counting(liked), counting({ ...hourly, by: "device" })] },
				}),
			],
		});
		const asked = { counter: "interactions", by: "user", windowMs: 3_600_000, series: "interactions", where: null };
		expect(rules[0]!.asks).toEqual([asked]);
		expect(rules[1]!.asks).toEqual([
			asked,
			{ ...asked, series: 'interactions{"kind":"like"}', where: { kind: "like" } },
			{ ...asked, by: "device" },
		]);
		expect(rules[1]!.asks[0]).toBe(rules[0]!.asks[0]);
	});
});

describe("what is kept of a series", () => {
	const capsOf = (...facts: Comparison[]) => {
		const rules = facts.map((when, index) => aRule({ id: `r${index}`, on: ["checkout"], when }));
		return Object.fromEntries(compileRules({ version: 1, rules }).needs.map(({ series, cap }) => [series, cap]));
	};

	it("is the highest that any rule asks for and one more, whoever it is counted by", () => {
		expect(capsOf(counting(hourly, 300), counting({ ...hourly, window: "P1D", by: "device" }, 500), counting(hourly, 20))).toEqual({
			interactions: 501,
		});
		expect(capsOf({ fact: hourly, operator: "in", value: [7, 900.5, 8] })).toEqual({ interactions: 902 });
	});

	it("is 128 at least, and 1024 of what counts different ones or a share", () => {
		expect(capsOf(counting(hourly, 3), counting({ ...hourly, counter: "declinedInstruments" }, 4))).toEqual({
			interactions: 128,
			declinedInstruments: 1024,
		});
		expect(capsOf(counting({ ...hourly, counter: "refundShare" }, 50))).toEqual({ refundShare: 1024 });
		expect(capsOf(counting({ counter: "accounts", by: "device" }, 3000))).toEqual({ accounts: 3001 });
	});

	it("is no more for a count for life, which is one number", () => {
		expect(capsOf(counting({ counter: "interactions", by: "user" }, 1_000_000))).toEqual({ interactions: 128 });
	});

	it("is told apart by what it is narrowed to", () => {
		const where = { currency: "EUR" };
		expect(compileRules({ version: 1, rules: [aRule({ when: counting({ ...hourly, counter: "orders", where }, 200) })] }).needs).toEqual([
			{ series: 'orders{"currency":"EUR"}', counter: "orders", where, cap: 201 },
		]);
	});

	it("is one number for a sum, and sixty-one parts of it for every window that it is asked for", () => {
		const [forLife, currency] = [{ counter: "orderAmount", by: "user" }, { where: { currency: "EUR" } }] as const;
		const facts = [
			forLife,
			{ ...forLife, window: "PT60M" },
			{ ...forLife, by: "device", window: "PT1H" },
			{ ...forLife, window: "P1D", ...currency },
		] as const;
		const rules = facts.map((fact, index) => aRule({ id: `r${index}`, when: counting(fact, Number.MAX_SAFE_INTEGER) }));
		const counter = "orderAmount";
		expect(compileRules({ version: 1, rules }).needs).toEqual([
			{ series: counter, counter, where: null, cap: 1 },
			{ series: "orderAmount@3600000", counter, where: null, cap: 61, windowMs: 3_600_000 },
			{ series: 'orderAmount{"currency":"EUR"}@86400000', counter, ...currency, cap: 61, windowMs: 86_400_000 },
		]);
	});

	it("is nothing for drafts", () => {
		expect(compileRules({ version: 1, rules: [aRule({ state: "draft", when: counting(hourly) })] }).needs).toEqual([]);
	});
});

describe("how long a rule keeps quiet", () => {
	const forLife: CounterFact = { counter: "interactions", by: "user" };
	it.each<[string, Partial<Rule>, number | null]>([
		["as long as it says", { cooldown: "P2D", when: counting(hourly) }, 172_800_000],
		[
			"its longest window",
			{ when: { any: [counting(hourly), { not: counting({ ...hourly, window: "P1D" }) }, counting(forLife)] } },
			86_400_000,
		],
		["until cleared, when it counts for life", { when: counting(forLife) }, null],
		["not at all, when it counts nothing", { when: { fact: "userStatus", operator: "eq", value: "flagged" } }, 0],
	])("is %s", (_, given, ms) => expect(compiled(given).cooldownMs).toBe(ms));
});

describe("an exemption", () => {
	it("holds for those who are on one of the lists, and for nobody else", () => {
		const rule = aRule({ exempt: ["staff", "press"] });
		expect(isExempt(rule, new Set(["press"]))).toBe(true);
		expect(isExempt(rule, new Set(["friends"]))).toBe(false);
		expect(isExempt(rule, new Set())).toBe(false);
		expect(isExempt(aRule(), new Set(["staff"]))).toBe(false);
	});
});

describe("any condition", () => {
	const numbers = fc.constantFrom(0, 1, 2, 3);
	const countries = fc.constantFrom("DE", "AT", "CH");
	const operatorsOn = (fact: Comparison["fact"], values: fc.Arbitrary<Scalar>, orderings: Operator[]): fc.Arbitrary<Condition> =>
		fc.oneof(
			fc.record({ fact: fc.constant(fact), operator: fc.constantFrom<Operator>("eq", "ne", ...orderings), value: values }),
			fc.record({
				fact: fc.constant(fact),
				operator: fc.constantFrom<Operator>("in", "notIn"),
				value: fc.array(values, { minLength: 1, maxLength: 3 }),
			}),
		);
	const { condition } = fc.letrec<{ condition: Condition }>(tie => ({
		condition: fc.oneof(
			{ maxDepth: 5, withCrossShrink: true },
			operatorsOn("amount", numbers, ["gt", "gte", "lt", "lte"]),
			operatorsOn("country", countries, []),
			operatorsOn(hourly, numbers, ["gt", "gte", "lt", "lte"]),
			fc.record({ all: fc.array(tie("condition"), { minLength: 1, maxLength: 4 }) }),
			fc.record({ any: fc.array(tie("condition"), { minLength: 1, maxLength: 4 }) }),
			fc.record({ not: tie("condition") }),
		),
	}));
	const moment = fc.record({ amount: fc.option(numbers), country: fc.option(countries), count: numbers });

	/** The meaning, as plainly as it can be said. */
	const holds = (each: Condition, of: (fact: Comparison["fact"]) => Scalar | undefined): boolean => {
		if ("all" in each) return each.all.every(inner => holds(inner, of));
		if ("any" in each) return each.any.some(inner => holds(inner, of));
		if ("not" in each) return !holds(each.not, of);
		const value = of(each.fact);
		const among = [each.value].flat().includes(value as Scalar);
		if (each.operator === "eq" || each.operator === "in") return among;
		if (each.operator === "ne" || each.operator === "notIn") return !among;
		if (value === undefined) return false;
		return { gt: value > each.value, gte: value >= each.value, lt: value < each.value, lte: value <= each.value }[each.operator];
	};
	const comparisons = (each: Condition): Comparison[] => {
		if ("all" in each) return each.all.flatMap(comparisons);
		if ("any" in each) return each.any.flatMap(comparisons);
		return "not" in each ? comparisons(each.not) : [each];
	};

	it("is taken by the check, and matches with a trace and without one alike, as its words mean", () => {
		fc.assert(
			fc.property(condition, moment, (when, { amount, country, count }) => {
				const of = (fact: Comparison["fact"]) => (typeof fact === "object" ? count : ((fact === "amount" ? amount : country) ?? undefined));
				const [rule] = compileRules({ version: 1, rules: checkRules([aRule({ when })]) }).rules;
				const seen: Seen = { field: of, count: () => count };
				const { matched, conditions } = rule!.evaluate(seen);
				expect(matched).toBe(holds(when, of));
				expect(rule!.matches(seen)).toBe(matched);
				const traced = comparisons(when).map(each => ({
					fact: each.fact,
					operator: each.operator,
					threshold: each.value,
					value: of(each.fact) ?? null,
					matched: holds(each, of),
				}));
				expect(conditions).toEqual(traced);
			}),
			{ numRuns: 500 },
		);
	});
});
