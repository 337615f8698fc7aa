/**
 * Money and the rounding rules R1–R6 of the house, each declared once, here.
 * Amounts are whole minor units. What breaks a rule throws a plain TypeError or RangeError: by then a contract should have refused it,
 * so it is a defect, not an answer to a buyer.
 */

import type { Money, Totals } from "./vocabulary.ts";

/** ISO 4217 currencies with two digits, which is nearly all of them. Metals, test codes and accounting units are no currency to charge in. */
const twoDigits =
	"AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP " +
	"CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK " +
	"LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD " +
	"RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG " +
	"YER ZAR ZMW ZWG";

const digitsByCurrency: ReadonlyMap<string, number> = new Map([
	...twoDigits.split(" ").map(code => [code, 2] as const),
	..."BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ").map(code => [code, 0] as const),
	..."BHD IQD JOD KWD LYD OMR TND".split(" ").map(code => [code, 3] as const),
	..."CLF UYW".split(" ").map(code => [code, 4] as const),
]);

export const currencies: readonly string[] = [...digitsByCurrency.keys()].sort();

export function isCurrency(code: string): boolean {
	return digitsByCurrency.has(code);
}

/** How many digits stand behind the point: 2 for EUR, 0 for JPY, 3 for KWD. */
export function minorDigits(currency: string): number {
	const digits = digitsByCurrency.get(currency);
	if (digits === undefined) throw new TypeError(`${currency} is not an ISO 4217 currency.`);
	return digits;
}

export function money(amount: number, currency: string): Money {
	minorDigits(currency);
	return { amount: safe(amount), currency };
}

export function zero(currency: string): Money {
	return money(0, currency);
}

// Sums and products of safe integers need no BigInt to be checked: a true result beyond 2^53 never rounds back below it.
export function addMoney(a: Money, b: Money): Money {
	sameCurrency(a.currency, b.currency);
	return money(a.amount + b.amount, a.currency);
}

export function subtractMoney(a: Money, b: Money): Money {
	sameCurrency(a.currency, b.currency);
	return money(a.amount - b.amount, a.currency);
}

export function multiply(price: Money, quantity: number): Money {
	return money(price.amount * safe(quantity), price.currency);
}

/** The currency is asked for because an empty list has a sum too. */
export function sumMoney(list: readonly Money[], currency: string): Money {
	return list.reduce(addMoney, zero(currency));
}

/**
 * R1: exact integer arithmetic, rounded half up, once per declared point. The product is the caller's, in BigInt where it may pass 2^53.
 * Below zero it mirrors (−2.5 becomes −3), so that a credit is always the exact opposite of its debit.
 */
export function halfUp(numerator: bigint | number, denominator: bigint | number): number {
	return rounded(numerator, denominator, () => true);
}

/** Interest and exchange: a half goes to the even neighbour, so that many small roundings lean to neither side. */
export function halfEven(numerator: bigint | number, denominator: bigint | number): number {
	return rounded(numerator, denominator, quotient => quotient % 2n === 1n);
}

/**
 * Divides an amount by weights so that the parts always sum to it: each line gets its whole share, what is left goes one unit each to the
 * largest remainders, ties to the lower line.
 */
export function allocate(total: Money, weights: readonly number[]): Money[] {
	notNegative(total.amount, "an amount to allocate");
	for (const weight of weights) notNegative(weight, "a weight");
	const sum = weights.reduce((soFar, weight) => soFar + BigInt(weight), 0n);
	if (sum === 0n) {
		if (total.amount !== 0) throw new RangeError(`${total.amount} ${total.currency} cannot be allocated to nothing.`);
		return weights.map(() => ({ ...total }));
	}

	const shares = weights.map((weight, line) => {
		const product = BigInt(total.amount) * BigInt(weight);
		return { line, amount: Number(product / sum), remainder: product % sum };
	});
	let left = shares.reduce((rest, share) => rest - share.amount, total.amount);
	for (const share of shares.toSorted((a, b) => (a.remainder === b.remainder ? a.line - b.line : a.remainder > b.remainder ? -1 : 1))) {
		if (left-- <= 0) break;
		share.amount++;
	}
	return shares.map(share => money(share.amount, total.currency));
}

/**
 * R3: an order discount is computed once and allocated to lines by largest remainder, never above the line.
 * A discount no greater than the lines together keeps that by itself: only a line whose share is not whole, and so below the line, is rounded up.
 */
export function allocateDiscount(discount: Money, lines: readonly Money[]): Money[] {
	const most = sumMoney(lines, discount.currency);
	if (discount.amount > most.amount) throw new RangeError(`A discount of ${discount.amount} is more than the lines, ${most.amount}.`);
	return allocate(
		discount,
		lines.map(line => line.amount),
	);
}

/** R4: tax on a price that does not hold it, per line, after discount. 1900 basis points are 19 %. */
export function taxOn(net: Money, rateBasisPoints: number): Money {
	notNegative(rateBasisPoints, "a tax rate");
	return money(halfUp(BigInt(safe(net.amount)) * BigInt(rateBasisPoints), 10_000), net.currency);
}

/** R5: the tax within a price that includes it, round(gross · r / (1 + r)); the net is what remains, so that both always sum to the price. */
export function taxWithin(gross: Money, rateBasisPoints: number): Money {
	notNegative(rateBasisPoints, "a tax rate");
	return money(halfUp(BigInt(safe(gross.amount)) * BigInt(rateBasisPoints), 10_000 + rateBasisPoints), gross.currency);
}

