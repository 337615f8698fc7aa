import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { linesMax, quantityMax } from "./carts.contract.ts";
import type { CartState, Given, Line, Market } from "./carts.domain.ts";
import * as domain from "./carts.domain.ts";
import { factOf } from "./carts.facts.ts";
import { viewOf } from "./carts.view.ts";

const now = Date.UTC(2026, 0, 5, 9);
const day = 86_400_000;

const given = (): Given => {
	let made = 0;
	return { now, expiresAfterMs: 30 * day, itemId: () => `itm_new${++made}` };
};

const aLine = (line: Partial<Line> = {}): Line => ({
	id: `itm_${line.sku ?? "STRAP"}`,
	sku: "STRAP",
	productId: "prd_1",
	name: "Strap",
	quantity: 1,
	price: { amount: 1000, currency: "EUR" },
	...line,
});

const aCart = (cart: Partial<CartState> = {}): CartState => ({
	id: "crt_1",
	userId: null,
	tokenHash: "hash",
	openUserId: null,
	status: "open",
	currency: "EUR",
	items: [],
	checkoutId: null,
	orderId: null,
	mergedInto: null,
	version: 3,
	expiresAt: now + day,
	idleSince: null,
	createdAt: now - day,
	...cart,
});

/** A market that sells these at 10.00, so many of each. */
const aMarket = (left: Record<string, number> = { STRAP: 100, WATCH: 100 }, price = 1000, active = true): Market => ({
	skus: new Set(Object.keys(left)),
	quotes: new Map(
		Object.keys(left).map(sku => [sku, { sku, productId: "prd_1", name: sku, price: { amount: price, currency: "EUR" }, active }]),
	),
	levels: new Map(Object.entries(left)),
});

const at = () => "";
const refusal = (work: () => unknown) => {
	try {
		work();
	} catch (error) {
		return error as { type: string; data: { errors: { pointer: string; code: string }[] } };
	}
	throw new Error("it was not refused");
};

describe("who may open a cart", () => {
	const asker = (userId: string | null, ...tokenHashes: string[]) => ({ userId, tokenHashes });

	it("is its owner, and whoever holds a guest's token", () => {
		const owned = aCart({ userId: "usr_1", tokenHash: null });
		expect(domain.opened(owned, asker("usr_1"))).toBe(owned);
		const guests = aCart();
		expect(domain.opened(guests, asker(null, "hash"))).toBe(guests);
		expect(domain.opened(guests, asker("usr_1", "other", "hash"))).toBe(guests);
	});

	it("is nobody else, and a cart that is not there looks the same", () => {
		for (const cart of [undefined, aCart(), aCart({ userId: "usr_1", tokenHash: null })]) {
			for (const stranger of [asker(null), asker("usr_2"), asker(null, "other")]) {
				expect(refusal(() => domain.opened(cart, stranger)).type).toBe("not_found");
			}
		}
	});
});

