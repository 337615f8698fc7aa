import type { Context } from "moleculer";
import { ask } from "../../../lib/contract.ts";
import { kindOf } from "../../../lib/failure.ts";
import { levels } from "../../commerce/inventory/inventory.contract.ts";
import { get as getProduct, type Product } from "../../commerce/products/products.contract.ts";
import type { Storefront } from "./gateway.contract.ts";

/** A page without its reviews is still a page: a part that cannot be had is null. Anything else that goes wrong is not hidden. */
async function orNull<Part>(part: Promise<Part>): Promise<Part | null> {
	try {
		return await part;
	} catch (error) {
		if (kindOf(error) === "unavailable") return null;
		throw error;
	}
}

async function stockOf(ctx: Context, { variants }: Product): Promise<Record<string, number>> {
	const skus = variants.map(({ sku }) => sku);
	const { levels: known } = await ask(ctx, levels, { skus });
	const available = new Map(known.map(level => [level.sku, level.available]));
	return Object.fromEntries(skus.map(sku => [sku, available.get(sku) ?? 0]));
}

/** Rejects when the product itself cannot be had: there is no page then. */
export async function storefrontOf(ctx: Context, idOrSlug: string): Promise<Storefront> {
	const product = await ask(ctx, getProduct, { idOrSlug });
	const stock = await orNull(stockOf(ctx, product));
	// The shop has no services for these yet.
	return { product, stock, reviews: null, recommendations: null };
}
