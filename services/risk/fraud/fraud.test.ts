// Risk as a whole on its embedded stores: facts come in through the inbox, decisions and flags come out.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock, rfc3339 } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { until } from "../../../test/support/order-neighbours.ts";
import { anAttempt, hash, RiskFeed } from "../../../test/support/risk-feed.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { declinedUnassessed } from "../../commerce/orders/orders.contract.ts";
import * as payments from "../../commerce/payments/payments.contract.ts";
import { failed } from "../../identity/authentication/authentication.contract.ts";
import * as cases from "./cases.contract.ts";
import * as fraud from "./fraud.contract.ts";
import type { Fraud } from "./fraud.service.ts";
import { putListEntry, removeListEntry } from "./lists.contract.ts";
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
const analyst = () => stoa.as("usr_01jd9w6qkz8m4f2v7b3c5n1x0r", ["risk"]);
const standing = (userId: string) => ask(stoa.broker, cases.getUser, { id: userId }, { meta: analyst() });
/** Facts of a document are carried into the outbox after it was written, so as many as there should be are waited for; more would show. */
const told = (type: string, count: number, key?: string) =>
	until(
		() => ask(stoa.broker, storeContract("fraud").readFacts, { after: 0, type, limit: 1000, ...(key ? { key } : {}) }),
		facts => facts.length >= count,
	);
const visits = (userId: string, count: number) => Array.from({ length: count }, () => feed.interaction(userId, clock.now()));
const see = async (userId: string, count: number) => {
	await feed.hand(...visits(userId, count));
	await feed.judged();
};

describe("somebody who does a great deal", () => {
	it("is not flagged by 99 interactions, and is by the hundredth, once", async () => {
		const userId = usr();
		await see(userId, 99);
		expect(await told("fraud.userFlagged", 0)).toEqual([]);
		await see(userId, 1);
		expect(await standing(userId)).toMatchObject({
			status: "flagged",
			counters: { interactions: 100 },
			reasons: [{ rule: "interactions.lifetime" }],
		});
		await see(userId, 60);
		expect(await told("fraud.userFlagged", 1, userId)).toHaveLength(1);
		const { data } = await ask(stoa.broker, cases.listCases, { userId }, { meta: analyst() });
		expect(data).toHaveLength(1);
		expect(data[0]!.reasons.map(({ rule }) => rule)).toEqual(["interactions.lifetime", "interactions.hourly"]);
	});

	it("counts a fact once, in a hundred deliveries, in a row or at once, before and after others", async () => {
		const userId = usr();
		const fact = feed.interaction(userId, clock.now());
		await feed.hand(fact);
		for (let n = 0; n < 50; n++) await feed.hand(fact);
		await see(usr(), 3);
		await Promise.all(Array.from({ length: 49 }, () => feed.hand(fact)));
		await see(userId, 98);
		expect(await stoa.service<Fraud>("fraud").interactionsOf(userId)).toBe(99);
		expect(await told("fraud.userFlagged", 0)).toEqual([]);
	});

	it("is cleared, not flagged again by the next 50, and flagged again by the next hundred", async () => {
		const userId = usr();
		await see(userId, 120);
		const cleared = await ask(stoa.broker, cases.clearUser, { id: userId, reason: "An influencer." }, { meta: analyst() });
		expect(cleared).toMatchObject({ status: "clear", reasons: [], counters: { interactions: 120 } });
		await see(userId, 50);
		expect(await standing(userId)).toMatchObject({ status: "clear" });
		await see(userId, 49);
		expect(await standing(userId)).toMatchObject({ status: "clear" });
		await see(userId, 1);
		expect(await standing(userId)).toMatchObject({ status: "flagged", counters: { interactions: 220 } });
		expect(await told("fraud.userFlagged", 2, userId)).toHaveLength(2);
		expect(await told("fraud.userCleared", 1, userId)).toHaveLength(1);
	});

	it("is not caught by what happened too long ago, though it counts for life", async () => {
		const userId = usr();
		const now = clock.now();
		await feed.hand(...Array.from({ length: 99 }, () => feed.interaction(userId, now - 25 * hour)), feed.interaction(userId, now));
		await feed.judged();
		expect(await standing(userId)).toMatchObject({
			status: "flagged",
			counters: { interactions: 100 },
			reasons: [{ rule: "interactions.lifetime" }],
		});
		const { data } = await ask(stoa.broker, cases.listCases, { userId }, { meta: analyst() });
		expect(data[0]!.reasons.map(({ rule }) => rule)).toEqual(["interactions.lifetime"]);
	});

	it("cannot date itself out of every window", async () => {
		const userId = usr();
		await feed.hand(...Array.from({ length: 100 }, (_, n) => feed.interaction(userId, clock.now() + n * 24 * hour)));
		await feed.judged();
		const { data } = await ask(stoa.broker, cases.listCases, { userId }, { meta: analyst() });
		expect(data[0]!.reasons.map(({ rule }) => rule)).toContain("interactions.hourly");
	});

	it("loses nothing when the house is restarted in the middle of it", async () => {
		const userId = usr();
		await see(userId, 60);
		const facts = visits(userId, 60);
		await feed.hand(...facts);
		await stoa.restart();
		feed = new RiskFeed(stoa);
		await feed.hand(...facts);
		await feed.judged();
		expect(await standing(userId)).toMatchObject({ status: "flagged", counters: { interactions: 120 } });
		expect(await told("fraud.userFlagged", 1, userId)).toHaveLength(1);
	});
});

