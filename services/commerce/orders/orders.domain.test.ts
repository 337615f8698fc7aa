import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { newId } from "../../../lib/ids.ts";
import { sumMoney } from "../../../lib/money.ts";
import type { SagaRecord } from "../../../lib/saga.ts";
import type { Order } from "./orders.contract.ts";
import {
	assertCancellable,
	type CartLine,
	isChallenged,
	moneyMoved,
	placeOrder,
	priceCart,
	type Quote,
	refundOfItems,
	riskOf,
	verdictOn,
} from "./orders.domain.ts";
import { operationOf } from "./orders.operations.ts";

const now = Date.UTC(2026, 0, 5, 9);
const eur = (amount: number) => ({ amount, currency: "EUR" });
const productId = newId("prd", now);
const paymentId = newId("pay", now);

const line = (sku: string, quantity: number): CartLine => ({ id: newId("itm", now), sku, productId, name: `${sku} then`, quantity });
const quote = (sku: string, amount: number, changes: Partial<Quote> = {}): Quote => ({
	sku,
	productId,
	name: `${sku} now`,
	price: eur(amount),
	active: true,
	...changes,
});
const refusal = (type: string, data: object = {}) => expect.objectContaining({ type, data: expect.objectContaining(data) });

function anOrder(lines: readonly { quantity: number; price: number }[], changes: Partial<Order> = {}): Order {
	const cart = lines.map(({ quantity }, at) => line(`SKU-${at}`, quantity));
	const quotes = lines.map(({ price }, at) => quote(`SKU-${at}`, price));
	const order = placeOrder({
		orderId: newId("ord", now),
		sequence: 1001,
		placedAt: now,
		cartId: newId("crt", now),
		userId: null,
		email: "guest@example.com",
		shippingAddress: { name: "Ada Buyer", line1: "1 Market Walk", city: "Athens", postalCode: "10555", country: "GR" },
		priced: priceCart(cart, quotes, "EUR", undefined),
		payments: [{ id: paymentId, method: "card", amount: eur(1), status: "authorized" }],
		isHeld: false,
		riskUnavailable: false,
	});
	return { ...order, ...changes };
}

const bought = fc.array(fc.record({ quantity: fc.integer({ min: 1, max: 50 }), price: fc.integer({ min: 0, max: 1_000_000 }) }), {
	minLength: 1,
	maxLength: 8,
});

describe("what risk says of a checkout", () => {
	const given = (amount: number, canChallenge = true, isFlagged = false) => ({ amount, passBelow: 10_000, canChallenge, isFlagged });
	const saying = (outcome: "allow" | "challenge" | "review" | "block", isFlagged = false) => ({ outcome, isFlagged });

	it("is followed as it is", () => {
		for (const outcome of ["allow", "challenge", "review"] as const) {
			const expected = { outcome, isChallenged: outcome === "challenge", isUnavailable: false };
			expect(riskOf(saying(outcome), given(50_000))).toEqual(expected);
		}
		expect(() => riskOf(saying("block"), given(1))).toThrow(refusal("fraud_rejected"));
		expect(() => riskOf(saying("block", true), given(1))).toThrow(refusal("fraud_rejected"));
	});

	it("is a review where nobody can challenge the buyer", () => {
		const reviewed = { outcome: "review", isChallenged: false, isUnavailable: false };
		expect(riskOf(saying("challenge"), given(1, false))).toEqual(reviewed);
		expect(riskOf(saying("review", true), given(1, false))).toEqual(reviewed);
		expect(riskOf(saying("allow"), given(1, false))).toMatchObject({ outcome: "allow" });
	});

	it("never spares a flagged buyer their bank, also where the order is looked at", () => {
		expect(riskOf(saying("challenge", true), given(1))).toMatchObject({ outcome: "challenge", isChallenged: true });
		expect(riskOf(saying("review", true), given(1))).toMatchObject({ outcome: "review", isChallenged: true });
		expect(riskOf(saying("review"), given(1, true, true))).toMatchObject({ isChallenged: false });
	});

	it("is not waited for below the limit, and is an analyst's from the limit on", () => {
		const unjudged = { isChallenged: false, isUnavailable: true };
		expect(riskOf(undefined, given(9999, false))).toEqual({ outcome: "allow", ...unjudged });
		expect(riskOf(undefined, given(10_000, false))).toEqual({ outcome: "review", ...unjudged });
	});

	it("is not needed to challenge whoever is known to be flagged", () => {
		expect(riskOf(undefined, given(9999, true, true))).toEqual({ outcome: "challenge", isChallenged: true, isUnavailable: true });
		expect(riskOf(undefined, given(10_000, true, true))).toEqual({ outcome: "review", isChallenged: true, isUnavailable: true });
		expect(riskOf(undefined, given(1, false, true))).toEqual({ outcome: "review", isChallenged: false, isUnavailable: true });
	});

	it("is understood as an earlier version of us kept it", () => {
		expect(isChallenged({ outcome: "challenge", isUnavailable: false })).toBe(true);
		expect(isChallenged({ outcome: "review", isUnavailable: false })).toBe(false);
		expect(isChallenged({ outcome: "review", isChallenged: true, isUnavailable: false })).toBe(true);
		expect(isChallenged(null)).toBe(false);
	});

	it("by an analyst counts less than the buyer's own cancel", () => {
		expect(verdictOn({ cancelRequest: null }, null)).toBeUndefined();
		expect(verdictOn({ cancelRequest: null }, "rejected")).toBe("rejected");
		expect(verdictOn({ cancelRequest: {} }, "approved")).toBe("withdrawn");
	});
});

