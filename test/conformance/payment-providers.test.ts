import { describe, expect, it } from "@jest/globals";
import type { Payments } from "../../services/commerce/payments/payments.intents.ts";
import type { ProviderGiven } from "../../services/commerce/payments/providers/provider.ts";
import { Sandbox } from "../../services/commerce/payments/providers/sandbox.ts";
import { sign } from "../../services/commerce/payments/providers/signature.ts";
import { startStoa } from "../support/stoa.ts";
import { type ProviderWorld, paymentProviderSuite } from "./payment-providers.suite.ts";

async function sandboxWorld(pause: ProviderGiven["pause"] = async () => undefined): Promise<ProviderWorld> {
	const stoa = await startStoa({ services: ["commerce/payments"] });
	const { clock } = stoa.runtime;
	const open = () => {
		const { store, runtime } = stoa.service<Payments>("payments");
		return new Sandbox({ clock, secret: runtime.secret, webhookSecret: () => "whsec", store, pause });
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

paymentProviderSuite("sandbox", sandboxWorld);

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
		const call = { key: "int_1", paymentId: "pay_1", orderId: "ord_1", amount: { amount: 1, currency: "EUR" }, token: "tok_slow" };
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
