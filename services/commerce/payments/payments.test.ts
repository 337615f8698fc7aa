import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import {
	aPayment,
	askCapture,
	authorized,
	breakdownOf,
	captured,
	chargesOf,
	euros,
	factsOf,
	factTypes,
} from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as contract from "./payments.contract.ts";
import * as sandbox from "./providers/sandbox.contract.ts";

let stoa: Stoa;
beforeAll(async () => {
	stoa = await startStoa({ services: ["commerce/payments"] });
});
afterAll(() => stoa.stop());

const authorize = (given: Parameters<typeof aPayment>[0] = {}) => ask(stoa.broker, contract.authorize, aPayment(given));
const voidPayment = (paymentId: string) => ask(stoa.broker, contract.voidPayment, { paymentId, key: "undo/1", reason: "checkout undone" });
const decide = (paymentId: string, outcome: "succeed" | "fail") => ask(stoa.broker, sandbox.decideAuthentication, { paymentId, outcome });
const failsWith = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ type: code });

describe("holding the money for an order", () => {
	it("holds exactly what was asked and tells it, without token or last digits", async () => {
		const { paymentId, orderId, userId } = await authorized(stoa);
		expect(await chargesOf(stoa, paymentId)).toEqual([{ status: "authorized", amount: 10_000, captured: 0, refunded: 0 }]);
		const [fact, ...others] = await factsOf(stoa, paymentId);
		expect(fact).toMatchObject({
			type: "payments.authorized",
			key: orderId,
			data: { orderId, userId, amount: euros(10_000), brand: "visa" },
		});
		expect(JSON.stringify(fact)).not.toMatch(/tok_visa|4242/);
		expect(others).toEqual([]);
	});

	it("answers each fixed token as the table of the sandbox says", async () => {
		expect(await authorize({ token: "tok_mastercard" })).toMatchObject({ status: "authorized", brand: "mastercard", last4: "4444" });
		expect(await authorize({ token: "tok_chargeDeclined" })).toMatchObject({ status: "declined", declineCode: "declined" });
		expect(await authorize({ token: "tok_insufficientFunds" })).toMatchObject({ status: "declined", declineCode: "insufficient_funds" });
		expect(await authorize({ token: "tok_unavailable" })).toMatchObject({ status: "unavailable" });
		expect(await authorize({ token: "tok_nobody" })).toMatchObject({ status: "declined", declineCode: "unknown_token" });
	});

	it("makes one charge when five ask for one payment at once, and answers them alike", async () => {
		const wish = aPayment();
		const answers = await Promise.all([1, 2, 3, 4, 5].map(() => ask(stoa.broker, contract.authorize, wish)));
		expect(new Set(answers.map(one => JSON.stringify(one))).size).toBe(1);
		expect(await chargesOf(stoa, wish.paymentId)).toHaveLength(1);
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["authorized"]);
	});

	it("answers a declined payment as declined however often it is asked, and keeps the attempt with its reason", async () => {
		const wish = aPayment({ token: "tok_chargeDeclined" });
		for (const _ of [1, 2]) expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "declined" });
		expect(await factsOf(stoa, wish.paymentId)).toMatchObject([
			{ type: "payments.failed", data: { reason: "declined", fingerprint: expect.any(String) } },
		]);
	});

	it("holds nothing when the provider is down", async () => {
		const wish = aPayment({ token: "tok_unavailable" });
		expect(await ask(stoa.broker, contract.authorize, wish)).toEqual({ paymentId: wish.paymentId, status: "unavailable" });
		expect(await chargesOf(stoa, wish.paymentId)).toEqual([]);
		expect(await factsOf(stoa, wish.paymentId)).toMatchObject([{ type: "payments.failed", data: { reason: "unavailable" } }]);
	});

	it("refuses the id for another order or amount, another currency, and parts that do not add up", async () => {
		const wish = await authorized(stoa);
		const breakdown = breakdownOf({ items: 9_999 });
		await failsWith(ask(stoa.broker, contract.authorize, { ...wish, breakdown, amount: breakdown.total }), "payment_state_conflict");
		await failsWith(authorize({ amount: { amount: 10_000, currency: "USD" } }), "currency_mismatch");
		await failsWith(authorize({ amount: euros(10_001) }), "validation_failed");
	});
});

describe("letting go", () => {
	it("voids what is held, twice as once, and tells it once with what it was for", async () => {
		const { paymentId } = await authorized(stoa, { breakdown: breakdownOf({ items: 900, shipping: 100 }) });
		for (const _ of [1, 2]) expect(await voidPayment(paymentId)).toEqual({ paymentId, status: "voided" });
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ status: "voided" }]);
		expect((await factsOf(stoa, paymentId)).slice(1)).toMatchObject([
			{ type: "payments.voided", data: { wasAuthorized: true, breakdown: { items: euros(900), shipping: euros(100) } } },
		]);
	});

	it("refuses an authorization that comes after the void of an id nobody knew, and shows that mark to nobody", async () => {
		const wish = aPayment();
		for (const _ of [1, 2]) expect(await voidPayment(wish.paymentId)).toEqual({ paymentId: wish.paymentId, status: "voided" });
		await failsWith(ask(stoa.broker, contract.authorize, wish), "payment_state_conflict");
		expect(await chargesOf(stoa, wish.paymentId)).toEqual([]);
		const admin = { meta: stoa.as("usr_admin", ["admin"]) };
		await failsWith(ask(stoa.broker, contract.get, { id: wish.paymentId }, admin), "not_found");
		await failsWith(ask(stoa.broker, contract.captureAll, { paymentId: wish.paymentId, key: "k" }), "not_found");
	});

	it("leaves a failed payment failed and a captured one captured", async () => {
		const declined = await authorized(stoa, { token: "tok_chargeDeclined" });
		expect(await voidPayment(declined.paymentId)).toMatchObject({ status: "failed" });
		await failsWith(voidPayment((await captured(stoa)).paymentId), "payment_state_conflict");
	});
});

