import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Money, Page } from "../../lib/vocabulary.ts";
import type { Order, TimelineEntry } from "../../services/commerce/orders/orders.contract.ts";
import type { PaymentView, RefundView } from "../../services/commerce/payments/payments.contract.ts";
import {
	type Answer,
	type Asked,
	aCartOf,
	aGuestCart,
	anAdministrator,
	aPaidOrder,
	aProduct,
	aShopper,
	available,
	checkout,
	eur,
	eventually,
	get,
	newKey,
	type OrProblem,
	type Person,
	paymentsOf,
	request,
	staff,
} from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: Person;
let finance: Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
	finance = await staff(stoa, admin, "finance");
});
afterAll(() => stoa.stop());

const cancel = (orderId: string, asked: Asked) =>
	request<Order>(stoa, "POST", `/v1/orders/${orderId}/cancel`, { key: newKey(), body: { reason: "changed my mind" }, ...asked });
const orderOf = (orderId: string, asked: Asked) => get<Order>(stoa, `/v1/orders/${orderId}`, asked);
const onlyPaymentOf = async (orderId: string) => {
	const payments = await paymentsOf(stoa, admin, { orderId });
	expect(payments).toHaveLength(1);
	return payments[0]!;
};
const tellings = async (orderId: string, type: string) =>
	(await get<Page<{ type: string }>>(stoa, `/v1/events?key=${orderId}&type=${type}`, { token: admin.token })).data.length;

async function anOrderOfAShopper(stock = 5, quantity = 2) {
	const shopper = await aShopper(stoa);
	const { sku } = await aProduct(stoa, admin, { price: 1000, stock });
	const { body: order } = await checkout(stoa, await aCartOf(stoa, shopper, [{ sku, quantity }]));
	return { shopper, sku, order };
}

describe("cancelling before shipping", () => {
	it("brings the stock back and the money, once, and says so on the order's timeline", async () => {
		const { shopper, sku, order } = await anOrderOfAShopper();
		expect(await available(stoa, sku)).toBe(3);
		const { token } = shopper;

		const { status, body } = await cancel(order.id, { token });

		expect(status).toBe(200);
		expect(body).toMatchObject({ id: order.id, status: "cancelled", fulfilmentStatus: "cancelled", paymentStatus: "refunded" });
		expect(body.payments).toMatchObject([{ status: "refunded" }]);
		expect(await orderOf(order.id, { token })).toEqual(body);
		expect(await available(stoa, sku)).toBe(5);
		expect(await onlyPaymentOf(order.id)).toMatchObject({ status: "refunded", captured: eur(2000), refunded: eur(2000) });
		const { data } = await get<Page<TimelineEntry>>(stoa, `/v1/orders/${order.id}/timeline`, { token });
		expect(data.map(({ type }) => type)).toEqual(["placed", "paid", "cancelRequested", "cancelled"]);
	});

	it("twice is the same as once, with one key or with another", async () => {
		const { shopper, sku, order } = await anOrderOfAShopper();
		const { token } = shopper;
		const key = newKey();

		const first = await cancel(order.id, { token, key });
		const repeat = await cancel(order.id, { token, key });
		const another = await cancel(order.id, { token });

		expect([first.status, repeat.status, another.status]).toEqual([200, 200, 200]);
		expect(repeat.bytes.equals(first.bytes)).toBe(true);
		expect(repeat.headers.get("idempotent-replayed")).toBe("true");
		expect(another.body).toEqual(first.body);
		expect(await available(stoa, sku)).toBe(5);
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(2000));
		expect(await tellings(order.id, "payments.refunded")).toBe(1);
		expect(await tellings(order.id, "orders.cancelled")).toBe(1);
	});

	it("five times at once refunds once", async () => {
		const { shopper, sku, order } = await anOrderOfAShopper();
		const { token } = shopper;

		const answers = await Promise.all([1, 2, 3, 4, 5].map(() => cancel(order.id, { token })));

		for (const { status, body } of answers) expect({ status, cancelled: body.status }).toEqual({ status: 200, cancelled: "cancelled" });
		expect(await available(stoa, sku)).toBe(5);
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(2000));
		expect(await tellings(order.id, "payments.refunded")).toBe(1);
	});

	it("is open to a guest with the cart's token, and to no other guest", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 2 });
		const { order, cart } = await aPaidOrder(stoa, [{ sku, quantity: 2 }]);
		const stranger = await aGuestCart(stoa, []);

		expect((await cancel(order.id, { cartToken: stranger.cartToken })).status).toBe(404);
		expect((await cancel(order.id, {})).status).toBe(404);
		expect(await available(stoa, sku)).toBe(0);

		expect(await cancel(order.id, { cartToken: cart.cartToken })).toMatchObject({ status: 200, body: { status: "cancelled" } });
		expect(await available(stoa, sku)).toBe(2);
	});

	it("is open to support, for whoever calls", async () => {
		const support = await staff(stoa, admin, "support");
		const { order } = await anOrderOfAShopper();
		expect(await cancel(order.id, { token: support.token })).toMatchObject({ status: 200, body: { status: "cancelled" } });
		// Reading orders is not writing them.
		const other = await anOrderOfAShopper();
		expect((await cancel(other.order.id, { token: finance.token })).status).toBe(404);
	});

	it("while the checkout is still under way leaves nothing held, whoever is faster", async () => {
		const { sku } = await aProduct(stoa, admin, { price: 1000, stock: 1 });
		const cart = await aGuestCart(stoa, [{ sku, quantity: 1 }]);
		const checkingOut = checkout(stoa, cart);
		const placed = await eventually(
			() => get<Page<Order>>(stoa, "/v1/orders?limit=1", { token: admin.token }),
			({ data }) => data[0]?.cartId === cart.id,
		);
		const orderId = placed.data[0]!.id;
		const { cartToken } = cart;

		const [bought, cancelled] = await Promise.all([checkingOut, cancel(orderId, { cartToken })]);

		expect(bought.status).toBe(201);
		expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled" } });
		expect(await available(stoa, sku)).toBe(1);
		const { captured, refunded, status } = await onlyPaymentOf(orderId);
		expect(captured).toEqual(refunded);
		expect(["voided", "refunded"]).toContain(status);
		expect((await orderOf(orderId, { cartToken })).paymentStatus).toBe(status);
	});
});

