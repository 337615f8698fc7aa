import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import Type from "typebox";
import { isUnchanged, locationOf } from "./answer.ts";
import { coercionFor } from "./params.ts";
import { depthOf } from "./read-body.ts";
import { Routes } from "./routes.ts";

describe("finding a route", () => {
	const routes = new Routes<string>();
	for (const [method, path] of [
		["GET", "/v1/users/me"],
		["GET", "/v1/users/:id"],
		["DELETE", "/v1/users/:id"],
		["PUT", "/v1/users/:id/roles"],
		["PATCH", "/v1/users/me/addresses/:addressId"],
	] as const)
		routes.add(method, path, `${method} ${path}`);

	it("prefers the fixed word, and comes back from it when it leads nowhere", () => {
		expect(routes.find("GET", "/v1/users/me")).toEqual({ target: "GET /v1/users/me", path: {} });
		expect(routes.find("PUT", "/v1/users/me/roles")).toEqual({ target: "PUT /v1/users/:id/roles", path: { id: "me" } });
		expect(routes.find("PATCH", "/v1/users/me/addresses/a%2Fb")).toEqual({
			target: "PATCH /v1/users/me/addresses/:addressId",
			path: { addressId: "a/b" },
		});
	});

	it("knows the verbs of a path: those of the fixed word, not those of the variable it might be", () => {
		expect(routes.find("DELETE", "/v1/users/me")).toEqual({ allow: ["GET", "HEAD", "OPTIONS"] });
		expect(routes.find("HEAD", "/v1/users/7")).toMatchObject({ target: "GET /v1/users/:id" });
	});

	it("takes no empty segment for a name", () => {
		expect(routes.find("GET", "/v1/users/")).toBeUndefined();
		expect(routes.find("PUT", "/v1/users//roles")).toBeUndefined();
	});

	it("never fails, whatever is asked", () => {
		fc.assert(fc.property(fc.string(), path => void routes.find("GET", `/v1/users/${path}`)));
	});
});

describe("texts of a query by the schema", () => {
	it.each([
		[Type.Integer(), "7", 7],
		[Type.Integer(), "7.0", "7.0"],
		[Type.Number(), "1.5", 1.5],
		[Type.Number(), "1e9", "1e9"],
		[Type.Boolean(), "true", true],
		[Type.String(), "7", "7"],
		[Type.Array(Type.Integer()), "7", [7]],
		[Type.Union([Type.Integer(), Type.Null()]), "7", 7],
		[Type.Union([Type.Boolean(), Type.String()]), "false", false],
		[Type.Union([Type.Literal("a"), Type.Literal("b")]), "a", "a"],
	])("%j makes of %j", (schema, text, expected) => {
		expect(coercionFor(schema)(text)).toEqual(expected);
	});
});

describe("the depth of a text", () => {
	it("is that of its value for every JSON", () => {
		const depth = (value: unknown): number =>
			typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
		fc.assert(fc.property(fc.jsonValue(), value => depthOf(JSON.stringify(value)) === depth(value)));
	});

	it("does not count brackets in strings", () => {
		expect(depthOf('{"a":"[[[\\"[[["}')).toBe(1);
	});
});

describe("headers of an answer", () => {
	it("a location is filled from the result, and left out when a field is missing", () => {
		expect(locationOf("/v1/a/{id}/b/{c.d}", { id: "x y", c: { d: 2 } })).toBe("/v1/a/x%20y/b/2");
		expect(locationOf("/v1/a/{id}", {})).toBeUndefined();
	});

	it("tags are compared weakly, and only whole", () => {
		expect(isUnchanged('W/"a", "b"', '"b"')).toBe(true);
		expect(isUnchanged('"ab"', '"b"')).toBe(false);
		expect(isUnchanged(undefined, '"b"')).toBe(false);
	});
});
