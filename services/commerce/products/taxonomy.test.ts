import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { ask, type ParamsOf } from "../../../lib/contract.ts";
import type { StoaFailure } from "../../../lib/failure.ts";
import { aProduct, flaw, type OpenCatalogue, openCatalogue, refusal } from "../../../test/support/catalogue.ts";
import * as taxonomy from "./taxonomy.contract.ts";

describe("the taxonomy", () => {
	let shop: OpenCatalogue;
	beforeAll(async () => {
		shop = await openCatalogue();
	});
	afterAll(() => shop.stoa.stop());

	describe("categories and brands", () => {
		const add = (slug: string, parentId?: string) =>
			ask(shop.stoa.broker, taxonomy.addCategory, { slug, name: slug, parentId }, { meta: shop.merchant() });
		const changeOne = (params: ParamsOf<typeof taxonomy.changeCategory>, meta = shop.merchant()) =>
			ask(shop.stoa.broker, taxonomy.changeCategory, params, { meta });
		const remove = (id: string, meta = shop.merchant()) => ask(shop.stoa.broker, taxonomy.removeCategory, { id }, { meta });

		it("are added, moved, renamed and removed", async () => {
			const top = await add("top");
			const below = await add("below", top.id);
			expect(await ask(shop.stoa.broker, taxonomy.getCategory, { id: top.id })).toEqual({ ...top, children: [below] });
			await expect(ask(shop.stoa.broker, taxonomy.getCategory, { id: "cat_none" })).rejects.toThrow(refusal("not_found"));
			const { data } = await ask(shop.stoa.broker, taxonomy.listCategories, {});
			expect(data.find(({ id }) => id === top.id)).toEqual({ ...top, children: [below] });
			await expect(remove(top.id)).rejects.toThrow(refusal("category_in_use", { code: 409 }));
			await expect(changeOne({ id: top.id, parentId: below.id })).rejects.toThrow(flaw("/parentId"));
			const moved = await changeOne({ id: below.id, parentId: null, name: "Beside", slug: "beside" }, shop.holding(etagOf(below)));
			expect(moved).toEqual({ id: below.id, slug: "beside", name: "Beside", parentId: null, children: [] });
			await expect(changeOne({ id: below.id, name: "x" }, shop.holding(etagOf(below)))).rejects.toThrow(refusal("version_stale"));
			await expect(remove(below.id, shop.holding(etagOf(below)))).rejects.toThrow(refusal("version_stale"));
			expect(await remove(top.id)).toBeNull();
			await expect(remove(top.id)).rejects.toThrow(refusal("not_found"));
			await expect(changeOne({ id: top.id, name: "x" })).rejects.toThrow(refusal("not_found"));
			await expect(add("beside")).rejects.toThrow(refusal("slug_taken"));
			await expect(add("orphan", top.id)).rejects.toThrow(flaw("/parentId"));
		});

		it("with products stay where they are under their slug, but may be called otherwise", async () => {
			await shop.create(aProduct({ category: "lived-in", brand: "lived-by" }));
			const category = (await ask(shop.stoa.broker, taxonomy.listCategories, {})).data.find(({ slug }) => slug === "lived-in")!;
			await expect(remove(category.id)).rejects.toThrow(refusal("category_in_use"));
			await expect(changeOne({ id: category.id, slug: "elsewhere" })).rejects.toThrow(refusal("category_in_use"));
			expect(await changeOne({ id: category.id, name: "Lived in well" })).toMatchObject({ name: "Lived in well" });
			const { id } = (await ask(shop.stoa.broker, taxonomy.listBrands, {})).data.find(({ slug }) => slug === "lived-by")!;
			await expect(ask(shop.stoa.broker, taxonomy.removeBrand, { id }, { meta: shop.merchant() })).rejects.toThrow(refusal("brand_in_use"));
			await expect(ask(shop.stoa.broker, taxonomy.changeBrand, { id, slug: "other-name" }, { meta: shop.merchant() })).rejects.toThrow(
				refusal("brand_in_use"),
			);
			expect(await ask(shop.stoa.broker, taxonomy.changeBrand, { id, name: "Lived By & Sons" }, { meta: shop.merchant() })).toMatchObject({
				name: "Lived By & Sons",
			});
		});

		it("brands are added once and removed when nothing is theirs", async () => {
			const brand = await ask(shop.stoa.broker, taxonomy.addBrand, { slug: "acme-works", name: "Acme" }, { meta: shop.merchant() });
			expect(await ask(shop.stoa.broker, taxonomy.getBrand, { id: brand.id })).toEqual(brand);
			await expect(ask(shop.stoa.broker, taxonomy.getBrand, { id: "acme-works" })).rejects.toThrow(refusal("not_found"));
			await expect(
				ask(shop.stoa.broker, taxonomy.addBrand, { slug: "acme-works", name: "Acme" }, { meta: shop.merchant() }),
			).rejects.toThrow(refusal("slug_taken"));
			expect(await ask(shop.stoa.broker, taxonomy.removeBrand, { id: brand.id }, { meta: shop.holding(etagOf(brand)) })).toBeNull();
			await expect(ask(shop.stoa.broker, taxonomy.removeBrand, { id: brand.id }, { meta: shop.merchant() })).rejects.toThrow(
				refusal("not_found"),
			);
		});

		it("never lose a product's category to a removal at the same moment", async () => {
			for (let round = 0; round < 5; round++) {
				const slug = `raced-${round}`;
				const { id } = await add(slug);
				const [removed, product] = await Promise.allSettled([remove(id), shop.create(aProduct({ category: slug }))]);
				expect(product.status).toBe("fulfilled");
				if (removed.status === "rejected") expect(removed.reason as StoaFailure).toMatchObject({ type: "category_in_use" });
				expect((await ask(shop.stoa.broker, taxonomy.listCategories, {})).data.map(one => one.slug)).toContain(slug);
			}
		});
	});
});
