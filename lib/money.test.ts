import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
	addMoney,
	allocate,
	allocateDiscount,
	currencies,
	formatMoney,
	halfEven,
	halfUp,
	isCurrency,
	minorDigits,
	money,
	multiply,
	priceOrder,
	refundOfUnits,
	subtractMoney,
	sumMoney,
	taxOn,
	taxWithin,
	zero,
} from "./money.ts";

const eur = (amount: number) => money(amount, "EUR");
const amounts = (list: readonly { amount: number }[]) => list.map(item => item.amount);
const anyAmount = fc.maxSafeNat();
const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, next) => sum + BigInt(next), 0n);

describe("currencies", () => {
	it("have the number of minor digits that ISO 4217 gives them", () => {
		expect(minorDigits("EUR")).toBe(2);
		expect(minorDigits("JPY")).toBe(0);
		expect(minorDigits("KWD")).toBe(3);
		expect(minorDigits("CLF")).toBe(4);
	});

	it("are known by their exact code only", () => {
		expect(isCurrency("EUR")).toBe(true);
		expect(isCurrency("eur")).toBe(false);
		expect(isCurrency("XXX")).toBe(false);
		expect(isCurrency("toString")).toBe(false);
		expect(() => minorDigits("EURO")).toThrow(TypeError);
	});

	it("are listed once each, three capital letters", () => {
		expect(new Set(currencies).size).toBe(currencies.length);
		expect(currencies.filter(code => !/^[A-Z]{3}$/.test(code))).toEqual([]);
	});
});

describe("adding, subtracting and multiplying money", () => {
	it("refuses to mix currencies", () => {
		expect(() => addMoney(eur(1), money(1, "USD"))).toThrow(TypeError);
		expect(() => subtractMoney(eur(1), money(1, "USD"))).toThrow(TypeError);
		expect(() => sumMoney([eur(1), money(1, "USD")], "EUR")).toThrow(TypeError);
	});

	it("refuses fractions and what a number can no longer hold exactly", () => {
		expect(() => eur(1.5)).toThrow(RangeError);
		expect(() => eur(Number.NaN)).toThrow(RangeError);
		expect(() => multiply(eur(100), 0.5)).toThrow(RangeError);
		expect(() => addMoney(eur(Number.MAX_SAFE_INTEGER), eur(1))).toThrow(RangeError);
		expect(() => multiply(eur(Number.MAX_SAFE_INTEGER), 2)).toThrow(RangeError);
	});

	it("gives the exact result or none, for any two amounts", () => {
		fc.assert(
			fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
				const exact = { sum: BigInt(a) + BigInt(b), product: BigInt(a) * BigInt(b) };
				expect(resultOf(() => addMoney(eur(a), eur(b)).amount)).toBe(safeOrRefused(exact.sum));
				expect(resultOf(() => multiply(eur(a), b).amount)).toBe(safeOrRefused(exact.product));
			}),
		);
	});

	it("sums an empty list to zero, and never to minus zero", () => {
		expect(sumMoney([], "EUR")).toEqual({ amount: 0, currency: "EUR" });
		expect(multiply(eur(0), -1)).toEqual({ amount: 0, currency: "EUR" });
	});
});

describe("rounding (R1)", () => {
	it("takes a half up, and mirrors below zero", () => {
		expect([halfUp(5, 2), halfUp(-5, 2), halfUp(7, 3), halfUp(8, 3), halfUp(0, 7)]).toEqual([3, -3, 2, 3, 0]);
	});

	it("takes a half to the even neighbour for interest and exchange", () => {
		expect([halfEven(5, 2), halfEven(7, 2), halfEven(-5, 2), halfEven(-7, 2), halfEven(11, 4)]).toEqual([2, 4, -2, -4, 3]);
	});

	it("is exact where the product passes 2^53, and refuses a result that does", () => {
		expect(halfUp(9_007_199_254_740_991n * 19n, 100n)).toBe(1_711_367_858_400_788);
		expect(() => halfUp(2n ** 60n, 1n)).toThrow(RangeError);
		expect(() => halfUp(1, 0)).toThrow(RangeError);
	});

	it("is never further than a half from the exact value", () => {
		fc.assert(
			fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 1_000_000 }), (n, d) => {
				for (const round of [halfUp, halfEven]) {
					const off = BigInt(round(n, d)) * BigInt(d) - BigInt(n);
					expect((off < 0n ? -off : off) * 2n).toBeLessThanOrEqual(BigInt(d));
				}
			}),
		);
	});
});

