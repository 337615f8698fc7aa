// A catalogue with its inventory, and a merchant who fills it.
import { expect } from "@jest/globals";
import { handClock } from "../../lib/clock.ts";
import { ask, type Meta, type ParamsOf } from "../../lib/contract.ts";
import { storeContract } from "../../lib/store-contract.ts";
import type { DocumentService } from "../../mixins/document-store.ts";
import * as inventory from "../../services/commerce/inventory/inventory.contract.ts";
import * as products from "../../services/commerce/products/products.contract.ts";
import { startStoa } from "./stoa.ts";

export const euros = (amount: number) => ({ amount, currency: "EUR" });
export const unknownProduct = "prd_00000000000000000000000000";

interface Claim {
	_id: string;
	version: number;
	productId: string;
	claimedAt: number;
}
type NewProduct = ParamsOf<typeof products.create>;
let made = 0;

/** A slug and a SKU that no other test has. */
export function aProduct<Changes extends Partial<NewProduct>>(changes?: Changes) {
	const n = ++made;
	const asked = {
		name: `Watch ${n}`,
		slug: `watch-${n}`,
		category: "watches",
		brand: "halden",
		variants: [{ sku: `WATCH-${n}`, price: euros(10_000) }],
	};
	return { ...asked, ...changes } as typeof asked & Omit<NewProduct, "slug" | "category" | "brand">;
}
export const aSku = () => `SKU-${++made}`;

export const refusal = (type: string, more: object = {}) => expect.objectContaining({ type, ...more });
export const flaw = (pointer: string) =>
	refusal("validation_failed", { data: expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }) });

/** Facts travel after their write; the clock of the shop stands still meanwhile. */
export async function until<T>(look: () => Promise<T>, enough: (seen: T) => boolean): Promise<T> {
	for (;;) {
		const seen = await look();
		if (enough(seen)) return seen;
		await new Promise(resolve => setTimeout(resolve, 5));
	}
}

export async function openCatalogue() {
	const clock = handClock();
	const stoa = await startStoa({ services: ["commerce/products", "commerce/inventory"], clock });
	// Tests move the clock, and a token lives for five minutes.
	const merchant = (): Meta => stoa.as("usr_merchant", ["merchant"]);
	const list = (asked: ParamsOf<typeof products.list>, meta?: Meta) => ask(stoa.broker, products.list, asked, { meta });
	const facts = () => ask(stoa.broker, storeContract("products").readFacts, { after: 0, limit: 1000 });
	return {
		stoa,
		clock,
		merchant,
		/** The merchant with an If-Match. */
		holding: (ifMatch: string): Meta => ({
			...merchant(),
			request: { id: "req", method: "PATCH", path: "/", address: "127.0.0.1", ifMatch },
		}),
		create: (asked: NewProduct) => ask(stoa.broker, products.create, asked, { meta: merchant() }),
		change: (params: ParamsOf<typeof products.change>, meta = merchant()) => ask(stoa.broker, products.change, params, { meta }),
		archive: (id: string, meta = merchant()) => ask(stoa.broker, products.archive, { id }, { meta }),
		get: (idOrSlug: string, meta?: Meta) => ask(stoa.broker, products.get, { idOrSlug }, { meta }),
		list,
		names: async (asked: ParamsOf<typeof products.list>) => (await list(asked)).data.map(({ name }) => name),
		quote: async (...skus: string[]) => (await ask(stoa.broker, products.quote, { skus })).lines,
		stock: (sku: string, delta: number) => {
			const request = { id: "req", method: "POST", path: "/", address: "127.0.0.1", idempotencyKey: `k-${++made}`, bodyHash: "" };
			return ask(stoa.broker, inventory.adjust, { sku, delta, reason: "delivery" }, { meta: { ...merchant(), request } });
		},
		facts,
		/** The facts told of a product, once there are so many. */
		told: (productId: string, count: number) =>
			until(
				async () => (await facts()).filter(({ key }) => key === productId),
				told => told.length >= count,
			),
		/** The SKUs as the store keeps them, for a test that leaves one lying about. */
		claims: () => stoa.service<DocumentService>("products").documents.collection<Claim>("skus"),
	};
}
export type OpenCatalogue = Awaited<ReturnType<typeof openCatalogue>>;
