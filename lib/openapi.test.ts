import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { catalogueOf, libraryModules, loadContracts } from "./catalogue.ts";
import { type ActionContract, action } from "./contract.ts";
import { notFound, versionStale } from "./failure.ts";
import { openApiOf } from "./openapi.ts";
import { Nothing, Page, Paging } from "./vocabulary.ts";

const Shelf = Type.Object({ id: Type.String(), name: Type.String() }, { $id: "Shelf", description: "Where things stand." });
const declared = {
	summary: "For tests.",
	allow: "public" as const,
	params: Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) }),
	returns: Shelf,
};

// biome-ignore lint/suspicious/noExplicitAny: a test looks into a document of any shape.
const documentOf = (...contracts: ActionContract[]): any =>
	openApiOf(
		catalogueOf([
			...libraryModules,
			{ from: "the test", exports: Object.fromEntries(contracts.map(contract => [contract.name, contract])) },
		]),
	);

describe("the OpenAPI document", () => {
	it("has fields of the path in the path, and the others in the query or in the body", () => {
		const read = action({ ...declared, name: "shelves.get", rest: { method: "GET", path: "/v1/shelves/:id" } });
		const change = action({
			...declared,
			name: "shelves.change",
			rest: { method: "PATCH", path: "/v1/shelves/:id" },
			throws: [versionStale],
		});
		const { get, patch } = documentOf(read, change).paths["/v1/shelves/{id}"];
		expect(get.parameters.map((parameter: { in: string; name: string }) => `${parameter.in} ${parameter.name}`)).toEqual([
			"path id",
			"query name",
		]);
		expect(patch.parameters.map((parameter: { in: string; name: string }) => `${parameter.in} ${parameter.name}`)).toEqual([
			"path id",
			"header If-Match",
		]);
		expect(patch.requestBody.content["application/json"].schema).toEqual({
			type: "object",
			additionalProperties: false,
			properties: { name: { type: "string" } },
		});
	});

	it("tells one path once, whatever its routes call the field in it", () => {
		const find = action({
			...declared,
			name: "shelves.find",
			params: Type.Object({ idOrName: Type.String() }),
			rest: { method: "GET", path: "/v1/shelves/:idOrName" },
		});
		const change = action({ ...declared, name: "shelves.change", rest: { method: "PATCH", path: "/v1/shelves/:id" } });
		const { paths } = documentOf(find, change);
		expect(Object.keys(paths)).toEqual(["/v1/shelves/{id}"]);
		for (const operation of [paths["/v1/shelves/{id}"].get, paths["/v1/shelves/{id}"].patch])
			expect(operation.parameters[0]).toMatchObject({ in: "path", name: "id" });
	});

	it("tells a named shape once, and gives a stricter request of that name its own", () => {
		const add = action({
			...declared,
			name: "shelves.add",
			params: Type.Object({ shelf: Shelf }),
			rest: { method: "POST", path: "/v1/shelves", status: 201 },
		});
		const list = action({
			...declared,
			name: "shelves.list",
			params: Type.Object(Paging),
			returns: Page(Shelf),
			rest: { method: "GET", path: "/v1/shelves" },
		});
		const { paths, components } = documentOf(add, list);
		const answered = paths["/v1/shelves"].get.responses["200"].content["application/json"].schema;
		expect(answered.properties.data.items).toEqual({ $ref: "#/components/schemas/Shelf" });
		expect(paths["/v1/shelves"].post.responses["201"].content["application/json"].schema).toEqual({ $ref: "#/components/schemas/Shelf" });
		expect(paths["/v1/shelves"].post.requestBody.content["application/json"].schema.properties.shelf).toEqual({
			$ref: "#/components/schemas/ShelfRequest",
		});
		expect(components.schemas.Shelf).toEqual({
			type: "object",
			description: "Where things stand.",
			required: ["id", "name"],
			properties: { id: { type: "string" }, name: { type: "string" } },
		});
	});

	it("refuses two shapes of one name", () => {
		const other = Type.Object({ width: Type.Number() }, { $id: "Shelf" });
		const one = action({ ...declared, name: "shelves.get", rest: { method: "GET", path: "/v1/shelves/:id" } });
		const two = action({ ...declared, name: "shelves.width", returns: other, rest: { method: "GET", path: "/v1/widths/:id" } });
		expect(() => documentOf(one, two)).toThrow("Two shapes are named Shelf.");
	});

	it("leads from a shape to itself", () => {
		const Tree = Type.Cyclic({ Tree: Type.Object({ below: Type.Array(Type.Ref("Tree")) }) }, "Tree");
		const grow = action({
			...declared,
			name: "trees.get",
			params: Type.Object({}),
			returns: Tree,
			rest: { method: "GET", path: "/v1/trees" },
		});
		const { paths, components } = documentOf(grow);
		expect(paths["/v1/trees"].get.responses["200"].content["application/json"].schema).toEqual({ $ref: "#/components/schemas/Tree" });
		expect(components.schemas.Tree.properties.below.items).toEqual({ $ref: "#/components/schemas/Tree" });
	});

	it("says who may call, what is refused, and that nothing comes back", () => {
		const rest = { method: "DELETE", path: "/v1/shelves/:id", idempotencyKey: "required" } as const;
		const remove = action({
			...declared,
			name: "shelves.remove",
			allow: "shelves:write",
			params: Type.Object({ id: Type.String() }),
			returns: Nothing,
			rest,
			throws: [notFound],
		});
		const operation = documentOf(remove).paths["/v1/shelves/{id}"].delete;
		expect(operation).toMatchObject({ operationId: "shelves.remove", security: [{ accessToken: [] }], "x-permission": "shelves:write" });
		expect(operation.responses["204"].content).toBeUndefined();
		expect(operation.responses["401"].description).toBe("`token_expired`, `unauthenticated`");
		expect(Object.keys(operation.responses)).toEqual(["204", "400", "401", "403", "404", "422", "429", "503", "default"]);
		expect(operation.parameters).toContainEqual(expect.objectContaining({ name: "Idempotency-Key", required: true }));
	});

	it("of the whole house refers to nothing that is not in it, and is the same every time", async () => {
		const catalogue = await loadContracts(path.resolve(import.meta.dirname, "../services"));
		const document = openApiOf(catalogue) as { components: { schemas: object } };
		const text = JSON.stringify(document);
		const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!));
		expect([...referred].filter(name => !Object.hasOwn(document.components.schemas, name))).toEqual([]);
		expect(text).not.toMatch(/"\$ref":"[^#]/);
		expect(text).not.toMatch(/"\$id"/);
		expect(JSON.stringify(openApiOf(catalogue))).toBe(text);
	});
});
