import { createHmac, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Cart } from "../../services/commerce/carts/carts.contract.ts";
import type { Operation, Order } from "../../services/commerce/orders/orders.contract.ts";
import {
	aGuestCart,
	anAdministrator,
	aProduct,
	available,
	checkout,
	eventually,
	get,
	newKey,
	type Person,
	paymentsOf,
	request,
} from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

const webhookSecret = "a secret between the bank and the shop";

let stoa: Stoa;
let admin: Person;
beforeAll(async () => {
	stoa = await startStoa({ env: { STOA_SANDBOX_WEBHOOK_SECRET: webhookSecret } });
	admin = await anAdministrator(stoa);
});
afterAll(() => stoa.stop());

type GuestCart = Awaited<ReturnType<typeof aGuestCart>>;

async function aCartToBuy(stock = 3): Promise<{ sku: string; cart: GuestCart }> {
	const { sku } = await aProduct(stoa, admin, { stock });
	return { sku, cart: await aGuestCart(stoa, [{ sku, quantity: 1 }]) };
}

const cartStatus = async ({ id, cartToken }: GuestCart) => (await get<Cart>(stoa, `/v1/carts/${id}`, { cartToken })).status;
const operationOf = (id: string, { cartToken }: GuestCart) => get<Operation>(stoa, `/v1/operations/${id}`, { cartToken });
const settled = (id: string, cart: GuestCart) =>
	eventually(
		() => operationOf(id, cart),
		({ status }) => status !== "pending" && status !== "compensating",
	);
/** Every attempt to pay anything of the SKU's order is found by its order's id. */
const statusesOf = async (orderId: string) => (await paymentsOf(stoa, admin, { orderId })).map(({ status }) => status);

describe("a card that is declined", () => {
	it.each([["tok_chargeDeclined"], ["tok_insufficientFunds"]])(
		"%s is refused with 422; stock is back, the cart open, and another card buys it",
		async pay => {
			const { sku, cart } = await aCartToBuy();

			const refused = await checkout(stoa, cart, { pay });

			expect(refused).toMatchObject({ status: 422, body: { code: "card_declined", retryable: false } });
			expect(await available(stoa, sku)).toBe(3);
			expect(await cartStatus(cart)).toBe("open");

			const bought = await checkout(stoa, cart);
			expect(bought.status).toBe(201);
			expect(await statusesOf(bought.body.id)).toEqual(["captured"]);
			expect(await available(stoa, sku)).toBe(2);
		},
	);

	it("answers a repeat with the same refusal, and asks the bank once", async () => {
		const { cart } = await aCartToBuy();
		const key = newKey();
		const before = (await paymentsOf(stoa, admin, { status: "failed" })).length;
		const first = await checkout(stoa, cart, { key, pay: "tok_chargeDeclined" });

		const second = await checkout(stoa, cart, { key, pay: "tok_chargeDeclined" });

		expect(second.bytes.toString()).toBe(first.bytes.toString());
		expect(first.headers.get("idempotent-replayed")).toBeNull();
		expect(second.headers.get("idempotent-replayed")).toBe("true");
		expect((await paymentsOf(stoa, admin, { status: "failed" })).length).toBe(before + 1);
	});

	it("behaves alike behind a token that was made of its number", async () => {
		const { cart } = await aCartToBuy();
		const card = { number: "4000 0000 0000 0002", expMonth: 12, expYear: 2099, cvc: "123" };
		const made = await request<{ token: string; last4: string }>(stoa, "POST", "/v1/sandbox/tokens", { body: card });
		expect(made).toMatchObject({ status: 201, body: { last4: "0002" } });
		expect(await checkout(stoa, cart, { pay: made.body.token })).toMatchObject({ status: 422, body: { code: "card_declined" } });
	});
});

describe("a provider that is down", () => {
	it("answers 503 to be tried again, with nothing held", async () => {
		const { sku, cart } = await aCartToBuy();

		const { status, headers, body } = await checkout(stoa, cart, { pay: "tok_unavailable" });

		expect({ status, code: body.code, retryable: body.retryable }).toEqual({ status: 503, code: "service_unavailable", retryable: true });
		expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
		expect(await available(stoa, sku)).toBe(3);
		expect(await cartStatus(cart)).toBe("open");
	});

	it("is asked anew when the request is repeated with its key, and the key is free for what succeeds", async () => {
		const { sku, cart } = await aCartToBuy();
		const key = newKey();
		const attempts = async () => (await paymentsOf(stoa, admin, { status: "failed" })).length;
		const before = await attempts();

		const first = await checkout(stoa, cart, { key, pay: "tok_unavailable" });
		const second = await checkout(stoa, cart, { key, pay: "tok_unavailable" });

		expect([first.status, second.status]).toEqual([503, 503]);
		expect(second.headers.get("idempotent-replayed")).toBeNull();
		expect(await attempts()).toBe(before + 2);
		expect((await checkout(stoa, cart, { key, pay: "tok_visa" })).status).toBe(201);
		expect(await available(stoa, sku)).toBe(2);
	});
});

