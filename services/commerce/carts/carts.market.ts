// What the neighbours say of a cart's lines: prices from the catalogue, stock from the inventory.
// They are asked before the transaction, never within it. What a cart then holds that was not asked for is asked for, and the work done again.
import type { Context } from "moleculer";
import { ask } from "../../../lib/contract.ts";
import { kindOf, serviceUnavailable } from "../../../lib/failure.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as products from "../products/products.contract.ts";
import type { Line, Market } from "./carts.domain.ts";

// The stock only adds a note: a cart that waited for it as long as a call may take would be lost with it. Shorter would leave notes out under load.
const levelsWithinMs = 1000;

/** What the transaction met was not prepared for: another request came between. Nothing was written; prepare anew, with these SKUs too. */
export class Unprepared extends Error {
	readonly skus: readonly string[];
	constructor(skus: readonly string[] = []) {
		super("another request changed the cart in between");
		this.skus = skus;
	}
}

/** Asks the neighbours about these SKUs, does the work, and begins again while the work finds itself unprepared. */
export async function withMarket<Result>(ctx: Context, skus: Iterable<string>, work: (market: Market) => Promise<Result>): Promise<Result> {
	const wanted = new Set(skus);
	for (;;) {
		const market = await askMarket(ctx, wanted);
		try {
			return await work(market);
		} catch (error) {
			if (!(error instanceof Unprepared)) throw error;
			for (const sku of error.skus) wanted.add(sku);
		}
	}
}

/** Throws Unprepared when a line was not asked for. */
export function refuseUnprepared(items: readonly Line[], market: Market): void {
	const missing = items.filter(({ sku }) => !market.skus.has(sku)).map(({ sku }) => sku);
	if (missing.length > 0) throw new Unprepared(missing);
}

async function askMarket(ctx: Context, wanted: ReadonlySet<string>): Promise<Market> {
	const skus = [...wanted];
	if (skus.length === 0) return { skus: new Set(), quotes: new Map(), levels: new Map() };
	const [quoted, levels] = await Promise.all([
		ask(ctx, products.quote, { skus }).catch(refuseAway),
		ask(ctx, inventory.levels, { skus }, { timeout: levelsWithinMs }).catch(noneWhenAway),
	]);
	return {
		skus: new Set(skus),
		quotes: new Map(quoted.lines.map(line => [line.sku, line])),
		levels: levels && new Map(levels.levels.map(({ sku, available }) => [sku, available])),
	};
}

/** Without prices there is no cart to show. */
function refuseAway(error: unknown): never {
	throw kindOf(error) === "unavailable" ? serviceUnavailable({ service: "products" }) : error;
}

/** Without stock levels there is: the checkout asks again, and refuses what is short. */
function noneWhenAway(error: unknown): undefined {
	if (kindOf(error) !== "unavailable") throw error;
}
