import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import {
	aPayment,
	askRefund,
	authorized,
	captured,
	euros,
	factsOf,
	factTypes,
	paymentOf,
	paymentsOf,
} from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { type StripeStandIn, startStripe, stripeEnv, stripeMessage } from "../../../test/support/stripe-stand-in.ts";
import * as contract from "./payments.contract.ts";
import { createToken, decideAuthentication } from "./providers/sandbox.contract.ts";

const failsWith = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ type: code });

describeWith("localstripe")("payments through Stripe", () => {
	let stripe: StripeStandIn;
	let stoa: Stoa;
	let clock: ReturnType<typeof handClock>;
	let cards: Record<"pays" | "frictionless" | "declines" | "empty" | "authenticates", string>;

	beforeAll(async () => {
		stripe = await startStripe();
		clock = handClock();
		stoa = await startStoa({ services: ["commerce/payments"], clock, env: stripeEnv(stripe) });
		const [pays, frictionless, declines, empty, authenticates] = await Promise.all([
			stripe.method("4242424242424242"),
			stripe.method("5555555555554444"),
			stripe.method("4000000000000341"),
			stripe.emptyMethod(),
			stripe.method("4000002500003155"),
		]);
		cards = { pays, frictionless, declines, empty, authenticates };
	});
	afterAll(async () => {
		await stoa.stop();
		await stripe.stop();
	});
	beforeEach(() => {
		stripe.forget();
	});

	const aWish = (token = cards.pays) => aPayment({ token, paymentId: newId("pay", Date.now()), orderId: newId("ord", Date.now()) });
	const held = () => authorized(stoa, aWish());
	const taken = () => captured(stoa, aWish());
	const authorize = (wish: ReturnType<typeof aWish>) => ask(stoa.broker, contract.authorize, wish);
	const captureAll = (paymentId: string) => ask(stoa.broker, contract.captureAll, { paymentId, key: "checkout/2" });
	const voidPayment = (paymentId: string) => ask(stoa.broker, contract.voidPayment, { paymentId, key: "undo/1", reason: "undone" });
	const receive = ({ rawBody, signature }: { rawBody: string; signature?: string }) =>
		ask(stoa.broker, contract.receiveWebhook, { provider: "stripe", rawBody, ...(signature === undefined ? {} : { signature }) });

	/** The background's next look, after as long as it waits. */
	async function later(ms = 61_000): Promise<void> {
		clock.move(ms);
		await paymentsOf(stoa).intents.lookAtDue();
	}

	/** What Stripe holds, has taken and has given back for a payment, over all that was ever made for it. */
	async function moneyAtStripe(paymentId: string) {
		const intents = await stripe.intentsOf(paymentId);
		const sum = (status: string) => intents.filter(intent => intent.status === status).reduce((total, { amount }) => total + amount, 0);
		const refunded = (await stripe.refundsOf(paymentId)).reduce((total, { amount }) => total + amount, 0);
		return { held: sum("requires_capture"), taken: sum("succeeded"), refunded };
	}

	it("hold, take and give back the same money in its books and in ours, each request under a key of its own", async () => {
		const wish = aWish();
		expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "authorized", brand: "visa", last4: "4242" });
		expect(await moneyAtStripe(wish.paymentId)).toEqual({ held: 10_000, taken: 0, refunded: 0 });
		expect(await captureAll(wish.paymentId)).toMatchObject({ status: "captured", provider: "stripe", captured: euros(10_000) });
		await askRefund(stoa, wish.paymentId, { amount: euros(2_500), reason: "returned" }, `r1-${wish.paymentId}`);
		await ask(stoa.broker, contract.refundAll, { paymentId: wish.paymentId, key: "cancel", reason: "cancelled" });
		expect(await moneyAtStripe(wish.paymentId)).toEqual({ held: 0, taken: 10_000, refunded: 10_000 });
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "refunded", captured: 10_000, refunded: 10_000 });
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["authorized", "captured", "refunded", "refunded"]);
		const keys = stripe.acted(/^POST/).map(({ key }) => key);
		expect(new Set(keys).size).toBe(5);
		expect(keys).not.toContain(undefined);
	});

	it("say whose money it is: payment, order and operation stand in the metadata", async () => {
		const wish = await held();
		const [intent] = await stripe.intentsOf(wish.paymentId);
		const key = await paymentsOf(stoa).store.reader.authorizationKey(wish.paymentId);
		expect(intent!.metadata).toEqual({ paymentId: wish.paymentId, orderId: wish.orderId, operationKey: key });
	});

	it("let go of what is held", async () => {
		const { paymentId } = await held();
		expect(await voidPayment(paymentId)).toEqual({ paymentId, status: "voided" });
		expect((await stripe.intentsOf(paymentId)).map(({ status }) => status)).toEqual(["canceled"]);
		expect(await voidPayment(paymentId)).toEqual({ paymentId, status: "voided" });
	});

	it("fail when the card is declined, with the reasons that the sandbox has too, and nothing can be held afterwards", async () => {
		const declined = aWish(cards.declines);
		expect(await authorize(declined)).toMatchObject({ status: "declined", declineCode: "declined", last4: "0341" });
		expect(await authorize(aWish(cards.empty))).toMatchObject({ status: "declined", declineCode: "insufficient_funds" });
		expect(await authorize(aWish("pm_nobody"))).toMatchObject({ status: "declined", declineCode: "unknown_token" });
		expect((await stripe.intentsOf(declined.paymentId)).map(({ status }) => status)).toEqual(["canceled"]);
		expect(await factTypes(stoa, declined.paymentId)).toEqual(["failed"]);
	});

	it("wait for the buyer, whose answer a message makes known", async () => {
		const wish = aWish(cards.authenticates);
		const asked = await authorize(wish);
		expect(asked).toMatchObject({ status: "pending", nextAction: { type: "authenticate", paymentId: wish.paymentId } });
		const [intent] = await stripe.intentsOf(wish.paymentId);
		expect(asked.nextAction!.url).toBe(`stripe:${intent!.client_secret}`);
		await stripe.authenticate(wish.paymentId, "succeed");
		const type = "payment_intent.amount_capturable_updated";
		await receive(stripeMessage({ id: `evt_${wish.paymentId}`, type, paymentId: wish.paymentId }, clock.now()));
		await paymentsOf(stoa).intents.settleNow(wish.paymentId);
		expect(await authorize(wish)).toMatchObject({ status: "authorized" });
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "authorized"]);
	});

	it("fail when the buyer did not agree, and cannot be agreed to later", async () => {
		const wish = aWish(cards.authenticates);
		await authorize(wish);
		await stripe.authenticate(wish.paymentId, "fail");
		await later();
		expect(await authorize(wish)).toMatchObject({ status: "declined", declineCode: "authentication_failed" });
		expect((await stripe.intentsOf(wish.paymentId)).map(({ status }) => status)).toEqual(["canceled"]);
	});

	describe("and risk", () => {
		const instrumentOf = (token: string) => ask(stoa.broker, contract.instrument, { method: { method: "card", token } });
		const failure = async (paymentId: string) => (await factsOf(stoa, paymentId)).find(({ type }) => type === "payments.failed");

		it("name an instrument as their facts do, and by its token while Stripe is away, slow, or does not know it", async () => {
			const wish = aWish(cards.declines);
			await authorize(wish);
			const named = await instrumentOf(cards.declines);
			expect(named).toMatchObject({ isShared: false, canChallenge: true });
			expect(await failure(wish.paymentId)).toMatchObject({ data: { reason: "declined", fingerprint: named.instrument } });
			const { heard, release } = stripe.holdAnswer(/GET .*payment_methods/);
			const slow = await instrumentOf(cards.declines);
			await heard;
			release();
			await stripe.away();
			expect(await instrumentOf(cards.declines)).toEqual(slow);
			await stripe.back();
			expect(slow.instrument).not.toBe(named.instrument);
			const nobody = aWish("pm_nobody");
			await authorize(nobody);
			const { instrument } = await instrumentOf("pm_nobody");
			expect(await failure(nobody.paymentId)).toMatchObject({ data: { reason: "unknown_token", fingerprint: instrument } });
		});

		it("ask the buyer's bank when that is wished for, also when the wish is carried on after its answer was lost", async () => {
			stripe.cutAnswers(/POST \/v1\/payment_intents$/);
			const wish = { ...aWish(), challenge: true };
			expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "pending" });
			expect(await authorize(wish)).toMatchObject({ status: "pending", nextAction: { type: "authenticate" } });
			const made = stripe.requests.filter(({ path }) => path === "/v1/payment_intents");
			expect(made.map(({ body }) => body.get("payment_method_options[card][request_three_d_secure]"))).toEqual(["any", "any"]);
			await stripe.authenticate(wish.paymentId, "succeed");
			await later();
			expect(await authorize(wish)).toMatchObject({ status: "authorized", last4: "4242" });
		});

		it("are content with a bank that knows its buyer without asking, and ask no bank where nobody wished for it", async () => {
			expect(await authorize({ ...aWish(cards.frictionless), challenge: true })).toMatchObject({ status: "authorized" });
			stripe.forget();
			await held();
			expect(stripe.requests.some(({ body }) => body.has("payment_method_options[card][request_three_d_secure]"))).toBe(false);
		});

		it("name the card of a decline also when it has to be looked up after its PaymentIntent was closed", async () => {
			stripe.cutAnswers(/cancel$/);
			const wish = aWish(cards.empty);
			await authorize(wish);
			await later();
			const { instrument: fingerprint } = await instrumentOf(cards.empty);
			expect(await failure(wish.paymentId)).toMatchObject({ data: { reason: "insufficient_funds", brand: "visa", fingerprint } });
		});
	});

	it("have no sandbox: its doors are not there", async () => {
		const card = { number: "4242424242424242", expMonth: 12, expYear: 2040, cvc: "123" };
		await failsWith(ask(stoa.broker, createToken, card), "not_found");
		const { paymentId } = await held();
		await failsWith(ask(stoa.broker, decideAuthentication, { paymentId, outcome: "succeed" }), "not_found");
		await failsWith(ask(stoa.broker, contract.receiveWebhook, { provider: "sandbox", rawBody: "{}" }), "not_found");
	});

	describe("whose answer got lost", () => {
		it.each([["made", /POST \/v1\/payment_intents$/] as const, ["confirmed", /confirm$/] as const])(
			"when the payment was %s: held exactly once, as soon as it is asked for again",
			async (_, what) => {
				stripe.cutAnswers(what);
				const wish = aWish();
				expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "pending" });
				expect(await authorize(wish)).toMatchObject({ status: "authorized" });
				expect(await moneyAtStripe(wish.paymentId)).toEqual({ held: 10_000, taken: 0, refunded: 0 });
				expect(stripe.acted(/confirm$/)).toHaveLength(1);
				expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "authorized"]);
			},
		);

		it("while nobody asks again: looked up in the background, without the token", async () => {
			stripe.cutAnswers(/confirm$/);
			const wish = aWish();
			await authorize(wish);
			await later();
			expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "authorized", last4: "4242" });
			expect(stripe.acted(/confirm$/)).toHaveLength(1);
		});

		it("before anything was confirmed, and nobody asks again: given up, and held by nothing", async () => {
			stripe.cutRequests(/confirm$/);
			const wish = aWish();
			await authorize(wish);
			await later();
			expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "unavailable" });
			expect((await stripe.intentsOf(wish.paymentId)).map(({ status }) => status)).toEqual(["canceled"]);
		});

		it("of a capture: 503, and captured once", async () => {
			const { paymentId } = await held();
			stripe.cutAnswers(/capture$/);
			await failsWith(captureAll(paymentId), "service_unavailable");
			expect(await captureAll(paymentId)).toMatchObject({ status: "captured" });
			expect(stripe.acted(/capture$/)).toHaveLength(1);
			expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "captured"]);
		});

		it("of a refund: pending, and given back once", async () => {
			const { paymentId } = await taken();
			stripe.cutAnswers(/POST .*refunds$/);
			expect(await askRefund(stoa, paymentId, { amount: euros(3_000), reason: "x" }, `k-${paymentId}`)).toMatchObject({
				status: "pending",
			});
			await later();
			expect(await paymentOf(stoa, paymentId)).toMatchObject({ refunded: 3_000 });
			expect(await moneyAtStripe(paymentId)).toEqual({ held: 0, taken: 10_000, refunded: 3_000 });
			expect(stripe.acted(/POST .*refunds$/)).toHaveLength(1);
		});

		it("of a void: 503, and let go of once", async () => {
			const { paymentId } = await held();
			stripe.cutAnswers(/cancel$/);
			await failsWith(voidPayment(paymentId), "service_unavailable");
			expect(await voidPayment(paymentId)).toMatchObject({ status: "voided" });
			expect(stripe.acted(/cancel$/)).toHaveLength(1);
		});

		it("and which was away afterwards: nothing is concluded until it can be asked", async () => {
			const { paymentId } = await taken();
			const wish = aWish();
			stripe.cutAnswers(/confirm$|POST .*refunds$/, 2);
			await authorize(wish);
			await askRefund(stoa, paymentId, { amount: euros(10_000), reason: "x" }, `k-${paymentId}`);
			await stripe.away();
			for (const _ of [1, 2, 3]) await later();
			expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "pending" });
			expect(await paymentOf(stoa, paymentId)).toMatchObject({ status: "captured", refunded: 0 });
			await stripe.back();
			await later();
			expect(await authorize(wish)).toMatchObject({ status: "authorized" });
			expect(await paymentOf(stoa, paymentId)).toMatchObject({ status: "refunded" });
			expect(await moneyAtStripe(paymentId)).toMatchObject({ taken: 10_000, refunded: 10_000 });
			expect(await moneyAtStripe(wish.paymentId)).toMatchObject({ held: 10_000 });
		});
	});

	describe("while Stripe is not there", () => {
		it("hold nothing, and say so at once", async () => {
			await stripe.away();
			const wish = aWish();
			expect(await authorize(wish)).toEqual({ paymentId: wish.paymentId, status: "unavailable" });
			await stripe.back();
			expect(await stripe.intentsOf(wish.paymentId)).toEqual([]);
		});

		it("hold nothing when it has too many requests, or does not take our key", async () => {
			stripe.answerWith(/confirm$/, 429, { code: "rate_limit" });
			expect(await authorize(aWish())).toMatchObject({ status: "unavailable" });
			stripe.answerWith(/POST .*payment_intents$/, 401, { message: "Invalid API Key" });
			expect(await authorize(aWish())).toMatchObject({ status: "unavailable" });
		});

		it("do not know what a fault on its side has done, and look, and are not held up by its being the answer of their key for a day", async () => {
			const { paymentId } = await held();
			stripe.answerWith(/capture$/, 500, { type: "api_error" });
			await failsWith(captureAll(paymentId), "service_unavailable");
			expect(await captureAll(paymentId)).toMatchObject({ status: "captured" });
		});
	});

	describe("and their messages", () => {
		const aMessage = (paymentId: string, type = "payment_intent.succeeded") => ({ id: newId("evt", Date.now()), type, paymentId });

		it("may come before our own call has returned: held once, told once", async () => {
			const { heard, release } = stripe.holdAnswer(/confirm$/);
			const wish = aWish();
			const answer = authorize(wish);
			await heard;
			expect(await receive(stripeMessage(aMessage(wish.paymentId), clock.now()))).toEqual({ received: true });
			release();
			expect(await answer).toMatchObject({ status: "authorized" });
			await paymentsOf(stoa).intents.settleNow(wish.paymentId);
			expect(await factTypes(stoa, wish.paymentId)).toEqual(["authorized"]);
		});

		it("are stored once, twice is once, and one that comes late changes nothing", async () => {
			const { paymentId } = await taken();
			const message = aMessage(paymentId, "payment_intent.amount_capturable_updated");
			for (const _ of [1, 2]) await receive(stripeMessage(message, clock.now()));
			const rows = await paymentsOf(stoa).store.reader.all("SELECT provider, type, paymentId FROM webhooks WHERE eventId = ?", [
				message.id,
			]);
			expect(rows).toEqual([{ provider: "stripe", type: message.type, paymentId }]);
			expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "captured"]);
		});

		it("bring about a look at once: of a refund whose answer was lost", async () => {
			const { paymentId } = await taken();
			stripe.cutAnswers(/POST .*refunds$/);
			await askRefund(stoa, paymentId, { amount: euros(1_000), reason: "x" }, `k-${paymentId}`);
			await receive(stripeMessage(aMessage(paymentId, "charge.refunded"), clock.now()));
			await paymentsOf(stoa).intents.settleNow(paymentId);
			expect(await paymentOf(stoa, paymentId)).toMatchObject({ refunded: 1_000 });
		});

		it("about something that is not ours are taken and left alone", async () => {
			const message = { id: newId("evt", Date.now()), type: "customer.created", paymentId: null };
			expect(await receive(stripeMessage(message, clock.now()))).toEqual({ received: true });
		});

		it("are refused with another signature, none, an old one, or when they cannot be read", async () => {
			const message = aMessage(newId("pay", 0));
			const { rawBody } = stripeMessage(message, clock.now());
			await failsWith(receive({ rawBody }), "unauthenticated");
			await failsWith(receive(stripeMessage(message, clock.now(), "whsec_other")), "unauthenticated");
			await failsWith(receive(stripeMessage(message, clock.now() - 301_000)), "unauthenticated");
			await failsWith(receive({ ...stripeMessage(message, clock.now()), rawBody: `${rawBody} ` }), "unauthenticated");
		});
	});
});