type Refunding = { amount: Money } | { items: { itemId: string; quantity: number }[] };
const refund = (paymentId: string, what: Refunding, asked: Asked = {}): Promise<Answer<OrProblem<RefundView>>> =>
	request(stoa, "POST", `/v1/payments/${paymentId}/refunds`, {
		token: finance.token,
		key: newKey(),
		body: { ...what, reason: "damaged" },
		...asked,
	});
const paymentStatusOf = (orderId: string, wanted: Order["paymentStatus"]) =>
	eventually(
		() => orderOf(orderId, { token: admin.token }),
		({ paymentStatus }) => paymentStatus === wanted,
	);

async function aPaidPayment(price: number, quantity: number) {
	const { sku } = await aProduct(stoa, admin, { price, stock: quantity });
	const { order, cart } = await aPaidOrder(stoa, [{ sku, quantity }]);
	return { sku, order, cart, paymentId: order.payments[0]!.id };
}

describe("refunding an amount", () => {
	it("shows on the payment at once and on the order soon; the stock stays sold", async () => {
		const { sku, order, paymentId } = await aPaidPayment(1000, 3);

		const answer = await refund(paymentId, { amount: eur(1) });
		expect(answer.status).toBe(201);
		expect(answer.body).toMatchObject({ paymentId, amount: eur(1), reason: "damaged", status: "succeeded" });
		expect(await onlyPaymentOf(order.id)).toMatchObject({ status: "partiallyRefunded", captured: eur(3000), refunded: eur(1) });
		expect((await paymentStatusOf(order.id, "partiallyRefunded")).payments).toMatchObject([{ status: "partiallyRefunded" }]);

		expect((await refund(paymentId, { amount: eur(2999) })).status).toBe(201);
		await paymentStatusOf(order.id, "refunded");
		expect(await onlyPaymentOf(order.id)).toMatchObject({ status: "refunded", refunded: eur(3000) });
		expect(await available(stoa, sku)).toBe(0);
	});

	it("never goes above what was captured", async () => {
		const { order, paymentId } = await aPaidPayment(1000, 1);
		expect(await refund(paymentId, { amount: eur(1001) })).toMatchObject({ status: 422, body: { code: "refund_exceeds_captured" } });
		expect((await refund(paymentId, { amount: eur(600) })).status).toBe(201);
		expect(await refund(paymentId, { amount: eur(401) })).toMatchObject({ status: 422, body: { code: "refund_exceeds_captured" } });
		expect((await refund(paymentId, { amount: eur(400) })).status).toBe(201);
		expect(await refund(paymentId, { amount: eur(1) })).toMatchObject({ status: 422, body: { code: "refund_exceeds_captured" } });
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(1000));
	});

	it("ten times at once, three of which fit, gives three", async () => {
		const { order, paymentId } = await aPaidPayment(1000, 1);
		const answers = await Promise.all(Array.from({ length: 10 }, () => refund(paymentId, { amount: eur(300) })));
		expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
		for (const { status, body } of answers.filter(answer => answer.status !== 201))
			expect({ status, code: body.code }).toEqual({ status: 422, code: "refund_exceeds_captured" });
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(900));
		expect(await tellings(order.id, "payments.refunded")).toBe(3);
	});

	it("five times at once with one key is one refund and five answers of the same bytes", async () => {
		const { order, paymentId } = await aPaidPayment(1000, 1);
		const key = newKey();
		const answers = await Promise.all(Array.from({ length: 5 }, () => refund(paymentId, { amount: eur(100) }, { key })));
		for (const { status, bytes } of answers)
			expect({ status, text: bytes.toString() }).toEqual({ status: 201, text: answers[0]!.bytes.toString() });
		expect(answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true")).toHaveLength(4);
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(100));
	});

	it("is refused in another currency, of nothing, and of less than nothing", async () => {
		const { paymentId } = await aPaidPayment(1000, 1);
		expect(await refund(paymentId, { amount: { amount: 100, currency: "USD" } })).toMatchObject({
			status: 422,
			body: { code: "currency_mismatch" },
		});
		for (const amount of [0, -100, 1.5])
			expect(await refund(paymentId, { amount: { amount, currency: "EUR" } })).toMatchObject({
				status: 422,
				body: { code: "validation_failed" },
			});
	});

	it("is for those who may: the buyer and support may not", async () => {
		const { shopper, order } = await anOrderOfAShopper();
		const support = await staff(stoa, admin, "support");
		for (const { token } of [shopper, support])
			expect(await refund(order.payments[0]!.id, { amount: eur(1) }, { token })).toMatchObject({
				status: 403,
				body: { code: "permission_missing" },
			});
	});
});

