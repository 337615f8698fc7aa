import { describe, expect, it } from "@jest/globals";
import { conditionsOf, type Filter } from "./filter.ts";

describe("reading a filter", () => {
	it("takes a bare value for equality, and everything named as needed at once", () => {
		expect(conditionsOf({ status: "active", "price.amount": { $gte: 5, $lt: 9 }, tags: { $all: ["a", "b"] } })).toEqual([
			{ field: "status", operator: "eq", values: ["active"] },
			{ field: "price.amount", operator: "gte", values: [5] },
			{ field: "price.amount", operator: "lt", values: [9] },
			{ field: "tags", operator: "eq", values: ["a"] },
			{ field: "tags", operator: "eq", values: ["b"] },
		]);
	});

	it.each([
		[{ email: { $ne: { $gt: "" } } }],
		[{ email: { "": "x" } }],
		[{ email: { $where: "sleep(1000)" } }],
		[{ email: { constructor: "x" } }],
		[{ email: { $gt: true } }],
		[{ email: { $gt: null } }],
		[{ email: { $in: "abc" } }],
		[{ email: { $in: [null] } }],
		[{ email: { $all: [] } }],
		[{ email: { $prefix: 5 } }],
		[{ email: Number.NaN }],
		[{ email: undefined }],
		[{ email: () => "x" }],
		[{ $where: "1" }],
		[{ "a.$b": 1 }],
		[{ "a'": 1 }],
		[{ "a.": 1 }],
		[{ outbox: null }],
		[{ "hasFacts.x": true }],
	])("refuses %j", filter => {
		expect(() => conditionsOf(filter as unknown as Filter)).toThrow(TypeError);
	});
});
