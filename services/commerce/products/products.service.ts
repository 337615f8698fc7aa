// The catalogue: contract to domain to store, and the shop window before it.
import { answer, hear } from "../../../lib/contract.ts";
import { kindOf, notFound, permissionMissing } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import { mayDo } from "../../../lib/principal.ts";
import { redisOf } from "../../../lib/redis.ts";
import { defineService } from "../../../lib/service.ts";
import { type DocumentService, documentStore } from "../../../mixins/document-store.ts";
import { recorded } from "../../identity/interactions/interactions.contract.ts";
import { levelChanged } from "../inventory/inventory.contract.ts";
import * as products from "./products.contract.ts";
import * as domain from "./products.domain.ts";
import { OwnReads, SharedReads } from "./products.reads.ts";
import { availableOf, refreshStock } from "./products.stock.ts";
import { collections, ProductStore, skusOf } from "./products.store.ts";
import { CatalogueVersions } from "./products.versions.ts";
import { ShopWindow } from "./products.window.ts";
import { slugsFor } from "./products.words.ts";
import * as taxonomy from "./taxonomy.contract.ts";
import { brandOf, brandsOf, categoryOf, entryOf, slugsWithin, treeOf } from "./taxonomy.domain.ts";
import { Taxonomies, type TaxonomyDocument } from "./taxonomy.store.ts";

type Products = DocumentService & { store: ProductStore; taxonomies: Taxonomies; window: ShopWindow; versions?: CatalogueVersions };

const ifMatchOf = (ctx: { meta: { request?: { ifMatch?: string } } }) => ctx.meta.request?.ifMatch;

/** Makes the brand and the category that a product is to lie under. Done again after the write: either may have been removed in between. */
async function makeRoom(service: Products, { brand, category }: { brand?: string | null; category?: string | null }): Promise<void> {
	if (category) await service.taxonomies.ensure("categories", [{ slug: category }]);
	if (brand) await service.taxonomies.ensure("brands", [{ slug: brand }]);
}

/** A slug that was asked for is taken or not; one from the name gets an ending until it is free. */
async function insertNamed(
	service: Products,
	held: Parameters<ProductStore["insert"]>[1],
	slugs: Iterable<string>,
	draftFor: (slug: string) => domain.Draft,
) {
	let taken = "";
	for (const slug of slugs) {
		taken = slug;
		if (await service.store.products.findOne({ slug })) continue;
		try {
			return await service.store.insert(draftFor(slug), held);
		} catch (error) {
			if (!products.slugTaken.matches(error)) throw error;
		}
	}
	throw products.slugTaken({ slug: taken });
}

/** The inventory may have heard of a SKU before we did. Without an answer the product counts as sold out until its stock changes. */
async function askForStock(service: Products, ids: readonly string[]): Promise<void> {
	try {
		await refreshStock(service.broker, service.store, ids);
	} catch (error) {
		if (kindOf(error) !== "unavailable") throw error;
		service.logger.warn(`the inventory is away: ${ids.length} products may be in stock without showing it`);
	}
}

async function changeVariants(service: Products, id: string, change: () => Promise<domain.ProductDocument>): Promise<products.Product> {
	const product = await change();
	await askForStock(service, [id]);
	return domain.viewOf(product);
}

/** A SKU that a product let go of is free for another. The claim was read before: one that was made anew since then stays. */
async function letGo(service: Products, id: string, sku: string | undefined, write: () => Promise<domain.ProductDocument>) {
	const claims = sku === undefined ? [] : (await service.store.claims.of([sku])).filter(({ productId }) => productId === id);
	const product = await write();
	if (sku !== undefined && !skusOf(product).includes(sku)) await service.store.claims.release(claims);
	return product;
}

/** Whichever node can still reach Redis does for this one what it could not. */
function tellOthers({ broker, logger }: Products, parts: readonly string[]): void {
	const told = broker.broadcast(products.cacheDropped.name, { node: broker.nodeID, parts: [...parts] });
	told.catch(error => logger.warn("the other nodes could not be told of a change", error));
}

