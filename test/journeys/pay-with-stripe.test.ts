// The whole product with Stripe as its card provider: nothing of the sandbox is needed to buy, and its doors are not there.
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { newId } from "../../lib/ids.ts";
import type { Operation } from "../../services/commerce/orders/orders.contract.ts";
import type { PaymentView } from "../../services/commerce/payments/payments.contract.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import {
	aGuestCart,
	anAdministrator,
	aProduct,
	available,
	checkout,
	eur,
	eventually,
	get,
	granted,
	newKey,
	type Person,
	paymentsOf,
	request,
} from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";
import { type StripeStandIn, startStripe, stripeEnv, stripeMessage } from "../support/stripe-stand-in.ts";

describeWith("localstripe")("buying with Stripe", () => {
	let stripe: StripeStandIn;
	let stoa: Stoa;
	let admin: Person;
	beforeAll(async () => {
		stripe = await startStripe();
		stoa = await startStoa({ env: stripeEnv(stripe) });
		admin = await anAdministrator(stoa);
	});
	afterAll(async () => {
		await stoa.stop();
		await stripe.stop();
	});

	async function aCart(): Promise<{ sku: string; cart: Awaited<ReturnType<typeof aGuestCart>> }> {
		const { sku } = await aProduct(stoa, admin, { stock: 3 });
		return { sku, cart: await aGuestCart(stoa, [{ sku, quantity: 1 }]) };
	}
	const send = ({ rawBody, signature }: { rawBody: string; signature: string }) =>
		request(stoa, "POST", "/v1/hooks/payments/stripe", { raw: rawBody, headers: { "Stripe-Signature": signature } });
	const seen = async (orderId: string) => (await paymentsOf(stoa, admin, { orderId }))[0]!;
	const atStripe = async (paymentId: string) => (await stripe.intentsOf(paymentId)).map(({ status, amount }) => ({ status, amount }));

	it("takes what the buyer owes, and gives it back when it is refunded", async () => {
		const { cart } = await aCart();
		const { id: orderId, totals } = await granted(201, checkout(stoa, cart, { pay: "pm_card_visa" }));
		const payment = await seen(orderId!);
		expect(payment).toMatchObject({ provider: "stripe", status: "captured", captured: totals!.total, brand: "visa", last4: "4242" });
		expect(await atStripe(payment.id)).toEqual([{ status: "succeeded", amount: totals!.total.amount }]);
		const body = { amount: eur(700), reason: "scratched" };
		const path = `/v1/payments/${payment.id}/refunds`;
		expect(await granted(201, request(stoa, "POST", path, { token: admin.token, key: newKey(), body }))).toMatchObject({
			status: "succeeded",
		});
		expect((await stripe.refundsOf(payment.id)).map(({ amount }) => amount)).toEqual([700]);
		expect(await get<PaymentView>(stoa, `/v1/payments/${payment.id}`, { token: admin.token })).toMatchObject({ refunded: eur(700) });
	});

	it("refuses a card that is declined, and gives the stock back", async () => {
		const { sku, cart } = await aCart();
		const refused = await checkout(stoa, cart, { pay: await stripe.method("4000000000000341") });
		expect(refused).toMatchObject({ status: 422, body: { code: "card_declined", retryable: false } });
		expect(await available(stoa, sku)).toBe(3);
	});

	it.each([[/POST \/v1\/payment_intents$/], [/confirm$/], [/capture$/]])("charges once when the answer to %s gets lost", async what => {
		const { cart } = await aCart();
		const key = newKey();
		stripe.cutAnswers(what);
		const bought = await eventually(
			() => checkout(stoa, cart, { pay: "pm_card_visa", key }),
			({ status }) => status === 201,
		);
		const payment = await eventually(
			() => seen(bought.body.id!),
			({ status }) => status === "captured",
		);
		const intents = await atStripe(payment.id);
		expect(intents).toEqual([{ status: "succeeded", amount: payment.amount.amount }]);
	});

	it("asks the buyer's bank, and goes on when Stripe sends word", async () => {
		const { cart } = await aCart();
		const asked = await checkout(stoa, cart, { pay: await stripe.method("4000002500003155") });
		expect(asked).toMatchObject({ status: 202, body: { operation: { nextAction: { type: "authenticate" } } } });
		const { id, nextAction } = asked.body.operation!;
		const { paymentId } = nextAction!;
		await stripe.authenticate(paymentId, "succeed");
		const message = { id: newId("evt", Date.now()), type: "payment_intent.amount_capturable_updated", paymentId };
		for (const _ of [1, 2]) expect(await send(stripeMessage(message, Date.now()))).toMatchObject({ status: 200 });
		const { result } = await eventually(
			() => get<Operation>(stoa, `/v1/operations/${id}`, cart),
			({ status }) => status === "succeeded",
		);
		expect(await seen(result!.orderId)).toMatchObject({ status: "captured" });
	});

	it("takes no message that Stripe has not signed, or long ago", async () => {
		const message = { id: newId("evt", Date.now()), type: "payment_intent.succeeded", paymentId: newId("pay", Date.now()) };
		const forged = stripeMessage(message, Date.now(), "whsec_other");
		expect(await send(forged)).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
		expect(await send(stripeMessage(message, Date.now() - 600_000))).toMatchObject({ status: 401 });
	});

	it("has no doors of the sandbox, whatever is brought to them", async () => {
		const card = { number: "4242 4242 4242 4242", expMonth: 12, expYear: 2040, cvc: "123" };
		for (const body of [card, {}]) expect(await request(stoa, "POST", "/v1/sandbox/tokens", { body })).toMatchObject({ status: 404 });
		const path = `/v1/sandbox/authentications/${newId("pay", Date.now())}`;
		expect(await request(stoa, "POST", path, { body: { outcome: "succeed" } })).toMatchObject({ status: 404, body: { code: "not_found" } });
		expect(await request(stoa, "POST", "/v1/hooks/payments/sandbox", { body: {} })).toMatchObject({ status: 404 });
	});
});
