import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { ask, type ParamsOf } from "../../../lib/contract.ts";
import { aProduct, euros, flaw, type OpenCatalogue, openCatalogue, refusal, unknownProduct } from "../../../test/support/catalogue.ts";
import { startStoa } from "../../../test/support/stoa.ts";
import * as products from "./products.contract.ts";
import * as taxonomy from "./taxonomy.contract.ts";

describe("the catalogue", () => {
	let shop: OpenCatalogue;
	beforeAll(async () => {
		shop = await openCatalogue();
	});
	afterAll(() => shop.stoa.stop());

	describe("adding a product", () => {
		it("answers it, shows it by id and slug, and tells it once", async () => {
			const asked = aProduct({ tags: ["steel", "steel"], media: [{ url: "https://cdn.example/a.jpg" }] });
			const product = await shop.create(asked);
			expect(product).toMatchObject({
				name: asked.name,
				tags: ["steel"],
				media: [{ url: "https://cdn.example/a.jpg", alt: "" }],
				status: "active",
				version: 1,
			});
			expect(await shop.get(product.id)).toEqual(product);
			expect(await shop.get(asked.slug)).toEqual(product);
			const [first] = await shop.told(product.id, 1);
			expect(first).toMatchObject({ type: "products.created", data: { productId: product.id, version: 1 } });
		});

		it("makes a slug of the name, with an ending when it is taken", async () => {
			const [one, two] = await Promise.all([
				shop.create(aProduct({ name: "Nachtwächter", slug: undefined })),
				shop.create(aProduct({ name: "Nachtwächter!", slug: undefined })),
			]);
			expect([one.slug, two.slug].sort()).toEqual(["nachtwachter", "nachtwachter-2"]);
		});

		it("makes a category and a brand that are new, and leaves those that are not", async () => {
			await Promise.all(["one", "two"].map(() => shop.create(aProduct({ category: "moon-watches", brand: "lunar-works" }))));
			const { data } = await ask(shop.stoa.broker, taxonomy.listCategories, {});
			expect(data.filter(({ slug }) => slug === "moon-watches")).toMatchObject([{ name: "Moon watches", parentId: null, children: [] }]);
			const brands = (await ask(shop.stoa.broker, taxonomy.listBrands, {})).data;
			expect(brands.filter(({ slug }) => slug === "lunar-works")).toMatchObject([{ name: "Lunar works" }]);
		});

		it("refuses a slug or a SKU that is taken, and leaves nothing of what it refused", async () => {
			const first = aProduct();
			await shop.create(first);
			await expect(shop.create(first)).rejects.toThrow(refusal("slug_taken", { code: 409 }));
			const second = aProduct({ category: "never-made" });
			await expect(shop.create({ ...second, variants: [...second.variants, ...first.variants] })).rejects.toThrow(
				refusal("sku_taken", { code: 409 }),
			);
			expect((await ask(shop.stoa.broker, taxonomy.listCategories, {})).data.map(({ slug }) => slug)).not.toContain("never-made");
			await expect(shop.get(second.slug)).rejects.toThrow(refusal("not_found"));
			await shop.create(second);
		});

		it("refuses another currency, the same SKU twice, no variant at all and what it does not know", async () => {
			const asked = aProduct();
			await expect(shop.create({ ...asked, variants: [{ sku: "X1", price: { amount: 1, currency: "USD" } }] })).rejects.toThrow(
				refusal("currency_mismatch", { code: 422 }),
			);
			await expect(shop.create({ ...asked, variants: [...asked.variants, ...asked.variants] })).rejects.toThrow(flaw("/variants/1/sku"));
			await expect(shop.create({ ...asked, variants: [] })).rejects.toThrow(flaw("/variants"));
			await expect(shop.create({ ...asked, price: 3 } as never)).rejects.toThrow(flaw("/price"));
			await expect(shop.create({ ...asked, attributes: { "a.b": 1 } })).rejects.toThrow(refusal("validation_failed"));
			await expect(shop.create({ ...asked, variants: [{ sku: "X1", price: euros(-1) }] })).rejects.toThrow(
				flaw("/variants/0/price/amount"),
			);
		});

		it("is for merchants", async () => {
			await expect(ask(shop.stoa.broker, products.create, aProduct())).rejects.toThrow(refusal("unauthenticated"));
			await expect(ask(shop.stoa.broker, products.create, aProduct(), { meta: shop.stoa.as("usr_1") })).rejects.toThrow(
				refusal("permission_missing"),
			);
		});

		it("lets one of twenty win who claim one SKU at once", async () => {
			const sku = "CONTESTED";
			const tries = await Promise.allSettled(
				Array.from({ length: 20 }, () => shop.create(aProduct({ variants: [{ sku, price: euros(5) }] }))),
			);
			const won = tries.flatMap(one => (one.status === "fulfilled" ? [one.value.id] : []));
			expect(won).toHaveLength(1);
			for (const one of tries) if (one.status === "rejected") expect(one.reason).toMatchObject({ type: "sku_taken" });
			expect(await shop.quote(sku)).toMatchObject([{ productId: won[0] }]);
		});

		it("takes over a claim whose product was never written, after a minute and not before", async () => {
			await shop.claims().insert({ _id: "ORPHAN", productId: unknownProduct, claimedAt: shop.clock.now() });
			const asked = aProduct({ variants: [{ sku: "ORPHAN", price: euros(5) }] });
			shop.clock.move(59_999);
			await expect(shop.create(asked)).rejects.toThrow(refusal("sku_taken"));
			shop.clock.move(1);
			expect(await shop.quote("ORPHAN")).toEqual([]);
			const { id } = await shop.create(asked);
			shop.clock.move(61_000);
			await expect(shop.create(aProduct({ variants: asked.variants }))).rejects.toThrow(refusal("sku_taken"));
			expect(await shop.quote("ORPHAN")).toMatchObject([{ productId: id }]);
		});
	});

	describe("changing a product", () => {
		it("answers and shows the next version, tells it, and finds it by its new slug only", async () => {
			const { id, slug } = await shop.create(aProduct({ attributes: { glass: "mineral", date: true } }));
			await shop.get(slug);
			shop.clock.move(1000);
			const changed = await shop.change({ id, name: "Harbour", slug: `${slug}-new`, attributes: { date: null, glass: "sapphire" } });
			expect(changed).toMatchObject({ name: "Harbour", attributes: { glass: "sapphire" }, version: 2 });
			expect(changed.updatedAt > changed.createdAt).toBe(true);
			expect(await shop.get(`${slug}-new`)).toEqual(changed);
			await expect(shop.get(slug)).rejects.toThrow(refusal("not_found"));
			expect((await shop.told(id, 2)).map(({ type }) => type)).toEqual(["products.created", "products.changed"]);
		});

		it("changes and tells nothing when asked for what is already so", async () => {
			const product = await shop.create(aProduct());
			const other = await shop.create(aProduct());
			for (let i = 0; i < 2; i++) expect(await shop.change({ id: product.id, name: "Twice" })).toMatchObject({ version: 2 });
			await shop.change({ id: other.id, name: "Later" });
			await shop.told(other.id, 2);
			expect(await shop.told(product.id, 2)).toHaveLength(2);
		});

		it("refuses a stale If-Match, a taken slug, null for what must be, and a product that is not there", async () => {
			const product = await shop.create(aProduct());
			const other = await shop.create(aProduct());
			const seen = etagOf(product);
			expect(await shop.change({ id: product.id, name: "Seen" }, shop.holding(seen))).toMatchObject({ version: 2 });
			await expect(shop.change({ id: product.id, name: "Unseen" }, shop.holding(seen))).rejects.toThrow(
				refusal("version_stale", { code: 412 }),
			);
			await expect(shop.archive(product.id, shop.holding(seen))).rejects.toThrow(refusal("version_stale"));
			await expect(shop.change({ id: product.id, slug: other.slug })).rejects.toThrow(refusal("slug_taken"));
			await expect(shop.change({ id: product.id, name: null } as never)).rejects.toThrow(flaw("/name"));
			await expect(shop.change({ id: unknownProduct, name: "x", category: "unmade" })).rejects.toThrow(refusal("not_found"));
			expect(await shop.get(product.id)).toMatchObject({ name: "Seen", version: 2 });
		});

		it("lets one of many win who saw the same version", async () => {
			const product = await shop.create(aProduct());
			const tries = await Promise.allSettled(
				Array.from({ length: 10 }, (_, n) => shop.change({ id: product.id, name: `Try ${n}` }, shop.holding(etagOf(product)))),
			);
			const won = tries.flatMap(one => (one.status === "fulfilled" ? [one.value.name] : []));
			expect(won).toHaveLength(1);
			expect(await shop.get(product.id)).toMatchObject({ name: won[0], version: 2 });
		});

		it("archives once: the public no longer sees it, who bought it still has its name", async () => {
			const product = await shop.create(aProduct());
			const sku = product.variants[0]!.sku;
			for (let i = 0; i < 2; i++) expect(await shop.archive(product.id)).toBeNull();
			await expect(shop.get(product.slug)).rejects.toThrow(refusal("not_found"));
			expect(await shop.get(product.slug, shop.merchant())).toMatchObject({ status: "archived", version: 2 });
			expect(await shop.quote(sku)).toMatchObject([{ active: false, name: product.name }]);
			await expect(shop.archive(unknownProduct)).rejects.toThrow(refusal("not_found"));
			expect(await shop.change({ id: product.id, status: "active" })).toMatchObject({ status: "active", version: 3 });
			expect(await shop.quote(sku)).toMatchObject([{ active: true }]);
		});
	});

	describe("variants", () => {
		const add = (id: string, sku: string) =>
			ask(shop.stoa.broker, products.addVariant, { id, sku, price: euros(500), options: { size: "40" } }, { meta: shop.merchant() });
		const remove = (id: string, variantId: string) =>
			ask(shop.stoa.broker, products.removeVariant, { id, variantId }, { meta: shop.merchant() });
		const changeOne = (params: ParamsOf<typeof products.changeVariant>) =>
			ask(shop.stoa.broker, products.changeVariant, params, { meta: shop.merchant() });

		it("are added, priced anew and taken away, and the next quote knows", async () => {
			const product = await shop.create(aProduct());
			const first = product.variants[0]!;
			const two = await add(product.id, `${first.sku}-B`);
			const second = two.variants[1]!;
			expect(second).toMatchObject({ sku: `${first.sku}-B`, price: euros(500), options: { size: "40" } });
			expect(await shop.quote(first.sku, `${first.sku}-B`)).toMatchObject([{ price: euros(10_000) }, { price: euros(500) }]);
			await changeOne({ id: product.id, variantId: second.id, price: euros(700), compareAt: euros(900) });
			expect(await shop.quote(second.sku)).toMatchObject([{ price: euros(700) }]);
			expect(await remove(product.id, second.id)).toMatchObject({ variants: [{ id: first.id }], version: 4 });
			expect(await shop.quote(second.sku)).toEqual([]);
			await expect(remove(product.id, second.id)).rejects.toThrow(refusal("not_found"));
			await expect(remove(product.id, first.id)).rejects.toThrow(refusal("validation_failed"));
		});

		it("free their SKU for another product when they go or change it", async () => {
			const product = await shop.create(aProduct());
			const { id: variantId, sku } = product.variants[0]!;
			await changeOne({ id: product.id, variantId, sku: `${sku}-NEW` });
			const other = await shop.create(aProduct({ variants: [{ sku, price: euros(1) }] }));
			expect(await shop.quote(sku, `${sku}-NEW`)).toMatchObject([{ productId: other.id }, { productId: product.id }]);
			await expect(changeOne({ id: product.id, variantId, sku })).rejects.toThrow(refusal("sku_taken"));
			await expect(changeOne({ id: product.id, variantId: "var_x", sku: "Q" })).rejects.toThrow(refusal("not_found"));
			await expect(changeOne({ id: product.id, variantId, price: { amount: 1, currency: "USD" } })).rejects.toThrow(
				refusal("currency_mismatch"),
			);
		});

		it("refuse a SKU of another, also when many ask at once, and free a SKU that came to nothing", async () => {
			const [one, two] = [await shop.create(aProduct()), await shop.create(aProduct())];
			await expect(add(one.id, two.variants[0]!.sku)).rejects.toThrow(refusal("sku_taken"));
			const tries = await Promise.allSettled([one, two, one, two].map(({ id }) => add(id, "SHARED")));
			expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
			await expect(add(unknownProduct, "LATER")).rejects.toThrow(refusal("not_found"));
			await add(one.id, "LATER");
		});
	});

	it("keeps everything over a restart", async () => {
		const product = await shop.create(aProduct());
		await shop.stoa.restart();
		expect(await shop.get(product.slug)).toEqual(product);
		await expect(shop.create(aProduct({ variants: product.variants.map(({ sku, price }) => ({ sku, price })) }))).rejects.toThrow(
			refusal("sku_taken"),
		);
	});
});

it("a product can be added while the inventory is away", async () => {
	const alone = await startStoa({ services: ["commerce/products"] });
	try {
		const asked = aProduct();
		const product = await ask(alone.broker, products.create, asked, { meta: alone.as("usr_merchant", ["merchant"]) });
		expect(await ask(alone.broker, products.list, { inStock: false })).toMatchObject({ data: [{ id: product.id }] });
	} finally {
		await alone.stop();
	}
});
