// Categories and brands. Each of the two is one document with all its entries, so that no two changes that come together can tie a knot in the tree.
import { type Flaw, notFound, validationFailed } from "../../../lib/failure.ts";
import { slugTaken } from "./products.contract.ts";
import type { Brand, Category } from "./taxonomy.contract.ts";

export interface Entry {
	id: string;
	slug: string;
	name: string;
	/** Always null for a brand. */
	parentId: string | null;
}

// Nobody finds their way through more; and who walks the tree must come to an end.
export const depthMax = 10;

const wrongParent = (code: string, detail: string) => validationFailed({ errors: [{ pointer: "/parentId", code, detail } satisfies Flaw] });

export function entryOf(entries: readonly Entry[], id: string): Entry {
	const entry = entries.find(other => other.id === id);
	if (!entry) throw notFound();
	return entry;
}

/** The entries above, nearest first. */
function above(entries: readonly Entry[], entry: Entry): Entry[] {
	const parent = entries.find(({ id }) => id === entry.parentId);
	return parent ? [parent, ...above(entries, parent)] : [];
}

/** An entry and those below it. */
function within(entries: readonly Entry[], entry: Entry): Entry[] {
	return [entry, ...entries.filter(({ parentId }) => parentId === entry.id).flatMap(child => within(entries, child))];
}

function checked(entries: readonly Entry[], entry: Entry): void {
	if (entries.some(({ id, slug }) => slug === entry.slug && id !== entry.id)) throw slugTaken({ slug: entry.slug });
	if (entry.parentId === null) return;
	if (!entries.some(({ id }) => id === entry.parentId)) throw wrongParent("unknown", "is no category");
}

export function withEntry(entries: readonly Entry[], entry: Entry): Entry[] {
	checked(entries, entry);
	const next = [...entries, entry];
	if (above(next, entry).length >= depthMax) throw wrongParent("too_deep", `stands ${depthMax} levels deep already`);
	return next;
}

/** Undefined when nothing changes. */
export function withChangedEntry(entries: readonly Entry[], id: string, patch: Partial<Omit<Entry, "id">>): Entry[] | undefined {
	const held = entryOf(entries, id);
	const { slug = held.slug, name = held.name, parentId = held.parentId } = patch;
	const entry = { id, slug, name, parentId };
	if (slug === held.slug && name === held.name && parentId === held.parentId) return undefined;
	checked(entries, entry);
	const family = within(entries, held);
	if (family.some(member => member.id === parentId)) throw wrongParent("circular", "is the category itself or one below it");
	const next = entries.map(other => (other.id === id ? entry : other));
	if (family.some(member => above(next, member).length >= depthMax))
		throw wrongParent("too_deep", `would put something below level ${depthMax}`);
	return next;
}

export const withoutEntry = (entries: readonly Entry[], id: string): Entry[] => entries.filter(other => other.id !== id);

export interface Wanted {
	slug: string;
	name?: string;
	/** The slug of the category above. */
	parent?: string;
}

const nameFor = (slug: string) => slug.charAt(0).toUpperCase() + slug.slice(1).replaceAll("-", " ");

/** Adds those that are missing, each after its parent; undefined when none is. */
export function withWanted(entries: readonly Entry[], wanted: readonly Wanted[], newId: () => string): Entry[] | undefined {
	const next = new Map(entries.map(entry => [entry.slug, entry]));
	for (const { slug, name, parent } of wanted) {
		if (next.has(slug)) continue;
		const parentId = (parent !== undefined && next.get(parent)?.id) || null;
		next.set(slug, { id: newId(), slug, name: name ?? nameFor(slug), parentId });
	}
	return next.size > entries.length ? [...next.values()] : undefined;
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

export function treeOf(entries: readonly Entry[], parentId: string | null = null): Category[] {
	return entries
		.filter(entry => entry.parentId === parentId)
		.map(entry => categoryOf(entries, entry))
		.sort(byName);
}

export const categoryOf = (entries: readonly Entry[], { id, slug, name, parentId }: Entry): Category => ({
	id,
	slug,
	name,
	parentId,
	children: treeOf(entries, id),
});

export const brandOf = ({ id, slug, name }: Entry): Brand => ({ id, slug, name });
export const brandsOf = (entries: readonly Entry[]): Brand[] => entries.map(brandOf).sort(byName);

/** A category's slug and those of the categories below it. One that is not in the tree stands for itself. */
export function slugsWithin(entries: readonly Entry[], slug: string): string[] {
	const entry = entries.find(other => other.slug === slug);
	return entry ? within(entries, entry).map(member => member.slug) : [slug];
}
