import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Totals } from "../../lib/vocabulary.ts";
import type { Cart } from "../../services/commerce/carts/carts.contract.ts";
import {
	aGuestCart,
	anAdministrator,
	aProduct,
	available,
	checkout,
	eur,
	type Goods,
	get,
	granted,
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

const reprice = ({ productId, variantId }: Goods, amount: number) =>
	granted(
		200,
		request(stoa, "PATCH", `/v1/products/${productId}/variants/${variantId}`, { token: admin.token, body: { price: eur(amount) } }),
	);
const readCart = ({ id, cartToken }: { id: string; cartToken: string }) => get<Cart>(stoa, `/v1/carts/${id}`, { cartToken });

/** Two of a thing at 10.00, read by the buyer; then the price rose to 12.50. */
async function aRisenPrice() {
	const goods = await aProduct(stoa, admin, { price: 1000, stock: 5 });
	const cart = await aGuestCart(stoa, [{ sku: goods.sku, quantity: 2 }]);
	const expectedTotal = (await readCart(cart)).totals.total;
	await reprice(goods, 1250);
	return { goods, cart, expectedTotal };
}

describe("a price that rose after the buyer read it", () => {
	it("stops the checkout with the new totals, and holds nothing", async () => {
		const { goods, cart, expectedTotal } = await aRisenPrice();
		expect(expectedTotal).toEqual(eur(2000));
		const attempts = (await paymentsOf(stoa, admin, {})).length;

		const { status, body } = await checkout(stoa, cart, { expectedTotal });

		expect({ status, code: body.code }).toEqual({ status: 409, code: "price_changed" });
		const zero = eur(0);
		expect((body as { totals?: Totals }).totals).toEqual({ items: eur(2500), discount: zero, shipping: zero, tax: zero, total: eur(2500) });
		expect(await available(stoa, goods.sku)).toBe(5);
		expect((await readCart(cart)).status).toBe("open");
		expect((await paymentsOf(stoa, admin, {})).length).toBe(attempts);
	});

	it("is paid when the buyer agrees to the new total", async () => {
		const { cart, expectedTotal } = await aRisenPrice();
		await checkout(stoa, cart, { expectedTotal });
		const agreed = (await readCart(cart)).totals.total;
		expect(agreed).toEqual(eur(2500));
		expect(await checkout(stoa, cart, { expectedTotal: agreed })).toMatchObject({ status: 201, body: { totals: { total: eur(2500) } } });
	});

	it("is charged as it is when the buyer named no total", async () => {
		const { cart } = await aRisenPrice();
		const { status, body } = await checkout(stoa, cart);
		expect(status).toBe(201);
		expect(body.totals.total).toEqual(eur(2500));
		expect(await paymentsOf(stoa, admin, { orderId: body.id })).toMatchObject([{ status: "captured", captured: eur(2500) }]);
	});

	it("stops a checkout that agreed to the old total also when the price fell", async () => {
		const goods = await aProduct(stoa, admin, { price: 1000 });
		const cart = await aGuestCart(stoa, [{ sku: goods.sku, quantity: 1 }]);
		await reprice(goods, 900);
		expect(await checkout(stoa, cart, { expectedTotal: eur(1000) })).toMatchObject({ status: 409, body: { code: "price_changed" } });
	});

	it("leaves an order that was placed before as it was bought", async () => {
		const goods = await aProduct(stoa, admin, { price: 1000 });
		const cart = await aGuestCart(stoa, [{ sku: goods.sku, quantity: 1 }]);
		const { body: order } = await checkout(stoa, cart);
		await reprice(goods, 5000);
		expect(await get(stoa, `/v1/orders/${order.id}`, { cartToken: cart.cartToken })).toEqual(order);
	});
});

describe("a total in another currency", () => {
	it("is not the total", async () => {
		const { sku } = await aProduct(stoa, admin, { price: 1000 });
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		const { status, body } = await checkout(stoa, cart, { expectedTotal: { amount: 1000, currency: "USD" } });
		expect({ status, code: body.code }).toEqual({ status: 422, code: "currency_mismatch" });
	});
});

describe("a product taken out of the shop after it was put in a cart", () => {
	it("is named in the cart's problems and refused by the checkout", async () => {
		const { productId, sku } = await aProduct(stoa, admin);
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		expect((await request(stoa, "DELETE", `/v1/products/${productId}`, { token: admin.token })).status).toBe(204);
		expect((await readCart(cart)).problems).toMatchObject([{ code: "unavailable" }]);
		expect(await checkout(stoa, cart)).toMatchObject({ status: 409, body: { code: "out_of_stock" } });
		expect((await readCart(cart)).status).toBe("open");
	});
});
