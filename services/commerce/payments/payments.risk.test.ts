// What risk needs: an instrument has a name before it is paid with, the buyer's bank can be insisted on, and facts say whose card it was.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import {
	aPayment,
	askRefund,
	authorized,
	captured,
	chargesOf,
	euros,
	factsOf,
	factTypes,
	loseAnswers,
	loseCalls,
	paymentOf,
	paymentsOf,
	providerOf,
} from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as contract from "./payments.contract.ts";
import { Intents } from "./payments.intents.ts";
import * as sandbox from "./providers/sandbox.contract.ts";

let stoa: Stoa;
let clock: ReturnType<typeof handClock>;
beforeEach(async () => {
	clock = handClock();
	stoa = await startStoa({ services: ["commerce/payments"], clock });
});
afterEach(() => stoa.stop());

const authorize = (wish: ReturnType<typeof aPayment>) => ask(stoa.broker, contract.authorize, wish);
const instrumentOf = (token: string) => ask(stoa.broker, contract.instrument, { method: { method: "card", token } });
const decide = (paymentId: string, outcome: "succeed" | "fail") => ask(stoa.broker, sandbox.decideAuthentication, { paymentId, outcome });
const voidPayment = (paymentId: string) => ask(stoa.broker, contract.voidPayment, { paymentId, key: "undo/1", reason: "checkout undone" });
const tokenFor = async (number: string) =>
	(await ask(stoa.broker, sandbox.createToken, { number, expMonth: 12, expYear: 2030, cvc: "123" })).token;
const lastFact = async (paymentId: string) => (await factsOf(stoa, paymentId)).at(-1);

describe("naming an instrument before it is paid with", () => {
	it("names it as the facts of the payment will, whether it pays, declines, lacks funds or is unknown", async () => {
		const declining = await tokenFor("4000000000000002");
		for (const token of [
			"tok_visa",
			"tok_chargeDeclined",
			"tok_insufficientFunds",
			"tok_authenticationRequired",
			declining,
			"tok_nobody",
		]) {
			const { instrument } = await instrumentOf(token);
			const { paymentId } = await authorized(stoa, { token });
			expect(await lastFact(paymentId)).toMatchObject({ data: { fingerprint: instrument } });
		}
	});

	it("gives every token of one number one name, and each fixed token its own, which stands for many", async () => {
		const [one, other] = [await tokenFor("4000051234567894"), await tokenFor("4000051234567894")];
		expect(await instrumentOf(one)).toEqual(await instrumentOf(other));
		expect(await instrumentOf(one)).toMatchObject({ isShared: false, canChallenge: true });
		const fixed = await Promise.all(["tok_visa", "tok_mastercard", "tok_slow", "tok_unavailable"].map(instrumentOf));
		expect(new Set(fixed.map(({ instrument }) => instrument)).size).toBe(4);
		expect(fixed.every(({ isShared }) => isShared)).toBe(true);
	});

	it("answers of a token that nobody knows with a hash of it, always the same", async () => {
		const { instrument } = await instrumentOf("tok_nobody");
		expect(await instrumentOf("tok_nobody")).toEqual({ instrument, isShared: false, canChallenge: true });
		expect(instrument).not.toContain("tok_nobody");
		expect((await instrumentOf("tok_nobody2")).instrument).not.toBe(instrument);
	});

	it.each([
		["fails", () => Promise.reject(new Error("the connection was cut"))],
		["does not answer", () => new Promise<never>(() => undefined)],
	])("answers also while the provider %s", async (_, answer) => {
		providerOf(stoa).instrument = answer;
		expect(await instrumentOf("tok_visa")).toMatchObject({ instrument: expect.stringMatching(/^[0-9a-f]{64}$/), isShared: false });
	});

	it("asks nothing of the card", async () => {
		await instrumentOf("tok_visa");
		expect(await paymentsOf(stoa).store.reader.all("SELECT * FROM bankCharges")).toEqual([]);
	});
});

