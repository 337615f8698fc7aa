// How the catalogue is read: with everything remembered until this process changes it, where no other can; and where other nodes write the same store,
// with what they agree on by versions.
import type { Collection } from "../../../mixins/documents/collection.ts";
import type { Query } from "../../../mixins/documents/engine.ts";
import { frozen, Remembered, Soon } from "./products.cache.ts";
import type { Product, QuotedLine } from "./products.contract.ts";
import { type ProductDocument, quotedLines, viewOf } from "./products.domain.ts";
import type { CatalogueVersions } from "./products.versions.ts";

/** One product as it is shown, priced and counted. */
export interface Shown {
	product: Product;
	lines: ReadonlyMap<string, QuotedLine>;
	inStock: boolean;
}

/** A page of a list, with one document more when there is another page. */
export type ListQuery = Query & { limit: number };
export interface Listing {
	data: Product[];
	nextCursor: string | null;
}
/** The cursor that goes on after a product. */
export type CursorAfter = (last: ProductDocument) => string;

export interface CatalogueReads {
	/** For showing. The same object for everybody until the product changes. */
	product(id: string): Promise<Shown | undefined>;
	/** As the store has it now: what prices, stock and writes are decided by. */
	exact(id: string): Promise<Shown | undefined>;
	bySlug(slug: string): Promise<Shown | undefined>;
	page(query: ListQuery, cursorAfter: CursorAfter): Promise<Listing>;
	/** A write of one product: whoever asks after it gets nothing that was read, or began to be, before it. */
	writing<T>(id: string, write: () => Promise<T>): Promise<T>;
	/** A write that changes nothing of a product but a count. The product itself shows it at once; lists a little later, or every like would empty them all. */
	counting<T>(id: string, write: () => Promise<T>): Promise<T>;
}

// Likes are shown 5 s late at most, and have a way behind them when they are counted.
const listsFollowMs = 2000;

// A product takes some 3 kB here: 30 MB at most. Its pages hold the same objects.
export const productsMax = 10_000;
const pagesMax = 500;

function shownOf(document: ProductDocument): Shown {
	return {
		product: frozen(viewOf(document)),
		lines: new Map(quotedLines(document).map(line => [line.sku, frozen(line)])),
		inStock: document.inStock,
	};
}

function listingOf(
	documents: readonly ProductDocument[],
	shown: readonly Shown[],
	{ limit }: ListQuery,
	cursorAfter: CursorAfter,
): Listing {
	const isLast = documents.length <= limit;
	return Object.freeze({
		data: shown.slice(0, limit).map(({ product }) => product),
		nextCursor: isLast ? null : cursorAfter(documents[limit - 1]!),
	});
}

/** Nobody but this process writes the store. */
export class OwnReads implements CatalogueReads {
	readonly #products: Collection<ProductDocument>;
	readonly #shown = new Remembered<Shown>(productsMax);
	readonly #pages = new Remembered<Listing>(pagesMax);
	readonly #listsSoon = new Soon(listsFollowMs, () => this.#pages.forgetAll());
	/** Counts the changes of the catalogue, so that nothing read before one is kept after it. */
	#changes = 0;

	constructor(products: Collection<ProductDocument>) {
		this.#products = products;
	}

	product(id: string): Promise<Shown | undefined> {
		return this.#shown.of(id, async () => {
			const document = await this.#products.get(id);
			return document && shownOf(document);
		});
	}

	exact(id: string): Promise<Shown | undefined> {
		return this.product(id);
	}

	async bySlug(slug: string): Promise<Shown | undefined> {
		const before = this.#changes;
		const document = await this.#products.findOne({ slug });
		return document && this.#keep(document, before);
	}

	async page(query: ListQuery, cursorAfter: CursorAfter): Promise<Listing> {
		const page = await this.#pages.of(JSON.stringify(query), async () => {
			const before = this.#changes;
			const documents = await this.#products.find({ ...query, limit: query.limit + 1 });
			const shown = await Promise.all(documents.map(document => this.#keep(document, before)));
			return listingOf(documents, shown, query, cursorAfter);
		});
		return page!;
	}

	async writing<T>(id: string, write: () => Promise<T>): Promise<T> {
		try {
			return await write();
		} finally {
			// Also when it is not known to have succeeded.
			this.#changes++;
			this.#shown.forget(id);
			this.#pages.forgetAll();
		}
	}

	async counting<T>(id: string, write: () => Promise<T>): Promise<T> {
		try {
			return await write();
		} finally {
			this.#changes++;
			this.#shown.forget(id);
			this.#listsSoon.ask();
		}
	}

	/** Keeps a document that a query found, unless something changed since it was asked. What is kept already is never older. */
	async #keep(document: ProductDocument, before: number): Promise<Shown> {
		if (this.#changes !== before) return shownOf(document);
		return (await this.#shown.of(document._id, async () => shownOf(document)))!;
	}
}