describe("a card whose bank asks the buyer", () => {
	async function awaited() {
		const { sku, cart } = await aCartToBuy();
		const key = newKey();
		const answer = await checkout(stoa, cart, { key, pay: "tok_authenticationRequired" });
		return { sku, cart, key, answer, operation: answer.body.operation! };
	}
	const decide = (operation: Operation, outcome: "succeed" | "fail") =>
		request(stoa, "POST", operation.nextAction!.url, { body: { outcome } });

	it("answers 202 with an operation that says what the buyer has to do; the stock is held meanwhile", async () => {
		const { sku, cart, answer, operation } = await awaited();

		expect(answer.status).toBe(202);
		expect(answer.headers.get("location")).toBe(`/v1/operations/${operation.id}`);
		expect(await operationOf(operation.id, cart)).toEqual(operation);
		expect(operation).toMatchObject({ kind: "checkout", status: "pending", nextAction: { type: "authenticate" } });
		expect(operation.nextAction!.url).toBe(`/v1/sandbox/authentications/${operation.nextAction!.paymentId}`);
		expect(await available(stoa, sku)).toBe(2);
		expect(await cartStatus(cart)).toBe("completing");
	});

	it("becomes an order when the buyer agrees; the repeated request then answers it", async () => {
		const { sku, cart, key, operation } = await awaited();
		// A repeat meanwhile answers the operation as it stands.
		expect(await checkout(stoa, cart, { key, pay: "tok_authenticationRequired" })).toMatchObject({
			status: 202,
			body: { operation: { id: operation.id } },
		});

		expect((await decide(operation, "succeed")).status).toBe(204);

		const done = await settled(operation.id, cart);
		expect(done).toMatchObject({ status: "succeeded", result: { orderId: expect.stringMatching(/^ord_/) } });
		expect(done.nextAction).toBeUndefined();
		const order = await get<Order>(stoa, `/v1/orders/${done.result!.orderId}`, { cartToken: cart.cartToken });
		expect(order.paymentStatus).toBe("captured");
		expect(await statusesOf(order.id)).toEqual(["captured"]);
		const repeats = [
			await checkout(stoa, cart, { key, pay: "tok_authenticationRequired" }),
			await checkout(stoa, cart, { key, pay: "tok_authenticationRequired" }),
		];
		expect(repeats.map(({ status }) => status)).toEqual([201, 201]);
		expect(repeats[0]!.body.id).toBe(order.id);
		expect(repeats[1]!.bytes.equals(repeats[0]!.bytes)).toBe(true);
		expect(await available(stoa, sku)).toBe(2);
	});

	it("is undone when the buyer does not agree; the repeated request is refused alike", async () => {
		const { sku, cart, key, operation } = await awaited();

		expect((await decide(operation, "fail")).status).toBe(204);

		expect(await settled(operation.id, cart)).toMatchObject({ status: "compensated", problem: { code: "card_declined", status: 422 } });
		expect(await available(stoa, sku)).toBe(3);
		expect(await cartStatus(cart)).toBe("open");
		expect(await checkout(stoa, cart, { key, pay: "tok_authenticationRequired" })).toMatchObject({
			status: 422,
			body: { code: "card_declined" },
		});
		expect((await checkout(stoa, cart)).status).toBe(201);
	});

	it("decides once: agreeing twice is one order, changing one's mind is refused", async () => {
		const { cart, operation } = await awaited();
		expect((await decide(operation, "succeed")).status).toBe(204);
		expect((await decide(operation, "succeed")).status).toBe(204);
		expect(await decide(operation, "fail")).toMatchObject({ status: 409, body: { code: "payment_state_conflict" } });
		expect((await settled(operation.id, cart)).status).toBe("succeeded");
	});

	it("goes on after a second start of the shop", async () => {
		const { cart, operation } = await awaited();
		await stoa.restart();
		expect((await decide(operation, "succeed")).status).toBe(204);
		expect((await settled(operation.id, cart)).status).toBe("succeeded");
	});

	it("hides its operation from whoever does not hold the cart's token", async () => {
		const { operation } = await awaited();
		expect((await request(stoa, "GET", `/v1/operations/${operation.id}`)).status).toBe(404);
		expect((await request(stoa, "GET", `/v1/operations/${operation.id}`, { cartToken: "another token" })).status).toBe(404);
	});
});

describe("the provider's webhook", () => {
	const message = (paymentId: string, id = `evt-${randomUUID()}`) =>
		JSON.stringify({ id, type: "payment.updated", paymentId, occurredAt: new Date().toISOString() });
	const signed = (raw: string, { secret = webhookSecret, at = Date.now() } = {}) => {
		const t = Math.floor(at / 1000);
		return `t=${t},v1=${createHmac("sha256", secret).update(`${t}.${raw}`).digest("hex")}`;
	};
	const deliver = (raw: string, signature = signed(raw)) =>
		request(stoa, "POST", "/v1/hooks/payments/sandbox", { raw, headers: { "Stoa-Signature": signature } });

	it("is answered 200 twice and changes nothing twice", async () => {
		const { cart } = await aCartToBuy();
		const { body: order } = await checkout(stoa, cart);
		const before = await paymentsOf(stoa, admin, { orderId: order.id });
		const raw = message(order.payments[0]!.id);

		expect([(await deliver(raw)).status, (await deliver(raw)).status]).toEqual([200, 200]);

		expect(await paymentsOf(stoa, admin, { orderId: order.id })).toEqual(before);
		expect(await get<Order>(stoa, `/v1/orders/${order.id}`, { cartToken: cart.cartToken })).toEqual(order);
	});

	it("is believed only when the bank signed it, lately, over these very bytes", async () => {
		const raw = message("pay_01jd9w6qkz8m4f2v7b3c5n1x0r");
		const tooOld = signed(raw, { at: Date.now() - 301_000 });
		for (const signature of [signed(raw, { secret: "another" }), tooOld, signed(`${raw} `), "t=1,v1=00", "nonsense"]) {
			expect(await deliver(raw, signature)).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
		}
		expect((await request(stoa, "POST", "/v1/hooks/payments/sandbox", { raw })).status).toBe(401);
	});

	it("of a provider that is not ours is nothing", async () => {
		const raw = message("pay_01jd9w6qkz8m4f2v7b3c5n1x0r");
		expect((await request(stoa, "POST", "/v1/hooks/payments/acme", { raw, headers: { "Stoa-Signature": signed(raw) } })).status).toBe(404);
	});
});
