import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { depthMax, type Entry, slugsWithin, treeOf, withChangedEntry, withEntry, withoutEntry, withWanted } from "./taxonomy.domain.ts";

const at = (id: string, parentId: string | null = null): Entry => ({ id, slug: `slug-${id}`, name: id.toUpperCase(), parentId });
const watches = [at("watches"), at("dive", "watches"), at("deep", "dive"), at("straps")];

describe("the tree of categories", () => {
	it("is shown by name, each with those below it", () => {
		const tree = treeOf([at("b"), at("z", "a"), at("c", "a"), at("a")]);
		expect(tree.map(({ id, children }) => [id, children.map(child => child.id)])).toEqual([
			["a", ["c", "z"]],
			["b", []],
		]);
	});

	it("gives a category with all below it; one that is not there stands for itself", () => {
		expect(slugsWithin(watches, "slug-watches")).toEqual(["slug-watches", "slug-dive", "slug-deep"]);
		expect(slugsWithin(watches, "unheard-of")).toEqual(["unheard-of"]);
	});

	it("refuses a slug twice, an unknown parent, a category below itself and more levels than anyone finds through", () => {
		expect(() => withEntry(watches, { ...at("new"), slug: "slug-dive" })).toThrow(expect.objectContaining({ type: "slug_taken" }));
		expect(() => withEntry(watches, at("new", "nowhere"))).toThrow(expect.objectContaining({ type: "validation_failed" }));
		for (const parentId of ["watches", "dive", "deep"])
			expect(() => withChangedEntry(watches, "watches", { parentId })).toThrow(expect.objectContaining({ type: "validation_failed" }));
		let deep: Entry[] = [at("0")];
		for (let level = 1; level < depthMax; level++) deep = withEntry(deep, at(String(level), String(level - 1)));
		expect(() => withEntry(deep, at("new", String(depthMax - 1)))).toThrow(expect.objectContaining({ type: "validation_failed" }));
		expect(() => withChangedEntry([...deep, at("top"), at("below", "top")], "top", { parentId: String(depthMax - 2) })).toThrow(
			expect.objectContaining({ type: "validation_failed" }),
		);
	});

	it("renames and moves, and changes nothing when nothing is new", () => {
		expect(withChangedEntry(watches, "deep", { parentId: null, name: "Deep" })?.find(({ id }) => id === "deep")).toEqual({
			...at("deep"),
			name: "Deep",
		});
		expect(withChangedEntry(watches, "deep", { parentId: "dive" })).toBeUndefined();
		expect(withoutEntry(watches, "deep")).toHaveLength(3);
	});

	it("makes what is wanted once, under the parent that is named", () => {
		let ids = 0;
		const next = withWanted(
			[],
			[{ slug: "watches", name: "Watches" }, { slug: "dive-watches", parent: "watches" }, { slug: "watches" }],
			() => `cat_${++ids}`,
		);
		expect(next).toEqual([
			{ id: "cat_1", slug: "watches", name: "Watches", parentId: null },
			{ id: "cat_2", slug: "dive-watches", name: "Dive watches", parentId: "cat_1" },
		]);
		expect(withWanted(next!, [{ slug: "watches" }], () => "cat_3")).toBeUndefined();
	});

	it("holds every category once, whatever is added and moved in whatever order", () => {
		const ids = ["a", "b", "c", "d", "e", "f"];
		const move = fc.record({ id: fc.constantFrom(...ids), parentId: fc.option(fc.constantFrom(...ids)) });
		fc.assert(
			fc.property(fc.array(move, { maxLength: 40 }), moves => {
				let entries = ids.map(id => at(id));
				for (const { id, parentId } of moves) {
					try {
						entries = withChangedEntry(entries, id, { parentId }) ?? entries;
					} catch {
						// Refused: the tree stays as it was.
					}
				}
				const count = (tree: ReturnType<typeof treeOf>): number => tree.reduce((sum, node) => sum + 1 + count(node.children), 0);
				expect(count(treeOf(entries))).toBe(ids.length);
			}),
		);
	});
});
