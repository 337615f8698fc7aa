import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { ask } from "../../../lib/contract.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import type { DocumentService } from "../../../mixins/document-store.ts";
import { aProduct, aSku, euros, flaw, type OpenCatalogue, openCatalogue, refusal, until } from "../../../test/support/catalogue.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as products from "./products.contract.ts";
import * as taxonomy from "./taxonomy.contract.ts";

describe("reading the catalogue", () => {
	let shop: OpenCatalogue;
	beforeAll(async () => {
		shop = await openCatalogue();
	});
	afterAll(() => shop.stoa.stop());

	describe("lists", () => {
		it("find by the beginning of the last word and all the others, whatever their accents", async () => {
			await shop.create(aProduct({ name: "Sjövik Regatta", description: "For Zürich's lake.", tags: ["Édition"] }));
			for (const q of ["regatta", "sjovik REG", "zurich regatta edit", "halden sjö"])
				expect(await shop.names({ q })).toEqual(["Sjövik Regatta"]);
			expect(await shop.names({ q: "sjovik regattb" })).toEqual([]);
			expect(await shop.names({ q: "regat zurich" })).toEqual([]);
		});

		it("show a category with all below it, a brand, a price range and an order", async () => {
			const { id: parentId } = await ask(
				shop.stoa.broker,
				taxonomy.addCategory,
				{ slug: "tools", name: "Tools" },
				{ meta: shop.merchant() },
			);
			await ask(shop.stoa.broker, taxonomy.addCategory, { slug: "loupes", name: "Loupes", parentId }, { meta: shop.merchant() });
			for (const [name, category, amount, brand] of [
				["b", "tools", 300, "acme"],
				["A", "loupes", 100, "acme"],
				["c", "loupes", 200, "other"],
			] as const) {
				shop.clock.move(10);
				await shop.create(aProduct({ name, category, brand, variants: [{ sku: `TOOL-${name}`, price: euros(amount) }] }));
			}
			expect(await shop.names({ category: "tools" })).toEqual(["c", "A", "b"]);
			expect(await shop.names({ category: "loupes", sort: "createdAt" })).toEqual(["A", "c"]);
			expect(await shop.names({ category: "tools", sort: "name" })).toEqual(["A", "b", "c"]);
			expect(await shop.names({ category: "tools", sort: "-price" })).toEqual(["b", "c", "A"]);
			expect(await shop.names({ category: "tools", sort: "price", minPrice: 150, maxPrice: 300 })).toEqual(["c", "b"]);
			expect(await shop.names({ category: "tools", brand: "acme", sort: "price" })).toEqual(["A", "b"]);
			expect(await shop.names({ category: "unheard-of" })).toEqual([]);
		});

		it("give every product once, page by page, while others come and go", async () => {
			const inBatch = Array.from({ length: 7 }, () => aProduct({ category: "paged", variants: [{ sku: aSku(), price: euros(100) }] }));
			const kept = await Promise.all(inBatch.map(asked => shop.create(asked)));
			const seen: string[] = [];
			let cursor: string | undefined;
			do {
				const page = await shop.list({ category: "paged", sort: "price", limit: 3, cursor });
				seen.push(...page.data.map(({ id }) => id));
				cursor = page.nextCursor ?? undefined;
				await shop.create(aProduct({ category: "paged", variants: [{ sku: aSku(), price: euros(1) }] }));
				if (seen.length === 3) await shop.archive(seen[0]!);
			} while (cursor);
			expect(new Set(seen).size).toBe(seen.length);
			expect(seen.sort()).toEqual(expect.arrayContaining(kept.map(({ id }) => id)));
			await expect(shop.list({ sort: "name", cursor: (await shop.list({ limit: 1 })).nextCursor! })).rejects.toThrow(flaw("/cursor"));
		});

		it("show drafts to merchants who ask for them and to nobody else", async () => {
			const draft = await shop.create(aProduct({ status: "draft", category: "secret" }));
			expect(await shop.names({ category: "secret" })).toEqual([]);
			await expect(shop.get(draft.id)).rejects.toThrow(refusal("not_found"));
			await expect(shop.get(draft.id, shop.stoa.as("usr_1"))).rejects.toThrow(refusal("not_found"));
			expect(await shop.get(draft.id, shop.merchant())).toEqual(draft);
			expect((await shop.list({ category: "secret", status: "draft" }, shop.merchant())).data).toEqual([draft]);
			await expect(shop.list({ status: "draft" })).rejects.toThrow(refusal("permission_missing"));
			await expect(ask(shop.stoa.broker, products.picture, { slug: draft.slug })).rejects.toThrow(refusal("not_found"));
		});
	});

	describe("stock", () => {
		it("that comes and goes moves a product in and out of the list, and touches neither version nor ETag", async () => {
			const product = await shop.create(aProduct({ category: "stocked" }));
			const { sku } = product.variants[0]!;
			const inStock = () => shop.list({ category: "stocked", inStock: true });
			expect((await inStock()).data).toEqual([]);
			await shop.stock(sku, 2);
			await until(inStock, ({ data }) => data.length === 1);
			expect(await shop.list({ category: "stocked", inStock: false })).toMatchObject({ data: [] });
			await shop.stock(sku, -2);
			await until(inStock, ({ data }) => data.length === 0);
			expect(await shop.get(product.id)).toEqual(product);
			await shop.change({ id: product.id, name: "Still matches" }, shop.holding(etagOf(product)));
		});

		it("of any variant counts, also when it was there before the product", async () => {
			const sku = "EARLY-BIRD";
			await shop.stock(sku, 1);
			await shop.create(
				aProduct({
					category: "early",
					variants: [
						{ sku: "LATE", price: euros(1) },
						{ sku, price: euros(2) },
					],
				}),
			);
			expect((await shop.list({ category: "early", inStock: true })).data).toHaveLength(1);
			await shop.stock("LATE", 1);
			await shop.stock("LATE", -1);
			await shop.stock("NEVER-HEARD-OF", 5);
			expect((await shop.list({ category: "early", inStock: true })).data).toHaveLength(1);
		});

		it("told late or twice changes nothing", async () => {
			const product = await shop.create(aProduct({ category: "replayed" }));
			const { sku } = product.variants[0]!;
			const inStock = () => shop.list({ category: "replayed", inStock: true });
			await shop.stock(sku, 2);
			await until(inStock, ({ data }) => data.length === 1);
			await shop.stock(sku, -2);
			await until(inStock, ({ data }) => data.length === 0);
			const told = (await ask(shop.stoa.broker, storeContract("inventory").readFacts, { after: 0, limit: 1000 })).filter(
				({ key }) => key === sku,
			);
			const heard = shop.stoa.service<DocumentService>("products").schema.events![inventory.levelChanged.name] as unknown as {
				hear(fact: object): Promise<void>;
			};
			for (const envelope of [...told, ...told])
				await heard.hear.call(shop.stoa.service("products"), { params: envelope.data, envelope } as never);
			expect((await inStock()).data).toEqual([]);
		});
	});

	describe("for the other services", () => {
		it("a quote names what it knows, in the order asked", async () => {
			const product = await shop.create(aProduct({ media: [{ url: "/media/a.svg", alt: "a" }] }));
			const { sku } = product.variants[0]!;
			expect(await shop.quote("NOTHING", sku)).toEqual([
				{ sku, productId: product.id, name: product.name, price: euros(10_000), active: true, media: "/media/a.svg" },
			]);
		});

		it("the same object is handed out until the product changes", async () => {
			const { id, slug } = await shop.create(aProduct());
			const before = await shop.get(id);
			expect(await shop.get(slug)).toBe(before);
			expect(Object.isFrozen(before.variants[0]!.price)).toBe(true);
			await shop.change({ id, name: "Changed" });
			expect(await shop.get(slug)).toMatchObject({ name: "Changed" });
		});

		it("a picture is drawn for whatever is or was for sale", async () => {
			const { slug } = await shop.create(aProduct({ name: "Drawn <One>" }));
			const { svg } = await ask(shop.stoa.broker, products.picture, { slug });
			expect(svg).toContain("Drawn &#60;One&#62;");
			expect(await ask(shop.stoa.broker, products.picture, { slug })).toEqual({ svg });
			await expect(ask(shop.stoa.broker, products.picture, { slug: "nothing" })).rejects.toThrow(refusal("not_found"));
		});
	});
});
