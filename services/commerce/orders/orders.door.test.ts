import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Envelope, Page } from "../../../lib/vocabulary.ts";
import * as support from "../../../test/support/http.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import type { Cart } from "../carts/carts.contract.ts";
import type { Operation, Order, TimelineEntry } from "./orders.contract.ts";
import type { OrdersService } from "./orders.service.ts";

describe("orders at the door", () => {
	let stoa: Stoa;
	let admin: support.Person;
	let sku: string;
	beforeAll(async () => {
		stoa = await startStoa();
		admin = await support.anAdministrator(stoa);
		sku = (await support.aProduct(stoa, admin, { price: 2500, stock: 100 })).sku;
	});
	afterAll(() => stoa.stop());

	const cart = (wanted = sku) => support.aGuestCart(stoa, [{ sku: wanted, quantity: 1 }]);
	const tagOf = async (path: string, cartToken: string) => (await support.request(stoa, "GET", path, { cartToken })).headers.get("etag")!;
	const cancel = (id: string, cartToken: string, headers: Record<string, string> = {}) =>
		support.request<Order>(stoa, "POST", `/v1/orders/${id}/cancel`, {
			cartToken,
			key: support.newKey(),
			body: { reason: "second thoughts" },
			headers,
		});
	const buyAs = (held: { id: string; cartToken: string }, ifMatch: string) =>
		support.request<Order>(stoa, "POST", `/v1/carts/${held.id}/checkout`, {
			cartToken: held.cartToken,
			key: support.newKey(),
			headers: { "If-Match": ifMatch },
			body: { email: support.guestEmail, shippingAddress: support.anAddress, payment: { method: "card", token: "tok_visa" } },
		});
	const factsOf = async (key: string) =>
		(await support.get<Page<Envelope>>(stoa, `/v1/events?key=${key}&limit=100`, { token: admin.token })).data;

	describe("If-Match", () => {
		it("lets a cart be bought as the buyer saw it, or not at all", async () => {
			const held = await cart();
			const seen = await tagOf(`/v1/carts/${held.id}`, held.cartToken);
			await support.granted(
				200,
				support.request(stoa, "POST", `/v1/carts/${held.id}/items`, { cartToken: held.cartToken, body: { sku, quantity: 1 } }),
			);
			expect(await buyAs(held, seen)).toMatchObject({ status: 412, body: { code: "version_stale" } });
			expect(await support.get<Cart>(stoa, `/v1/carts/${held.id}`, { cartToken: held.cartToken })).toMatchObject({ status: "open" });
			expect((await buyAs(held, await tagOf(`/v1/carts/${held.id}`, held.cartToken))).status).toBe(201);
		});

		it("of the answer that made a guest's cart is as good as that of a read", async () => {
			const made = await support.request<Cart & { cartToken: string }>(stoa, "POST", "/v1/carts", {
				body: { items: [{ sku, quantity: 1 }] },
			});
			expect((await buyAs(made.body, made.headers.get("etag")!)).status).toBe(201);
		});

		it("keeps an order that changed since it was read from being cancelled", async () => {
			const { order, cart: held } = await support.aPaidOrder(stoa, [{ sku, quantity: 1 }]);
			expect(await cancel(order.id, held.cartToken, { "If-Match": '"older"' })).toMatchObject({ status: 412 });
			const seen = await tagOf(`/v1/orders/${order.id}`, held.cartToken);
			expect(await cancel(order.id, held.cartToken, { "If-Match": seen })).toMatchObject({ status: 200, body: { status: "cancelled" } });
		});
	});

	it("an expected total in a currency that the shop does not trade in is refused as such", async () => {
		const answer = await support.checkout(stoa, await cart(), { expectedTotal: { amount: 2500, currency: "USD" } });
		expect(answer).toMatchObject({ status: 422, body: { code: "currency_mismatch" } });
	});

	it("what costs nothing is paid when it is placed, and can be cancelled", async () => {
		const free = await support.aProduct(stoa, admin, { price: 0 });
		const { order, cart: held } = await support.aPaidOrder(stoa, [{ sku: free.sku, quantity: 1 }]);
		expect(order).toMatchObject({ paymentStatus: "captured", payments: [], totals: { total: { amount: 0 } } });
		const told = (await factsOf(order.id)).map(({ type }) => type).filter(type => type.startsWith("orders."));
		expect(told).toEqual(["orders.checkoutRequested", "orders.placed", "orders.paid"]);
		expect(await cancel(order.id, held.cartToken)).toMatchObject({ status: 200, body: { status: "cancelled" } });
	});

	it("a guest who cancels is named in the facts, with the request", async () => {
		const { order, cart: held } = await support.aPaidOrder(stoa, [{ sku, quantity: 1 }]);
		await cancel(order.id, held.cartToken, { "X-Request-Id": "cancelled-by-ada" });
		const told = (await factsOf(order.id)).filter(({ type }) => type === "orders.cancelled" || type === "payments.refunded");
		expect(told).toHaveLength(2);
		for (const fact of told) expect(fact).toMatchObject({ actor: { kind: "guest", id: held.id }, requestId: "cancelled-by-ada" });
	});

	it("an operation that came to nothing says why with every field that the refusal itself has", async () => {
		const held = await cart();
		const { operation } = (await support.checkout(stoa, held, { pay: "tok_authenticationRequired" })).body;
		const { paymentId } = operation!.nextAction!;
		await support.granted(204, support.request(stoa, "POST", `/v1/sandbox/authentications/${paymentId}`, { body: { outcome: "fail" } }));
		const ended = await support.eventually(
			() => support.get<Operation>(stoa, `/v1/operations/${operation!.id}`, { cartToken: held.cartToken }),
			({ status }) => status === "compensated",
		);
		expect(ended.problem).toMatchObject({ code: "card_declined", status: 422, declineCode: "authentication_failed", errors: [] });
	});

	it("what is kept of a checkout that is over tells neither the buyer nor the card's token", async () => {
		await support.aPaidOrder(stoa, [{ sku, quantity: 1 }]);
		await support.checkout(stoa, await cart(), { pay: "tok_chargeDeclined" });
		const { reader } = stoa.service<OrdersService>("orders").store;
		const rows = await reader.all<{ status: string; state: string }>("SELECT status, state FROM sagas WHERE kind = 'checkout'");
		expect(rows.map(({ status }) => status)).toEqual(expect.arrayContaining(["succeeded", "compensated"]));
		for (const { state } of rows) expect(state).not.toMatch(/tok_|example\.com|Market Walk/);
	});

	it("a refund that is heard of before the capture was recorded is not lost", async () => {
		const { order, cart: held } = await support.aPaidOrder(stoa, [{ sku, quantity: 1 }]);
		const { store } = stoa.service<OrdersService>("orders");
		// As a crash leaves it: the provider has captured, the checkout does not know yet.
		await store.transaction(async tx => {
			await tx.update("orders", { paymentStatus: "authorized", process: "opr_unfinished" }, { id: order.id });
		});
		const amount = support.eur(100);
		const body = { amount, reason: "goodwill" };
		const path = `/v1/payments/${order.payments[0]!.id}/refunds`;
		await support.granted(201, support.request(stoa, "POST", path, { token: admin.token, key: support.newKey(), body }));
		const seen = await support.eventually(
			() => support.get<Order>(stoa, `/v1/orders/${order.id}`, { cartToken: held.cartToken }),
			({ paymentStatus }) => paymentStatus !== "authorized",
		);
		expect(seen).toMatchObject({ paymentStatus: "partiallyRefunded", payments: [{ status: "partiallyRefunded" }] });
		const { data } = await support.get<Page<TimelineEntry>>(stoa, `/v1/orders/${order.id}/timeline`, { cartToken: held.cartToken });
		expect(data.map(({ type }) => type)).toEqual(["placed", "paid", "refunded"]);
	});
});
