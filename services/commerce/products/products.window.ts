// The shop window: what is asked for all the time, kept as the very objects that go out, until a write of this process changes them.
import { notFound } from "../../../lib/failure.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { frozen, Hints, Remembered } from "./products.cache.ts";
import type { Claims } from "./products.claims.ts";
import type { Product, QuotedLine } from "./products.contract.ts";
import { type ProductDocument, quotedLines, viewOf } from "./products.domain.ts";
import { pictureOf } from "./products.pictures.ts";
import { cursorAfter, queryOf } from "./products.search.ts";

/** One product as it is shown, priced and counted. */
export interface Shown {
	product: Product;
	lines: ReadonlyMap<string, QuotedLine>;
	inStock: boolean;
}
export interface Listing {
	data: Product[];
	nextCursor: string | null;
}

// A product takes some 3 kB here: 30 MB at most. Its pages hold the same objects.
const productsMax = 10_000;
const pagesMax = 500;
const picturesMax = 500;

function shownOf(document: ProductDocument): Shown {
	return {
		product: frozen(viewOf(document)),
		lines: new Map(quotedLines(document).map(line => [line.sku, frozen(line)])),
		inStock: document.inStock,
	};
}

export class ShopWindow {
	readonly #products: Collection<ProductDocument>;
	readonly #claims: Claims;
	readonly #shown = new Remembered<Shown>(productsMax);
	readonly #pages = new Remembered<Listing>(pagesMax);
	readonly #pictures = new Remembered<{ svg: string }>(picturesMax);
	readonly #slugs = new Hints(2 * productsMax);
	readonly #skus = new Hints(10 * productsMax);
	/** Counts the changes of the catalogue, so that nothing read before one is kept after it. */
	#changes = 0;

	constructor(products: Collection<ProductDocument>, claims: Claims) {
		this.#products = products;
		this.#claims = claims;
	}

	changed(id: string): void {
		this.#changes++;
		this.#shown.forget(id);
		this.#pages.forgetAll();
	}

	/** Categories moved: another product may now lie below one. */
	rearranged(): void {
		this.#changes++;
		this.#pages.forgetAll();
	}

	/** The same object for everybody until the product changes. An id has an underscore, which no slug has. */
	async product(idOrSlug: string): Promise<Shown | undefined> {
		if (idOrSlug.includes("_")) return this.#byId(idOrSlug);
		const hint = this.#slugs.get(idOrSlug);
		const hinted = hint === undefined ? undefined : await this.#byId(hint);
		if (hinted?.product.slug === idOrSlug) return hinted;
		const before = this.#changes;
		const document = await this.#products.findOne({ slug: idOrSlug });
		if (!document) return undefined;
		this.#slugs.set(idOrSlug, document._id);
		return this.#keep(document, before);
	}

	/** What each SKU is and costs; unknown ones are left out. */
	async lines(skus: readonly string[]): Promise<QuotedLine[]> {
		const shown = await Promise.all(skus.map(sku => this.productOf(sku)));
		return shown.flatMap((found, at) => found?.lines.get(skus[at]!) ?? []);
	}

	async productOf(sku: string): Promise<Shown | undefined> {
		const hint = this.#skus.get(sku);
		const hinted = hint === undefined ? undefined : await this.#byId(hint);
		if (hinted?.lines.has(sku)) return hinted;
		const [claim] = await this.#claims.of([sku]);
		const found = claim && (await this.#byId(claim.productId));
		if (!found?.lines.has(sku)) return undefined;
		this.#skus.set(sku, found.product.id);
		return found;
	}

	async page(asked: Parameters<typeof queryOf>[0], below: Parameters<typeof queryOf>[1]): Promise<Listing> {
		const query = queryOf(asked, below);
		const page = await this.#pages.of(JSON.stringify(query), async () => {
			const before = this.#changes;
			const documents = await this.#products.find({ ...query, limit: query.limit + 1 });
			const isLast = documents.length <= query.limit;
			const rows = documents.slice(0, query.limit);
			const shown = await Promise.all(rows.map(document => this.#keep(document, before)));
			return Object.freeze({ data: shown.map(({ product }) => product), nextCursor: isLast ? null : cursorAfter(rows.at(-1)!, asked) });
		});
		return page!;
	}

	async picture(slug: string): Promise<{ svg: string }> {
		const shown = await this.product(slug);
		if (!shown || shown.product.status === "draft") throw notFound();
		const { id, version, name, category, brand, attributes, variants } = shown.product;
		const colour = variants[0]?.options.colour ?? attributes.colour;
		const picture = await this.#pictures.of(`${id} ${version}`, async () =>
			frozen({
				svg: pictureOf({ slug, name, category: category ?? "", brand: brand ?? "", ...(typeof colour === "string" ? { colour } : {}) }),
			}),
		);
		return picture!;
	}

	#byId(id: string): Promise<Shown | undefined> {
		return this.#shown.of(id, async () => {
			const document = await this.#products.get(id);
			return document && shownOf(document);
		});
	}

	/** Keeps a document that a query found, unless something changed since it was asked. What is kept already is never older. */
	async #keep(document: ProductDocument, before: number): Promise<Shown> {
		if (this.#changes !== before) return shownOf(document);
		return (await this.#shown.of(document._id, async () => shownOf(document)))!;
	}
}
