import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { bodyHash, canonicalJson, etagOf } from "./canonical.ts";

describe("canonical JSON", () => {
	it("has its keys in the order of RFC 8785, at every depth, and no spaces", () => {
		expect(canonicalJson({ b: [{ d: 1, c: "x" }], a: null, "€": true, "\r": 0 })).toBe('{"\\r":0,"a":null,"b":[{"c":"x","d":1}],"€":true}');
	});

	it("leaves out a field that is undefined, as the wire does", () => {
		expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
	});

	it("is the same for two values exactly when they mean the same", () => {
		fc.assert(
			fc.property(fc.jsonValue(), value => {
				const parsed = JSON.parse(canonicalJson(value));
				expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
				expect(canonicalJson(parsed)).toBe(canonicalJson(value));
				expect(canonicalJson(withKeysReversed(value))).toBe(canonicalJson(value));
			}),
		);
	});

	it("refuses what JSON cannot carry exactly", () => {
		for (const value of [
			undefined,
			Number.NaN,
			Number.POSITIVE_INFINITY,
			1n,
			new Date(0),
			new Map(),
			() => 1,
			[undefined],
			{ a: Symbol("a") },
		]) {
			expect(() => canonicalJson(value)).toThrow(TypeError);
		}
	});

	it("keeps __proto__ as the plain key that it is in JSON", () => {
		expect(canonicalJson(JSON.parse('{"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1}}');
	});
});

describe("the ETag of a resource", () => {
	it("is quoted and strong", () => {
		expect(etagOf({ id: "prd_1" })).toMatch(/^"[\w-]{22}"$/);
	});

	it("changes with any field and not with their order", () => {
		expect(etagOf({ a: 1, b: 2 })).toBe(etagOf({ b: 2, a: 1 }));
		expect(etagOf({ a: 1, b: 2 })).not.toBe(etagOf({ a: 1, b: 3 }));
	});
});

describe("the hash of a body", () => {
	it("tells bodies apart by meaning, and no body from an empty one", () => {
		expect(bodyHash({ a: 1, b: [2] })).toBe(bodyHash({ b: [2], a: 1 }));
		expect(bodyHash({ a: [1, 2] })).not.toBe(bodyHash({ a: [2, 1] }));
		expect(bodyHash(undefined)).not.toBe(bodyHash({}));
		expect(bodyHash(undefined)).toMatch(/^[\w-]{43}$/);
	});
});

function withKeysReversed(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withKeysReversed);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.reverse()
			.map(([key, member]) => [key, withKeysReversed(member)]),
	);
}