describe("pricing a cart", () => {
	it("takes name and price of today, and keeps the lines in their order", () => {
		const lines = [line("STRAP", 2), line("WATCH", 1)];
		const { items, totals } = priceCart(lines, [quote("WATCH", 25_000), quote("STRAP", 1000)], "EUR", undefined);
		expect(items).toEqual([
			expect.objectContaining({ id: lines[0]!.id, sku: "STRAP", name: "STRAP now", quantity: 2, unitPrice: eur(1000), total: eur(2000) }),
			expect.objectContaining({
				id: lines[1]!.id,
				sku: "WATCH",
				name: "WATCH now",
				quantity: 1,
				unitPrice: eur(25_000),
				total: eur(25_000),
			}),
		]);
		expect(totals).toEqual({ items: eur(27_000), discount: eur(0), shipping: eur(0), tax: eur(0), total: eur(27_000) });
	});

	it.each([
		["unknown to the catalogue", []],
		["archived", [quote("STRAP", 1000, { active: false })]],
		["priced in another currency", [quote("STRAP", 1000, { price: { amount: 1000, currency: "USD" } })]],
	])("refuses a line that is %s, and names it", (_, quotes) => {
		const price = () => priceCart([line("WATCH", 1), line("STRAP", 2)], [quote("WATCH", 1), ...quotes], "EUR", undefined);
		expect(price).toThrow(
			refusal("out_of_stock", { errors: [{ pointer: "/items/1", code: "unavailable", detail: "STRAP is no longer sold" }] }),
		);
	});

	it("refuses another total than the buyer agreed to, and says which it is now", () => {
		const price = (expected: number, currency = "EUR") =>
			priceCart([line("STRAP", 2)], [quote("STRAP", 1000)], "EUR", { amount: expected, currency });
		expect(price(2000).totals.total).toEqual(eur(2000));
		for (const wrong of [1999, 2001, 0]) expect(() => price(wrong)).toThrow(refusal("price_changed", { totals: price(2000).totals }));
		expect(() => price(2000, "USD")).toThrow(refusal("price_changed"));
	});

	it("sums to the cent, whatever is in the cart", () => {
		fc.assert(
			fc.property(bought, lines => {
				const { items, totals } = anOrder(lines);
				const ofLines = (part: "discount" | "tax" | "total") =>
					sumMoney(
						items.map(item => item[part]),
						"EUR",
					).amount;
				expect(totals.items.amount).toBe(lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0));
				expect(totals.total.amount).toBe(totals.items.amount - totals.discount.amount + totals.shipping.amount + totals.tax.amount);
				expect(ofLines("total") + totals.shipping.amount).toBe(totals.total.amount);
				expect([ofLines("discount"), ofLines("tax")]).toEqual([totals.discount.amount, totals.tax.amount]);
			}),
		);
	});
});

