import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../lib/contract.ts";
import type { Envelope, Page } from "../../lib/vocabulary.ts";
import type { Cart } from "../../services/commerce/carts/carts.contract.ts";
import type { Order, TimelineEntry } from "../../services/commerce/orders/orders.contract.ts";
import type { PaymentView } from "../../services/commerce/payments/payments.contract.ts";
import { type Notification, ofOrder } from "../../services/notification/notifications/notifications.contract.ts";
import { type AuditEntry, verify } from "../../services/platform/audit/audit.contract.ts";
import {
	aCartOf,
	aGuestCart,
	anAddress,
	anAdministrator,
	aPaidOrder,
	aProduct,
	aShopper,
	available,
	checkout,
	eur,
	eventually,
	get,
	guestEmail,
	type Person,
	paymentsOf,
	request,
	signIn,
} from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
});
afterAll(() => stoa.stop());

const timelineOf = async (orderId: string, asked: { token?: string; cartToken?: string }) =>
	(await get<Page<TimelineEntry>>(stoa, `/v1/orders/${orderId}/timeline`, asked)).data.map(({ type }) => type);
const factsOf = async (orderId: string) =>
	(await get<Page<Envelope>>(stoa, `/v1/events?key=${orderId}&limit=100`, { token: admin.token })).data;
const auditOf = async (orderId: string) =>
	(await get<Page<AuditEntry>>(stoa, `/v1/audit?key=${orderId}&limit=100`, { token: admin.token })).data;
const facts = ["orders.checkoutRequested", "orders.paid", "orders.placed", "payments.authorized", "payments.captured"];

describe("a guest's first order", () => {
	it("is priced by the shop, charged once, and opened by the cart's token", async () => {
		const strap = await aProduct(stoa, admin, { price: 1999, stock: 5 });
		const watch = await aProduct(stoa, admin, { price: 24_900, stock: 5 });
		const cart = await aGuestCart(stoa, [
			{ sku: strap.sku, quantity: 2 },
			{ sku: watch.sku, quantity: 1 },
		]);

		const answer = await checkout(stoa, cart);

		expect(answer.status).toBe(201);
		const order = answer.body;
		expect(answer.headers.get("location")).toBe(`/v1/orders/${order.id}`);
		expect(answer.headers.get("idempotent-replayed")).toBeNull();
		const none = eur(0);
		const totals = { items: eur(28_898), discount: none, shipping: none, tax: none, total: eur(28_898) };
		expect(order).toMatchObject({ cartId: cart.id, userId: null, email: guestEmail, shippingAddress: anAddress, totals });
		expect(order).toMatchObject({ status: "confirmed", paymentStatus: "captured", fulfilmentStatus: "unfulfilled" });
		expect(order.items.map(({ sku, quantity, unitPrice, total }) => ({ sku, quantity, unitPrice, total }))).toEqual([
			{ sku: strap.sku, quantity: 2, unitPrice: eur(1999), total: eur(3998) },
			{ sku: watch.sku, quantity: 1, unitPrice: eur(24_900), total: eur(24_900) },
		]);
		expect(order.payments).toMatchObject([{ method: "card", amount: eur(28_898), status: "captured" }]);

		const { cartToken } = cart;
		const read = await request<Order>(stoa, "GET", `/v1/orders/${order.id}`, { cartToken });
		expect(read.body).toEqual(order);
		expect(read.headers.get("etag")).toMatch(/^"[^"]+"$/);
		expect(await timelineOf(order.id, { cartToken })).toEqual(["placed", "paid"]);
		expect(await get<Cart>(stoa, `/v1/carts/${cart.id}`, { cartToken })).toMatchObject({ status: "completed", orderId: order.id });
		expect(await available(stoa, strap.sku)).toBe(3);
		expect(await available(stoa, watch.sku)).toBe(4);
	});

	it("is one captured payment, five facts told once each, one audit entry per fact and one email", async () => {
		const { sku } = await aProduct(stoa, admin);
		const { order } = await aPaidOrder(stoa, [{ sku, quantity: 1 }]);

		const { total } = order.totals;
		expect(await paymentsOf(stoa, admin, { orderId: order.id })).toMatchObject([
			{ status: "captured", amount: total, captured: total, refunded: eur(0) },
		]);
		expect((await factsOf(order.id)).map(({ type }) => type).sort()).toEqual(facts);
		const entries = await eventually(
			() => auditOf(order.id),
			seen => seen.length >= facts.length,
		);
		expect(entries.map(({ action }) => action).sort()).toEqual(facts);
		expect(await ask(stoa.broker, verify, {})).toMatchObject({ intact: true });
		const told = await eventually(
			() => ask(stoa.broker, ofOrder, { orderId: order.id }),
			({ data }) => data.length > 0,
		);
		expect(told.data).toMatchObject([{ type: "order.confirmed", channel: "email", status: "kept" }]);
		expect(told.data[0]!.body).toContain(order.number);
	});

	it("keeps email, name, address and card token out of every fact and every audit entry", async () => {
		const { sku } = await aProduct(stoa, admin);
		const { order } = await aPaidOrder(stoa, [{ sku, quantity: 1 }]);
		const entries = await eventually(
			() => auditOf(order.id),
			seen => seen.length >= facts.length,
		);
		const kept = JSON.stringify([await factsOf(order.id), entries]);
		for (const secret of [guestEmail, anAddress.name, anAddress.line1, "tok_visa", "127.0.0.1"]) expect(kept).not.toContain(secret);
	});
});

