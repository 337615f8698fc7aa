import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { catalogueOf, loadContracts } from "./catalogue.ts";
import { type Allow, action, event, type Route } from "./contract.ts";
import { failure, notFound } from "./failure.ts";

const read = (name: string, rest?: Route) =>
	action({ name, summary: "Reads.", allow: "public", rest, params: Type.Object({}), returns: Type.Object({}), throws: [notFound] });

describe("the catalogue of contracts", () => {
	it("holds what modules export and leaves everything else", () => {
		const changed = event({
			name: "shelves.changed",
			version: 1,
			key: "id",
			delivery: "fleeting",
			summary: "…",
			payload: Type.Object({ id: Type.String() }),
		});
		const full = failure("conflict", "shelf_full", () => "No room.");
		const get = read("shelves.get");
		const catalogue = catalogueOf([{ from: "a", exports: { get, changed, full, Shelf: Type.Object({}), max: 3, none: null } }]);
		expect([...catalogue.actions.values()]).toEqual([get]);
		expect([...catalogue.events.values()]).toEqual([changed]);
		expect([...catalogue.failures.keys()]).toEqual(["not_found", "shelf_full"]);
	});

	it("takes one thing that is exported from two places as one", () => {
		const get = read("shelves.get");
		expect(
			catalogueOf([
				{ from: "a", exports: { get } },
				{ from: "b", exports: { again: get } },
			]).actions.size,
		).toBe(1);
	});

	it("refuses two actions of one name, two failures of one code and two routes of one shape, and names both places", () => {
		const twice = (one: unknown, other: unknown) => () =>
			catalogueOf([
				{ from: "a", exports: { one } },
				{ from: "b", exports: { other } },
			]);
		expect(twice(read("shelves.get"), read("shelves.get"))).toThrow("The action shelves.get is declared twice, in a and in b.");
		const full = () => failure("conflict", "shelf_full", () => "No room.");
		expect(twice(full(), full())).toThrow("The failure shelf_full is declared twice, in a and in b.");
		const byId = read("shelves.get", { method: "GET", path: "/v1/shelves/:id" });
		const bySku = read("shelves.find", { method: "GET", path: "/v1/shelves/:sku" });
		expect(twice(byId, bySku)).toThrow("The route GET /v1/shelves/: is declared twice, in a and in b.");
	});

	it("refuses an action that does not say who may call it, however it was made", () => {
		const get = { ...read("shelves.get", { method: "GET", path: "/v1/shelves" }), allow: "" as Allow };
		expect(() => catalogueOf([{ from: "a", exports: { get } }])).toThrow("shelves.get in a does not say who may call it (allow).");
	});

	it("loads every contract of the tree", async () => {
		const catalogue = await loadContracts(path.resolve(import.meta.dirname, "../services"));
		expect(catalogue.actions.has("authentication.login")).toBe(true);
		expect(catalogue.events.has("authentication.sessionEnded")).toBe(true);
		expect(catalogue.failures.has("idempotency_key_required")).toBe(true);
	});
});
