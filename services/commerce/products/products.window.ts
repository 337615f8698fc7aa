// The shop window: what is asked for all the time, as the very objects that go out. Finds them by every name that clients know.
import { notFound } from "../../../lib/failure.ts";
import { frozen, Hints, Remembered } from "./products.cache.ts";
import type { Claims } from "./products.claims.ts";
import type { QuotedLine } from "./products.contract.ts";
import { pictureOf } from "./products.pictures.ts";
import { type CatalogueReads, type Listing, productsMax, type Shown } from "./products.reads.ts";
import { cursorAfter, queryOf } from "./products.search.ts";

const picturesMax = 500;

export class ShopWindow {
	readonly #reads: CatalogueReads;
	readonly #claims: Claims;
	readonly #pictures = new Remembered<{ svg: string }>(picturesMax);
	readonly #slugs = new Hints(2 * productsMax);
	readonly #skus = new Hints(10 * productsMax);

	constructor(reads: CatalogueReads, claims: Claims) {
		this.#reads = reads;
		this.#claims = claims;
	}

	/** For showing. An id has an underscore, which no slug has. */
	async product(idOrSlug: string): Promise<Shown | undefined> {
		if (idOrSlug.includes("_")) return this.#reads.product(idOrSlug);
		const hint = this.#slugs.get(idOrSlug);
		const hinted = hint === undefined ? undefined : await this.#reads.product(hint);
		if (hinted?.product.slug === idOrSlug) return hinted;
		const found = await this.#reads.bySlug(idOrSlug);
		if (found) this.#slugs.set(idOrSlug, found.product.id);
		return found;
	}

	/** As the store has it now: what a write is decided by. */
	exact(id: string): Promise<Shown | undefined> {
		return this.#reads.exact(id);
	}

	/** What each SKU is and costs, by the store's own word; unknown ones are left out. */
	async lines(skus: readonly string[]): Promise<QuotedLine[]> {
		const shown = await Promise.all(skus.map(sku => this.productOf(sku)));
		return shown.flatMap((found, at) => found?.lines.get(skus[at]!) ?? []);
	}

	/** As the store has it now. */
	async productOf(sku: string): Promise<Shown | undefined> {
		const hint = this.#skus.get(sku);
		const hinted = hint === undefined ? undefined : await this.#reads.exact(hint);
		if (hinted?.lines.has(sku)) return hinted;
		const [claim] = await this.#claims.of([sku]);
		const found = claim && (await this.#reads.exact(claim.productId));
		if (!found?.lines.has(sku)) return undefined;
		this.#skus.set(sku, found.product.id);
		return found;
	}

	page(asked: Parameters<typeof queryOf>[0], below: Parameters<typeof queryOf>[1]): Promise<Listing> {
		return this.#reads.page(queryOf(asked, below), last => cursorAfter(last, asked));
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
}
