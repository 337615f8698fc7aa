import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { etagOf, requireMatch } from "../../../lib/canonical.ts";
import { Product } from "./products.contract.ts";
import {
	archived,
	changedProduct,
	type Draft,
	described,
	factOf,
	importedId,
	importedProduct,
	merged,
	newProduct,
	newVariant,
	type ProductDocument,
	quotedLines,
	refuseTwins,
	viewOf,
	withChangedVariant,
	withoutVariant,
	withVariant,
} from "./products.domain.ts";

const productId = "prd_01jd9w6qkz8m4f2v7b3c5n1x0r";
const [first, second] = ["var_01jd9w6qkz8m4f2v7b3c5n1x0a", "var_01jd9w6qkz8m4f2v7b3c5n1x0b"];
const euros = (amount: number) => ({ amount, currency: "EUR" });
const now = Date.UTC(2026, 0, 5);
const later = now + 1000;

function aProduct(changes: Partial<Parameters<typeof described>[0]> = {}): ProductDocument {
	const variants = [
		{ id: first, sku: "DIV-1-BLK", options: { colour: "black" }, price: 9_000 },
		{ id: second, sku: "DIV-1-GRN", options: { colour: "green" }, price: 8_000, compareAt: 9_500 },
	];
	const about = described(
		{ name: "Halden Tidewater", brand: "halden", category: "dive-watches", tags: ["steel"], ...changes },
		"tidewater",
		variants,
	);
	return { ...newProduct(about, { id: productId, currency: "EUR", now }), version: 1 };
}

describe("a product", () => {
	it("is shown as the contract says, with what was left out filled in", () => {
		const view = viewOf(aProduct());
		expect(Compile(Product).Check(view)).toBe(true);
		expect(view).toMatchObject({
			description: "",
			attributes: {},
			media: [],
			status: "active",
			version: 1,
			likes: 0,
			rating: { average: 0, count: 0 },
		});
		expect(view.variants[1]).toMatchObject({ price: euros(8_000), compareAt: euros(9_500) });
	});

	it("is found by the words of its name, brand, category, tags, SKUs and description, and priced by its cheapest variant", () => {
		const { words, cheapest, sortName } = aProduct({ name: "Halden Tidewater Été", description: "For Zürich's lake" });
		expect(words).toEqual(
			expect.arrayContaining(["halden", "tidewater", "ete", "dive", "watches", "steel", "div", "1", "blk", "grn", "zurich", "lake"]),
		);
		expect(cheapest).toBe(8_000);
		expect(sortName).toBe("halden tidewater ete");
	});

	it("changes only what a patch names, and null puts back what a new product has", () => {
		const product = aProduct({ attributes: { glass: "sapphire", date: true }, description: "Sturdy." });
		const changed = changedProduct(
			product,
			{ attributes: { date: null, lug: 20 }, tags: null, brand: null, description: null, name: "Harbour" },
			later,
		)!;
		expect(viewOf(changed)).toMatchObject({
			name: "Harbour",
			attributes: { glass: "sapphire", lug: 20 },
			tags: [],
			brand: null,
			description: "",
			category: "dive-watches",
		});
		expect(changed).toMatchObject({ revision: 2, updatedAt: later, createdAt: now });
		expect(changed.words).toContain("harbour");
		expect(changed.words).not.toContain("tidewater");
	});

	it("stays the same version when a patch changes nothing, or an archived one is archived", () => {
		const product = aProduct();
		expect(changedProduct(product, { name: product.name, tags: ["steel", "steel"] }, later)).toBeUndefined();
		expect(archived({ ...product, status: "archived" }, later)).toBeUndefined();
		expect(archived(product, later)).toMatchObject({ status: "archived", revision: 2 });
	});

	it("is told with its SKUs and prices", () => {
		const { variants } = factOf(aProduct());
		expect(variants).toEqual([
			{ sku: "DIV-1-BLK", price: euros(9_000) },
			{ sku: "DIV-1-GRN", price: euros(8_000) },
		]);
	});

	it("is quoted per SKU, with its first picture, and says whether it can be bought", () => {
		const [line] = quotedLines({ ...aProduct({ media: [{ url: "/a.svg" }] }), status: "draft" });
		expect(line).toEqual({ sku: "DIV-1-BLK", productId, name: "Halden Tidewater", price: euros(9_000), active: false, media: "/a.svg" });
	});
});

