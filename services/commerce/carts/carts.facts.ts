// A cart as its facts tell it: whose it is and what lies in it, priced as when each line was last changed.
import type { PayloadOf } from "../../../lib/contract.ts";
import type { changed } from "./carts.contract.ts";
import type { CartState } from "./carts.domain.ts";

const amountMax = BigInt(Number.MAX_SAFE_INTEGER);

export function factOf({ id: cartId, userId, status, version, currency, items }: CartState): PayloadOf<typeof changed> {
	const total = items.reduce((sum, { price, quantity }) => sum + BigInt(price.amount) * BigInt(quantity), 0n);
	return {
		cartId,
		userId,
		status,
		version,
		items: items.map(({ sku, productId, quantity }) => ({ sku, productId, quantity })),
		itemCount: items.reduce((count, { quantity }) => count + quantity, 0),
		// Prices of several days may add up to more than an amount can hold. Nobody could buy such a cart, but its facts must not keep it from changing.
		total: { amount: Number(total > amountMax ? amountMax : total), currency },
	};
}
