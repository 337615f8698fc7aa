import { describe, expect, it } from "@jest/globals";
import { sign } from "../../lib/signature.ts";
import type { Payments } from "../../services/commerce/payments/payments.intents.ts";
import type { ProviderGiven } from "../../services/commerce/payments/providers/provider.ts";
import { Sandbox } from "../../services/commerce/payments/providers/sandbox.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { startStoa } from "../support/stoa.ts";
import { startStripe, stripeEnv, stripeMessage } from "../support/stripe-stand-in.ts";
import { type ProviderWorld, paymentProviderSuite } from "./payment-providers.suite.ts";

async function sandboxWorld(pause: ProviderGiven["pause"] = async () => undefined): Promise<ProviderWorld> {
	const stoa = await startStoa({ services: ["commerce/payments"] });
	const { clock } = stoa.runtime;
	const open = () => {
		const { store, runtime } = stoa.service<Payments>("payments");
		return new Sandbox({
			clock,
			secret: runtime.secret,
			webhookSecret: () => "whsec",
			stripe: undefined,
			store,
			pause,
			warn: () => undefined,
		});
	};
	let provider = open();
	return {
		get provider() {
			return provider;
		},
		tokens: {
			pays: "tok_visa",
			paysToo: "tok_mastercard",
			declines: "tok_chargeDeclined",
			lacksFunds: "tok_insufficientFunds",
			authenticates: "tok_authenticationRequired",
			unavailable: "tok_unavailable",
			unknown: "tok_nobody",
		},
		async authenticate(paymentId, outcome) {
			await provider.sandbox.decide(paymentId, outcome);
		},
		message(body, ageSeconds = 0) {
			const at = clock.now() - ageSeconds * 1000;
			const rawBody = JSON.stringify({ ...body, occurredAt: new Date(at).toISOString() });
			return { rawBody, signature: sign("whsec", rawBody, at) };
		},
		async restart() {
			await stoa.restart();
			provider = open();
		},
		close: stoa.stop,
	};
}

async function stripeWorld(): Promise<ProviderWorld> {
	const stripe = await startStripe();
	const stoa = await startStoa({ services: ["commerce/payments"], env: stripeEnv(stripe) });
	const [pays, paysToo, declines, lacksFunds, authenticates] = await Promise.all([
		stripe.method("4242424242424242"),
		stripe.method("5555555555554444"),
		stripe.method("4000000000000341"),
		stripe.emptyMethod(),
		stripe.method("4000002500003155"),
	]);
	return {
		get provider() {
			return stoa.service<Payments>("payments").intents.provider("stripe")!;
		},
		tokens: { pays, paysToo, declines, lacksFunds, authenticates, unknown: "pm_nobody" },
		authenticate: stripe.authenticate,
		message: (body, ageSeconds = 0) => stripeMessage(body, stoa.runtime.clock.now() - ageSeconds * 1000),
		restart: stoa.restart,
		async close() {
			await stoa.stop();
			await stripe.stop();
		},
	};
}

paymentProviderSuite("sandbox", sandboxWorld);
describeWith("localstripe")("Stripe, played by localstripe", () => paymentProviderSuite("stripe", stripeWorld));

describe("tok_slow", () => {
	it("has acted long before it answers, 5 s later", async () => {
		let paused: number | undefined;
		let answer: () => void = () => undefined;
		const world = await sandboxWorld(ms => {
			paused = ms;
			return new Promise(resolve => {
				answer = resolve;
			});
		});
		const amount = { amount: 1, currency: "EUR" };
		const call = { key: "int_1", paymentId: "pay_1", orderId: "ord_1", amount, token: "tok_slow", challenge: false };
		const slow = world.provider.authorize(call);
		// A repeat is answered at once, from what the bank has done already.
		while (paused === undefined) await new Promise(resolve => setImmediate(resolve));
		expect(await world.provider.authorize(call)).toMatchObject({ status: "authorized" });
		expect(paused).toBe(5000);
		answer();
		expect(await slow).toMatchObject({ status: "authorized" });
		await world.close();
	});
});