describe("allocating an amount to lines (R3)", () => {
	it("gives what is left to the largest remainders", () => {
		expect(amounts(allocate(eur(100), [1, 1, 1]))).toEqual([34, 33, 33]);
		expect(amounts(allocate(eur(100), [50, 30, 25]))).toEqual([48, 28, 24]);
	});

	it("gives ties to the lower line", () => {
		expect(amounts(allocate(eur(2), [1, 1, 1, 1]))).toEqual([1, 1, 0, 0]);
	});

	it("gives a line without weight nothing, and refuses to give to nobody", () => {
		expect(amounts(allocate(eur(7), [0, 5, 0]))).toEqual([0, 7, 0]);
		expect(amounts(allocate(eur(0), [0, 0]))).toEqual([0, 0]);
		expect(allocate(eur(0), [])).toEqual([]);
		expect(() => allocate(eur(1), [0, 0])).toThrow(RangeError);
		expect(() => allocate(eur(1), [])).toThrow(RangeError);
		expect(() => allocate(eur(-1), [1])).toThrow(RangeError);
		expect(() => allocate(eur(1), [1, -1])).toThrow(RangeError);
	});

	it("always sums to the whole, each part within one unit of its exact share", () => {
		fc.assert(
			fc.property(anyAmount, fc.array(anyAmount, { minLength: 1, maxLength: 30 }), (total, weights) => {
				fc.pre(weights.some(weight => weight > 0));
				const parts = amounts(allocate(eur(total), weights));
				expect(sumOf(parts)).toBe(BigInt(total));
				const whole = sumOf(weights);
				parts.forEach((part, line) => {
					const off = BigInt(part) * whole - BigInt(total) * BigInt(weights[line]!);
					expect(off < 0n ? -off : off).toBeLessThan(whole);
				});
			}),
		);
	});

	it("never discounts a line above its price", () => {
		fc.assert(
			fc.property(fc.array(fc.nat(500), { minLength: 1, maxLength: 20 }), fc.nat(), (prices, seed) => {
				const discount = seed % (Number(sumOf(prices)) + 1);
				const parts = amounts(allocateDiscount(eur(discount), prices.map(eur)));
				expect(sumOf(parts)).toBe(BigInt(discount));
				for (const [line, part] of parts.entries()) expect(part).toBeLessThanOrEqual(prices[line]!);
			}),
		);
		expect(() => allocateDiscount(eur(11), [eur(4), eur(6)])).toThrow(RangeError);
	});
});

describe("tax", () => {
	it("is put on a net price per line, half up (R4)", () => {
		expect(taxOn(eur(1050), 1900).amount).toBe(200); // 199.5
		expect(taxOn(eur(1000), 0).amount).toBe(0);
		expect(() => taxOn(eur(1000), -1)).toThrow(RangeError);
	});

	it("is found within a price that includes it (R5)", () => {
		expect(taxWithin(eur(11900), 1900).amount).toBe(1900);
		expect(taxWithin(eur(100), 1900).amount).toBe(16); // 15.97
	});

	it("found within a price is the tax on its net, to a unit", () => {
		fc.assert(
			fc.property(fc.nat(1_000_000_000), fc.integer({ min: 0, max: 10_000 }), (gross, rate) => {
				const tax = taxWithin(eur(gross), rate);
				const net = subtractMoney(eur(gross), tax);
				expect(Math.abs(taxOn(net, rate).amount - tax.amount)).toBeLessThanOrEqual(1);
			}),
		);
	});
});

describe("refunding units of a line (R6)", () => {
	const line = { total: eur(1000), units: 3, alreadyRefundedUnits: 0, alreadyRefundedAmount: zero("EUR"), unitsNow: 1 };

	it("gives back 3.33, 3.34 and 3.33 of three units for 10.00", () => {
		expect(refundOfUnits(line).amount).toBe(333);
		expect(refundOfUnits({ ...line, alreadyRefundedUnits: 1, alreadyRefundedAmount: eur(333) }).amount).toBe(334);
		expect(refundOfUnits({ ...line, alreadyRefundedUnits: 2, alreadyRefundedAmount: eur(667) }).amount).toBe(333);
	});

	it("gives back nothing where more was given before", () => {
		expect(refundOfUnits({ ...line, alreadyRefundedAmount: eur(900) }).amount).toBe(0);
	});

	it("refuses more units than were sold", () => {
		expect(() => refundOfUnits({ ...line, alreadyRefundedUnits: 2, unitsNow: 2 })).toThrow(RangeError);
		expect(() => refundOfUnits({ ...line, units: 0, unitsNow: 0 })).toThrow(RangeError);
		expect(() => refundOfUnits({ ...line, unitsNow: -1 })).toThrow(RangeError);
	});

	it("gives back exactly the total, however the returns are divided", () => {
		fc.assert(
			fc.property(anyAmount, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), (total, returns) => {
				const units = returns.reduce((sum, next) => sum + next, 0);
				let refunded = { units: 0, amount: zero("EUR") };
				for (const unitsNow of returns) {
					const now = refundOfUnits({
						total: eur(total),
						units,
						alreadyRefundedUnits: refunded.units,
						alreadyRefundedAmount: refunded.amount,
						unitsNow,
					});
					refunded = { units: refunded.units + unitsNow, amount: addMoney(refunded.amount, now) };
				}
				expect(refunded.amount.amount).toBe(total);
			}),
		);
	});
});

