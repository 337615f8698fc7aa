// What may happen to a product, as pure functions over its document. Prices lie in it as whole minor units of one currency.
import { isDeepStrictEqual } from "node:util";
import { rfc3339 } from "../../../lib/clock.ts";
import type { ParamsOf, PayloadOf } from "../../../lib/contract.ts";
import { sha256 } from "../../../lib/crypto.ts";
import { currencyMismatch, type Flaw, notFound, validationFailed } from "../../../lib/failure.ts";
import type { Money } from "../../../lib/vocabulary.ts";
import * as products from "./products.contract.ts";
import { folded, foldedWords } from "./products.words.ts";

export interface HeldVariant {
	id: string;
	sku: string;
	options: Record<string, string>;
	price: number;
	compareAt?: number;
}

/** What a client decides about a product. */
export interface Description {
	slug: string;
	name: string;
	description: string;
	brand: string | null;
	category: string | null;
	tags: string[];
	attributes: products.Product["attributes"];
	media: products.Product["media"];
	variants: HeldVariant[];
	status: products.Product["status"];
}

/** One product as it is stored. `version` counts its writes, stock included; `revision` is the version that clients see. */
export interface ProductDocument extends Description {
	_id: string;
	version: number;
	currency: string;
	revision: number;
	createdAt: number;
	updatedAt: number;
	/** What it is found and sorted by, worked out from the rest. */
	words: string[];
	sortName: string;
	cheapest: number;
	/** What the inventory said last; no part of what a client sees of the product. */
	inStock: boolean;
	/** How many users like it, as far as they were counted. It only rises: nobody can take a like back. Absent before the first. */
	likes?: number;
}

/** Before the store has counted it. */
export type Draft = Omit<ProductDocument, "version">;

// A description of a thousand words would make a thousand index rows; the first ones say what it is.
const wordsMax = 300;

function found(of: Description): Pick<ProductDocument, "words" | "sortName" | "cheapest"> {
	const texts = [of.name, of.brand ?? "", of.category ?? "", ...of.tags, ...of.variants.map(({ sku }) => sku), of.description];
	return {
		words: [...new Set(texts.flatMap(foldedWords))].slice(0, wordsMax),
		sortName: folded(of.name),
		cheapest: Math.min(...of.variants.map(({ price }) => price)),
	};
}

export function newProduct(of: Description, given: { id: string; currency: string; now: number }): Draft {
	const { id, currency, now } = given;
	return { _id: id, ...of, currency, revision: 1, createdAt: now, updatedAt: now, ...found(of), inStock: false };
}

/** The next revision; undefined when nothing a client can see would change. */
function revised(product: ProductDocument, to: Partial<Description>, now: number): ProductDocument | undefined {
	const next = { ...product, ...to };
	if (isDeepStrictEqual(next, product)) return undefined;
	return { ...next, ...found(next), revision: product.revision + 1, updatedAt: now };
}

const orHeld = <T>(asked: T | null | undefined, held: T, empty: T): T => (asked === undefined ? held : (asked ?? empty));

/** JSON merge patch of a flat object: null takes a name away. */
export function merged<T>(held: Record<string, T>, patch: Readonly<Record<string, T | null>> | null | undefined): Record<string, T> {
	if (patch === undefined) return held;
	if (patch === null) return {};
	const next = { ...held };
	for (const [name, value] of Object.entries(patch)) {
		if (value === null) delete next[name];
		else next[name] = value;
	}
	return next;
}

const distinct = (tags: readonly string[]) => [...new Set(tags)];
const withAlt = (media: readonly { url: string; alt?: string }[]) => media.map(({ url, alt }) => ({ url, alt: alt ?? "" }));

type NewProduct = ParamsOf<typeof products.create>;

/** Fills in what a new product leaves out. */
export function described(asked: Omit<NewProduct, "variants" | "slug">, slug: string, variants: HeldVariant[]): Description {
	const { name, description = "", brand = null, category = null, tags = [], attributes = {}, media = [], status = "active" } = asked;
	return { slug, name, description, brand, category, tags: distinct(tags), attributes, media: withAlt(media), variants, status };
}

export function changedProduct(product: ProductDocument, patch: Omit<ParamsOf<typeof products.change>, "id">, now: number) {
	return revised(
		product,
		{
			name: patch.name ?? product.name,
			slug: patch.slug ?? product.slug,
			description: orHeld(patch.description, product.description, ""),
			brand: orHeld<string | null>(patch.brand, product.brand, null),
			category: orHeld<string | null>(patch.category, product.category, null),
			tags: distinct(orHeld(patch.tags, product.tags, [])),
			attributes: merged(product.attributes, patch.attributes),
			media: withAlt(orHeld(patch.media, product.media, [])),
			status: patch.status ?? product.status,
		},
		now,
	);
}

export const archived = (product: ProductDocument, now: number) => revised(product, { status: "archived" }, now);

function inShopCurrency(price: Money, shop: string): number {
	if (price.currency !== shop) throw currencyMismatch({ given: price.currency, shop });
	return price.amount;
}

