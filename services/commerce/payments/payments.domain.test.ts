import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { aPayment, breakdownOf, euros } from "../../../test/support/payments.ts";
import type { Breakdown } from "./payments.contract.ts";
import {
	authorizationOf,
	breakdownOfRefund,
	happened,
	newPayment,
	type Payment,
	type Refund,
	refundable,
	refuseRefund,
	subjectOf,
	tombstone,
} from "./payments.domain.ts";

const given = { provider: "sandbox", now: 0 };
const capturedPayment = (breakdown = breakdownOf({ items: 10_000 })): Payment => {
	const payment = happened(newPayment(aPayment({ breakdown }), given), "authorized", {
		charge: "chg_1",
		brand: "visa",
		last4: "4242",
		fingerprint: "f",
	});
	return happened(payment, "captured", { captured: payment.amount });
};
const aRefund = (
	payment: Payment,
	refunds: readonly Refund[],
	amount: number,
	status: Refund["status"] = "succeeded",
	forItems = false,
): Refund => {
	const breakdown = breakdownOfRefund(payment, refunds, amount, forItems);
	return {
		id: `rfd_${refunds.length}`,
		paymentId: payment.id,
		orderId: payment.orderId,
		amount,
		reason: "returned",
		status,
		items: null,
		breakdown,
		createdAt: 0,
	};
};

describe("what a payment may become", () => {
	it("goes from pending to authorised to captured, one version at a time", () => {
		expect(capturedPayment()).toMatchObject({ status: "captured", captured: 10_000, version: 3 });
	});

	it("refuses aloud to capture what is only pending, and to void what was captured", () => {
		expect(() => happened(newPayment(aPayment(), given), "captured")).toThrow("is pending");
		expect(() => happened(capturedPayment(), "voided")).toThrow("is captured");
	});

	it("refuses an amount that its parts do not add up to", () => {
		const breakdown = { ...breakdownOf({ items: 10_000 }), total: euros(9_999) };
		expect(() => newPayment({ ...aPayment(), amount: euros(9_999), breakdown }, given)).toThrow("/breakdown");
	});

	it("refuses to authorise under an id that was voided before it was known", () => {
		expect(() => authorizationOf(tombstone(aPayment().paymentId, { ...given, currency: "EUR" }))).toThrow("is voided");
	});

	it("tells the instrument by its keyed hash, never by its last digits", () => {
		expect(JSON.stringify(subjectOf(capturedPayment()))).not.toContain("4242");
		expect(subjectOf(capturedPayment())).toMatchObject({ fingerprint: "f", brand: "visa" });
	});
});

describe("giving money back", () => {
	it("counts a refund that is still on its way as gone, and one that failed as never made", () => {
		const payment = capturedPayment();
		const refunds = [aRefund(payment, [], 4_000, "pending"), aRefund(payment, [], 1_000, "failed")];
		expect(refundable(payment, refunds)).toBe(6_000);
		expect(() => refuseRefund(payment, refunds, 6_000)).not.toThrow();
		expect(() => refuseRefund(payment, refunds, 6_001)).toThrow("6000 can still be refunded");
	});

	it("refuses to give back what was never taken", () => {
		expect(() => refuseRefund(newPayment(aPayment(), given), [], 1)).toThrow("is pending");
	});

	it("takes a gesture out of everything that was paid, and returned items out of their price and tax alone", () => {
		const payment = capturedPayment(breakdownOf({ items: 10_000, discount: 1_000, shipping: 500, tax: 1_800, fee: 200 }));
		expect(breakdownOfRefund(payment, [], 5_750, false)).toEqual(
			breakdownOf({ items: 5_000, discount: 500, shipping: 250, tax: 900, fee: 100 }),
		);
		expect(breakdownOfRefund(payment, [], 5_400, true)).toEqual(breakdownOf({ items: 5_000, discount: 500, tax: 900 }));
	});

	it("splits any sequence of refunds so that their parts never pass the parts of the payment and sum to them in the end", () => {
		const part = fc.integer({ min: 0, max: 100_000 });
		const parts = fc.record({ items: part, discountPercent: fc.integer({ min: 0, max: 99 }), shipping: part, tax: part, fee: part });
		fc.assert(
			fc.property(parts, fc.array(fc.tuple(fc.integer({ min: 1, max: 60_000 }), fc.boolean())), ({ discountPercent, ...rest }, asked) => {
				const payment = capturedPayment(breakdownOf({ ...rest, discount: Math.floor((rest.items * discountPercent) / 100) }));
				const refunds: Refund[] = [];
				const refund = (amount: number, forItems: boolean) =>
					amount > 0 && refunds.push(aRefund(payment, refunds, amount, "succeeded", forItems));
				for (const [amount, forItems] of asked) refund(Math.min(amount, refundable(payment, refunds)), forItems);
				refund(refundable(payment, refunds), false);
				const sum = (name: keyof Breakdown) => refunds.reduce((total, { breakdown }) => total + breakdown[name].amount, 0);
				for (const name of ["shipping", "tax", "fee", "total"] as const) expect(sum(name)).toBe(payment.breakdown[name].amount);
				expect(sum("items") - sum("discount")).toBe(payment.breakdown.items.amount - payment.breakdown.discount.amount);
				expect(refunds.every(({ breakdown }) => Object.values(breakdown).every(money => money.amount >= 0))).toBe(true);
			}),
		);
	});
});
