// The two documents that hold all categories and all brands.

import { requireMatch } from "../../../lib/canonical.ts";
import type { Clock } from "../../../lib/clock.ts";
import { newId } from "../../../lib/ids.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { DuplicateKey } from "../../../mixins/documents/engine.ts";
import { frozen, Remembered } from "./products.cache.ts";
import type { CatalogueVersions } from "./products.versions.ts";
import { brandInUse, categoryInUse } from "./taxonomy.contract.ts";
import {
	brandOf,
	categoryOf,
	type Entry,
	entryOf,
	type Wanted,
	withChangedEntry,
	withEntry,
	withoutEntry,
	withWanted,
} from "./taxonomy.domain.ts";

/** `_id` says which of the two it is. */
export interface TaxonomyDocument {
	_id: Kind;
	version: number;
	entries: Entry[];
}
export type Kind = "categories" | "brands";

// Both of them, under two versions each.
const heldMax = 4;
const prefix = { categories: "cat", brands: "brd" } as const;
const inUse = { categories: categoryInUse, brands: brandInUse } as const;
const shown = { categories: categoryOf, brands: (_: readonly Entry[], entry: Entry) => brandOf(entry) } as const;

export class Taxonomies {
	readonly #documents: Collection<TaxonomyDocument>;
	readonly #clock: Clock;
	/** Whether a product, of whatever status, lies under a slug. */
	readonly #hasProducts: (kind: Kind, slug: string) => Promise<boolean>;
	/** Where other nodes write the taxonomies too. */
	readonly #versions: CatalogueVersions | undefined;
	readonly #held = new Remembered<readonly Entry[]>(heldMax);

	constructor(
		documents: Collection<TaxonomyDocument>,
		given: { clock: Clock; versions: CatalogueVersions | undefined; hasProducts: (kind: Kind, slug: string) => Promise<boolean> },
	) {
		this.#documents = documents;
		this.#clock = given.clock;
		this.#versions = given.versions;
		this.#hasProducts = given.hasProducts;
	}

	async entries(kind: Kind): Promise<readonly Entry[]> {
		const load = () => this.#read(kind);
		if (!this.#versions) return (await this.#held.of(kind, async () => frozen(await load())))!;
		return (await this.#versions.of({ part: kind, key: kind, load, make: frozen, held: this.#held }))!;
	}

	async add(kind: Kind, asked: Omit<Entry, "id">): Promise<[readonly Entry[], Entry]> {
		const entry = { id: this.#newId(kind), ...asked };
		return [await this.#change(kind, entries => withEntry(entries, entry)), entry];
	}

	async change(kind: Kind, id: string, patch: Partial<Omit<Entry, "id">>, ifMatch: string | undefined): Promise<[readonly Entry[], Entry]> {
		const { slug } = entryOf(await this.#read(kind), id);
		const renamed = patch.slug !== undefined && patch.slug !== slug;
		if (renamed && (await this.#hasProducts(kind, slug))) throw inUse[kind]({ slug });
		const entries = await this.#change(kind, held => {
			if (ifMatch !== undefined) requireMatch(ifMatch, shown[kind](held, entryOf(held, id)));
			return withChangedEntry(held, id, patch);
		});
		if (renamed && (await this.#hasProducts(kind, slug))) await this.ensure(kind, [{ slug }]);
		return [entries, entryOf(entries, id)];
	}

	async remove(kind: Kind, id: string, ifMatch: string | undefined): Promise<void> {
		const removed = entryOf(await this.#read(kind), id);
		const refuse = () => inUse[kind]({ slug: removed.slug });
		if (await this.#hasProducts(kind, removed.slug)) throw refuse();
		await this.#change(kind, held => {
			if (ifMatch !== undefined) requireMatch(ifMatch, shown[kind](held, entryOf(held, id)));
			if (held.some(({ parentId }) => parentId === id)) throw refuse();
			return withoutEntry(held, entryOf(held, id).id);
		});
		// A product may have been put under it in between. Its writer looks at the taxonomy after the write, we at the products: one of us sees the other.
		if (!(await this.#hasProducts(kind, removed.slug))) return;
		await this.#change(kind, held => {
			if (held.some(({ slug }) => slug === removed.slug)) return undefined;
			return [...held, held.some(entry => entry.id === removed.parentId) ? removed : { ...removed, parentId: null }];
		});
		throw refuse();
	}

	/** Makes those that are missing. */
	async ensure(kind: Kind, wanted: readonly Wanted[]): Promise<void> {
		const missing = (entries: readonly Entry[]) => withWanted(entries, wanted, () => this.#newId(kind));
		if (wanted.length > 0 && missing(await this.#read(kind))) await this.#change(kind, missing);
	}

	/** Past the cache: another node may have written. */
	async #read(kind: Kind): Promise<readonly Entry[]> {
		return (await this.#documents.get(kind))?.entries ?? [];
	}

	#change(kind: Kind, decide: (entries: readonly Entry[]) => Entry[] | undefined): Promise<readonly Entry[]> {
		const write = () => this.#write(kind, decide);
		return this.#versions ? this.#versions.writing([kind], write) : write().finally(() => this.#held.forget(kind));
	}

	async #write(kind: Kind, decide: (entries: readonly Entry[]) => Entry[] | undefined): Promise<readonly Entry[]> {
		for (;;) {
			const document = await this.#documents.change(kind, held => {
				const entries = decide(held.entries);
				return entries && { doc: { _id: kind, entries } };
			});
			if (document) return document.entries;
			try {
				await this.#documents.insert({ _id: kind, entries: [] });
			} catch (error) {
				if (!(error instanceof DuplicateKey)) throw error;
			}
		}
	}

	#newId(kind: Kind): string {
		return newId(prefix[kind], this.#clock.now());
	}
}