describe("putting things into a cart", () => {
	it("adds up one sku in one line, over requests and within one", () => {
		const once = domain.addLines(aCart(), [{ sku: "STRAP", quantity: 2 }], aMarket(), given(), at);
		const twice = domain.addLines(
			once,
			[
				{ sku: "STRAP", quantity: 3 },
				{ sku: "STRAP", quantity: 1 },
			],
			aMarket(),
			given(),
			at,
		);
		expect(twice.items).toMatchObject([{ id: once.items[0]!.id, sku: "STRAP", quantity: 6 }]);
		expect(twice.version).toBe(once.version + 1);
	});

	it("moves the day on which the cart expires", () => {
		expect(domain.addLines(aCart(), [{ sku: "STRAP", quantity: 1 }], aMarket(), given(), at).expiresAt).toBe(now + 30 * day);
	});

	it("names every line that cannot be sold, each by its place", () => {
		const market = { ...aMarket(), quotes: new Map([...aMarket().quotes, ...aMarket({ OLD: 1 }, 1000, false).quotes]) };
		const asked = ["STRAP", "NONE", "OLD"].map(sku => ({ sku, quantity: 1 }));
		const { type, data } = refusal(() => domain.addLines(aCart(), asked, market, given(), domain.pointersOfItems));
		expect(type).toBe("validation_failed");
		expect(data.errors).toMatchObject([
			{ pointer: "/items/1/sku", code: "unknown" },
			{ pointer: "/items/2/sku", code: "unavailable" },
		]);
	});

	it("holds at most so many of a line and so many lines", () => {
		const full = aCart({ items: [aLine({ quantity: quantityMax - 1 })] });
		expect(domain.addLines(full, [{ sku: "STRAP", quantity: 1 }], aMarket(), given(), at).items[0]!.quantity).toBe(quantityMax);
		const tooMany = refusal(() => domain.addLines(full, [{ sku: "STRAP", quantity: 2 }], aMarket(), given(), at));
		expect(tooMany.data.errors).toMatchObject([{ pointer: "/quantity", code: "maximum" }]);

		const long = aCart({ items: Array.from({ length: linesMax }, (_, index) => aLine({ sku: `S${index}` })) });
		const oneMore = refusal(() => domain.addLines(long, [{ sku: "STRAP", quantity: 1 }], aMarket(), given(), at));
		expect(oneMore.data.errors).toMatchObject([{ pointer: "/sku", code: "too_many_lines" }]);
	});

	it("refuses a total that no amount can hold", () => {
		const dear = aMarket({ STRAP: 1 }, Number.MAX_SAFE_INTEGER);
		expect(domain.addLines(aCart(), [{ sku: "STRAP", quantity: 1 }], dear, given(), at).items).toHaveLength(1);
		const { data } = refusal(() => domain.addLines(aCart(), [{ sku: "STRAP", quantity: 2 }], dear, given(), at));
		expect(data.errors).toMatchObject([{ pointer: "/quantity", code: "maximum" }]);
	});

	it("leaves the cart that was handed in as it was", () => {
		const cart = aCart({ items: [aLine()] });
		const before = structuredClone(cart);
		domain.addLines(cart, [{ sku: "STRAP", quantity: 1 }], aMarket(), given(), at);
		domain.setQuantity(cart, "itm_STRAP", 5, aMarket(), given());
		domain.removeLine(cart, "itm_STRAP", given());
		expect(cart).toEqual(before);
	});
});

describe("changing a line", () => {
	it("sets how many are wanted; what is set already changes nothing", () => {
		const cart = aCart({ items: [aLine({ quantity: 2, cappedFrom: 9 })] });
		const after = domain.setQuantity(cart, "itm_STRAP", 4, aMarket(), given());
		expect(after).toMatchObject({ version: 4, items: [{ quantity: 4 }] });
		expect(after.items[0]).not.toHaveProperty("cappedFrom");
		expect(domain.setQuantity(after, "itm_STRAP", 4, aMarket(), given())).toBe(after);
	});

	it("knows only the lines of this cart", () => {
		expect(refusal(() => domain.setQuantity(aCart(), "itm_STRAP", 1, aMarket(), given())).type).toBe("not_found");
		expect(refusal(() => domain.removeLine(aCart(), "itm_STRAP", given())).type).toBe("not_found");
	});
});

describe("pouring one cart into another", () => {
	const source = aCart({ id: "crt_source", items: [aLine({ quantity: 3 }), aLine({ sku: "WATCH", quantity: 2 })] });

	it("adds up what both hold and leaves the source merged", () => {
		const poured = domain.pour(source, aCart({ items: [aLine({ quantity: 4 })] }), aMarket(), given());
		expect(poured.target).toMatchObject({
			version: 4,
			items: [
				{ id: "itm_STRAP", quantity: 7 },
				{ id: "itm_new1", sku: "WATCH", quantity: 2 },
			],
		});
		expect(poured.source).toMatchObject({ status: "merged", mergedInto: "crt_1", openUserId: null });
	});

	it("takes at most what is in stock and says so", () => {
		const market = aMarket({ STRAP: 5, WATCH: 0 });
		const { target } = domain.pour(source, aCart({ items: [aLine({ quantity: 4 })] }), market, given());
		expect(target.items).toMatchObject([
			{ quantity: 5, cappedFrom: 7 },
			{ quantity: 1, cappedFrom: 2 },
		]);
		expect(viewOf(target, market, now).problems.map(({ code, itemId }) => [code, itemId])).toEqual([
			["quantity_capped", "itm_STRAP"],
			["out_of_stock", "itm_new1"],
			["quantity_capped", "itm_new1"],
		]);
	});

	it("caps nothing when the stock cannot be asked", () => {
		const { target } = domain.pour(source, aCart({ items: [aLine({ quantity: 4 })] }), { ...aMarket(), levels: undefined }, given());
		expect(target.items.map(line => line.quantity)).toEqual([7, 2]);
	});

	it("never takes more than is in stock, than both held, or than a line may hold", () => {
		const quantity = fc.integer({ min: 1, max: quantityMax });
		fc.assert(
			fc.property(quantity, quantity, fc.integer({ min: 0, max: 20_000 }), (one, other, left) => {
				const from = aCart({ id: "crt_source", items: [aLine({ quantity: one })] });
				const { target } = domain.pour(from, aCart({ items: [aLine({ quantity: other })] }), aMarket({ STRAP: left }), given());
				expect(target.items[0]!.quantity).toBe(Math.max(1, Math.min(one + other, left, quantityMax)));
			}),
		);
	});

	it("refuses what would be too many lines", () => {
		const long = aCart({ items: Array.from({ length: linesMax }, (_, index) => aLine({ sku: `S${index}` })) });
		expect(refusal(() => domain.pour(source, long, aMarket(), given())).data.errors).toMatchObject([{ pointer: "/sourceCartId" }]);
	});
});