describe("a signed-in customer's order", () => {
	it("takes the account's email, and stands in its orders, payments and notifications", async () => {
		const shopper = await aShopper(stoa);
		const { token } = shopper;
		const { sku } = await aProduct(stoa, admin);
		const { status, body: order } = await checkout(stoa, await aCartOf(stoa, shopper, [{ sku, quantity: 1 }]));

		expect(status).toBe(201);
		expect(order).toMatchObject({ userId: shopper.id, email: shopper.email, paymentStatus: "captured" });
		expect((await get<Page<Order>>(stoa, "/v1/orders", { token })).data).toEqual([await get(stoa, `/v1/orders/${order.id}`, { token })]);
		const payment = await get<PaymentView>(stoa, `/v1/payments/${order.payments[0]!.id}`, { token });
		expect(payment).toMatchObject({
			orderId: order.id,
			provider: "sandbox",
			method: "card",
			status: "captured",
			captured: order.totals.total,
		});
		const told = await eventually(
			() => get<Page<Notification>>(stoa, "/v1/notifications", { token }),
			({ data }) => data.length >= 2,
		);
		expect(told.data.map(({ type, channel }) => [type, channel]).sort()).toEqual([
			["order.confirmed", "email"],
			["order.confirmed", "inApp"],
		]);
	});

	it("leaves the customer free to fill another cart", async () => {
		const shopper = await aShopper(stoa);
		const { sku } = await aProduct(stoa, admin);
		const first = await aCartOf(stoa, shopper, [{ sku, quantity: 1 }]);
		await checkout(stoa, first);
		const second = await aCartOf(stoa, shopper, [{ sku, quantity: 1 }]);
		expect(second.id).not.toBe(first.id);
		expect((await checkout(stoa, second)).status).toBe(201);
	});
});

describe("a second start", () => {
	it("keeps orders, payments, stock, carts, sessions, facts and the audit chain, and sells on", async () => {
		const shopper = await aShopper(stoa);
		const { token } = shopper;
		const { sku } = await aProduct(stoa, admin, { stock: 3 });
		const { body: order } = await checkout(stoa, await aCartOf(stoa, shopper, [{ sku, quantity: 1 }]));
		const waiting = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		const before = {
			facts: await factsOf(order.id),
			payments: await paymentsOf(stoa, admin, { orderId: order.id }),
			audit: await eventually(
				() => auditOf(order.id),
				seen => seen.length >= facts.length,
			),
		};

		await stoa.restart();

		expect(await get(stoa, `/v1/orders/${order.id}`, { token })).toEqual(order);
		expect(await factsOf(order.id)).toEqual(before.facts);
		expect(await paymentsOf(stoa, admin, { orderId: order.id })).toEqual(before.payments);
		expect(await auditOf(order.id)).toEqual(before.audit);
		expect(await ask(stoa.broker, verify, {})).toMatchObject({ intact: true });
		expect(await available(stoa, sku)).toBe(2);
		expect((await signIn(stoa, shopper)).id).toBe(shopper.id);
		expect((await checkout(stoa, waiting)).status).toBe(201);
		expect(await available(stoa, sku)).toBe(1);
	});
});