describe("refunding items of an order", () => {
	type Asked = { itemId: string; quantity: number };
	const refundOne = (order: Order, asked: Asked[], prior: ReturnType<typeof refundOfItems>["items"]) => refundOfItems(order, asked, prior);

	it("gives back exactly what was paid for a line, however its units are divided among refunds", () => {
		const division = fc.record({ units: fc.integer({ min: 1, max: 40 }), price: fc.integer({ min: 0, max: 99_999 }), odd: fc.nat(39) });
		fc.assert(
			fc.property(division, fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 40 }), ({ units, price, odd }, parts) => {
				// A total that the units do not divide, as a discount leaves it.
				const order = anOrder([{ quantity: units, price }]);
				const [item] = order.items;
				const total = Math.max(0, item!.total.amount - odd);
				const discounted: Order = { ...order, items: [{ ...item!, total: eur(total) }] };
				let left = units;
				let prior: ReturnType<typeof refundOfItems>["items"] = [];
				for (const part of [...parts, units]) {
					const quantity = Math.min(part, left);
					if (quantity === 0) break;
					const { amount, items } = refundOne(discounted, [{ itemId: item!.id, quantity }], prior);
					expect(amount.amount).toBeGreaterThanOrEqual(0);
					expect(amount).toEqual(
						sumMoney(
							items.map(refund => refund.amount),
							"EUR",
						),
					);
					prior = [...prior, ...items];
					left -= quantity;
				}
				expect(left).toBe(0);
				expect(
					sumMoney(
						prior.map(({ amount }) => amount),
						"EUR",
					),
				).toEqual(eur(total));
			}),
		);
	});

	it("is the same for one request with two lines of an item as for two requests", () => {
		fc.assert(
			fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(9999), fc.nat(28), (units, price, first) => {
				const order = anOrder([{ quantity: units, price }]);
				const itemId = order.items[0]!.id;
				const one = Math.min(first + 1, units - 1);
				const asked = [one, units - one].map(quantity => ({ itemId, quantity }));
				const together = refundOne(order, asked, []);
				const before = refundOne(order, [asked[0]!], []);
				const after = refundOne(order, [asked[1]!], before.items);
				expect(together.items).toEqual([...before.items, ...after.items]);
			}),
		);
	});

	it("refuses more units than are left, and items that are not in the order", () => {
		const order = anOrder([{ quantity: 3, price: 1000 }]);
		const itemId = order.items[0]!.id;
		const { items: prior } = refundOne(order, [{ itemId, quantity: 2 }], []);
		const flaw = (pointer: string, left: number) =>
			refusal("refund_not_in_order", { errors: [{ pointer, code: "refund_not_in_order", detail: `${left} left to refund` }] });
		expect(() => refundOne(order, [{ itemId, quantity: 2 }], prior)).toThrow(flaw("/items/0", 1));
		const twice = [
			{ itemId, quantity: 1 },
			{ itemId, quantity: 1 },
		];
		expect(() => refundOne(order, twice, prior)).toThrow(flaw("/items/1", 0));
		expect(() => refundOne(order, [{ itemId: newId("itm", now), quantity: 1 }], [])).toThrow(flaw("/items/0", 0));
	});
});

describe("the money of an order", () => {
	const moves = ["captured", "voided", "partlyRefunded", "refunded"] as const;
	const allowed = {
		authorized: { captured: "captured", voided: "voided", partlyRefunded: "partiallyRefunded", refunded: "refunded" },
		captured: { partlyRefunded: "partiallyRefunded", refunded: "refunded" },
		partiallyRefunded: { partlyRefunded: "partiallyRefunded", refunded: "refunded" },
		refunded: {},
		voided: {},
	} as const satisfies Record<Order["paymentStatus"], object>;

	it.each(Object.keys(allowed) as Order["paymentStatus"][])(
		"that is %s moves only as its table says, and refuses the rest aloud",
		status => {
			const order = anOrder([{ quantity: 1, price: 1000 }], { paymentStatus: status });
			for (const move of moves) {
				const next = (allowed[status] as Partial<Record<typeof move, string>>)[move];
				if (next)
					expect(moneyMoved(order, move, paymentId)).toMatchObject({ paymentStatus: next, payments: [{ id: paymentId, status: next }] });
				else expect(() => moneyMoved(order, move, paymentId)).toThrow(refusal("order_state_conflict"));
			}
		},
	);

	it("is held when it is placed, and paid already when there is nothing to pay", () => {
		expect(anOrder([{ quantity: 1, price: 1000 }]).paymentStatus).toBe("authorized");
		expect(anOrder([{ quantity: 2, price: 0 }]).paymentStatus).toBe("captured");
	});
});