export function newVariant(asked: products.NewVariant, given: { id: string; currency: string }): HeldVariant {
	const { sku, options = {}, price, compareAt } = asked;
	const variant = { id: given.id, sku, options, price: inShopCurrency(price, given.currency) };
	return compareAt ? { ...variant, compareAt: inShopCurrency(compareAt, given.currency) } : variant;
}

/** Two variants of one request with one SKU are a mistake of the request, whoever else has that SKU. */
export function refuseTwins(variants: readonly { sku: string }[]): void {
	const flaws = variants.flatMap(({ sku }, at): Flaw[] =>
		variants.findIndex(other => other.sku === sku) < at
			? [{ pointer: `/variants/${at}/sku`, code: "duplicate", detail: "stands here twice" }]
			: [],
	);
	if (flaws.length > 0) throw validationFailed({ errors: flaws });
}

// As many as one may be made with.
const variantsMax = 100;

export function withVariant(product: ProductDocument, variant: HeldVariant, now: number) {
	if (product.variants.some(({ sku }) => sku === variant.sku)) throw products.skuTaken({ sku: variant.sku });
	if (product.variants.length >= variantsMax)
		throw validationFailed({ errors: [{ pointer: "", code: "too_many", detail: `a product has at most ${variantsMax} variants` }] });
	return revised(product, { variants: [...product.variants, variant] }, now);
}

function variantOf(product: ProductDocument, variantId: string): HeldVariant {
	const variant = product.variants.find(({ id }) => id === variantId);
	if (!variant) throw notFound();
	return variant;
}

type VariantPatch = Omit<ParamsOf<typeof products.changeVariant>, "id" | "variantId">;

export function withChangedVariant(product: ProductDocument, variantId: string, patch: VariantPatch, now: number) {
	const { compareAt: held, ...rest } = variantOf(product, variantId);
	const price = patch.price ? inShopCurrency(patch.price, product.currency) : rest.price;
	const asked = patch.compareAt ? inShopCurrency(patch.compareAt, product.currency) : patch.compareAt;
	const compareAt = orHeld<number | null>(asked, held ?? null, null);
	const sku = patch.sku ?? rest.sku;
	if (product.variants.some(other => other.sku === sku && other.id !== variantId)) throw products.skuTaken({ sku });
	const next = { ...rest, sku, price, options: merged(rest.options, patch.options), ...(compareAt === null ? {} : { compareAt }) };
	return revised(product, { variants: product.variants.map(variant => (variant.id === variantId ? next : variant)) }, now);
}

export function withoutVariant(product: ProductDocument, variantId: string, now: number) {
	variantOf(product, variantId);
	if (product.variants.length === 1)
		throw validationFailed({
			errors: [{ pointer: "/variantId", code: "last_variant", detail: "is the only variant; archive the product instead" }],
		});
	return revised(product, { variants: product.variants.filter(({ id }) => id !== variantId) }, now);
}

/** What clients see. Ratings are others' to count; until their service comes, there are none. */
export function viewOf(product: Draft): products.Product {
	const { _id: id, slug, name, description, brand, category, tags, attributes, media, currency, status, revision, likes = 0 } = product;
	return {
		id,
		slug,
		name,
		description,
		brand,
		category,
		tags,
		attributes,
		media,
		variants: product.variants.map(({ id, sku, options, price, compareAt }) => ({
			id,
			sku,
			options,
			price: { amount: price, currency },
			...(compareAt === undefined ? {} : { compareAt: { amount: compareAt, currency } }),
		})),
		rating: { average: 0, count: 0 },
		likes,
		status,
		version: revision,
		createdAt: rfc3339(product.createdAt),
		updatedAt: rfc3339(product.updatedAt),
	};
}

/** The product as `products.created` and `products.changed` tell it. */
export function factOf(product: Draft): PayloadOf<typeof products.changed> {
	const { _id: productId, slug, brand, category, status, revision: version, currency } = product;
	const variants = product.variants.map(({ sku, price }) => ({ sku, price: { amount: price, currency } }));
	return { productId, slug, brand, category, status, variants, version };
}

export function quotedLines(product: Draft): products.QuotedLine[] {
	const { _id: productId, name, currency, status } = product;
	const media = product.media[0]?.url;
	return product.variants.map(({ sku, price }) => ({
		sku,
		productId,
		name,
		price: { amount: price, currency },
		active: status === "active",
		...(media === undefined ? {} : { media }),
	}));
}

/** An import that was killed halfway finds its own claims again, because a slug always makes the same id. */
export const importedId = (slug: string) => `prd_${sha256(`imported ${slug}`).slice(0, 26)}`;

export function importedProduct(
	asked: products.ImportedProduct,
	given: { id: string; currency: string; now: number; variantId(): string },
): Draft {
	const { slug, variants, media = [{ url: `/media/${slug}.svg`, alt: asked.name }], brandName: _, ...rest } = asked;
	const held = variants.map(variant => ({ id: given.variantId(), ...variant }));
	return newProduct(described({ ...rest, media }, slug, held), given);
}
