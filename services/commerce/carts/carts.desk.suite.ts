// What the tests of carts share: the neighbours as stubs that a test can change, and a desk to ask from.
import { handClock } from "../../../lib/clock.ts";
import { answer, ask, type Meta } from "../../../lib/contract.ts";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import type { RequestFacts } from "../../../lib/principal.ts";
import { defineService } from "../../../lib/service.ts";
import { startStoa } from "../../../test/support/stoa.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as products from "../products/products.contract.ts";
import * as carts from "./carts.contract.ts";

/** What the neighbours sell, how much of it there is, and whether they are there. */
export interface Shop {
	prices: Record<string, number>;
	archived: string[];
	left: Record<string, number>;
	productsAway: boolean;
	inventoryAway: boolean;
	/** How often the catalogue was asked. */
	quotes: number;
}

const fullShop = (): Shop => ({
	prices: { STRAP: 1000, WATCH: 25_000, BOX: 500 },
	archived: [],
	left: { STRAP: 10, WATCH: 10, BOX: 10 },
	productsAway: false,
	inventoryAway: false,
	quotes: 0,
});

function neighbours(shop: Shop, productId: string) {
	const catalogue = defineService<unknown>({
		name: "products",
		actions: {
			quote: answer(products.quote, async ctx => {
				if (shop.productsAway) throw serviceUnavailable();
				shop.quotes++;
				const known = ctx.params.skus.filter(sku => sku in shop.prices);
				const price = (sku: string) => ({ amount: shop.prices[sku]!, currency: "EUR" });
				return { lines: known.map(sku => ({ sku, productId, name: sku, price: price(sku), active: !shop.archived.includes(sku) })) };
			}),
		},
	});
	const shelves = defineService<unknown>({
		name: "inventory",
		actions: {
			levels: answer(inventory.levels, async ctx => {
				if (shop.inventoryAway) throw serviceUnavailable();
				return { levels: ctx.params.skus.map(sku => ({ sku, available: shop.left[sku] ?? 0 })) };
			}),
		},
	});
	return [catalogue, shelves];
}

export const STRAP = (quantity = 1): carts.AskedLine => ({ sku: "STRAP", quantity });

/** Starts carts between stubs, on a clock that stands. */
export async function startDesk({ env, clock = handClock() }: { env?: Record<string, string>; clock?: ReturnType<typeof handClock> } = {}) {
	const productId = newId("prd", clock.now());
	const shop = fullShop();
	const replies: Meta["reply"][] = [];
	// Stands where the gateway does: it sees what an action says of its answer.
	const door = {
		name: "door",
		actions: {
			async knock(ctx: {
				params: { name: string; meta: Meta };
				meta: Meta;
				call(name: string, params: object, options: object): Promise<unknown>;
			}) {
				const answered = await ctx.call(ctx.params.name, {}, { meta: ctx.params.meta });
				replies.push(ctx.meta.reply);
				return answered;
			},
		},
	};
	const stoa = await startStoa({
		services: ["commerce/carts"],
		also: [...neighbours(shop, productId), door as never],
		clock,
		...(env ? { env } : {}),
	});
	let made = 0;

	const request = (facts: Partial<RequestFacts> = {}): RequestFacts => ({
		id: `req_${++made}`,
		method: "POST",
		path: "/v1/carts",
		address: "127.0.0.1",
		...facts,
	});
	const holding = (cartToken: string | undefined, facts: Partial<RequestFacts> = {}): Meta => ({
		request: request({ cartToken, ...facts }),
	});
	const begin = (meta: Meta = {}, items: carts.AskedLine[] = []) =>
		ask(stoa.broker, carts.create, { items }, { meta: { request: request(), ...meta } });

	return {
		stoa,
		shop,
		clock,
		productId,
		replies,
		request,
		holding,
		begin,
		refill: () => Object.assign(shop, fullShop()),
		aUserId: () => `usr_${++made}`,
		aUser: () => stoa.as(`usr_${++made}`),
		aGuest: async (...items: carts.AskedLine[]) => {
			const cart = await begin({}, items);
			return { id: cart.id, cart, meta: holding(cart.cartToken), token: cart.cartToken! };
		},
		read: (id: string, meta: Meta) => ask(stoa.broker, carts.get, { id }, { meta }),
		mine: (meta: Meta) => ask(stoa.broker, carts.mine, {}, { meta }),
		add: (id: string, meta: Meta, sku = "STRAP", quantity = 1) => ask(stoa.broker, carts.addItem, { id, sku, quantity }, { meta }),
		claim: (cartId: string, checkout = aCheckout()) => ask(stoa.broker, carts.claim, { cartId, ...checkout }),
	};
}
export type Desk = Awaited<ReturnType<typeof startDesk>>;

export const aCheckout = () => ({ checkoutId: newId("sag", Date.now()), orderId: newId("ord", Date.now()) });
