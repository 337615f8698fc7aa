import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { encodeCursor } from "../../../lib/cursor.ts";
import { Slug } from "../../../lib/vocabulary.ts";
import { Hints, Remembered } from "./products.cache.ts";
import { cursorAfter, queryOf, wordsFilter } from "./products.search.ts";
import { folded, foldedWords, slugsFor } from "./products.words.ts";

const alone = (category: string) => [category];

describe("words", () => {
	it("are the same with and without accents, capitals and ligatures", () => {
		expect(foldedWords("Crème BRÛLÉE, Straße & Ærø ﬁne №5")).toEqual(["creme", "brulee", "strasse", "aero", "fine", "no5"]);
	});

	it("folded twice are folded once", () => {
		fc.assert(fc.property(fc.string({ unit: "grapheme" }), text => expect(folded(folded(text))).toBe(folded(text))));
	});

	it("of a search must all be there, the last perhaps half typed", () => {
		expect(wordsFilter("Dive  watch Hal")).toEqual({ words: { $all: ["dive", "watch"], $prefix: "hal" } });
		expect(wordsFilter("hal")).toEqual({ words: { $prefix: "hal" } });
		expect(wordsFilter(" - ")).toEqual({});
		expect(wordsFilter(undefined)).toEqual({});
	});
});

describe("the slug from a name", () => {
	const isSlug = Compile(Slug);
	it("is the name in plain words, then the same with an ending", () => {
		const slugs = [...slugsFor("Härtling & Søn 40 mm", "prd_01jd9w6qkz8m4f2v7b3c5n1x0r")];
		expect(slugs.slice(0, 3)).toEqual(["hartling-son-40-mm", "hartling-son-40-mm-2", "hartling-son-40-mm-3"]);
		expect(slugs.at(-1)).toBe("hartling-son-40-mm-3c5n1x0r");
	});

	it("is a slug for every name", () => {
		fc.assert(
			fc.property(fc.oneof(fc.string({ unit: "grapheme", maxLength: 200 }), fc.constant("時計")), name => {
				for (const slug of slugsFor(name, "prd_01jd9w6qkz8m4f2v7b3c5n1x0r")) expect(isSlug.Check(slug)).toBe(true);
			}),
		);
	});
});

describe("the query of a list", () => {
	it("shows active products, newest first, unless asked otherwise", () => {
		expect(queryOf({}, alone)).toEqual({ filter: { status: "active" }, sort: { field: "createdAt", order: "descending" }, limit: 20 });
	});

	it("takes a category with those below it, a brand, a price range and stock", () => {
		const asked = { category: "watches", brand: "halden", minPrice: 100, maxPrice: 900, inStock: true, sort: "price", limit: 5 } as const;
		expect(queryOf(asked, () => ["watches", "dive-watches"])).toEqual({
			filter: {
				brand: "halden",
				category: { $in: ["watches", "dive-watches"] },
				cheapest: { $gte: 100, $lte: 900 },
				inStock: true,
				status: "active",
			},
			sort: { field: "cheapest", order: "ascending" },
			limit: 5,
		});
	});

	it("goes on where a cursor of the same order points, and refuses any other", () => {
		const product = { _id: "prd_1", createdAt: 7, sortName: "a", cheapest: 3 } as Parameters<typeof cursorAfter>[0];
		const cursor = cursorAfter(product, { sort: "-price" });
		expect(queryOf({ sort: "-price", cursor }, alone).after).toEqual({ value: 3, id: "prd_1" });
		for (const wrong of [
			cursor.slice(1),
			"",
			encodeCursor(["price", "3", "prd_1"]),
			encodeCursor(["price", 3, 1]),
			encodeCursor([3, "prd_1"]),
			cursor,
		]) {
			expect(() => queryOf({ sort: "price", cursor: wrong }, alone)).toThrow(
				expect.objectContaining({
					type: "validation_failed",
					data: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/cursor" })] }),
				}),
			);
		}
	});
});

describe("what is remembered", () => {
	it("is loaded once for all who ask at the same time, and is the same object for everyone after", async () => {
		const held = new Remembered<object>(10);
		let loads = 0;
		const load = async () => ({ nth: ++loads });
		const [one, other] = await Promise.all([held.of("a", load), held.of("a", load)]);
		expect(one).toBe(other);
		expect(await held.of("a", load)).toBe(one);
		expect(loads).toBe(1);
	});

	it("never holds what began to load before it was forgotten", async () => {
		const held = new Remembered<object>(10);
		const { promise, resolve: finish } = Promise.withResolvers<object>();
		const slow = held.of("a", () => promise);
		held.forget("a");
		const fresh = await held.of("a", async () => ({ fresh: true }));
		finish({ fresh: false });
		expect(await slow).toEqual({ fresh: false });
		expect(await held.of("a", async () => ({}))).toBe(fresh);
	});

	it("lets go of what was longest not asked for, of what was not found and of what failed", async () => {
		const held = new Remembered<{ name: string }>(2);
		const of = (name: string) => held.of(name, async () => ({ name }));
		const a = await of("a");
		await of("b");
		expect(await of("a")).toBe(a);
		const b = await of("c").then(() => of("b"));
		expect(await of("b")).toBe(b);
		expect(await of("a")).not.toBe(a);
		expect(await held.of("none", async () => undefined)).toBeUndefined();
		await expect(held.of("none", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
		expect(await held.of("none", async () => ({ name: "found" }))).toEqual({ name: "found" });
	});

	it("hints without end do not fill the memory", () => {
		const hints = new Hints(2);
		for (const name of ["a", "b", "c"]) hints.set(name, `id of ${name}`);
		expect([hints.get("a"), hints.get("c")]).toEqual([undefined, "id of c"]);
	});
});