describe("refunding items", () => {
	it("gives the k-th unit its share, so that all units together are the whole line", async () => {
		const { order, paymentId } = await aPaidPayment(333, 3);
		const itemId = order.items[0]!.id;
		const amounts: number[] = [];
		for (let unit = 0; unit < 3; unit++) amounts.push((await refund(paymentId, { items: [{ itemId, quantity: 1 }] })).body.amount.amount);
		expect(amounts).toEqual([333, 333, 333]);
		expect(await onlyPaymentOf(order.id)).toMatchObject({ status: "refunded", refunded: eur(999) });
		expect((await refund(paymentId, { items: [{ itemId, quantity: 1 }] })).status).toBe(422);
	});

	it("two at once of the same last unit is one", async () => {
		const { order, paymentId } = await aPaidPayment(500, 2);
		const itemId = order.items[0]!.id;
		expect((await refund(paymentId, { items: [{ itemId, quantity: 1 }] })).status).toBe(201);

		const answers = await Promise.all([1, 2].map(() => refund(paymentId, { items: [{ itemId, quantity: 1 }] })));

		expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(1000));
	});

	it("refuses an item that is not in the order, and more of one than was bought", async () => {
		const { order, paymentId } = await aPaidPayment(500, 2);
		const strange = await aPaidPayment(500, 1);
		expect((await refund(paymentId, { items: [{ itemId: strange.order.items[0]!.id, quantity: 1 }] })).status).toBe(422);
		expect((await refund(paymentId, { items: [{ itemId: order.items[0]!.id, quantity: 3 }] })).status).toBe(422);
		expect((await onlyPaymentOf(order.id)).refunded).toEqual(eur(0));
	});
});

describe("refund and cancel together", () => {
	it("a cancel after a part was refunded gives back the rest, no more", async () => {
		const { order, cart, paymentId } = await aPaidPayment(1000, 1);
		await refund(paymentId, { amount: eur(300) });
		await paymentStatusOf(order.id, "partiallyRefunded");

		const { status, body } = await cancel(order.id, { cartToken: cart.cartToken });

		expect(status).toBe(200);
		expect(body).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
		expect(await onlyPaymentOf(order.id)).toMatchObject({ status: "refunded", captured: eur(1000), refunded: eur(1000) });
	});

	it("at the same moment give back what was captured, no more", async () => {
		const { order, cart, paymentId } = await aPaidPayment(1000, 1);

		const [refunded, cancelled] = await Promise.all([
			refund(paymentId, { amount: eur(300) }),
			cancel(order.id, { cartToken: cart.cartToken }),
		]);

		expect([201, 422]).toContain(refunded.status);
		expect(cancelled.status).toBe(200);
		const payment: PaymentView = await onlyPaymentOf(order.id);
		expect(payment).toMatchObject({ status: "refunded", refunded: eur(1000) });
		await paymentStatusOf(order.id, "refunded");
	});
});