export default defineService<Products>({
	name: "products",
	mixins: [documentStore({ collections })],

	async started() {
		const { clock, config } = this.runtime;
		const collection = this.documents.collection<domain.ProductDocument>("products");
		// Nobody else writes an embedded store; a server's may be written by any node.
		if (config.mongoUrl) this.versions = new CatalogueVersions(redisOf(this.broker), parts => tellOthers(this, parts));
		const reads = this.versions ? new SharedReads(collection, this.versions) : new OwnReads(collection);
		this.store = new ProductStore(this.documents, this.runtime, reads);
		this.window = new ShopWindow(reads, this.store.claims);
		const fieldOf = { categories: "category", brands: "brand" } as const;
		const hasProducts = async (kind: keyof typeof fieldOf, slug: string) =>
			(await this.store.products.findOne({ [fieldOf[kind]]: slug })) !== undefined;
		const taxonomies = this.documents.collection<TaxonomyDocument>("taxonomies");
		this.taxonomies = new Taxonomies(taxonomies, { clock, versions: this.versions, hasProducts });
	},

	async stopped() {
		this.versions?.stop();
	},

	actions: {
		get: answer(products.get, async function (this: Products, ctx) {
			const shown = await this.window.product(ctx.params.idOrSlug);
			if (!shown || (shown.product.status !== "active" && !mayDo(ctx.locals.principal, "products:write"))) throw notFound();
			return shown.product;
		}),

		list: answer(products.list, async function (this: Products, ctx) {
			const { status } = ctx.params;
			if (status && status !== "active" && !mayDo(ctx.locals.principal, "products:write"))
				throw permissionMissing({ permission: "products:write" });
			const categories = await this.taxonomies.entries("categories");
			return this.window.page(ctx.params, category => slugsWithin(categories, category));
		}),

		create: answer(products.create, async function (this: Products, ctx) {
			const { variants: asked, slug, ...about } = ctx.params;
			const { currency } = this.runtime.config;
			const now = this.runtime.clock.now();
			domain.refuseTwins(asked);
			const variants = asked.map(variant => domain.newVariant(variant, { id: newId("var", now), currency }));
			const id = newId("prd", now);
			const draftFor = (slug: string) => domain.newProduct(domain.described(about, slug, variants), { id, currency, now });
			if (slug !== undefined && (await this.store.products.findOne({ slug }))) throw products.slugTaken({ slug });
			const held = await this.store.claims.claim(skusOf({ variants }), id);
			const product = await this.store.claims.holding(held, async () => {
				await makeRoom(this, about);
				return insertNamed(this, held, slug === undefined ? slugsFor(about.name, id) : [slug], draftFor);
			});
			await makeRoom(this, about);
			await askForStock(this, [id]);
			return domain.viewOf(product);
		}),

		change: answer(products.change, async function (this: Products, ctx) {
			const { id, ...patch } = ctx.params;
			if (!(await this.window.exact(id))) throw notFound();
			await makeRoom(this, patch);
			const product = await this.store.change(id, ifMatchOf(ctx), held => domain.changedProduct(held, patch, this.runtime.clock.now()));
			await makeRoom(this, patch);
			return domain.viewOf(product);
		}),

		archive: answer(products.archive, async function (this: Products, ctx) {
			await this.store.change(ctx.params.id, ifMatchOf(ctx), product => domain.archived(product, this.runtime.clock.now()));
			return null;
		}),

		addVariant: answer(products.addVariant, async function (this: Products, ctx) {
			const { id, ...asked } = ctx.params;
			const now = this.runtime.clock.now();
			const variant = domain.newVariant(asked, { id: newId("var", now), currency: this.runtime.config.currency });
			const add = () => this.store.changeClaiming(id, variant.sku, ifMatchOf(ctx), product => domain.withVariant(product, variant, now));
			return changeVariants(this, id, add);
		}),

		changeVariant: answer(products.changeVariant, async function (this: Products, ctx) {
			const { id, variantId, ...patch } = ctx.params;
			const held = (await this.window.exact(id))?.product.variants.find(variant => variant.id === variantId);
			if (!held) throw notFound();
			const decide = (product: domain.ProductDocument) => domain.withChangedVariant(product, variantId, patch, this.runtime.clock.now());
			const { sku } = patch;
			if (sku === undefined || sku === held.sku) return domain.viewOf(await this.store.change(id, ifMatchOf(ctx), decide));
			const rename = () => letGo(this, id, held.sku, () => this.store.changeClaiming(id, sku, ifMatchOf(ctx), decide));
			return changeVariants(this, id, rename);
		}),

		removeVariant: answer(products.removeVariant, async function (this: Products, ctx) {
			const { id, variantId } = ctx.params;
			const held = (await this.window.exact(id))?.product.variants.find(variant => variant.id === variantId);
			const take = () =>
				this.store.change(id, ifMatchOf(ctx), product => domain.withoutVariant(product, variantId, this.runtime.clock.now()));
			return changeVariants(this, id, () => letGo(this, id, held?.sku, take));
		}),

		listCategories: answer(taxonomy.listCategories, async function (this: Products) {
			return { data: treeOf(await this.taxonomies.entries("categories")) };
		}),

		getCategory: answer(taxonomy.getCategory, async function (this: Products, ctx) {
			const categories = await this.taxonomies.entries("categories");
			return categoryOf(categories, entryOf(categories, ctx.params.id));
		}),

		addCategory: answer(taxonomy.addCategory, async function (this: Products, ctx) {
			const { slug, name, parentId = null } = ctx.params;
			return categoryOf(...(await this.taxonomies.add("categories", { slug, name, parentId })));
		}),

		changeCategory: answer(taxonomy.changeCategory, async function (this: Products, ctx) {
			const { id, ...patch } = ctx.params;
			return categoryOf(...(await this.taxonomies.change("categories", id, patch, ifMatchOf(ctx))));
		}),

		removeCategory: answer(taxonomy.removeCategory, async function (this: Products, ctx) {
			await this.taxonomies.remove("categories", ctx.params.id, ifMatchOf(ctx));
			return null;
		}),

		listBrands: answer(taxonomy.listBrands, async function (this: Products) {
			return { data: brandsOf(await this.taxonomies.entries("brands")) };
		}),

		getBrand: answer(taxonomy.getBrand, async function (this: Products, ctx) {
			return brandOf(entryOf(await this.taxonomies.entries("brands"), ctx.params.id));
		}),

		addBrand: answer(taxonomy.addBrand, async function (this: Products, ctx) {
			const [, brand] = await this.taxonomies.add("brands", { ...ctx.params, parentId: null });
			return brandOf(brand);
		}),

		changeBrand: answer(taxonomy.changeBrand, async function (this: Products, ctx) {
			const { id, ...patch } = ctx.params;
			const [, brand] = await this.taxonomies.change("brands", id, patch, ifMatchOf(ctx));
			return brandOf(brand);
		}),

		removeBrand: answer(taxonomy.removeBrand, async function (this: Products, ctx) {
			await this.taxonomies.remove("brands", ctx.params.id, ifMatchOf(ctx));
			return null;
		}),

		quote: answer(products.quote, async function (this: Products, ctx) {
			return { lines: await this.window.lines(ctx.params.skus) };
		}),

		importBatch: answer(products.importBatch, async function (this: Products, ctx) {
			const { products: asked, categories = [], brands = [] } = ctx.params;
			const make = async () => {
				await this.taxonomies.ensure("categories", [...categories, ...asked.map(({ category }) => ({ slug: category }))]);
				await this.taxonomies.ensure("brands", [...brands, ...asked.map(({ brand, brandName }) => ({ slug: brand, name: brandName }))]);
			};
			await make();
			const none = new Map<string, number>();
			const ids = await this.store.import(asked, skus =>
				availableOf(this.broker, skus).catch(error => (kindOf(error) === "unavailable" ? none : Promise.reject(error))),
			);
			await make();
			await askForStock(this, ids);
			return { created: ids.length, known: asked.length - ids.length };
		}),

		picture: answer(products.picture, function (this: Products, ctx) {
			return this.window.picture(ctx.params.slug);
		}),
	},

	events: {
		// Heard with every sale: nothing is asked or written unless the fact and what we hold disagree.
		...hear(levelChanged, async function (this: Products, { params }) {
			const shown = await this.window.productOf(params.sku);
			if (shown && shown.inStock !== params.available > 0) await refreshStock(this.broker, this.store, [shown.product.id]);
		}),

		// Only ids of ours have a `prd_`; of visits nothing is kept here.
		...hear(recorded, async function (this: Products, { params: { kind, target, userId } }) {
			if (kind === "like" && target.startsWith("prd_")) await this.store.countLike(target, userId);
		}),

		...hear(products.cacheDropped, async function (this: Products, { params }) {
			await this.versions?.raise(params.parts);
		}),
	},
});