describe("a checkout and its cart", () => {
	const checkout = { checkoutId: "saga_1", orderId: "ord_1" };
	const other = { checkoutId: "saga_2", orderId: "ord_2" };
	const filled = aCart({ userId: "usr_1", openUserId: "usr_1", items: [aLine()] });

	it("claims it once; the same checkout asking again gets the same cart", () => {
		const cart = domain.claimed(filled, checkout, false, now);
		expect(cart).toMatchObject({ status: "completing", openUserId: null, ...checkout, version: filled.version });
		expect(domain.claimed(cart, checkout, false, now)).toBe(cart);
		expect(refusal(() => domain.claimed(cart, other, false, now)).type).toBe("cart_not_open");
	});

	it("cannot claim an empty, expired or merged cart, nor after it was withdrawn", () => {
		expect(refusal(() => domain.claimed(aCart(), checkout, false, now)).type).toBe("cart_empty");
		expect(refusal(() => domain.claimed({ ...filled, expiresAt: now }, checkout, false, now)).type).toBe("cart_not_open");
		expect(refusal(() => domain.claimed({ ...filled, status: "merged" }, checkout, false, now)).type).toBe("cart_not_open");
		expect(refusal(() => domain.claimed(filled, checkout, true, now)).type).toBe("checkout_withdrawn");
	});

	it("keeps a claimed cart past its day", () => {
		const cart = domain.claimed(filled, checkout, false, now);
		expect(domain.statusAt(cart, now + 365 * day)).toBe("completing");
	});

	it("gives back only what it claimed itself", () => {
		const cart = domain.claimed(filled, checkout, false, now);
		expect(domain.reopened(cart, "saga_2", false, given())).toBe(cart);
		const back = domain.reopened(cart, "saga_1", false, given());
		expect(back).toMatchObject({ status: "open", openUserId: "usr_1", checkoutId: null, orderId: null, items: cart.items });
		expect(domain.reopened(back, "saga_1", false, given())).toBe(back);
	});

	it("gives it back beside the cart that its owner began meanwhile", () => {
		const cart = domain.claimed(filled, checkout, false, now);
		expect(domain.reopened(cart, "saga_1", true, given())).toMatchObject({ status: "open", openUserId: null });
	});

	it("completes what it claimed, once, and never gives that back", () => {
		const cart = domain.completed(domain.claimed(filled, checkout, false, now), checkout, now);
		expect(cart.status).toBe("completed");
		expect(domain.completed(cart, checkout, now)).toBe(cart);
		expect(refusal(() => domain.reopened(cart, "saga_1", false, given())).type).toBe("cart_not_open");
		expect(refusal(() => domain.completed(filled, checkout, now)).type).toBe("cart_not_open");
	});
});