describe("an attempt to buy", () => {
	const assess = (attempt: fraud.Attempt) => ask(stoa.broker, fraud.assess, attempt);
	const conclude = (attempt: fraud.Attempt, outcome: fraud.AttemptOutcome, reason?: string) =>
		ask(stoa.broker, fraud.conclude, { attemptId: attempt.attemptId, outcome, ...(reason ? { reason } : {}) });

	it("is decided once, however often and however much at once it is asked", async () => {
		const attempt = anAttempt();
		const answers = await Promise.all(Array.from({ length: 20 }, () => assess(attempt)));
		expect(new Set(answers.map(({ decisionId }) => decisionId)).size).toBe(1);
		const { data } = await ask(stoa.broker, fraud.listDecisions, { orderId: attempt.orderId }, { meta: analyst() });
		expect(data).toHaveLength(1);
		expect(await told("fraud.decided", 1)).toHaveLength(1);
		await feed.judged();
		const next = anAttempt({ sessionId: attempt.sessionId });
		const { decisionId } = await assess(next);
		const { data: decisions } = await ask(stoa.broker, fraud.listDecisions, { orderId: next.orderId }, { meta: analyst() });
		expect(decisions).toMatchObject([{ id: decisionId }]);
		const bySession = decisions[0]!.rules.find(({ id }) => id === "payment-attempts.session")!;
		expect(bySession.conditions[0]!.value).toBe(2);
	});

	it("with a fourth card from one device that was not accepted is refused unseen, and no further one reaches the provider", async () => {
		let asked = 0;
		for (let card = 0; card < 60; card++) {
			clock.move(20_000);
			const attempt = anAttempt({ instrument: `card-${card}` });
			if ((await assess(attempt)).outcome === "block") continue;
			asked++;
			await conclude(attempt, "declined", "declined");
		}
		expect(asked).toBeLessThanOrEqual(5);
		expect(asked).toBeGreaterThanOrEqual(3);
		await feed.judged();
		const { data } = await ask(stoa.broker, cases.listCases, {}, { meta: analyst() });
		expect(data.map(({ entity }) => entity.kind)).toContain("device");
	});

	it("in parallel with many others from one device does not slip by", async () => {
		const attempts = Array.from({ length: 60 }, (_, card) => anAttempt({ instrument: `card-${card}` }));
		const outcomes = await Promise.all(attempts.map(attempt => assess(attempt)));
		expect(outcomes.filter(({ outcome }) => outcome !== "block").length).toBeLessThanOrEqual(5);
	});

	it("of twelve colleagues who pay at once from one address is let through", async () => {
		const colleagues = Array.from({ length: 12 }, (_, n) => anAttempt({ instrument: `card-${n}`, deviceHash: `${n}`.padStart(64, "0") }));
		const outcomes = await Promise.all(colleagues.map(attempt => assess(attempt)));
		expect(outcomes.map(({ outcome }) => outcome)).toEqual(colleagues.map(() => "allow"));
	});

	it("whose provider could not be asked counts for nothing, two hundred times over", async () => {
		for (let n = 0; n < 200; n++) {
			const attempt = anAttempt({ instrument: `card-${n}`, sessionId: "ses_one" });
			expect((await assess(attempt)).outcome).toBe("allow");
			await conclude(attempt, "unavailable", "unavailable");
		}
		const { data } = await ask(stoa.broker, fraud.listDecisions, { limit: 1 }, { meta: analyst() });
		expect(data[0]).toMatchObject({ outcome: "allow", score: 0 });
		// What the payments tell later says the same again.
		await feed.judged();
		expect((await assess(anAttempt({ instrument: "card-next", sessionId: "ses_one" }))).outcome).toBe("allow");
	});

	it("is challenged at the tenth within ten minutes by one device, and no more when they are over", async () => {
		const outcomes = [];
		for (let n = 0; n < 10; n++) {
			const attempt = anAttempt();
			outcomes.push((await assess(attempt)).outcome);
			await conclude(attempt, "authorized");
		}
		expect(outcomes).toEqual([...Array.from({ length: 9 }, () => "allow"), "challenge"]);
		clock.move(10 * minute);
		expect((await assess(anAttempt())).outcome).toBe("allow");
	});

	it("of somebody who is flagged is challenged until they are cleared, whatever the rules say", async () => {
		const userId = usr();
		await see(userId, 100);
		const meta = stoa.as("usr_01jd9w6qkz8m4f2v7b3c5n1x0r", ["risk"]);
		await ask(stoa.broker, rules.putRules, { rules: [] }, { meta });
		expect((await assess(anAttempt({ userId }))).outcome).toBe("challenge");
		await ask(stoa.broker, cases.clearUser, { id: userId, reason: "Known to us." }, { meta });
		expect((await assess(anAttempt({ userId }))).outcome).toBe("allow");
	});

	it("is explained whole: every rule that was asked, every condition, threshold and value", async () => {
		const attempt = anAttempt({ userId: usr() });
		await assess(attempt);
		const { data } = await ask(stoa.broker, fraud.listDecisions, { orderId: attempt.orderId }, { meta: analyst() });
		const { rules: inForce } = await ask(stoa.broker, rules.getRules, {}, { meta: analyst() });
		const asked = inForce.filter(({ on, scope }) => on.includes("checkout") && scope !== ("order" as never));
		expect(data[0]!.rules.map(({ id }) => id).sort()).toEqual(asked.map(({ id }) => id).sort());
		expect(data[0]!.version).toBe(1);
		for (const { conditions } of data[0]!.rules)
			for (const condition of conditions)
				expect(Object.keys(condition).sort()).toEqual(["fact", "matched", "operator", "threshold", "value"]);
	});

	it("of a guest is judged by what rules say of the purchase, also where they are about users", async () => {
		const when = { fact: "country", operator: "in" as const, value: ["XX"] };
		const rule = {
			id: "country",
			description: "Not there.",
			state: "live" as const,
			on: ["checkout" as const],
			when,
			outcome: "block" as const,
			scope: "user" as const,
		};
		await ask(stoa.broker, rules.putRules, { rules: [rule] }, { meta: analyst() });
		expect((await assess(anAttempt({ country: "XX" }))).outcome).toBe("block");
		expect((await assess(anAttempt({ country: "DE" }))).outcome).toBe("allow");
	});

	it("hears of its payment before its check was counted, and takes no harm", async () => {
		const attempt = anAttempt();
		const subject = {
			paymentId: attempt.paymentId,
			orderId: attempt.orderId,
			cartId: newId("crt", Date.now()),
			userId: null,
			provider: "sandbox",
			method: "card" as const,
			amount: attempt.amount,
			fingerprint: attempt.instrument!,
		};
		await feed.hand(feed.fact(payments.failed, { ...subject, reason: "declined" }, clock.now()));
		await feed.judged();
		expect((await assess(attempt)).outcome).toBe("allow");
	});
});

