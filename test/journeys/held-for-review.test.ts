// A purchase that somebody looks at first, from the buyer's side and from the analyst's.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "../../lib/vocabulary.ts";
import type { Cart } from "../../services/commerce/carts/carts.contract.ts";
import type { Operation, Order, TimelineEntry } from "../../services/commerce/orders/orders.contract.ts";
import type { Case } from "../../services/risk/fraud/cases.contract.ts";
import * as shop from "../support/http.ts";
import { aRule } from "../support/rules.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: shop.Person;
let analyst: shop.Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await shop.anAdministrator(stoa);
	analyst = await shop.staff(stoa, admin, "risk");
	const when = (value: number) => ({ fact: "amount", operator: "gte" as const, value });
	const rules = [
		aRule({ id: "large-purchase", when: when(100_000), outcome: "review", scope: "session" }),
		aRule({ id: "absurd-purchase", when: when(1_000_000), outcome: "block", scope: "session" }),
	];
	await shop.granted(200, shop.request(stoa, "PUT", "/v1/fraud/rules", { token: analyst.token, body: { rules } }));
});
afterAll(() => stoa.stop());

async function aHeldOrder() {
	const { sku } = await shop.aProduct(stoa, admin, { price: 120_000, stock: 1 });
	const cart = await shop.aGuestCart(stoa, [{ sku, quantity: 1 }]);
	const key = shop.newKey();
	const { operation } = await shop.granted(202, shop.checkout(stoa, cart, { key }));
	const { data } = await shop.get<Page<Order>>(stoa, "/v1/orders?status=onHold&limit=100", { token: admin.token });
	const order = data.find(({ cartId }) => cartId === cart.id)!;
	return { sku, cart, key, operation: operation!, order };
}

const operationOf = ({ id }: Operation, { cartToken }: { cartToken: string }) =>
	shop.get<Operation>(stoa, `/v1/operations/${id}`, { cartToken });
const orderOf = ({ id }: Order, { cartToken }: { cartToken: string }) => shop.get<Order>(stoa, `/v1/orders/${id}`, { cartToken });
const over = ({ status }: Operation) => status !== "pending" && status !== "compensating";

async function decide(orderId: string, decision: "falsePositive" | "confirmed"): Promise<void> {
	const { token } = analyst;
	const cases = () => shop.get<Page<Case>>(stoa, "/v1/fraud/cases?status=open&limit=100", { token });
	const { data } = await shop.eventually(cases, page => page.data.some(one => one.orderId === orderId));
	const { id } = data.find(one => one.orderId === orderId)!;
	await shop.granted(200, shop.request(stoa, "POST", `/v1/fraud/cases/${id}/claim`, { token }));
	await shop.granted(200, shop.request(stoa, "POST", `/v1/fraud/cases/${id}/decision`, { token, body: { decision } }));
}

describe("a purchase that is looked at first", () => {
	it("is pending for its buyer, who can read the order and has nothing to do", async () => {
		const { cart, operation, order, sku } = await aHeldOrder();
		expect(operation).toMatchObject({ status: "pending" });
		expect(operation).not.toHaveProperty("nextAction");
		expect(await orderOf(order, cart)).toMatchObject({ status: "onHold", paymentStatus: "authorized" });
		expect(await shop.paymentsOf(stoa, admin, { orderId: order.id })).toMatchObject([{ status: "authorized" }]);
		expect(await shop.available(stoa, sku)).toBe(0);
		expect(await shop.checkout(stoa, cart)).toMatchObject({ status: 409, body: { code: "cart_not_open" } });
	});

	it("goes on when the analyst finds nothing wrong", async () => {
		const { cart, key, operation, order } = await aHeldOrder();
		await decide(order.id, "falsePositive");
		const ended = await shop.eventually(() => operationOf(operation, cart), over);
		expect(ended).toMatchObject({ status: "succeeded", result: { orderId: order.id } });
		expect(await orderOf(order, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured" });
		expect(await shop.checkout(stoa, cart, { key })).toMatchObject({ status: 201, body: { id: order.id, status: "confirmed" } });
	});

	it("is undone when the analyst finds fraud; nobody is told which rule it was", async () => {
		const { cart, key, operation, order, sku } = await aHeldOrder();
		await decide(order.id, "confirmed");
		const ended = await shop.eventually(() => operationOf(operation, cart), over);
		expect(ended).toMatchObject({ status: "compensated", problem: { code: "fraud_rejected" } });
		const refused = await shop.checkout(stoa, cart, { key });
		expect(refused).toMatchObject({ status: 422, body: { code: "fraud_rejected" } });
		const { data } = await shop.get<Page<TimelineEntry>>(stoa, `/v1/orders/${order.id}/timeline`, { cartToken: cart.cartToken });
		expect(`${refused.bytes}${JSON.stringify([ended, data])}`).not.toMatch(/large-purchase|100000|score/);
		expect(await orderOf(order, cart)).toMatchObject({ status: "cancelled", paymentStatus: "voided" });
		expect(await shop.available(stoa, sku)).toBe(1);
	});

	it("can be cancelled by its buyer meanwhile", async () => {
		const { cart, order, sku } = await aHeldOrder();
		const asked = { cartToken: cart.cartToken, key: shop.newKey(), body: { reason: "second thoughts" } };
		const cancelled = await shop.request<Order>(stoa, "POST", `/v1/orders/${order.id}/cancel`, asked);
		expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled", paymentStatus: "voided" } });
		expect(await shop.available(stoa, sku)).toBe(1);
	});
});

it("a purchase that is blocked is refused, holds nothing and leaves the cart open", async () => {
	const { sku } = await shop.aProduct(stoa, admin, { price: 1_200_000, stock: 1 });
	const { id, cartToken } = await shop.aGuestCart(stoa, [{ sku, quantity: 1 }]);
	const { status, body, bytes } = await shop.checkout(stoa, { id, cartToken });
	expect({ status, code: body.code }).toEqual({ status: 422, code: "fraud_rejected" });
	expect(bytes.toString()).not.toMatch(/absurd|1000000|score/);
	expect(await shop.get<Cart>(stoa, `/v1/carts/${id}`, { cartToken })).toMatchObject({ status: "open" });
	expect(await shop.available(stoa, sku)).toBe(1);
});
