// Writing documents: one conditional write at a time, each applied once or not at all.
import { describe, expect, it } from "@jest/globals";
import type { Filter } from "../../mixins/documents/filter.ts";
import { aShop, type DataPlace, type Product } from "./documents-store.ts";

export function writingConformance(fresh: () => Promise<DataPlace>): void {
	describe("writing", () => {
		const shop = aShop(fresh);
		const idsOf = async (filter: Filter) => (await shop.products.find({ filter, limit: 100 })).map(({ _id }) => _id);

		describe("writing one document", () => {
			it("stores version 1 and gives back what was stored", async () => {
				const document = { _id: "a", slug: "a", price: 5, tags: ["x"], details: { origin: "Küsnacht “ß”" } };
				expect(await shop.products.insert(document)).toEqual({ ...document, version: 1 });
				expect(await shop.products.get("a")).toEqual({ ...document, version: 1 });
				expect(await shop.products.get("b")).toBeUndefined();
			});

			it("replaces only the version that was expected, and counts it up", async () => {
				await shop.add("a", { price: 1, brand: "old" });
				expect(await shop.products.replace({ _id: "a", slug: "a", price: 2 }, 1)).toBe(true);
				expect(await shop.products.replace({ _id: "a", slug: "a", price: 3 }, 1)).toBe(false);
				expect(await shop.products.get("a")).toEqual({ _id: "a", slug: "a", price: 2, version: 2 });
				expect(await shop.products.replace({ _id: "absent", slug: "b" }, 1)).toBe(false);
			});

			it("removes only the version that was expected, when one is", async () => {
				await shop.add("a");
				expect(await shop.products.remove("a", 2)).toBe(false);
				expect(await shop.products.remove("a", 1)).toBe(true);
				expect(await shop.products.remove("a")).toBe(false);
				expect(await shop.products.get("a")).toBeUndefined();
			});

			it("applies each of fifty racing changes exactly once", async () => {
				await shop.add("a", { price: 0, tags: [] });
				await Promise.all(
					Array.from({ length: 50 }, (_, n) =>
						shop.products.change("a", doc => ({ doc: { ...doc, price: doc.price! + 1, tags: [...doc.tags!, `t${n}`] } })),
					),
				);
				const changed = (await shop.products.get("a"))!;
				expect([changed.price, changed.version, new Set(changed.tags).size]).toEqual([50, 51, 50]);
			});

			it("lets one of fifty racing writes of the same version win", async () => {
				await shop.add("a", { price: 0 });
				const won = await Promise.all(Array.from({ length: 50 }, (_, n) => shop.products.replace({ _id: "a", slug: "a", price: n }, 1)));
				expect(won.filter(Boolean)).toHaveLength(1);
				expect((await shop.products.get("a"))!.price).toBe(won.indexOf(true));
			});

			it("changes nothing when the decision is to change nothing, and passes on a refusal", async () => {
				await shop.add("a", { price: 7 });
				expect(await shop.products.change("a", () => undefined)).toEqual({ _id: "a", slug: "a", price: 7, version: 1 });
				expect(await shop.products.change("absent", () => undefined)).toBeUndefined();
				const refused = shop.products.change("a", () => {
					throw new Error("not while it is on sale");
				});
				await expect(refused).rejects.toThrow("not while it is on sale");
				expect((await shop.products.get("a"))!.version).toBe(1);
			});

			it("refuses what another engine could not keep", async () => {
				for (const details of [{ $set: 1 }, { "a.b": 1 }, { a: Number.NaN }, { "": 1 }] as object[])
					await expect(shop.add("a", { details })).rejects.toThrow(TypeError);
				for (const hidden of ["outbox", "hasFacts", "carried", "writeId"])
					await expect(shop.products.insert({ _id: "a", slug: "a", [hidden]: [] } as never)).rejects.toThrow(TypeError);
				expect(await shop.products.count()).toBe(0);
			});

			it("keeps as plain data what a driver might take for an instruction", async () => {
				for (const [n, details] of [
					{ _bsontype: "Code", code: "while(1)" },
					{ _bsontype: "ObjectID", id: "123456789012" },
					{ toBSON: "x", toJSON: "y", constructor: "z" },
					{ inside: [{ _bsontype: "Nothing" }] },
				].entries()) {
					await shop.add(`h${n}`, { details: details as never });
					await shop.products.change(`h${n}`, doc => ({ doc: { ...doc, price: 1 } }));
					expect((await shop.products.get(`h${n}`))!.details).toEqual(details);
				}
			});

			it("keeps numbers and texts as they are", async () => {
				const details = {
					whole: 9007199254740991,
					low: -9007199254740991,
					fraction: 0.1,
					wide: 4294967296,
					text: "\u0000 \u{1F600} “ß”",
					none: null,
				};
				await shop.add("n", { details: details as never });
				expect((await shop.products.get("n"))!.details).toEqual(details);
			});

			it("keeps everything over a restart, and stays the same store", async () => {
				await shop.add("a", { tags: ["kept"] });
				const id = shop.store.id;
				await shop.close();
				await shop.open();
				expect(shop.store.id).toBe(id);
				expect(await idsOf({ tags: "kept" })).toEqual(["a"]);
				expect(await shop.store.healthy()).toBe(true);
			});
		});

		describe("claiming what is unique", () => {
			it("gives an _id to one of many who ask at once", async () => {
				const claims = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => shop.products.insert({ _id: "sku", slug: `s${n}` })));
				expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
				for (const claim of claims)
					if (claim.status === "rejected") expect(claim.reason).toMatchObject({ name: "DuplicateKey", field: "_id" });
			});

			it("names the field that is taken, and lets the writes beside it through", async () => {
				const [first, second, third] = await Promise.allSettled([
					shop.add("a"),
					shop.products.insert({ _id: "b", slug: "a" }),
					shop.add("c"),
				]);
				expect([first!.status, second!.status, third!.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
				expect((second as PromiseRejectedResult).reason).toMatchObject({ name: "DuplicateKey", collection: "products", field: "slug" });
				await expect(shop.products.change("c", doc => ({ doc: { ...doc, slug: "a" } }))).rejects.toMatchObject({ field: "slug" });
				expect(await idsOf({})).toEqual(["a", "c"]);
				expect((await shop.products.get("c"))!.slug).toBe("c");
			});

			it("frees the value of a document that is gone or has another one", async () => {
				await shop.add("a");
				await shop.products.change("a", doc => ({ doc: { ...doc, slug: "z" } }));
				await shop.products.insert({ _id: "b", slug: "a" });
				await shop.products.remove("b");
				await shop.products.insert({ _id: "c", slug: "a" });
				expect(await idsOf({ slug: "a" })).toEqual(["c"]);
			});

			it("refuses a document without its unique field", async () => {
				await expect(shop.products.insert({ _id: "a" } as Product)).rejects.toThrow(TypeError);
			});
		});
	});
}