describe("pricing an order (R2)", () => {
	it("is the sum of its lines while nothing is discounted, shipped or taxed", () => {
		const lines = [
			{ unitPrice: eur(1999), quantity: 2 },
			{ unitPrice: eur(500), quantity: 1 },
		];
		const { lines: priced, totals } = priceOrder({ currency: "EUR", lines });
		expect(amounts(priced.map(line => line.total))).toEqual([3998, 500]);
		expect(totals).toEqual({ items: eur(4498), discount: eur(0), shipping: eur(0), tax: eur(0), total: eur(4498) });
	});

	it("takes item discounts first, then the order's, then taxes what is left, and does not tax shipping", () => {
		const { lines, totals } = priceOrder({
			currency: "EUR",
			lines: [
				{ unitPrice: eur(1000), quantity: 2, discount: eur(500), taxRateBasisPoints: 1900 },
				{ unitPrice: eur(500), quantity: 1, taxRateBasisPoints: 700 },
			],
			orderDiscount: eur(200),
			shipping: eur(490),
		});
		expect(amounts(lines.map(line => line.discount))).toEqual([650, 50]);
		expect(amounts(lines.map(line => line.tax))).toEqual([257, 32]); // of 13.50 and 4.50, both half up
		expect(totals).toEqual({ items: eur(2500), discount: eur(700), shipping: eur(490), tax: eur(289), total: eur(2579) });
	});

	it("prices an empty cart at zero", () => {
		expect(priceOrder({ currency: "JPY", lines: [] }).totals.total).toEqual({ amount: 0, currency: "JPY" });
	});

	it("refuses a line in another currency, a negative quantity and a discount above the price", () => {
		const price = (line: Parameters<typeof priceOrder>[0]["lines"][number]) => () => priceOrder({ currency: "EUR", lines: [line] });
		expect(price({ unitPrice: money(1, "USD"), quantity: 1 })).toThrow(TypeError);
		expect(price({ unitPrice: eur(1), quantity: -1 })).toThrow(RangeError);
		expect(price({ unitPrice: eur(1), quantity: 1, discount: eur(2) })).toThrow(RangeError);
	});

	it("always has total = items − discount + shipping + tax = the lines + shipping", () => {
		const line = fc.record({
			unitPrice: fc.nat(100_000).map(eur),
			quantity: fc.integer({ min: 1, max: 20 }),
			taxRateBasisPoints: fc.integer({ min: 0, max: 3000 }),
		});
		fc.assert(
			fc.property(fc.array(line, { minLength: 1, maxLength: 15 }), fc.nat(), fc.nat(5000), (lines, seed, shipping) => {
				const items = lines.reduce((sum, next) => sum + next.unitPrice.amount * next.quantity, 0);
				const order = { currency: "EUR", lines, orderDiscount: eur(seed % (items + 1)), shipping: eur(shipping) };
				const { lines: priced, totals } = priceOrder(order);
				expect(totals.items.amount).toBe(items);
				expect(totals.discount).toEqual(order.orderDiscount);
				expect(totals.total.amount).toBe(items - totals.discount.amount + shipping + totals.tax.amount);
				expect(sumMoney([...priced.map(line => line.total), totals.shipping], "EUR")).toEqual(totals.total);
			}),
		);
	});
});

describe("showing money to a person", () => {
	it("uses the digits of the currency and the manner of the place", () => {
		expect(formatMoney(eur(3412))).toBe("€34.12");
		expect(formatMoney(eur(5))).toBe("€0.05");
		expect(formatMoney(eur(-5))).toBe("-€0.05");
		expect(formatMoney(money(3412, "JPY"))).toBe("¥3,412");
		expect(formatMoney(money(3412, "KWD"))).toMatch(/^KWD\s3\.412$/);
		expect(formatMoney(eur(123_456), "de")).toMatch(/^1\.234,56\s€$/);
	});

	it("loses no cent of the largest amount", () => {
		expect(formatMoney(eur(Number.MAX_SAFE_INTEGER))).toBe("€90,071,992,547,409.91");
	});
});

function resultOf(run: () => number): number | "refused" {
	try {
		return run();
	} catch (error) {
		if (error instanceof RangeError) return "refused";
		throw error;
	}
}

function safeOrRefused(exact: bigint): number | "refused" {
	return BigInt(Number.MIN_SAFE_INTEGER) <= exact && exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : "refused";
}
