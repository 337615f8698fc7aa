import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { type OpenCatalogue, openCatalogue, refusal, until } from "../../../test/support/catalogue.ts";
import * as products from "./products.contract.ts";
import { importedId } from "./products.domain.ts";
import * as taxonomy from "./taxonomy.contract.ts";

describe("importing", () => {
	let shop: OpenCatalogue;
	beforeAll(async () => {
		shop = await openCatalogue();
	});
	afterAll(() => shop.stoa.stop());

	describe("an import", () => {
		const imported = (n: number): products.ImportedProduct => ({
			slug: `imported-${n}`,
			name: `Imported ${n}`,
			description: "By the crate.",
			brand: "crate-and-co",
			brandName: "Crate & Co.",
			category: "crates",
			tags: [],
			attributes: {},
			variants: [{ sku: `CRATE-${n}`, options: {}, price: 100 + n }],
		});
		const batch = {
			products: Array.from({ length: 30 }, (_, n) => imported(n)),
			categories: [
				{ slug: "storage", name: "Storage" },
				{ slug: "crates", name: "Crates", parent: "storage" },
			],
		};
		const run = () => ask(shop.stoa.broker, products.importBatch, batch);

		it("adds everything once, also when it runs twice at the same time", async () => {
			await shop.stock("CRATE-7", 3);
			const both = await Promise.all([run(), run()]);
			expect(both.map(({ created }) => created).reduce((a, b) => a + b)).toBe(30);
			expect(await run()).toEqual({ created: 0, known: 30 });
			expect((await shop.list({ category: "storage", limit: 100 })).data).toHaveLength(30);
			expect(await shop.names({ category: "crates", inStock: true })).toEqual(["Imported 7"]);
			expect(await shop.get("imported-3")).toMatchObject({
				brand: "crate-and-co",
				media: [{ url: "/media/imported-3.svg", alt: "Imported 3" }],
			});
			expect((await ask(shop.stoa.broker, taxonomy.listBrands, {})).data).toContainEqual(expect.objectContaining({ name: "Crate & Co." }));
			expect(await until(shop.facts, told => told.filter(({ data }) => data.category === "crates").length === 30)).toBeDefined();
		});

		it("finds its own claims again after it was killed halfway", async () => {
			await shop.claims().insert({ _id: "CRATE-99", productId: importedId("imported-99"), claimedAt: shop.clock.now() });
			expect(await ask(shop.stoa.broker, products.importBatch, { products: [imported(99)] })).toEqual({ created: 1, known: 0 });
		});

		it("refuses a SKU of another product", async () => {
			const taken = { ...imported(100), variants: [{ sku: "CRATE-1", options: {}, price: 1 }] };
			await expect(ask(shop.stoa.broker, products.importBatch, { products: [taken] })).rejects.toThrow(refusal("sku_taken"));
		});
	});
});
