// OpenAPI 3.1 from the contracts. Its schemas are JSON Schema 2020-12, as TypeBox writes them, so little is translated: shapes with a name are told once.
import { STATUS_CODES } from "node:http";
import type { TSchema } from "typebox";
import type { Catalogue, DeclaredFailure } from "./catalogue.ts";
import type { ActionContract, Route } from "./contract.ts";
import {
	kinds,
	permissionMissing,
	rateLimited,
	serviceUnavailable,
	tokenExpired,
	unauthenticated,
	validationFailed,
	versionStale,
} from "./failure.ts";
import { keyRequired, keyReused } from "./idempotency.ts";

type Json = { [key: string]: unknown };

const single = new Set(["items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"]);
const listed = new Set(["anyOf", "allOf", "oneOf", "prefixItems"]);
const named = new Set(["properties", "patternProperties"]);

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Named shapes, each written once and referred to from everywhere. */
class Components {
	readonly schemas = new Map<string, Json>();
	/** Two shapes of one name: a request may be stricter than what is answered, so that it gets a name of its own. */
	#suffix = "";

	/** From here on shapes belong to requests. */
	turnToRequests(): void {
		this.#suffix = "Request";
	}

	of(schema: TSchema): Json {
		// Through JSON, because TypeBox keeps marks of its own beside the schema.
		return this.#told(JSON.parse(JSON.stringify(schema)) as Json);
	}

	#told(node: Json): Json {
		const { $id, $defs, ...rest } = node;
		if (isObject($defs)) for (const definition of Object.values($defs)) this.#told(definition as Json);
		const told: Json = {};
		for (const [keyword, value] of Object.entries(rest)) told[keyword] = this.#toldKeyword(keyword, value);
		return typeof $id === "string" ? this.#refer($id, told) : told;
	}

	#toldKeyword(keyword: string, value: unknown): unknown {
		if (keyword === "$ref" && typeof value === "string" && !value.startsWith("#")) return `#/components/schemas/${value}`;
		if (single.has(keyword) && isObject(value)) return this.#told(value);
		if (listed.has(keyword) && Array.isArray(value)) return value.map(item => this.#told(item as Json));
		if (named.has(keyword) && isObject(value))
			return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, this.#told(schema as Json)]));
		return value;
	}

	#refer(id: string, shape: Json): Json {
		const same = (name: string) => JSON.stringify(this.schemas.get(name)) === JSON.stringify(shape);
		const name = [id, id + this.#suffix].find(candidate => !this.schemas.has(candidate) || same(candidate));
		if (!name) throw new TypeError(`Two shapes are named ${id}. Import the one, or give the other another $id.`);
		this.schemas.set(name, shape);
		return { $ref: `#/components/schemas/${name}` };
	}
}

const Problem: Json = {
	type: "object",
	description: "RFC 9457. `code` is stable and for programs, `detail` is a sentence for people. Some codes add fields of their own.",
	required: ["type", "title", "status", "detail", "code", "requestId", "retryable", "errors"],
	properties: {
		type: { type: "string" },
		title: { type: "string" },
		status: { type: "integer" },
		detail: { type: "string" },
		code: { type: "string" },
		requestId: { type: "string" },
		retryable: { type: "boolean", description: "Whether the same request may succeed later." },
		errors: {
			type: "array",
			items: {
				type: "object",
				required: ["pointer", "code", "detail"],
				properties: {
					pointer: { type: "string", description: "JSON pointer into the request." },
					code: { type: "string" },
					detail: { type: "string" },
				},
			},
		},
	},
};

const problemContent = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
const hasBody = ({ method }: Route) => method !== "GET" && method !== "DELETE";
const isRequired = ({ params }: ActionContract, name: string) => ((params as { required?: string[] }).required ?? []).includes(name);
const throwsAny = (contract: ActionContract, failure: DeclaredFailure) => contract.throws.some(({ code }) => code === failure.code);

/** What it declares, and what its place in the surface brings along. */
function failuresOf(contract: ActionContract, rest: Route): DeclaredFailure[] {
	const failures: DeclaredFailure[] = [...contract.throws];
	if (contract.allow !== "public") failures.push(unauthenticated, tokenExpired);
	if (contract.allow !== "public" && contract.allow !== "user") failures.push(permissionMissing);
	if (rest.idempotencyKey) failures.push(keyReused);
	if (rest.idempotencyKey === "required") failures.push(keyRequired);
	failures.push(validationFailed, rateLimited, serviceUnavailable);
	return failures;
}

function refusals(contract: ActionContract, rest: Route): Json {
	const byStatus = new Map<number, Set<string>>();
	for (const { kind, code } of failuresOf(contract, rest)) {
		const { status } = kinds[kind];
		byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
	}
	const sorted = [...byStatus].sort(([one], [other]) => one - other);
	return Object.fromEntries(
		sorted.map(([status, codes]) => [
			String(status),
			{
				description: [...codes]
					.sort()
					.map(code => `\`${code}\``)
					.join(", "),
				content: problemContent,
			},
		]),
	);
}

function answered(contract: ActionContract, rest: Route, components: Components): Json {
	const isEmpty = (contract.returns as { type?: string }).type === "null";
	const status = rest.status ?? (isEmpty ? 204 : 200);
	const content = isEmpty || status === 204 ? {} : { content: { "application/json": { schema: components.of(contract.returns) } } };
	const headers = rest.location ? { headers: { Location: { schema: { type: "string" } } } } : {};
	return { [String(status)]: { description: STATUS_CODES[status] ?? "", ...headers, ...content } };
}