describe("rules that analysts write", () => {
	const put = (given: rules.Rule[]) => ask(stoa.broker, rules.putRules, { rules: given }, { meta: analyst() });
	const aRule = (given: Partial<rules.Rule>): rules.Rule => ({
		id: "likes",
		description: "Many likes.",
		state: "live",
		on: ["interaction"],
		when: { fact: { counter: "interactions", by: "user" }, operator: "gte", value: 5 },
		outcome: "flag",
		scope: "user",
		...given,
	});
	const likes = (userId: string, count: number) =>
		Array.from({ length: count }, () => feed.interaction(userId, clock.now(), { kind: "like" }));

	it("are counted from the past before they go live, where nobody had counted", async () => {
		const userId = usr();
		await feed.hand(...likes(userId, 5), ...visits(userId, 10));
		await feed.judged();
		const when = { fact: { counter: "interactions", by: "user" as const, where: { kind: "like" } }, operator: "gte" as const, value: 6 };
		const { version } = await put([aRule({ when })]);
		expect(version).toBe(2);
		await feed.hand(...likes(userId, 1));
		await feed.judged();
		expect(await standing(userId)).toMatchObject({ status: "flagged", reasons: [{ rule: "likes", detail: expect.stringContaining("6") }] });
	});

	it("count what they match as shadows, and do nothing", async () => {
		const userId = usr();
		await put([aRule({ state: "shadow" })]);
		await see(userId, 9);
		expect(await told("fraud.userFlagged", 0)).toEqual([]);
		const { rules: shown } = await ask(stoa.broker, rules.getRules, {}, { meta: analyst() });
		expect(shown[0]!.matches).toMatchObject({ count: 1 });
	});

	it("say nothing of those who are exempt", async () => {
		const [known, unknown] = [usr(), usr()];
		await put([aRule({ exempt: ["trusted"] })]);
		const entry = { name: "trusted", entity: { kind: "user" as const, id: known } };
		await stoa.broker.call("fraud.putListEntry", entry, { meta: analyst() });
		await see(known, 9);
		await see(unknown, 9);
		expect(await told("fraud.userFlagged", 1, unknown)).toHaveLength(1);
		expect(await told("fraud.userFlagged", 0, known)).toEqual([]);
	});

	it("speak of a stranger who fails to get into the account of somebody who is exempt", async () => {
		const userId = usr();
		const when = { fact: { counter: "loginFailures", by: "address" as const, window: "PT1H" }, operator: "gte" as const, value: 3 };
		await put([aRule({ on: ["login"], when, outcome: "review", scope: "address", exempt: ["trusted"] })]);
		const entry = { name: "trusted", entity: { kind: "user" as const, id: userId } };
		await ask(stoa.broker, putListEntry, entry, { meta: analyst() });
		const failure = { emailHash: "mail", userId, addressHash: hash("b"), deviceHash: null };
		await feed.hand(...Array.from({ length: 3 }, () => feed.fact(failed, failure, clock.now())));
		await feed.judged();
		const { data } = await ask(stoa.broker, cases.listCases, {}, { meta: analyst() });
		expect(data).toMatchObject([{ entity: { kind: "address", id: hash("b") } }]);
	});

	it("are kept in versions, each as it was published", async () => {
		await put([aRule({})]);
		await put([aRule({ outcome: "review" })]);
		const { data } = await ask(stoa.broker, rules.listVersions, {}, { meta: analyst() });
		expect(data.map(({ version }) => version)).toEqual([3, 2, 1]);
		expect(data[1]!.rules[0]!.outcome).toBe("flag");
		expect(data.every(({ liveAt }) => liveAt !== null)).toBe(true);
	});

	it("open a case of an address that tries many accounts", async () => {
		const facts = Array.from({ length: 20 }, (_, n) =>
			feed.fact(failed, { emailHash: `mail-${n}`, userId: null, addressHash: hash("b"), deviceHash: null }, clock.now()),
		);
		await feed.hand(...facts);
		await feed.judged();
		const { data } = await ask(stoa.broker, cases.listCases, {}, { meta: analyst() });
		expect(data.map(({ entity }) => entity)).toContainEqual({ kind: "address", id: hash("b") });
	});

	it("find in the past what they found when it happened", async () => {
		for (let card = 0; card < 6; card++) {
			clock.move(minute);
			const attempt = anAttempt({ instrument: `card-${card}` });
			const { outcome } = await ask(stoa.broker, fraud.assess, attempt);
			expect(outcome).toBe(card < 3 ? "allow" : "block");
			if (outcome === "block") continue;
			const { paymentId, orderId, amount, instrument } = attempt;
			const subject = { paymentId, orderId, cartId: newId("crt", clock.now()), userId: null, provider: "sandbox", method: "card" as const };
			await feed.hand(feed.fact(payments.failed, { ...subject, amount, fingerprint: instrument!, reason: "declined" }, clock.now()));
			await feed.judged();
		}
		await feed.judged();
		const { rules: inForce } = await ask(stoa.broker, rules.getRules, {}, { meta: analyst() });
		const report = await ask(stoa.broker, rules.backtest, { rules: inForce }, { meta: analyst() });
		const matched = (id: string) => report.rules.find(rule => rule.id === id)?.matches;
		expect([matched("card-testing.device"), matched("card-testing.address")]).toEqual([1, 0]);
		expect(inForce.find(({ id }) => id === "card-testing.device")!.matches.count).toBe(1);
	});

	it("are tried on the past, twice with the same answer and without any effect", async () => {
		const userId = usr();
		await see(userId, 30);
		const asked = {
			rules: [aRule({}), aRule({ id: "more-likes", when: { fact: { counter: "interactions", by: "user" }, operator: "gte", value: 20 } })],
		};
		const first = await ask(stoa.broker, rules.backtest, asked, { meta: analyst() });
		expect(first).toMatchObject({
			events: 30,
			rules: [
				{ id: "likes", matches: 1, entities: 1 },
				{ id: "more-likes", matches: 1 },
			],
		});
		expect(JSON.stringify(await ask(stoa.broker, rules.backtest, asked, { meta: analyst() }))).toBe(JSON.stringify(first));
		expect(await told("fraud.userFlagged", 0)).toEqual([]);
	});

	it("are tried on the past by the lists of the past, whoever comes on one or goes since", async () => {
		const [staff, other] = [usr(), usr()];
		const entity = { kind: "user" as const, id: staff };
		const asked = { rules: [aRule({ exempt: ["staff"], cooldown: "PT1S" })] };
		const tried = () => ask(stoa.broker, rules.backtest, asked, { meta: analyst() });
		const bothAct = async () => {
			clock.move(minute);
			await feed.hand(...visits(staff, 1), ...visits(other, 1));
			await feed.judged();
		};
		for (let nth = 0; nth < 6; nth++) await bothAct();
		const before = await tried();
		expect(before).toMatchObject({ events: 12, rules: [{ matches: expect.any(Number), entities: 2 }] });
		await ask(stoa.broker, putListEntry, { name: "staff", entity, expiresAt: rfc3339(clock.now() + hour) }, { meta: analyst() });
		await feed.judged();
		expect(JSON.stringify(await tried())).toBe(JSON.stringify(before));
		const more = async () => (await tried()).rules[0]!.matches - before.rules[0]!.matches;
		await bothAct();
		expect(await more()).toBe(1);
		await ask(stoa.broker, removeListEntry, { name: "staff", ...entity }, { meta: analyst() });
		await bothAct();
		expect(await more()).toBe(3);
		clock.move(2 * hour);
		expect(await more()).toBe(3);
		// It is in the log, and counts nowhere.
		expect(await stoa.service<Fraud>("fraud").interactionsOf(staff)).toBe(8);
		expect((await tried()).events).toBe(16);
	});
});

