import { describe, expect, it } from "@jest/globals";
import { type SeedProduct, seedBrands, seedCategories, seedPeople, seedProduct } from "./catalogue.ts";

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, step) => seedProduct(from + step));
const window = range(1, 200);
/** The first pages, a stretch in the middle, the highest marks near the millionth, and the cheapest thing on sale. */
const sample = [...range(1, 12_000), ...range(500_000, 501_000), ...range(999_000, 1_000_000), seedProduct(856_152)];

const skus = (products: SeedProduct[]) => products.flatMap(({ variants }) => variants.map(({ sku }) => sku));
const complaints = (wrong: (product: SeedProduct) => boolean) => sample.filter(wrong).map(({ name }) => name);

describe("the made-up catalogue", () => {
	it("gives the same product for the same number, whatever was asked before", () => {
		const first = JSON.stringify(seedProduct(4_711));
		range(1, 50);
		expect(JSON.stringify(seedProduct(4_711))).toBe(first);
	});

	it("knows no product below one and none between two numbers", () => {
		for (const n of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => seedProduct(n)).toThrow(RangeError);
	});

	it("never gives two products one slug, one name or one sku", () => {
		for (const keys of [sample.map(({ slug }) => slug), sample.map(({ name }) => name), skus(sample)]) {
			expect(new Set(keys).size).toBe(keys.length);
		}
	});

	it("writes slugs and skus that fit a URL and a label", () => {
		expect(complaints(({ slug }) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) || slug.length > 80)).toEqual([]);
		expect(skus(sample).filter(sku => !/^[A-Z0-9]+(-[A-Z0-9]+)*$/.test(sku) || sku.length > 40)).toEqual([]);
	});

	it("never writes what could pass for a card number", () => {
		const digits = (text: string) => text.match(/\d(?:[ -]?\d)*/g)?.map(run => run.replace(/\D/g, "").length) ?? [];
		expect(complaints(product => digits(JSON.stringify(product)).some(length => length >= 14))).toEqual([]);
		expect(skus(sample).filter(sku => sku.replace(/\D/g, "").length >= 14)).toEqual([]);
	});

	it("fills every category and every brand within the first 200, and repeats no model there", () => {
		const parents = new Set(seedCategories.map(({ parent }) => parent));
		const leaves = seedCategories.map(({ slug }) => slug).filter(slug => !parents.has(slug));
		expect(new Set(window.map(({ category }) => category))).toEqual(new Set(leaves));
		expect(new Set(window.map(({ brand }) => brand))).toEqual(new Set(seedBrands.map(({ slug }) => slug)));
		const watches = window.filter(({ category }) => /watches$|chronographs/.test(category));
		const models = watches.map(({ name, brandName }) => name.slice(brandName.length + 1).replace(/ \d\d\b.*/, ""));
		expect(new Set(models).size).toBe(watches.length);
	});

	it("hangs every category under a parent that is there, and names the brand of each product", () => {
		const known = new Set(seedCategories.map(({ slug }) => slug));
		expect(seedCategories.filter(({ parent }) => parent !== undefined && !known.has(parent))).toEqual([]);
		const names = new Map(seedBrands.map(({ slug, name }) => [slug, name]));
		expect(complaints(({ brand, brandName, name }) => names.get(brand) !== brandName || !name.startsWith(`${brandName} `))).toEqual([]);
	});

	it("describes each product in two or three whole sentences with nothing left to fill in", () => {
		const sentences = (text: string) => text.match(/[^.]+(?:\.\d[^.]*)*\.(?= [A-Z]|$)/g)?.length ?? 0;
		expect(complaints(({ description }) => sentences(description) < 2 || sentences(description) > 3)).toEqual([]);
		expect(complaints(({ description }) => /[{}]| {2}| [.,]|undefined|\ba a |\bin in\b/.test(description))).toEqual([]);
		expect(complaints(({ description }) => /\ba [aeio]/.test(description.replace(/\ba one|[A-Z]\w*a (?=\w)/g, "")))).toEqual([]);
	});

	it("writes enough different descriptions that a page of the shop does not repeat itself", () => {
		expect(new Set(window.map(({ description }) => description)).size).toBe(window.length);
	});

	it("offers one to six variants that differ in what the buyer chooses", () => {
		expect(complaints(({ variants }) => variants.length < 1 || variants.length > 6)).toEqual([]);
		expect(complaints(({ variants }) => new Set(variants.map(({ options }) => JSON.stringify(options))).size < variants.length)).toEqual(
			[],
		);
		expect(complaints(({ variants }) => variants.some(({ options }) => !options.colour))).toEqual([]);
	});

	it("prices in whole cents that a shop would write on a card, and strikes out only what was dearer", () => {
		const prices = sample.flatMap(({ variants }) => variants);
		expect(prices.filter(({ price }) => !Number.isSafeInteger(price) || price < 300 || price > 600_000 || price % 10 !== 0)).toEqual([]);
		expect(prices.filter(({ price, compareAt }) => compareAt !== undefined && compareAt <= price)).toEqual([]);
		expect(prices.some(({ compareAt }) => compareAt !== undefined)).toBe(true);
	});

	it("keeps 5 to 120 of every variant on the shelf, and of a few none", () => {
		expect(complaints(({ stock, variants }) => Object.keys(stock).join() !== variants.map(({ sku }) => sku).join())).toEqual([]);
		const shelves = sample.flatMap(({ stock }) => Object.values(stock));
		expect(shelves.filter(count => count !== 0 && (count < 5 || count > 120))).toEqual([]);
		const empty = shelves.filter(count => count === 0).length / shelves.length;
		expect(empty).toBeGreaterThan(0.02);
		expect(empty).toBeLessThan(0.08);
	});

	it("lets the edition decide: a Bronze is made of bronze", () => {
		const bronzes = sample.filter(({ name }) => / Bronze( Mk \d+)?$/.test(name));
		expect(bronzes.length).toBeGreaterThan(0);
		expect(new Set(bronzes.map(({ attributes }) => attributes.case))).toEqual(new Set(["Bronze"]));
	});

	it("brings a customer and a merchant, and no password", () => {
		expect(seedPeople()).toEqual({
			customer: { email: expect.stringMatching(/@stoa\.example$/), name: expect.any(String) },
			merchant: { email: expect.stringMatching(/@stoa\.example$/), name: expect.any(String) },
		});
	});
});