function parametersOf(contract: ActionContract, rest: Route, template: string, components: Components): Json[] {
	const properties = Object.entries(contract.params.properties as Record<string, TSchema>);
	const inPath = pathFields(rest);
	const told = fieldsIn(template);
	const parameters: Json[] = inPath.map((field, at) => {
		const schema = contract.params.properties[field];
		const name = told[at];
		return { name, in: "path", required: true, schema: schema ? components.of(schema) : { type: "string" } };
	});
	if (!hasBody(rest)) {
		for (const [name, schema] of properties) {
			if (!inPath.includes(name))
				parameters.push({ name, in: "query", required: isRequired(contract, name), schema: components.of(schema) });
		}
	}
	if (rest.idempotencyKey) {
		const schema = { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x21-\\x7e]+$" };
		parameters.push({ name: "Idempotency-Key", in: "header", required: rest.idempotencyKey === "required", schema });
	}
	if (throwsAny(contract, versionStale)) {
		parameters.push({
			name: "If-Match",
			in: "header",
			required: false,
			description: "The ETag it was read with.",
			schema: { type: "string" },
		});
	}
	return parameters;
}

const pathFields = ({ path }: Route) => [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name!);
const fieldsIn = (template: string) => [...template.matchAll(/\{([A-Za-z]+)\}/g)].map(([, name]) => name!);

/** Two templates that differ in the names of their fields alone are one path to OpenAPI, which forbids both: the first one's names stand. */
function templates(): (rest: Route) => string {
	const known = new Map<string, string>();
	return ({ path }) => {
		const shape = path.replaceAll(/:[A-Za-z]+/g, ":");
		if (!known.has(shape)) known.set(shape, path.replaceAll(/:([A-Za-z]+)/g, "{$1}"));
		return known.get(shape)!;
	};
}

function bodyOf(contract: ActionContract, rest: Route, components: Components): Json {
	if (!hasBody(rest)) return {};
	if (rest.rawBody) return { requestBody: { required: true, content: { "application/json": { schema: { type: "object" } } } } };
	const inPath = pathFields(rest);
	const {
		properties,
		required = [],
		...others
	} = contract.params as TSchema & { properties: Record<string, TSchema>; required?: string[] };
	const fields = Object.fromEntries(Object.entries(properties).filter(([name]) => !inPath.includes(name)));
	const needed = required.filter(name => name in fields);
	if (Object.keys(fields).length === 0) return {};
	const schema = components.of({ ...others, ...(needed.length > 0 ? { required: needed } : {}), properties: fields } as TSchema);
	return { requestBody: { required: needed.length > 0, content: { "application/json": { schema } } } };
}

function security({ allow }: ActionContract, rest: Route): Json {
	if (rest.ignoresToken) return { security: [] };
	if (allow === "public") return { security: [{}, { accessToken: [] }, { cartToken: [] }] };
	return {
		security: [{ accessToken: [] }],
		...(allow === "user" ? {} : { "x-permission": allow, description: `Needs the permission \`${allow}\`.` }),
	};
}

const tagOf = (contract: ActionContract, rest: Route) => rest.tag ?? contract.name.slice(0, contract.name.indexOf("."));

/** The document. Throws a TypeError when two shapes share a name. */
export function openApiOf(catalogue: Catalogue): Json {
	const routed = [...catalogue.actions.values()].flatMap(contract => (contract.rest ? [{ contract, rest: contract.rest }] : []));
	const components = new Components();
	// Answers first: theirs are the plain names.
	const answers = new Map(routed.map(({ contract, rest }) => [contract, answered(contract, rest, components)]));
	components.turnToRequests();
	const paths: Record<string, Json> = {};
	const templateOf = templates();
	const byPath = (one: { rest: Route }, other: { rest: Route }) =>
		one.rest.path < other.rest.path ? -1 : one.rest.path > other.rest.path ? 1 : 0;
	for (const { contract, rest } of routed.toSorted(byPath)) {
		const path = templateOf(rest);
		const operation = {
			operationId: contract.name,
			summary: contract.summary,
			tags: [tagOf(contract, rest)],
			...security(contract, rest),
			parameters: parametersOf(contract, rest, path, components),
			...bodyOf(contract, rest, components),
			responses: {
				...answers.get(contract),
				...refusals(contract, rest),
				default: { description: "Any other refusal.", content: problemContent },
			},
		};
		paths[path] = { ...paths[path], [rest.method.toLowerCase()]: operation };
	}
	const schemas = [...components.schemas].sort(([one], [other]) => (one < other ? -1 : 1));
	return {
		openapi: "3.1.0",
		info: {
			title: "Stoa",
			version: "1",
			description:
				"Money is whole minor units with an ISO 4217 code. Lists answer `{ data, nextCursor }`. Requests with unknown fields are refused.",
		},
		servers: [{ url: "/" }],
		tags: [...new Set(routed.map(({ contract, rest }) => tagOf(contract, rest)))].sort().map(name => ({ name })),
		paths,
		components: {
			securitySchemes: {
				accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "From `POST /v1/auth/login`." },
				cartToken: { type: "apiKey", in: "header", name: "Cart-Token", description: "A guest's, from `POST /v1/carts`." },
			},
			schemas: { ...Object.fromEntries(schemas), Problem },
		},
	};
}