export interface UnitsRefund {
	/** What the buyer paid for the line, discount and tax included, as it was frozen at placement. */
	total: Money;
	units: number;
	alreadyRefundedUnits: number;
	alreadyRefundedAmount: Money;
	unitsNow: number;
}

/**
 * R6: after k of n units round(T · k / n) has been given back, however the returns were divided; all n give back exactly T.
 * Nothing is due where more was given back before, as a gesture: the buyer owes us no difference.
 */
export function refundOfUnits({ total, units, alreadyRefundedUnits, alreadyRefundedAmount, unitsNow }: UnitsRefund): Money {
	notNegative(total.amount, "a line's total");
	notNegative(alreadyRefundedUnits, "a number of refunded units");
	notNegative(unitsNow, "a number of units to refund");
	const returned = alreadyRefundedUnits + unitsNow;
	if (units < 1 || returned > units) throw new RangeError(`${returned} of ${units} units cannot be refunded.`);
	const due = money(halfUp(BigInt(total.amount) * BigInt(returned), units), total.currency);
	const now = subtractMoney(due, alreadyRefundedAmount);
	return now.amount > 0 ? now : zero(total.currency);
}

export interface LineToPrice {
	unitPrice: Money;
	quantity: number;
	/** Of the whole line, from item promotions. */
	discount?: Money;
	taxRateBasisPoints?: number;
}

export interface OrderToPrice {
	currency: string;
	lines: readonly LineToPrice[];
	/** From order promotions, which are computed on what item promotions left. */
	orderDiscount?: Money;
	/** After shipping promotions. */
	shipping?: Money;
}

export interface PricedLine {
	discount: Money;
	tax: Money;
	/** What the buyer pays for the line: discount taken off, tax put on. */
	total: Money;
}

/**
 * R2: item promotions → order promotions on the already discounted subtotal → shipping → tax; what results is what the tender must cover.
 * `totals.items` is before any discount; `totals.total` = the lines' totals + shipping.
 */
export function priceOrder({ currency, lines, orderDiscount, shipping }: OrderToPrice): { lines: PricedLine[]; totals: Totals } {
	const nothing = zero(currency);
	const full = lines.map(line => multiply(line.unitPrice, notNegative(line.quantity, "a quantity")));
	const afterItems = lines.map((line, at) => discounted(full[at]!, line.discount ?? nothing));
	const shares = allocateDiscount(orderDiscount ?? nothing, afterItems);

	const priced = lines.map((line, at) => {
		const net = discounted(afterItems[at]!, shares[at]!);
		const tax = taxOn(net, line.taxRateBasisPoints ?? 0);
		return { discount: subtractMoney(full[at]!, net), tax, total: addMoney(net, tax) };
	});

	const delivery = shipping ?? nothing;
	const sum = (list: Money[]) => sumMoney(list, currency);
	return {
		lines: priced,
		totals: {
			items: sum(full),
			discount: sum(priced.map(line => line.discount)),
			shipping: delivery,
			tax: sum(priced.map(line => line.tax)),
			total: sum([...priced.map(line => line.total), delivery]),
		},
	};
}

/** For people. The decimal is handed over as text, so that no amount passes through a fraction on its way. */
export function formatMoney({ amount, currency }: Money, locale = "en"): string {
	const digits = minorDigits(currency);
	const minor = String(Math.abs(safe(amount))).padStart(digits + 1, "0");
	const point = minor.length - digits;
	const decimal = `${amount < 0 ? "-" : ""}${minor.slice(0, point)}.${minor.slice(point)}0` as `${number}`;
	return formatterOf(locale, currency, digits).format(decimal);
}

const formatters = new Map<string, Intl.NumberFormat>();

/** Making one costs a hundred times what using one does, and a shop needs few. */
function formatterOf(locale: string, currency: string, digits: number): Intl.NumberFormat {
	const name = `${locale} ${currency}`;
	let formatter = formatters.get(name);
	if (!formatter) {
		formatter = new Intl.NumberFormat(locale, {
			style: "currency",
			currency,
			minimumFractionDigits: digits,
			maximumFractionDigits: digits,
		});
		formatters.set(name, formatter);
	}
	return formatter;
}

function rounded(numerator: bigint | number, denominator: bigint | number, halfGoesUp: (quotient: bigint) => boolean): number {
	const n = BigInt(numerator);
	const d = BigInt(denominator);
	if (d <= 0n) throw new RangeError(`Cannot divide by ${d}.`);
	const magnitude = n < 0n ? -n : n;
	const quotient = magnitude / d;
	const twice = (magnitude % d) * 2n;
	const result = twice > d || (twice === d && halfGoesUp(quotient)) ? quotient + 1n : quotient;
	return safe(Number(n < 0n ? -result : result));
}

function discounted(price: Money, discount: Money): Money {
	const left = subtractMoney(price, discount);
	notNegative(discount.amount, "a discount");
	notNegative(left.amount, "a discounted price");
	return left;
}

function sameCurrency(a: string, b: string): void {
	if (a !== b) throw new TypeError(`${a} and ${b} do not mix.`);
}

/** Beyond 2^53 a number is no longer the amount that was meant. Minus zero becomes zero: it would not equal it in a comparison of answers. */
function safe(value: number): number {
	if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe whole number.`);
	return value + 0;
}

function notNegative(value: number, what: string): number {
	if (safe(value) < 0) throw new RangeError(`${value} cannot be ${what}.`);
	return value;
}
