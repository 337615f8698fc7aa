// What we ask Stripe for, against what Stripe publishes that it may be asked: stripe-mock refuses every parameter it does not know.
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { newId } from "../../../../lib/ids.ts";
import { describeWith } from "../../../../test/support/engines/describe-with.ts";
import { startServer, type TestServer } from "../../../../test/support/engines/engines.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import { stripeEnv } from "../../../../test/support/stripe-stand-in.ts";
import type { Payments } from "../payments.intents.ts";
import { StripeCards } from "./stripe.ts";

describeWith("stripeMock")("requests to Stripe", () => {
	let mock: TestServer;
	let stoa: Stoa;
	beforeAll(async () => {
		mock = await startServer("stripeMock");
		stoa = await startStoa({ services: ["commerce/payments"], env: stripeEnv(mock) });
	});
	afterAll(async () => {
		await stoa.stop();
		await mock.remove();
	});

	/** The provider, and what it warned the operator of: a request whose form Stripe does not take. */
	function aProvider(returnUrl?: string) {
		const warnings: string[] = [];
		const { store, runtime } = stoa.service<Payments>("payments");
		const { clock, secret, config } = runtime;
		const stripe = { ...config.stripe!, returnUrl };
		const pause = async () => undefined;
		const given = { clock, secret, webhookSecret: () => "", stripe, store, pause, warn: (message: string) => void warnings.push(message) };
		return { provider: new StripeCards(given, stripe), warnings };
	}

	it.each([
		["pm_card_visa", undefined, false],
		["pm_card_visa", "https://shop.example/paid", true],
		["tok_visa", undefined, true],
	])("with %s, returning to %s, the buyer's bank asked for: %s, are of a form that it takes", async (token, returnUrl, challenge) => {
		const { provider, warnings } = aProvider(returnUrl);
		const now = Date.now();
		const [key, paymentId, orderId] = [newId("int", now), newId("pay", now), newId("ord", now)];
		const amount = { amount: 1_230, currency: "KWD" };
		expect(await provider.instrument(token)).toMatchObject({ fingerprint: expect.any(String) });
		await provider.authorize({ key, paymentId, orderId, amount, token, challenge });
		const reference = { paymentId, authorizationKey: key, charge: null };
		const move = () => ({ ...reference, key: newId("int", Date.now()), amount });
		await provider.lookUpAuthorization(reference);
		await provider.capture(move());
		await provider.refund(move());
		for (const operation of ["capture", "void", "refund"] as const) await provider.lookUpMove(operation, move());
		await provider.void(move());
		expect(warnings).toEqual([]);
	});
});