describe("variants", () => {
	it("are priced in the currency of the shop only", () => {
		const asked = { sku: "A", price: euros(1), compareAt: { amount: 2, currency: "USD" } };
		expect(() => newVariant(asked, { id: first, currency: "EUR" })).toThrow(expect.objectContaining({ type: "currency_mismatch" }));
		expect(() => withChangedVariant(aProduct(), first, { price: { amount: 1, currency: "USD" } }, later)).toThrow(
			expect.objectContaining({ type: "currency_mismatch" }),
		);
	});

	it("of one product never share a SKU", () => {
		const twin = { id: "var_01jd9w6qkz8m4f2v7b3c5n1x0c", sku: "DIV-1-GRN", options: {}, price: 1 };
		expect(() => withVariant(aProduct(), twin, later)).toThrow(expect.objectContaining({ type: "sku_taken" }));
		expect(() => withChangedVariant(aProduct(), first, { sku: "DIV-1-GRN" }, later)).toThrow(
			expect.objectContaining({ type: "sku_taken" }),
		);
		expect(() => refuseTwins([{ sku: "A" }, { sku: "B" }, { sku: "A" }])).toThrow(
			expect.objectContaining({ data: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/variants/2/sku" })] }) }),
		);
	});

	it("come, change and go, the last one excepted", () => {
		const third = { id: "var_01jd9w6qkz8m4f2v7b3c5n1x0c", sku: "DIV-1-RED", options: {}, price: 100 };
		const three = withVariant(aProduct(), third, later)!;
		expect(three).toMatchObject({ cheapest: 100, revision: 2 });
		const sale = withChangedVariant(three, second, { price: euros(50), compareAt: null, options: { colour: null, size: "40" } }, later)!;
		expect(sale.variants[1]).toEqual({ id: second, sku: "DIV-1-GRN", options: { size: "40" }, price: 50 });
		const one = withoutVariant(withoutVariant(sale, second, later)!, third.id, later)!;
		expect(one).toMatchObject({ cheapest: 9_000, revision: 5 });
		expect(() => withoutVariant(one, first, later)).toThrow(expect.objectContaining({ type: "validation_failed" }));
		expect(() => withoutVariant(one, second, later)).toThrow(expect.objectContaining({ type: "not_found" }));
	});
});

describe("a merge patch", () => {
	const value = fc.oneof(fc.string(), fc.integer(), fc.boolean());
	const name = fc.constantFrom("a", "b", "c", "d");
	const held = fc.dictionary(name, value);
	const patch = fc.dictionary(name, fc.oneof(value, fc.constant(null)));

	it("done twice is the same as once, and leaves nothing null", () => {
		fc.assert(
			fc.property(held, patch, (before, by) => {
				const once = merged<string | number | boolean>(before, by);
				expect(merged<string | number | boolean>(once, by)).toEqual(once);
				expect(Object.values(once)).not.toContain(null);
				for (const [key, asked] of Object.entries(by)) expect(once[key]).toEqual(asked ?? undefined);
			}),
		);
	});

	it("leaves the original as it was", () => {
		fc.assert(
			fc.property(held, patch, (before, by) => {
				const copy = structuredClone(before);
				merged<string | number | boolean>(before, by);
				expect(before).toEqual(copy);
			}),
		);
	});
});

describe("If-Match", () => {
	const view = viewOf(aProduct());
	it("holds for the present tag, for one of several, and for any", () => {
		for (const tag of [undefined, "*", etagOf(view), `"old", ${etagOf(view)}`]) expect(() => requireMatch(tag, view)).not.toThrow();
		expect(() => requireMatch('"old"', view)).toThrow(expect.objectContaining({ type: "version_stale" }));
	});

	it("does not mind that the product sold out", () => {
		expect(etagOf(viewOf({ ...aProduct(), inStock: true }))).toBe(etagOf(viewOf(aProduct())));
	});
});

describe("an imported product", () => {
	const asked = {
		slug: "a-b",
		name: "A B",
		description: "",
		brand: "x",
		category: "y",
		tags: [],
		attributes: {},
		variants: [{ sku: "S", options: {}, price: 5 }],
	};
	const given = { id: importedId("a-b"), currency: "EUR", now, variantId: () => first };
	it("always has the same id for its slug, and a drawing when it brings no picture", () => {
		const draft: Draft = importedProduct(asked, given);
		expect(draft._id).toMatch(/^prd_[0-9a-f]{26}$/);
		expect(draft.media).toEqual([{ url: "/media/a-b.svg", alt: "A B" }]);
		expect(Compile(Product).Check(viewOf(draft))).toBe(true);
		expect(importedProduct({ ...asked, media: [{ url: "/m.png" }] }, given).media).toEqual([{ url: "/m.png", alt: "" }]);
	});
});
