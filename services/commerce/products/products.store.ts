// Products as documents: every change is one write of one of them, with the fact it makes true inside.

import { requireMatch } from "../../../lib/canonical.ts";
import { tell } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import type { DocumentStore } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { type CollectionSpec, DuplicateKey } from "../../../mixins/documents/engine.ts";
import { type ClaimDocument, Claims, type Held } from "./products.claims.ts";
import * as products from "./products.contract.ts";
import { type Draft, factOf, importedId, importedProduct, type ProductDocument, viewOf } from "./products.domain.ts";
import type { CatalogueReads } from "./products.reads.ts";

export const collections: Readonly<Record<string, CollectionSpec>> = {
	products: {
		unique: ["slug"],
		arrayIndexes: ["words"],
		indexes: ["createdAt", "sortName", "cheapest", "category", "brand", "status", ["category", "createdAt"], ["category", "cheapest"]],
	},
	skus: {},
	likes: { indexes: ["productId"] },
	taxonomies: {},
};

/** `_id` names product and user, so that a like is there once however often it is told. */
export interface LikeDocument {
	_id: string;
	version: number;
	productId: string;
}

/** What stands around each write of a product, so that nothing remembered outlives it. */
type Writing = Pick<CatalogueReads, "writing" | "counting">;

export class ProductStore {
	readonly products: Collection<ProductDocument>;
	readonly claims: Claims;
	readonly #documents: DocumentStore;
	readonly #likes: Collection<LikeDocument>;
	readonly #runtime: Runtime;
	readonly #writing: Writing;

	constructor(documents: DocumentStore, runtime: Runtime, writing: Writing) {
		this.#documents = documents;
		this.#runtime = runtime;
		this.#writing = writing;
		this.products = documents.collection<ProductDocument>("products");
		this.#likes = documents.collection<LikeDocument>("likes");
		const has = async (productId: string, sku: string) =>
			(await this.products.get(productId))?.variants.some(variant => variant.sku === sku) ?? false;
		this.claims = new Claims(documents.collection<ClaimDocument>("skus"), runtime.clock, has);
	}

	/** Throws `slug_taken`, with nothing written. */
	async insert(draft: Draft, held: Held): Promise<ProductDocument> {
		this.claims.checkFresh(held);
		const facts = this.#documents.facts();
		tell(facts, products.created, factOf(draft));
		try {
			return await this.#writing.writing(draft._id, () => this.products.insert(draft, facts));
		} catch (error) {
			if (error instanceof DuplicateKey && error.field === "slug") throw products.slugTaken({ slug: draft.slug });
			throw error;
		}
	}

	/** One conditional write of one product; `decide` answers undefined when nothing changes. Throws `not_found`, `version_stale`, `slug_taken`. */
	async change(
		id: string,
		ifMatch: string | undefined,
		decide: (product: ProductDocument) => ProductDocument | undefined,
	): Promise<ProductDocument> {
		let slug = "";
		try {
			const decided = (held: ProductDocument) => {
				if (ifMatch !== undefined) requireMatch(ifMatch, viewOf(held));
				const doc = decide(held);
				if (!doc) return undefined;
				slug = doc.slug;
				const facts = this.#documents.facts();
				tell(facts, products.changed, factOf(doc));
				return { doc, facts };
			};
			const product = await this.#writing.writing(id, () => this.products.change(id, decided));
			if (!product) throw notFound();
			return product;
		} catch (error) {
			throw error instanceof DuplicateKey ? products.slugTaken({ slug }) : error;
		}
	}

	/** Changes a product that gains a SKU: claimed before, released when the change is refused. */
	async changeClaiming(
		id: string,
		sku: string,
		ifMatch: string | undefined,
		decide: (product: ProductDocument) => ProductDocument | undefined,
	) {
		const held = await this.claims.claim([sku], id);
		return this.claims.holding(held, () => {
			this.claims.checkFresh(held);
			return this.change(id, ifMatch, decide);
		});
	}

	/** Whether it can be bought; nothing that a client sees of the product itself. */
	async setInStock(id: string, available: ReadonlyMap<string, number>): Promise<void> {
		const decided = (product: ProductDocument) => {
			const inStock = isAvailable(product, available);
			return inStock === product.inStock ? undefined : { doc: { ...product, inStock } };
		};
		await this.#writing.writing(id, () => this.products.change(id, decided));
	}

	/**
	 * Counts a user's like. Told twice, on two nodes or after a crash in between it is the same: the likes that are there are counted, and as they
	 * only grow, of two counts that meet the higher is the later one. What is no product of ours is nobody's to count.
	 */
	async countLike(productId: string, userId: string): Promise<void> {
		if (!(await this.products.get(productId))) return;
		try {
			await this.#likes.insert({ _id: `${productId} ${userId}`, productId });
		} catch (error) {
			if (!(error instanceof DuplicateKey)) throw error;
		}
		const likes = await this.#likes.count({ productId });
		const decided = (product: ProductDocument) => ((product.likes ?? 0) >= likes ? undefined : { doc: { ...product, likes } });
		await this.#writing.counting(productId, () => this.products.change(productId, decided));
	}

	/** Adds those whose slug is new. Answers their ids. Throws `sku_taken` after the others were added. */
	async import(
		asked: readonly products.ImportedProduct[],
		availableOf: (skus: string[]) => Promise<ReadonlyMap<string, number>>,
	): Promise<string[]> {
		const bySlug = new Map(asked.map(product => [product.slug, product]));
		const known = bySlug.size === 0 ? [] : await this.products.find({ filter: { slug: { $in: [...bySlug.keys()] } }, limit: bySlug.size });
		for (const { slug } of known) bySlug.delete(slug);
		const fresh = [...bySlug.values()];
		const available = await availableOf(fresh.flatMap(({ variants }) => variants.map(({ sku }) => sku)));
		const outcomes = await Promise.allSettled(fresh.map(product => this.#importOne(product, available)));
		const refused = outcomes.find(outcome => outcome.status === "rejected");
		if (refused) throw refused.reason;
		return outcomes.flatMap(outcome => (outcome.status === "fulfilled" && outcome.value ? [outcome.value] : []));
	}

	async #importOne(asked: products.ImportedProduct, available: ReadonlyMap<string, number>): Promise<string | undefined> {
		const { clock, config } = this.#runtime;
		const now = clock.now();
		const draft = importedProduct(asked, {
			id: importedId(asked.slug),
			currency: config.currency,
			now,
			variantId: () => newId("var", now),
		});
		draft.inStock = isAvailable(draft, available);
		const held = await this.claims.claim(skusOf(draft), draft._id, true);
		try {
			return (await this.claims.holding(held, () => this.insert(draft, held)))._id;
		} catch (error) {
			// Another import of the same product came first, and the claims are as much its own; or somebody gave the slug to a product of theirs.
			if (error instanceof DuplicateKey || products.slugTaken.matches(error)) return undefined;
			throw error;
		}
	}
}

export const skusOf = (product: Pick<Draft, "variants">) => product.variants.map(({ sku }) => sku);
export const isAvailable = (product: Pick<Draft, "variants">, available: ReadonlyMap<string, number>) =>
	product.variants.some(({ sku }) => (available.get(sku) ?? 0) > 0);