describe("an order that left the house", () => {
	it.each([
		[{ fulfilmentStatus: "shipped" }],
		[{ fulfilmentStatus: "delivered" }],
		[{ status: "completed", fulfilmentStatus: "delivered" }],
	] as Partial<Order>[][])("%j cannot be cancelled", changes => {
		expect(() => assertCancellable(anOrder([{ quantity: 1, price: 1 }], changes))).toThrow(refusal("order_state_conflict"));
		expect(() => assertCancellable(anOrder([{ quantity: 1, price: 1 }]))).not.toThrow();
	});
});

describe("an operation as its buyer sees it", () => {
	const nextAction = { type: "authenticate" as const, paymentId, url: "/v1/sandbox/authentications/x" };
	const saga = (changes: Partial<SagaRecord>): SagaRecord =>
		({
			id: newId("opr", now),
			kind: "checkout",
			status: "running",
			steps: [{ name: "claim cart", status: "failed", error: "the node orders-1 said no" }],
			state: { orderId: "ord_1", nextAction, payment: { token: "tok_visa" } },
			problem: null,
			requestId: "req_1",
			...changes,
		}) as SagaRecord;

	it("tells where it stands and nothing of what it carries", () => {
		expect(operationOf(saga({}))).toEqual({
			id: expect.any(String),
			kind: "checkout",
			status: "pending",
			steps: [{ name: "claim cart", status: "failed" }],
		});
	});

	it("tells what the buyer has to do only while that is waited for, and the order only when there is one", () => {
		expect(operationOf(saga({ status: "waiting" }))).toMatchObject({ status: "pending", nextAction });
		expect(operationOf(saga({ status: "succeeded" }))).toMatchObject({ status: "succeeded", result: { orderId: "ord_1" } });
		expect(operationOf(saga({ status: "compensating" }))).not.toHaveProperty("result");
	});

	it("tells the order as soon as it is on hold, and afterwards whatever became of it", () => {
		const state = { orderId: "ord_1", nextAction: null, isHeld: true };
		expect(operationOf(saga({ status: "waiting", state }))).toMatchObject({ status: "pending", result: { orderId: "ord_1" } });
		expect(operationOf(saga({ status: "waiting", state }))).not.toHaveProperty("nextAction");
		expect(operationOf(saga({ status: "compensated", state }))).toMatchObject({ status: "compensated", result: { orderId: "ord_1" } });
	});

	it("is undone when the buyer took back what was on hold, although the checkout did all that was left to do", () => {
		const state = { orderId: "ord_1", isHeld: true, isWithdrawn: true };
		expect(operationOf(saga({ status: "running", state }))).toMatchObject({ status: "pending" });
		expect(operationOf(saga({ status: "succeeded", state }))).toMatchObject({
			status: "compensated",
			result: { orderId: "ord_1" },
			problem: { code: "order_state_conflict", status: 409, requestId: "req_1", retryable: false },
		});
	});

	it("tells a refusal as the problem that the request was answered with", () => {
		const problem = {
			kind: "conflict",
			code: "price_changed",
			message: "The total is now 1 EUR.",
			data: { totals: { total: eur(1) }, secret: "x" },
		};
		expect(operationOf(saga({ status: "compensated", problem }))).toMatchObject({
			status: "compensated",
			problem: { code: "price_changed", status: 409, retryable: false, requestId: "req_1", totals: { total: eur(1) }, errors: [] },
		});
		expect(operationOf(saga({ status: "compensated", problem })).problem).not.toHaveProperty("secret");
	});
});
