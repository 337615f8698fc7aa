// Rules about how much money it is, on the embedded stores: published, filled from the past, decided by, and explained.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { anAttempt, RiskFeed } from "../../../test/support/risk-feed.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as orders from "../../commerce/orders/orders.contract.ts";
import * as payments from "../../commerce/payments/payments.contract.ts";
import * as cases from "./cases.contract.ts";
import * as fraud from "./fraud.contract.ts";
import * as rules from "./rules.contract.ts";

const minute = 60_000;
const hour = 60 * minute;

let stoa: Stoa;
let feed: RiskFeed;
let clock: ReturnType<typeof handClock>;

beforeEach(async () => {
	clock = handClock();
	stoa = await startStoa({ services: ["risk"], clock });
	feed = new RiskFeed(stoa);
});
afterEach(() => stoa.stop());

const usr = () => newId("usr", Date.now());
const euros = (amount: number) => ({ amount, currency: "EUR" });
const analyst = () => stoa.as("usr_01jd9w6qkz8m4f2v7b3c5n1x0r", ["risk"]);
const assess = (userId: string) => ask(stoa.broker, fraud.assess, anAttempt({ userId }));

const placed = (userId: string, amount: number) => {
	const order = { orderId: newId("ord", Date.now()), number: "1", cartId: newId("crt", Date.now()), userId };
	return feed.fact(orders.placed, { ...order, total: euros(amount), items: [] }, clock.now());
};
const refunded = (userId: string, amount: number) => {
	const nothing = euros(0);
	const breakdown = { items: euros(amount), discount: nothing, shipping: nothing, tax: nothing, fee: nothing, total: euros(amount) };
	const ids = { paymentId: newId("pay", Date.now()), orderId: newId("ord", Date.now()), cartId: newId("crt", Date.now()) };
	const progress = { captured: euros(amount), refundedTotal: euros(amount), status: "refunded" as const };
	const subject = { ...ids, userId, provider: "sandbox", method: "card" as const, amount: euros(amount) };
	return feed.fact(payments.refunded, { ...subject, refundId: newId("rfd", Date.now()), breakdown, ...progress }, clock.now());
};
const see = async (...facts: Parameters<RiskFeed["hand"]>) => {
	await feed.hand(...facts);
	await feed.judged();
};

const muchInADay = { fact: { counter: "orderAmount", by: "user", window: "PT24H" }, operator: "gte", value: 100_000 } as const;
const aRule = (given: Partial<rules.Rule> = {}): rules.Rule => ({
	id: "much-ordered",
	description: "Somebody has ordered for a lot of money within a day.",
	state: "live",
	on: ["checkout"],
	when: muchInADay,
	outcome: "review",
	scope: "user",
	...given,
});
const put = (...given: rules.Rule[]) => ask(stoa.broker, rules.putRules, { rules: given }, { meta: analyst() });

describe("a rule about how much somebody has ordered within a day", () => {
	it("holds the purchase for review once it is so much, says how much it was, and no more when the day is over", async () => {
		const [userId, other] = [usr(), usr()];
		await put(aRule());
		await see(placed(userId, 60_000), placed(other, 99_999));
		clock.move(hour);
		await see(placed(userId, 39_999));
		expect((await assess(userId)).outcome).toBe("allow");
		await see(placed(userId, 1));
		const { outcome, decisionId } = await assess(userId);
		expect(outcome).toBe("review");
		expect((await assess(other)).outcome).toBe("allow");
		const { data } = await ask(stoa.broker, fraud.listDecisions, { userId }, { meta: analyst() });
		const decision = data.find(({ id }) => id === decisionId)!;
		expect(decision.rules).toEqual([
			{
				id: "much-ordered",
				state: "live",
				matched: true,
				conditions: [{ fact: muchInADay.fact, operator: "gte", threshold: 100_000, value: 100_000, matched: true }],
			},
		]);
		// A sixtieth of the day later than to the millisecond, at the most.
		clock.move(23 * hour + 24 * minute);
		expect((await assess(userId)).outcome).toBe("allow");
	});

	it("is counted from the past before it goes live, each fact once", async () => {
		const userId = usr();
		const facts = [placed(userId, 70_000), placed(userId, 30_000)];
		for (let times = 0; times < 3; times++) await see(...facts);
		const { version } = await put(
			aRule(),
			aRule({ id: "much-ever", when: { ...muchInADay, fact: { counter: "orderAmount", by: "user" } } }),
		);
		expect(version).toBe(2);
		const { decisionId } = await assess(userId);
		const { data } = await ask(stoa.broker, fraud.listDecisions, { userId }, { meta: analyst() });
		const decision = data.find(({ id }) => id === decisionId)!;
		expect(decision).toMatchObject({ version: 2, outcome: "review" });
		expect(decision.rules.map(({ conditions }) => conditions[0]!.value)).toEqual([100_000, 100_000]);
		// Another window is another series, and is filled once more.
		await see(placed(userId, 5));
		await put(aRule({ when: { fact: { counter: "orderAmount", by: "user", window: "PT48H" }, operator: "eq", value: 100_005 } }));
		expect((await assess(userId)).outcome).toBe("review");
	});
});

describe("a rule about how much was refunded", () => {
	const when = { fact: { counter: "refundAmount", by: "user", where: { currency: "EUR" } }, operator: "gte", value: 50_000 } as const;
	const rule = aRule({ id: "much-refunded", on: ["refund"], outcome: "flag", when });

	it("flags at the refund that makes it so much, and again when so much more was refunded after a clear", async () => {
		const userId = usr();
		await put(rule);
		const standing = () => ask(stoa.broker, cases.getUser, { id: userId }, { meta: analyst() });
		await see(refunded(userId, 20_000), refunded(userId, 29_999));
		expect((await ask(stoa.broker, cases.listCases, { userId }, { meta: analyst() })).data).toEqual([]);
		await see(refunded(userId, 1));
		expect(await standing()).toMatchObject({
			status: "flagged",
			reasons: [{ rule: "much-refunded", detail: "refundAmount by user: 50000 (gte 50000)" }],
		});
		await ask(stoa.broker, cases.clearUser, { id: userId, reason: "A faulty series." }, { meta: analyst() });
		await see(refunded(userId, 49_999));
		expect(await standing()).toMatchObject({ status: "clear" });
		await see(refunded(userId, 1));
		expect(await standing()).toMatchObject({ status: "flagged" });
	});

	it("is tried on the past, twice with the same answer", async () => {
		const [userId, other] = [usr(), usr()];
		await see(refunded(userId, 50_000), refunded(other, 10), refunded(userId, 50_000));
		const tried = () => ask(stoa.broker, rules.backtest, { rules: [rule] }, { meta: analyst() });
		const first = await tried();
		expect(first).toMatchObject({ events: 3, rules: [{ id: "much-refunded", matches: 1, entities: 1 }] });
		expect(JSON.stringify(await tried())).toBe(JSON.stringify(first));
	});
});
