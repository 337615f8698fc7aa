import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Cart } from "../../services/commerce/carts/carts.contract.ts";
import {
	aGuestCart,
	anAdministrator,
	aProduct,
	available,
	type CheckedOut,
	checkout,
	get,
	newKey,
	type Person,
	paymentsOf,
	request,
} from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
});
afterAll(() => stoa.stop());

const five = [0, 1, 2, 3, 4];
const isReplayed = ({ headers }: CheckedOut) => headers.get("idempotent-replayed") === "true";
const capturedOf = (orderId: string) => paymentsOf(stoa, admin, { orderId, status: "captured" });

describe("one cart checked out five times at once", () => {
	it("with one key is one order, one capture and five answers of the same bytes, four of them marked as repeats", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 10 });
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		const key = newKey();

		const answers = await Promise.all(five.map(() => checkout(stoa, cart, { key })));

		expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
		for (const { bytes } of answers) expect(bytes.equals(answers[0]!.bytes)).toBe(true);
		for (const { headers, body } of answers) expect(headers.get("location")).toBe(`/v1/orders/${body.id}`);
		expect(answers.filter(isReplayed)).toHaveLength(4);
		expect(await capturedOf(answers[0]!.body.id)).toHaveLength(1);
		expect(await available(stoa, sku)).toBe(9);

		const late = await checkout(stoa, cart, { key });
		expect(late.status).toBe(201);
		expect(late.bytes.equals(answers[0]!.bytes)).toBe(true);
		expect(isReplayed(late)).toBe(true);
	});

	it("with five keys is one order and one capture; the others are told that the cart is not open", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 10 });
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);

		const answers = await Promise.all(five.map(() => checkout(stoa, cart)));

		const [order] = answers.filter(({ status }) => status === 201);
		const others = answers.filter(({ status }) => status !== 201);
		expect(others).toHaveLength(4);
		for (const { status, body } of others) expect({ status, code: body.code }).toEqual({ status: 409, code: "cart_not_open" });
		expect(await capturedOf(order!.body.id)).toHaveLength(1);
		expect(await paymentsOf(stoa, admin, { orderId: order!.body.id })).toHaveLength(1);
		expect(await available(stoa, sku)).toBe(9);
	});
});

describe("an Idempotency-Key", () => {
	it("is refused with another body, and the order stays as it was", async () => {
		const { sku } = await aProduct(stoa, admin);
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		const key = newKey();
		const first = await checkout(stoa, cart, { key });

		const other = await checkout(stoa, cart, { key, email: "another@example.com" });

		expect({ status: other.status, code: other.body.code }).toEqual({ status: 422, code: "idempotency_key_reused" });
		expect((await checkout(stoa, cart, { key })).bytes.equals(first.bytes)).toBe(true);
	});

	it("keeps a refusal of the business, with the first request's id", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 1 });
		const cart = await aGuestCart(stoa, [{ sku, quantity: 2 }]);
		const key = newKey();
		const first = await checkout(stoa, cart, { key });

		const second = await checkout(stoa, cart, { key });

		expect({ status: first.status, code: first.body.code }).toEqual({ status: 409, code: "out_of_stock" });
		expect(second.bytes.toString()).toBe(first.bytes.toString());
		expect([first, second].map(isReplayed)).toEqual([false, true]);
		expect(second.body.requestId).toBe(first.headers.get("x-request-id"));
	});

	it("of one guest says nothing to another", async () => {
		const { sku } = await aProduct(stoa, admin);
		const key = newKey();
		const [one, other] = [await aGuestCart(stoa, [{ sku, quantity: 1 }]), await aGuestCart(stoa, [{ sku, quantity: 1 }])];
		const orders = [await checkout(stoa, one, { key }), await checkout(stoa, other, { key })];
		expect(orders.map(({ status }) => status)).toEqual([201, 201]);
		expect(orders[0]!.body.id).not.toBe(orders[1]!.body.id);
	});

	it("survives a second start: the same bytes as before", async () => {
		const { sku } = await aProduct(stoa, admin);
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		const key = newKey();
		const first = await checkout(stoa, cart, { key });

		await stoa.restart();

		const again = await checkout(stoa, cart, { key });
		expect(again.bytes.equals(first.bytes)).toBe(true);
		expect(isReplayed(again)).toBe(true);
	});

	it("on a stock adjustment adds the delivery once", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 5 });
		const key = newKey();
		const adjust = () =>
			request(stoa, "POST", `/v1/inventory/${sku}/adjustments`, { token: admin.token, key, body: { delta: 5, reason: "delivery" } });
		const answers = await Promise.all(five.map(adjust));
		expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
		for (const { bytes } of answers) expect(bytes.equals(answers[0]!.bytes)).toBe(true);
		expect(await available(stoa, sku)).toBe(10);
	});
});

describe("a cart that was bought", () => {
	it("can neither be changed nor bought again", async () => {
		const { sku } = await aProduct(stoa, admin);
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		await checkout(stoa, cart);
		const { cartToken } = cart;

		const added = await request(stoa, "POST", `/v1/carts/${cart.id}/items`, { cartToken, body: { sku, quantity: 1 } });
		const again = await checkout(stoa, cart);

		for (const { status, body } of [added, again]) expect({ status, code: body.code }).toEqual({ status: 409, code: "cart_not_open" });
		expect((await get<Cart>(stoa, `/v1/carts/${cart.id}`, { cartToken })).status).toBe("completed");
	});

	it("is nothing when it was empty", async () => {
		const cart = await aGuestCart(stoa, []);
		const { status, body } = await checkout(stoa, cart);
		expect({ status, code: body.code }).toEqual({ status: 409, code: "cart_empty" });
	});
});