describe("the cart as it is seen", () => {
	it("has the prices of this moment and adds them up", () => {
		const cart = aCart({ items: [aLine({ quantity: 2 }), aLine({ sku: "WATCH", quantity: 1 })] });
		const view = viewOf(cart, aMarket({ STRAP: 9, WATCH: 9 }, 1250), now);
		expect(view.items.map(item => [item.unitPrice.amount, item.total.amount])).toEqual([
			[1250, 2500],
			[1250, 1250],
		]);
		expect(view.totals.total).toEqual({ amount: 3750, currency: "EUR" });
		expect(view.problems).toEqual([]);
	});

	it("says what is short, and how many are left", () => {
		const view = viewOf(aCart({ items: [aLine({ quantity: 3 })] }), aMarket({ STRAP: 2 }), now);
		expect(view.problems).toMatchObject([{ code: "out_of_stock", itemId: "itm_STRAP", left: 2 }]);
	});

	it("shows what is no longer sold at its last price", () => {
		const cart = aCart({ items: [aLine()] });
		for (const market of [aMarket({}), aMarket({ STRAP: 9 }, 1000, false)]) {
			const view = viewOf(cart, market, now);
			expect(view.problems).toMatchObject([{ code: "unavailable", itemId: "itm_STRAP" }]);
			expect(view.totals.total.amount).toBe(1000);
		}
	});

	it("shows no stock problems when the stock cannot be asked", () => {
		expect(viewOf(aCart({ items: [aLine({ quantity: 999 })] }), { ...aMarket(), levels: undefined }, now).problems).toEqual([]);
	});

	it("expires by the clock, to the millisecond", () => {
		const cart = aCart({ expiresAt: now + day });
		expect(viewOf(cart, aMarket(), now + day - 1).status).toBe("open");
		expect(viewOf(cart, aMarket(), now + day).status).toBe("expired");
	});

	it("names the order once it stands, not while it is made", () => {
		const cart = aCart({ status: "completing", orderId: "ord_1" });
		expect(viewOf(cart, aMarket(), now)).not.toHaveProperty("orderId");
		expect(viewOf({ ...cart, status: "completed" }, aMarket(), now).orderId).toBe("ord_1");
	});
});

describe("a cart that nobody touches", () => {
	const left = (cart: Partial<CartState> = {}) => aCart({ items: [aLine()], idleSince: now, expiresAt: now + day, ...cart });

	it("is abandoned when it was left so long, to the millisecond", () => {
		expect(domain.isAbandoned(left(), now + 999, 1000)).toBe(false);
		expect(domain.isAbandoned(left(), now + 1000, 1000)).toBe(true);
	});

	it("is not when it was told of, or is over", () => {
		expect(domain.isAbandoned(left({ idleSince: null }), now + day - 1, 1000)).toBe(false);
		expect(domain.isAbandoned(left(), now + day, 1000)).toBe(false);
	});

	it("ends when its time is over, and no earlier; a claimed one waits for its checkout", () => {
		expect(domain.expired(left(), now + day - 1)).toBeUndefined();
		expect(domain.expired(left({ userId: "usr_1", openUserId: "usr_1" }), now + day)).toMatchObject({
			status: "expired",
			openUserId: null,
			idleSince: null,
			userId: "usr_1",
		});
		for (const status of ["completing", "completed", "merged", "expired"] as const)
			expect(domain.expired(left({ status }), now + day)).toBeUndefined();
	});

	it("lies idle from its last change, while there is something in it", () => {
		const filled = domain.addLines(aCart(), [{ sku: "STRAP", quantity: 1 }], aMarket(), given(), at);
		expect(filled.idleSince).toBe(now);
		expect(domain.removeLine(filled, filled.items[0]!.id, given()).idleSince).toBeNull();
		const checkout = { checkoutId: "sag_1", orderId: "ord_1" };
		const claimed = domain.claimed(filled, checkout, false, now);
		expect(claimed.idleSince).toBeNull();
		expect(domain.reopened(claimed, "sag_1", false, { ...given(), now: now + 5 }).idleSince).toBe(now + 5);
	});
});

describe("a cart's facts", () => {
	it("say whose it is, what lies in it and what that cost when it was put there", () => {
		const cart = aCart({ userId: "usr_1", items: [aLine({ quantity: 2 }), aLine({ sku: "WATCH", quantity: 1 })] });
		expect(factOf(cart)).toEqual({
			cartId: "crt_1",
			userId: "usr_1",
			status: "open",
			version: 3,
			items: [
				{ sku: "STRAP", productId: "prd_1", quantity: 2 },
				{ sku: "WATCH", productId: "prd_1", quantity: 1 },
			],
			itemCount: 3,
			total: { amount: 3000, currency: "EUR" },
		});
	});

	it("are told also of a cart whose old prices add up to more than can be counted", () => {
		const dear = aLine({ quantity: 9999, price: { amount: 900_000_000_000, currency: "EUR" } });
		expect(factOf(aCart({ items: [dear, dear] })).total.amount).toBe(Number.MAX_SAFE_INTEGER);
	});
});