describe("asking the buyer's bank", () => {
	const waiting = () => authorized(stoa, { token: "tok_authenticationRequired" });

	it("waits with a place for the buyer to go to, however often it is asked", async () => {
		const wish = await waiting();
		const again = await ask(stoa.broker, contract.authorize, wish);
		const url = `/v1/sandbox/authentications/${wish.paymentId}`;
		expect(again).toMatchObject({ status: "pending", nextAction: { type: "authenticate", paymentId: wish.paymentId, url } });
		expect(await factsOf(stoa, wish.paymentId)).toMatchObject([{ type: "payments.pending", data: { waitsFor: "authentication" } }]);
	});

	it("holds the money when the buyer agrees, twice as once", async () => {
		const wish = await waiting();
		for (const _ of [1, 2]) expect(await decide(wish.paymentId, "succeed")).toBeNull();
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "authorized" });
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "authorized"]);
		await failsWith(decide(wish.paymentId, "fail"), "payment_state_conflict");
	});

	it("fails when the buyer does not", async () => {
		const wish = await waiting();
		await decide(wish.paymentId, "fail");
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "declined", declineCode: "authentication_failed" });
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "failed"]);
	});

	it("cannot agree to what was called off in the meantime, or to what was never asked", async () => {
		const { paymentId } = await waiting();
		expect(await voidPayment(paymentId)).toMatchObject({ status: "voided" });
		await failsWith(decide(paymentId, "succeed"), "payment_state_conflict");
		await failsWith(decide(aPayment().paymentId, "succeed"), "not_found");
		expect(await factTypes(stoa, paymentId)).toEqual(["pending", "voided"]);
	});
});

describe("taking the money", () => {
	it("takes it once, however often the checkout asks", async () => {
		const { paymentId } = await authorized(stoa);
		const answers = await Promise.all([1, 2, 3].map(n => ask(stoa.broker, contract.captureAll, { paymentId, key: `try/${n}` })));
		expect(answers).toEqual(answers.map(() => expect.objectContaining({ status: "captured", captured: euros(10_000) })));
		expect(await chargesOf(stoa, paymentId)).toEqual([{ status: "captured", amount: 10_000, captured: 10_000, refunded: 0 }]);
		expect((await factsOf(stoa, paymentId)).slice(1)).toMatchObject([
			{ type: "payments.captured", data: { breakdown: { total: euros(10_000) } } },
		]);
	});

	it("takes what was left authorised once per key, and refuses another key", async () => {
		const { paymentId } = await authorized(stoa);
		const first = await askCapture(stoa, paymentId, "capture-1");
		const repeat = askCapture(stoa, paymentId, "capture-1");
		expect(await repeat).toEqual(first);
		expect(repeat.ctx.meta.reply).toMatchObject({ replayed: true, requestId: "req-capture-1" });
		for (const _ of [1, 2]) await failsWith(askCapture(stoa, paymentId, "capture-2"), "payment_state_conflict");
	});
});

describe("looking at payments", () => {
	it("shows a payment to its buyer and to staff, and hides that it exists from everybody else", async () => {
		const { paymentId: id, userId } = await authorized(stoa);
		const see = (user: string, roles: Parameters<Stoa["as"]>[1]) => ask(stoa.broker, contract.get, { id }, { meta: stoa.as(user, roles) });
		expect(await see(userId!, ["customer"])).toMatchObject({
			id,
			provider: "sandbox",
			method: "card",
			status: "authorized",
			captured: euros(0),
			last4: "4242",
		});
		expect(await see("usr_support", ["support"])).toMatchObject({ id });
		await failsWith(see("usr_other", ["customer"]), "not_found");
		await failsWith(see("usr_merchant", ["merchant"]), "not_found");
		await failsWith(ask(stoa.broker, contract.get, { id }), "unauthenticated");
	});

	it("lists every attempt of an order, the failed ones too, newest first and page by page", async () => {
		const orderId = newId("ord", 0);
		const made: string[] = [];
		for (const token of ["tok_chargeDeclined", "tok_unavailable", "tok_visa"]) {
			const paymentId = newId("pay", 1_000 + made.length);
			made.unshift((await authorized(stoa, { orderId, token, paymentId })).paymentId);
		}
		const meta = stoa.as("usr_support", ["support"]);
		const list = (query: object) => ask(stoa.broker, contract.list, { orderId, ...query }, { meta });
		expect((await list({})).data.map(({ id, status }) => [id, status])).toEqual([
			[made[0], "authorized"],
			[made[1], "failed"],
			[made[2], "failed"],
		]);
		const first = await list({ limit: 2 });
		expect((await list({ limit: 2, cursor: first.nextCursor! })).data.map(({ id }) => id)).toEqual([made[2]]);
		expect((await list({ status: "authorized" })).data).toHaveLength(1);
		await failsWith(list({ cursor: "x" }), "validation_failed");
		const { payments } = await ask(stoa.broker, contract.ofOrders, { orderIds: [orderId] });
		expect(payments.map(({ id }) => id)).toEqual(made.toReversed());
	});
});