/** The part of the catalogue that every list is made of. */
const lists = "lists";

/** Other nodes write the store too. */
export class SharedReads implements CatalogueReads {
	readonly #products: Collection<ProductDocument>;
	readonly #versions: CatalogueVersions;
	/** By id and version of the document: the same bytes are the same object, however they came. */
	readonly #shown = new Remembered<Shown>(productsMax);
	readonly #byVersion = new Remembered<Shown>(productsMax);
	readonly #pages = new Remembered<Listing>(pagesMax);
	readonly #listsSoon = new Soon(listsFollowMs, () => this.#versions.writing([lists], async () => undefined));
	#asked = new Map<string, PromiseWithResolvers<ProductDocument | undefined>>();

	constructor(products: Collection<ProductDocument>, versions: CatalogueVersions) {
		this.#products = products;
		this.#versions = versions;
	}

	product(id: string): Promise<Shown | undefined> {
		const load = () => this.#load(id);
		return this.#versions.of({ part: id, key: id, load, make: document => this.#keep(document), held: this.#byVersion });
	}

	async exact(id: string): Promise<Shown | undefined> {
		const document = await this.#load(id);
		return document && this.#keep(document);
	}

	async bySlug(slug: string): Promise<Shown | undefined> {
		const document = await this.#products.findOne({ slug });
		return document && this.#keep(document);
	}

	async page(query: ListQuery, cursorAfter: CursorAfter): Promise<Listing> {
		const load = () => this.#products.find({ ...query, limit: query.limit + 1 });
		const make = async (documents: readonly ProductDocument[]) =>
			listingOf(documents, await Promise.all(documents.map(document => this.#keep(document))), query, cursorAfter);
		return (await this.#versions.of({ part: lists, key: `list:${JSON.stringify(query)}`, load, make, held: this.#pages }))!;
	}

	writing<T>(id: string, write: () => Promise<T>): Promise<T> {
		return this.#versions.writing(partsOf(id), write);
	}

	async counting<T>(id: string, write: () => Promise<T>): Promise<T> {
		try {
			return await this.#versions.writing([id], write);
		} finally {
			this.#listsSoon.ask();
		}
	}

	async #keep(document: ProductDocument): Promise<Shown> {
		return (await this.#shown.of(`${document._id} ${document.version}`, async () => shownOf(document)))!;
	}

	/** Those that are asked for in one turn are read together. A read that has begun is not joined: a write may have ended since. */
	#load(id: string): Promise<ProductDocument | undefined> {
		if (this.#asked.size === 0) queueMicrotask(() => void this.#loadAsked());
		const asked = this.#asked.get(id) ?? Promise.withResolvers<ProductDocument | undefined>();
		this.#asked.set(id, asked);
		return asked.promise;
	}

	async #loadAsked(): Promise<void> {
		const asked = this.#asked;
		this.#asked = new Map();
		try {
			const found = new Map((await this.#products.getMany([...asked.keys()])).map(document => [document._id, document]));
			for (const [id, { resolve }] of asked) resolve(found.get(id));
		} catch (error) {
			for (const { reject } of asked.values()) reject(error);
		}
	}
}

/** What a write of one product changes. */
const partsOf = (productId: string): string[] => [productId, lists];
