import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { pictureOf } from "./products.pictures.ts";

const aSubject = (given: Partial<Parameters<typeof pictureOf>[0]> = {}) => ({
	slug: "halden-tidewater-40",
	name: "Halden Tidewater 40",
	category: "dive-watches",
	brand: "halden",
	...given,
});

const categories =
	`dress-watches dive-watches field-watches pilot-watches chronographs smartwatches leather-straps steel-bracelets nato-straps
	rubber-straps watch-winders watch-boxes watch-rolls tools fishing-rods`.split(/\s+/);
const tools = ["Spring Bar Tool", "Loupe", "Timegrapher", "Crystal Press", "Screwdriver Set", "Polishing Cloth", "Brass Tweezers"];

/** Every kind of drawing with every choice that a slug can make: enough slugs that each is drawn. */
const gallery = [
	...categories.flatMap(category => Array.from({ length: 40 }, (_, n) => pictureOf(aSubject({ category, slug: `${category}-${n}` })))),
	...tools.map(name => pictureOf(aSubject({ category: "tools", name }))),
];

/** Whether tags open and close in order and every attribute is written once: what a browser asks of XML before it shows a picture. */
function wellFormed(picture: string): boolean {
	const open: string[] = [];
	for (const [, closing, name, attributes = "", single] of picture.matchAll(/<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
		const names = [...attributes.matchAll(/([\w:-]+)="/g)].map(([, attribute]) => attribute);
		if (new Set(names).size !== names.length) return false;
		if (closing) {
			if (open.pop() !== name) return false;
		} else if (!single) open.push(name!);
	}
	const rest = picture.replace(/<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g, "");
	return open.length === 0 && !/[<>]|&(?!#\d+;)/.test(rest);
}

const text = (picture: string) =>
	/<title[^>]*>(.*?)<\/title>/s.exec(picture)?.[1]?.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));

describe("the picture of a product", () => {
	it("is the same for the same product, to the byte", () => {
		expect(pictureOf(aSubject())).toBe(pictureOf(aSubject()));
	});

	it("differs from product to product, from colour to colour and from kind to kind", () => {
		const pictures = [
			{},
			{ slug: "halden-skerry" },
			{ colour: "Sea green" },
			{ colour: "Signal orange" },
			...categories.slice(2).map(category => ({ category })),
		].map(given => pictureOf(aSubject(given)));
		expect(new Set(pictures).size).toBe(pictures.length);
	});

	it("is a square of a few kilobytes", () => {
		expect(gallery.filter(picture => !picture.includes('viewBox="0 0 800 800"'))).toEqual([]);
		const sizes = gallery.map(picture => Buffer.byteLength(picture));
		expect(Math.min(...sizes)).toBeGreaterThan(1_000);
		expect(Math.max(...sizes)).toBeLessThan(6_500);
	});

	it("is well-formed, with every number known and every reference resolved inside", () => {
		for (const picture of gallery) {
			expect(wellFormed(picture)).toBe(true);
			expect(picture).not.toMatch(/undefined|NaN|null|\[object/);
			const ids = [...picture.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
			expect(new Set(ids).size).toBe(ids.length);
			const references = [...picture.matchAll(/url\(#([^)]+)\)|href="#([^"]+)"/g)].map(([, paint, shape]) => paint ?? shape);
			expect(references.filter(id => !ids.includes(id))).toEqual([]);
		}
	});

	it("brings nothing from elsewhere and runs nothing", () => {
		for (const picture of gallery) {
			expect(picture).not.toMatch(/<script|<foreignObject|<image|<style|javascript:|\son\w+=|href="[^#]|url\([^#]|@import/i);
		}
	});

	it("says aloud what it shows", () => {
		expect(text(pictureOf(aSubject({ colour: "Sea green" })))).toBe("Halden Tidewater 40, sea green");
		expect(pictureOf(aSubject())).toMatch(/role="img" aria-labelledby="title"/);
	});

	it("prints the brand as the maker writes it", () => {
		expect(pictureOf(aSubject({ category: "watch-rolls", brand: "tarn-and-fell" }))).toContain("TARN &#38; FELL");
	});

	it("draws a present for a category the shop has never heard of", () => {
		expect(pictureOf(aSubject({ category: "fishing-rods" }))).toContain('id="ribbon"');
	});

	it("stays a picture whatever a merchant types", () => {
		const anything = fc.string({ unit: "binary", maxLength: 60 });
		const markup = fc.constantFrom(`"><script>alert(1)</script>`, "</title></svg>", "&amp;&#0;", "&#x3c;b>", "]]>", "\ud800", "a\nb", "--");
		const typed = fc.oneof(anything, markup);
		fc.assert(
			fc.property(typed, typed, fc.oneof(typed, fc.constantFrom(...categories)), typed, typed, (slug, name, category, brand, colour) => {
				const picture = pictureOf({ slug, name, category, brand, colour });
				expect(wellFormed(picture)).toBe(true);
				expect(picture).not.toMatch(/<script/i);
				expect(picture.isWellFormed()).toBe(true);
			}),
			{ numRuns: 500 },
		);
	});
});