describe("cards that were declined while risk was away", () => {
	const declinedCard = (card: number) => anAttempt({ instrument: `card-${card}`, userId: null });
	const ofPayment = ({ paymentId, orderId, sessionId, amount, instrument }: fraud.Attempt) => {
		const subject = { paymentId, orderId, cartId: sessionId, userId: null, provider: "sandbox", method: "card" as const, amount };
		return feed.fact(payments.failed, { ...subject, fingerprint: instrument!, reason: "declined" }, clock.now());
	};
	const ofOrder = (attempt: fraud.Attempt) =>
		feed.fact(declinedUnassessed, { orderId: attempt.orderId, attempt, declineCode: "declined" }, clock.now());
	/** What the rules saw when it was decided on. */
	const countedFor = async ({ orderId }: fraud.Attempt) => {
		const { data } = await ask(stoa.broker, fraud.listDecisions, { orderId }, { meta: analyst() });
		return data[0]!.rules.flatMap(({ conditions }) => conditions.map(({ fact, value }) => ({ ...(fact as object), value })));
	};

	it.each([
		["after", (attempts: fraud.Attempt[]) => [...attempts.map(ofOrder), ...attempts.map(ofPayment)]],
		["before", (attempts: fraud.Attempt[]) => [...attempts.map(ofPayment), ...attempts.map(ofOrder)]],
	])("count around their device when what the payments say is heard %s it: the next one is refused unseen", async (_, facts) => {
		const attempts = [1, 2, 3, 4].map(declinedCard);
		for (const fact of facts(attempts)) await feed.hand(fact);
		await feed.judged();
		// None of them waits for an answer any more.
		clock.move(2 * minute);
		const next = declinedCard(5);
		expect((await ask(stoa.broker, fraud.assess, next)).outcome).toBe("block");
		expect(await countedFor(next)).toContainEqual(expect.objectContaining({ counter: "declinedInstruments", by: "device", value: 5 }));
		for (const { orderId } of attempts)
			expect((await ask(stoa.broker, fraud.listDecisions, { orderId }, { meta: analyst() })).data).toEqual([]);
	});

	it("count once, also when the attempt was judged after nobody waited for that any more", async () => {
		const attempt = declinedCard(1);
		await ask(stoa.broker, fraud.assess, attempt);
		await feed.hand(ofPayment(attempt), ofOrder(attempt), ofOrder(attempt));
		await feed.judged();
		clock.move(2 * minute);
		const next = declinedCard(2);
		expect((await ask(stoa.broker, fraud.assess, next)).outcome).toBe("allow");
		const byDevice = await countedFor(next);
		expect(byDevice).toContainEqual(expect.objectContaining({ counter: "declinedInstruments", by: "device", value: 2 }));
		expect(byDevice).toContainEqual(expect.objectContaining({ counter: "paymentAttempts", by: "device", value: 2 }));
	});
});
