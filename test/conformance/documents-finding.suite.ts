// Finding documents: filters that mean the same everywhere, pages that neither skip nor repeat, and nothing that a request could slip in.
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Query } from "../../mixins/documents/engine.ts";
import type { Filter } from "../../mixins/documents/filter.ts";
import { aShop, type DataPlace, type Product } from "./documents-store.ts";

export function findingConformance(fresh: () => Promise<DataPlace>): void {
	describe("finding", () => {
		const shop = aShop(fresh);
		const ids = async (query: Partial<Query>) => (await shop.products.find({ limit: 100, ...query })).map(({ _id }) => _id);
		const pages = async (query: Partial<Query> & { sort: NonNullable<Query["sort"]> }, between?: () => Promise<unknown>) => {
			const seen: string[] = [];
			let after: Query["after"];
			for (;;) {
				const page = await shop.products.find({ limit: 2, ...query, after });
				seen.push(...page.map(({ _id }) => _id));
				const last = page.at(-1);
				if (!last) return seen;
				after = { value: (last[query.sort.field as keyof Product] as number | undefined) ?? null, id: last._id };
				await between?.();
			}
		};

		it("answers many by id in the order asked for, without those that are absent", async () => {
			for (const id of ["a", "b", "c"]) await shop.add(id);
			expect((await shop.products.getMany(["c", "x", "a", "c"])).map(({ _id }) => _id)).toEqual(["c", "a"]);
			expect(await shop.products.getMany([])).toEqual([]);
		});

		it("takes an absent field for null", async () => {
			await shop.add("a", { brand: "Arc" });
			await shop.add("b", { brand: null });
			await shop.add("c");
			expect(await ids({ filter: { brand: null } })).toEqual(["b", "c"]);
			expect(await ids({ filter: { brand: { $ne: null } } })).toEqual(["a"]);
			expect(await ids({ filter: { brand: { $ne: "Arc" } } })).toEqual(["b", "c"]);
			expect(await ids({ filter: { brand: { $lt: "Z" } } })).toEqual(["a"]);
		});

		it("keeps ranges within the type of their bound", async () => {
			await shop.add("a", { price: 5 });
			await shop.add("b", { price: "7" as never });
			expect(await ids({ filter: { price: { $gt: 1 } } })).toEqual(["a"]);
			expect(await ids({ filter: { price: { $lte: "9" } } })).toEqual(["b"]);
			expect(await ids({ filter: { price: { $gte: 5, $lt: 6 } } })).toEqual(["a"]);
		});

		it("finds by prefix, letter by letter, with nothing special in it", async () => {
			for (const [id, brand] of Object.entries({ a: "Arc", b: "Arcade", c: "arc", d: "A%c", e: "Ar", f: "Arç😀x" }))
				await shop.add(id, { brand });
			expect(await ids({ filter: { brand: { $prefix: "Arc" } } })).toEqual(["a", "b"]);
			expect(await ids({ filter: { brand: { $prefix: "A%" } } })).toEqual(["d"]);
			expect(await ids({ filter: { brand: { $prefix: "A.c" } } })).toEqual([]);
			expect(await ids({ filter: { brand: { $prefix: "Arç😀" } } })).toEqual(["f"]);
			expect(await ids({ filter: { brand: { $prefix: "" } } })).toEqual(["a", "b", "c", "d", "e", "f"]);
		});

		it("follows arrays as they change, also inside of objects", async () => {
			await shop.add("a", { tags: ["steel", "diver", "steel"], variants: [{ sku: "A-1" }, { sku: "A-2" }] });
			await shop.add("b", { tags: ["steel"] });
			expect(await ids({ filter: { tags: "steel" } })).toEqual(["a", "b"]);
			expect(await ids({ filter: { tags: { $all: ["steel", "diver"] } } })).toEqual(["a"]);
			expect(await ids({ filter: { tags: { $in: ["gold", "diver"] } } })).toEqual(["a"]);
			expect(await ids({ filter: { tags: { $ne: "diver" } } })).toEqual(["b"]);
			expect(await ids({ filter: { tags: { $all: ["steel"], $prefix: "div" } } })).toEqual(["a"]);
			expect(await ids({ filter: { "variants.sku": "A-2" } })).toEqual(["a"]);
			await shop.products.change("a", doc => ({ doc: { ...doc, tags: ["gold"], variants: [] } }));
			await shop.products.remove("b");
			expect(await ids({ filter: { tags: "steel" } })).toEqual([]);
			expect(await ids({ filter: { tags: "gold" } })).toEqual(["a"]);
			expect(await ids({ filter: { "variants.sku": "A-2" } })).toEqual([]);
		});

		it("leaves the array index as it was when the write is refused", async () => {
			await shop.add("a", { tags: ["old"] });
			await expect(shop.products.insert({ _id: "a", slug: "b", tags: ["new"] })).rejects.toThrow();
			await shop.products.replace({ _id: "a", slug: "a", tags: ["new"] }, 9);
			expect(await ids({ filter: { tags: "new" } })).toEqual([]);
			expect(await ids({ filter: { tags: "old" } })).toEqual(["a"]);
		});

		it("pages by a field with ties and gaps, both ways, and sees each document once while others come", async () => {
			const prices = [3, null, 1, 3, undefined, 2, 3, 1];
			for (const [n, price] of prices.entries()) await shop.add(`p${n}`, price === undefined ? {} : { price });
			const ascending = ["p1", "p4", "p2", "p7", "p5", "p0", "p3", "p6"];
			expect(await pages({ sort: { field: "price", order: "ascending" } })).toEqual(ascending);
			expect(await pages({ sort: { field: "price", order: "descending" } })).toEqual([...ascending].reverse());
			let n = 0;
			const seen = await pages({ sort: { field: "price", order: "ascending" } }, () => shop.add(`n${n}`, { price: 0.5 + n++ * 0.1 }));
			expect(seen.filter(id => id.startsWith("p"))).toEqual(ascending);
			expect(new Set(seen).size).toBe(seen.length);
		});

		it("sorts null before numbers before texts, and pages through all of them both ways", async () => {
			const prices: [string, unknown][] = [
				["a", "10"],
				["b", 9],
				["c", null],
				["d", "9"],
				["e", 10.5],
				["f", -1],
				["g", ""],
				["h", "Z"],
				["i", "a"],
			];
			for (const [id, price] of prices) await shop.add(id, { price: price as number });
			await shop.add("j");
			const ascending = ["c", "j", "f", "b", "e", "g", "a", "d", "h", "i"];
			for (const limit of [1, 2, 3]) {
				expect(await pages({ sort: { field: "price", order: "ascending" }, limit })).toEqual(ascending);
				expect(await pages({ sort: { field: "price", order: "descending" }, limit })).toEqual([...ascending].reverse());
			}
		});

		it("answers as a reading of every document would, whatever is asked", async () => {
			const brands = ["Arc", "Arcade", "Bell", "Bell & Sons"];
			for (let n = 0; n < 60; n++)
				await shop.add(`p${n}`, {
					price: n % 7,
					active: n % 3 > 0,
					brand: n % 11 ? brands[n % 4] : null,
					tags: [`t${n % 5}`, `u${n % 2}`],
				});
			const all = await shop.products.find({ limit: 100 });
			const asked = fc.record(
				{
					active: fc.boolean(),
					price: fc.oneof(fc.nat(7), fc.record({ $gte: fc.nat(7), $lt: fc.nat(7) }), fc.record({ $in: fc.array(fc.nat(7)) })),
					brand: fc.oneof(
						fc.constantFrom(...brands, null),
						fc.record({ $prefix: fc.constantFrom("A", "Arc", "Bell ") }),
						fc.record({ $ne: fc.constantFrom(...brands) }),
					),
					tags: fc.oneof(
						fc.constantFrom("t1", "u1"),
						fc.record({ $all: fc.constant(["t1", "u0"]) }),
						fc.record({ $prefix: fc.constantFrom("t", "u1") }),
					),
				},
				{ requiredKeys: [] },
			);
			await fc.assert(
				fc.asyncProperty(asked, fc.constantFrom("price", "_id"), fc.boolean(), async (filter, field, descending) => {
					const expected = all
						.filter(document => matches(document, filter as Filter))
						.sort((a, b) => compare(a, b, field) * (descending ? -1 : 1));
					const sort = { field, order: descending ? ("descending" as const) : ("ascending" as const) };
					expect(await pages({ filter: filter as Filter, sort, limit: 7 })).toEqual(expected.map(({ _id }) => _id));
					expect(await shop.products.count(filter as Filter)).toBe(expected.length);
				}),
				{ numRuns: 100 },
			);
		});

		it("takes nothing that a request might slip in", async () => {
			await shop.add("a", { brand: "Arc" });
			const never = ["' OR 1=1 --", '") OR 1=1 --', "a\0b", "$gt", "%"];
			for (const brand of never) expect(await ids({ filter: { brand } })).toEqual([]);
			for (const prefix of [".", "^A", "(A", "[A", "A|", "A\\", "\0", "\\x41", "(?i)a"])
				expect(await ids({ filter: { brand: { $prefix: prefix } } })).toEqual([]);
			const filters = [
				{ brand: { $where: "1" } },
				{ brand: { $regex: "." } },
				{ brand: {} },
				{ brand: ["Arc"] },
				{ brand: undefined },
				{ brand: { $in: [{ $gt: "" }] } },
				{ brand: { $ne: { $gt: "" } } },
				{ brand: { $eq: "Arc" } },
				{ brand: { $not: { $eq: "x" } } },
				{ brand: { $gt: "", $where: "1" } },
				{ brand: { _bsontype: "BSONRegExp", pattern: "." } },
				{ brand: /./ },
				{ tags: { $elemMatch: { $ne: "" } } },
				{ tags: { $size: 0 } },
				{ tags: { $gt: "" } },
				{ tags: null },
			];
			const names = [
				{ "brand') OR 1=1 --": 1 },
				{ $or: [] },
				{ "a..b": 1 },
				{ "": 1 },
				{ outbox: null },
				{ writeId: "" },
				{ "a b": 1 },
				{ $expr: 1 },
			];
			for (const filter of [...filters, ...names])
				await expect(shop.products.find({ filter: filter as never, limit: 1 })).rejects.toThrow(TypeError);
			await expect(shop.products.find({ sort: { field: "slug; DROP", order: "ascending" }, limit: 1 })).rejects.toThrow(TypeError);
			await expect(shop.products.find({ sort: { field: "active", order: "ascending" }, limit: 1 })).rejects.toThrow("no index");
			await expect(shop.products.find({ limit: 0 })).rejects.toThrow(TypeError);
			expect(() => shop.store.collection("outbox")).toThrow(TypeError);
		});
	});
}

/** What a filter means, said a second time and slowly. */
function matches(document: Product, filter: Filter): boolean {
	return Object.entries(filter).every(([field, asked]) => {
		const held = (document as unknown as Record<string, unknown>)[field] ?? null;
		const values = (Array.isArray(held) ? held : [held]) as (string | number)[];
		const operators = asked !== null && typeof asked === "object" ? asked : { $in: [asked as string] };
		return (
			(!operators.$in || values.some(value => operators.$in!.includes(value))) &&
			(operators.$ne === undefined || values.every(value => value !== operators.$ne)) &&
			(operators.$gte === undefined || values.some(value => value !== null && value >= operators.$gte!)) &&
			(operators.$lt === undefined || values.some(value => value !== null && value < operators.$lt!)) &&
			(operators.$all ?? []).every(each => values.includes(each as string)) &&
			(operators.$prefix === undefined || values.some(value => typeof value === "string" && value.startsWith(operators.$prefix!)))
		);
	});
}

function compare(a: Product, b: Product, field: string): number {
	const difference = field === "price" ? a.price! - b.price! : 0;
	return difference || (a._id < b._id ? -1 : 1);
}
