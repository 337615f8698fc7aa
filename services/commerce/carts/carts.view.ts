// The cart as its holder sees it: priced at this moment, with what stands in the way of buying it.
import { rfc3339 } from "../../../lib/clock.ts";
import { priceOrder } from "../../../lib/money.ts";
import type { Cart, CartProblem } from "./carts.contract.ts";
import { type CartState, isSold, type Line, type Market, priceOf, statusAt } from "./carts.domain.ts";

export function viewOf(cart: CartState, market: Market, now: number): Cart {
	const { id, currency, version } = cart;
	const lines = cart.items.map(line => ({ unitPrice: priceOf(line, market), quantity: line.quantity }));
	const priced = priceOrder({ currency, lines });
	const status = statusAt(cart, now);
	return {
		id,
		status,
		currency,
		items: cart.items.map((line, at) => ({
			id: line.id,
			sku: line.sku,
			productId: line.productId,
			name: market.quotes.get(line.sku)?.name ?? line.name,
			quantity: line.quantity,
			unitPrice: lines[at]!.unitPrice,
			discount: priced.lines[at]!.discount,
			total: priced.lines[at]!.total,
		})),
		coupons: [],
		discounts: [],
		totals: priced.totals,
		problems: status === "open" ? cart.items.flatMap(line => problemsOf(line, market, currency)) : [],
		...(status === "completed" && cart.orderId ? { orderId: cart.orderId } : {}),
		version,
		expiresAt: rfc3339(cart.expiresAt),
	};
}

function problemsOf(line: Line, market: Market, currency: string): CartProblem[] {
	const itemId = line.id;
	if (!isSold(market.quotes.get(line.sku), currency)) return [{ code: "unavailable", itemId, detail: `${line.name} is no longer sold.` }];

	const problems: CartProblem[] = [];
	// Not knowing the stock is not a problem of the line; the checkout asks again and refuses what is short.
	const left = market.levels ? (market.levels.get(line.sku) ?? 0) : line.quantity;
	if (line.quantity > left) {
		const detail = left === 0 ? `${line.name} is out of stock.` : `Only ${left} of ${line.name} are left.`;
		problems.push({ code: "out_of_stock", itemId, detail, left });
	}
	if (line.cappedFrom !== undefined) {
		const detail = `Both carts together held ${line.cappedFrom} of ${line.name}; ${line.quantity} were taken over.`;
		problems.push({ code: "quantity_capped", itemId, detail });
	}
	return problems;
}