describe("a payment whose buyer has to authenticate", () => {
	const wished = (token = "tok_visa") => aPayment({ token, challenge: true });

	it.each(["tok_visa", "tok_authenticationRequired"])("of %s waits for the buyer, and is held when the buyer agrees", async token => {
		const wish = wished(token);
		const url = `/v1/sandbox/authentications/${wish.paymentId}`;
		for (const _ of [1, 2])
			expect(await authorize(wish)).toMatchObject({
				status: "pending",
				nextAction: { type: "authenticate", paymentId: wish.paymentId, url },
			});
		await decide(wish.paymentId, "succeed");
		expect(await authorize(wish)).toMatchObject({ status: "authorized", last4: expect.any(String) });
		expect(await chargesOf(stoa, wish.paymentId)).toMatchObject([{ status: "authorized", amount: 10_000 }]);
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "authorized"]);
	});

	it("fails when the buyer does not agree", async () => {
		const wish = wished();
		await authorize(wish);
		await decide(wish.paymentId, "fail");
		expect(await authorize(wish)).toMatchObject({ status: "declined", declineCode: "authentication_failed" });
	});

	it("is declined where the card is, and finds nobody there where nobody is", async () => {
		expect(await authorize(wished("tok_chargeDeclined"))).toMatchObject({ status: "declined", declineCode: "declined" });
		expect(await authorize(wished("tok_insufficientFunds"))).toMatchObject({ status: "declined", declineCode: "insufficient_funds" });
		expect(await authorize(wished("tok_unavailable"))).toMatchObject({ status: "unavailable" });
	});

	it("is let go of while the buyer is asked", async () => {
		const { paymentId } = await authorized(stoa, wished());
		expect(await voidPayment(paymentId)).toMatchObject({ status: "voided" });
		await expect(decide(paymentId, "succeed")).rejects.toMatchObject({ type: "payment_state_conflict" });
	});

	it("still asks for the buyer when a repeat, or another node, is the first that reaches the provider", async () => {
		const wish = wished();
		loseCalls(stoa, "authorize");
		expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "pending" });
		const { store, runtime, logger } = paymentsOf(stoa);
		const other = await Intents.open(store, runtime, logger);
		const [intent] = await store.reader.openIntents(wish.paymentId);
		await other.drive(intent!.id, { token: "tok_visa" });
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "pending", nextUrl: expect.any(String), challenge: true });
		const { challenge: _, ...forgetful } = wish;
		expect(await authorize(forgetful)).toMatchObject({ status: "pending", nextAction: { type: "authenticate" } });
		expect(await chargesOf(stoa, wish.paymentId)).toMatchObject([{ status: "authenticating" }]);
	});

	it("still waits for the buyer when the answer was lost and we were started again", async () => {
		const wish = wished();
		loseAnswers(stoa, "authorize");
		await authorize(wish);
		await stoa.restart();
		expect(await authorize(wish)).toMatchObject({ status: "pending", nextAction: { type: "authenticate" } });
	});

	it("is not answered with what was held without the bank", async () => {
		const { challenge: _, ...wish } = wished();
		expect(await authorize(wish)).toMatchObject({ status: "authorized" });
		await expect(authorize({ ...wish, challenge: true })).rejects.toMatchObject({ type: "payment_state_conflict" });
	});

	it("is refused where the provider cannot ask", async () => {
		Object.assign(providerOf(stoa), { canChallenge: false });
		await expect(authorize(wished())).rejects.toMatchObject({ type: "validation_failed" });
		expect(await instrumentOf("tok_visa")).toMatchObject({ canChallenge: false });
	});
});

describe("the facts that risk counts", () => {
	it("name the instrument of every attempt that failed, with the reason", async () => {
		for (const [token, reason] of [
			["tok_chargeDeclined", "declined"],
			["tok_insufficientFunds", "insufficient_funds"],
			["tok_authenticationRequired", "authentication_failed"],
			["tok_nobody", "unknown_token"],
		] as const) {
			const { paymentId, orderId, userId } = await authorized(stoa, { token });
			if (reason === "authentication_failed") await decide(paymentId, "fail");
			const { instrument: fingerprint } = await instrumentOf(token);
			expect(await lastFact(paymentId)).toMatchObject({ type: "payments.failed", data: { orderId, userId, reason, fingerprint } });
		}
	});

	it("say of a provider that was away, or never heard of the wish, only that", async () => {
		const away = await authorized(stoa, { token: await tokenFor("4000030000000009") });
		loseCalls(stoa, "authorize");
		const lost = await authorized(stoa);
		clock.move(61_000);
		await paymentsOf(stoa).intents.lookAtDue();
		for (const { paymentId } of [away, lost]) {
			const fact = await lastFact(paymentId);
			expect(fact).toMatchObject({ type: "payments.failed", data: { reason: "unavailable" } });
			expect(fact!.data).not.toHaveProperty("fingerprint");
		}
	});

	it("say whose order and which instrument a refund was of", async () => {
		const { paymentId, orderId, userId } = await captured(stoa);
		await askRefund(stoa, paymentId, { amount: euros(2_500), reason: "returned" }, "k");
		const { instrument: fingerprint } = await instrumentOf("tok_visa");
		expect(await lastFact(paymentId)).toMatchObject({ type: "payments.refunded", data: { orderId, userId, fingerprint } });
	});
});
