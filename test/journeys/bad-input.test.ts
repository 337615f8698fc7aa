// Everything that can be wrong with a request, tried on every route that takes one, generated from the contracts: always the right 4xx, never a 5xx.
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import Type, { type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { encodeCursor } from "../../lib/cursor.ts";
import { newId } from "../../lib/ids.ts";
import {
	type Answer,
	type Asked,
	aGuestCart,
	anAdministrator,
	aProduct,
	checkout,
	newKey,
	type ProblemBody,
	request,
} from "../support/http.ts";
import { allRoutes, type RouteUnderTest } from "../support/routes.ts";
import { type Place, placesOf, pointerOf, sampleOf, withValue } from "../support/samples.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let writing: RouteUnderTest[];
let reading: RouteUnderTest[];
beforeAll(async () => {
	stoa = await startStoa();
	const routes = await allRoutes();
	writing = routes.filter(({ hasBody, rest }) => hasBody && !rest.rawBody);
	reading = routes.filter(({ rest }) => rest.method === "GET");
});
afterAll(() => stoa.stop());

afterEach(async () => {
	expect((await request(stoa, "GET", "/healthz")).status).toBe(200);
});

type Refused = Answer<Partial<ProblemBody> | undefined>;
interface Wanted {
	status: number;
	code: string;
	/** One of the flaws must lie here or below. */
	pointer?: string;
}

/** Somebody who may do everything; a new one each time, as some routes end sessions or erase whoever asks. */
const token = () => stoa.as(newId("usr", Date.now()), ["admin"]).accessToken;
const send = ({ rest, path }: RouteUnderTest, asked: Asked): Promise<Refused> =>
	request(stoa, rest.method, path, { token: token(), key: newKey(), ...asked });

/** What was wrongly answered; empty when all is well. One list for all routes shows everything that is wrong at once. */
function judged(what: string, { status, body }: Refused, wanted: Wanted): string[] {
	const flaws = body?.errors ?? [];
	const placed =
		wanted.pointer === undefined || flaws.some(({ pointer }) => pointer === wanted.pointer || pointer.startsWith(`${wanted.pointer}/`));
	if (status === wanted.status && body?.code === wanted.code && placed) return [];
	return [`${what}: ${status} ${body?.code} ${JSON.stringify(flaws)}, wanted ${wanted.status} ${wanted.code} ${wanted.pointer ?? ""}`];
}

async function onEvery(
	routes: readonly RouteUnderTest[],
	attempts: (route: RouteUnderTest) => { what: string; asked: Asked; wanted: Wanted }[],
): Promise<string[]> {
	const wrong: string[] = [];
	for (const route of routes) {
		for (const { what, asked, wanted } of attempts(route))
			wrong.push(...judged(`${route.title} ${what}`, await send(route, asked), wanted));
	}
	return wrong;
}

const bodyOf = ({ fields }: RouteUnderTest) => sampleOf(Type.Object(fields)) as Record<string, unknown>;
const placesIn = (route: RouteUnderTest): Place[] => placesOf(Type.Object(route.fields), bodyOf(route));
const invalid = (keys: readonly (string | number)[]): Wanted => ({ status: 422, code: "validation_failed", pointer: pointerOf(keys) });
const typeOf = (schema: TSchema) => (schema as { type?: string }).type;

describe("bodies that cannot be read", () => {
	const unreadable: [what: string, asked: Asked, wanted: Wanted][] = [
		["half an object", { raw: '{"a":' }, { status: 400, code: "malformed_json" }],
		["no JSON", { raw: "name=Ada" }, { status: 400, code: "malformed_json" }],
		[
			"bytes that are no UTF-8",
			{ raw: new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]) },
			{ status: 400, code: "malformed_json" },
		],
		["a list", { raw: "[]" }, { status: 400, code: "object_expected" }],
		["a list of objects", { raw: '[{"sku":"x"}]' }, { status: 400, code: "object_expected" }],
		["null", { raw: "null" }, { status: 400, code: "object_expected" }],
		["a text", { raw: '"text"' }, { status: 400, code: "object_expected" }],
		["nine thousand levels", { raw: `{"a":${"[".repeat(9000)}${"]".repeat(9000)}}` }, { status: 400, code: "too_deep" }],
		["nine thousand levels that never close", { raw: '{"a":'.repeat(9000) }, { status: 400, code: "too_deep" }],
		["two megabytes", { raw: `{"a":"${"x".repeat(2 * 1024 * 1024)}"}` }, { status: 413, code: "body_too_large" }],
		[
			"a form",
			{ raw: "a=1", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
			{ status: 415, code: "unsupported_media_type" },
		],
		["plain text", { raw: "{}", headers: { "Content-Type": "text/plain" } }, { status: 415, code: "unsupported_media_type" }],
		["XML", { raw: "<a/>", headers: { "Content-Type": "application/xml" } }, { status: 415, code: "unsupported_media_type" }],
		[
			"another charset",
			{ raw: "{}", headers: { "Content-Type": "application/json; charset=utf-16" } },
			{ status: 415, code: "unsupported_media_type" },
		],
		[
			"compressed bytes",
			{ raw: new Uint8Array(gzipSync("{}")), headers: { "Content-Encoding": "gzip" } },
			{ status: 415, code: "unsupported_media_type" },
		],
	];

	it.each(unreadable.map(([what, asked, wanted]) => [what, wanted.status, wanted.code, asked, wanted] as const))(
		"%s: %i %s",
		async (what, _status, _code, asked, wanted) => {
			expect(await onEvery(writing, () => [{ what, asked, wanted }])).toEqual([]);
		},
	);
});

describe("names that reach behind an object", () => {
	it.each(["__proto__", "constructor", "prototype"])("%s is refused at every depth", async name => {
		const wanted = { status: 400, code: "forbidden_key" };
		const wrong = await onEvery(writing, route => {
			const inside = JSON.stringify(bodyOf(route)).replace(
				/}$/,
				`${Object.keys(route.fields).length > 0 ? "," : ""}"x":[{"${name}":{"isAdmin":true}}]}`,
			);
			return [
				{ what: "at the top", asked: { raw: `{"${name}":{"isAdmin":true}}` }, wanted },
				{ what: "inside", asked: { raw: inside }, wanted },
			];
		});
		expect(wrong).toEqual([]);
		expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
	});
});

describe("fields that are not what they should be", () => {
	it("the samples themselves are right by form", () => {
		for (const route of writing)
			expect({ route: route.title, valid: Compile(Type.Object(route.fields)).Check(bodyOf(route)) }).toEqual({
				route: route.title,
				valid: true,
			});
	});

	it("a field that nobody declared is refused, at every depth", async () => {
		const wrong = await onEvery(writing, route => {
			const objects = [
				[],
				...placesIn(route)
					.filter(({ schema }) => typeOf(schema) === "object" && "properties" in schema)
					.map(({ keys }) => keys),
			];
			return objects.map(keys => {
				const at = [...keys, "unexpected"];
				return { what: `with ${pointerOf(at)}`, asked: { body: withValue(bodyOf(route), at, 1) }, wanted: invalid(at) };
			});
		});
		expect(wrong).toEqual([]);
	});

	it("a field of the path is refused in the body", async () => {
		const wrong = await onEvery(writing, ({ rest }) =>
			[...rest.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
				what: `with ${name}`,
				asked: { body: { [name!]: "x" } },
				wanted: invalid([name!]),
			})),
		);
		expect(wrong).toEqual([]);
	});

	const mistakes: [what: string, concerns: (place: Place) => boolean, value: unknown][] = [
		["an operator of a query language", () => true, { $ne: 1 }],
		["a list", ({ schema }) => typeOf(schema) !== "array", []],
		["a list of lists", () => true, [[[]]]],
		["a number", ({ value }) => typeof value !== "number", 12_345],
		["a text", ({ value }) => typeof value !== "string", "1"],
		["NUL", ({ value }) => typeof value === "string", "a\u0000b"],
		["half a surrogate", ({ value }) => typeof value === "string", "a\ud800b"],
		["a megabyte of text, almost", ({ value }) => typeof value === "string", "x".repeat(200_000)],
		["more than a number can be", ({ value }) => typeof value === "number", "@@1e309@@"],
		["more than a whole number can be", ({ value }) => typeof value === "number", 2 ** 53],
		["a fraction", ({ value }) => typeof value === "number", 1.5],
		["less than nothing", ({ keys }) => keys.at(-1) === "quantity", -1],
		["nothing of it", ({ keys }) => keys.at(-1) === "quantity", 0],
	];

	it.each(mistakes)("%s in each field it does not belong in", async (what, concerns, value) => {
		const wrong = await onEvery(writing, route =>
			placesIn(route)
				.filter(concerns)
				.map(({ keys }) => {
					const raw = JSON.stringify(withValue(bodyOf(route), keys, value)).replaceAll('"@@1e309@@"', "1e309");
					return { what: `with ${what} at ${pointerOf(keys)}`, asked: { raw }, wanted: invalid(keys) };
				}),
		);
		expect(wrong).toEqual([]);
	});

	it("each field that is required is missed", async () => {
		const wrong = await onEvery(writing, route => {
			const { required = [] } = Type.Object(route.fields) as { required?: string[] };
			return required.map(name => {
				const { [name]: _, ...rest } = bodyOf(route);
				return { what: `without ${name}`, asked: { body: rest }, wanted: invalid([name]) };
			});
		});
		expect(wrong).toEqual([]);
	});

	const counter = { counter: "interactions", by: "user" };
	const comparison = { fact: counter, operator: "gte", value: 100 };
	const aRule = (when: unknown) => ({
		id: "a.rule",
		description: "Never goes live.",
		state: "live",
		on: ["interaction"],
		when,
		outcome: "flag",
		scope: "user",
	});
	const conditions: [what: string, when: object, pointer: string][] = [
		["is empty", {}, ""],
		["is a list that is empty", { all: [] }, "/all"],
		["is no list", { any: comparison }, "/any"],
		["has an operator of a query language", { all: [comparison, { ...comparison, operator: "$gt" }] }, "/all/1/operator"],
		["has an operator that objects inherit", { ...comparison, operator: "toString" }, "/operator"],
		["names a counter that nobody keeps", { fact: { ...counter, counter: "hasOwnProperty" }, operator: "gte", value: 1 }, "/fact/counter"],
		["counts by what is no entity", { fact: { ...counter, by: "planet" }, operator: "gte", value: 1 }, "/fact/by"],
		["has a window without an end", { fact: { ...counter, window: "P1" }, operator: "gte", value: 1 }, "/fact/window"],
		["compares a count with a text", { ...comparison, value: "100" }, "/value"],
		["compares with an object", { ...comparison, value: { $gt: 1 } }, "/value"],
		["asks for a fact that there is not", { fact: "password", operator: "eq", value: "x" }, "/fact"],
		["holds something beside", { not: comparison, or: comparison }, "/or"],
		["is deeper than anybody can read", Array.from({ length: 18 }).reduce<object>(inner => ({ not: inner }), comparison), "/not"],
	];

	it.each(conditions)("a rule whose condition %s is refused at its place, and nothing is published", async (_, when, pointer) => {
		const rules = [aRule(comparison), { ...aRule(when), id: "another.rule" }];
		const wanted = { status: 422, code: "validation_failed", pointer: `/rules/1/when${pointer}` };
		const taking = writing.filter(({ title }) => title === "PUT /v1/fraud/rules" || title === "POST /v1/fraud/rules/backtest");
		expect(taking).toHaveLength(2);
		expect(await onEvery(taking, () => [{ what: "with it", asked: { body: { rules } }, wanted }])).toEqual([]);
		const { body } = await request<{ version: number }>(stoa, "GET", "/v1/fraud/rules", { token: token() });
		expect(body.version).toBe(1);
	});

	it("a card number is refused in every text outside the tokenizer, however it is written", async () => {
		for (const number of ["4242424242424242", "4242 4242-4242 4242", "my card: 5555555555554444."]) {
			const wrong = await onEvery(writing, route =>
				placesIn(route)
					.filter(
						({ value, keys }) =>
							typeof value === "string" &&
							!(route.rest.cardDataAt ?? []).includes(keys.join(".")) &&
							!/^(id|[A-Za-z]+Ids?)$/.test(String(keys.at(-1))),
					)
					.map(({ keys }) => ({
						what: `with ${number} at ${pointerOf(keys)}`,
						asked: { body: withValue(bodyOf(route), keys, number) },
						wanted: { status: 400, code: "card_data_not_accepted" },
					})),
			);
			expect(wrong).toEqual([]);
		}
	});
});

describe("an Idempotency-Key", () => {
	it("that is missing, empty, too long or not visible ASCII is refused where it is needed", async () => {
		const wanted = { status: 400, code: "idempotency_key_required" };
		const keyed = writing.filter(({ rest }) => rest.idempotencyKey === "required");
		const wrong = await onEvery(keyed, route =>
			[undefined, "", "x".repeat(256), "two words", "schlüssel"].map(key => ({
				what: `with the key ${key}`,
				asked: { body: bodyOf(route), key },
				wanted,
			})),
		);
		expect(wrong).toEqual([]);
	});
});

describe("queries", () => {
	const refusedAt = (name: string): Wanted => ({ status: 422, code: "validation_failed", pointer: `/${name}` });
	const withQuery = (routes: readonly RouteUnderTest[], query: string, wanted: Wanted) =>
		onEvery(
			routes.map(route => ({ ...route, path: `${route.path}?${query}` })),
			() => [{ what: query, asked: { key: undefined }, wanted }],
		);

	it.each(["unknown=1", "unknown[$ne]=1", "__unknown__=1"])("?%s is refused on every read", async query => {
		expect(await withQuery(reading, query, refusedAt(query.split("=")[0]!))).toEqual([]);
	});

	it("?__proto__=1 is refused on every read", async () => {
		expect(await withQuery(reading, "__proto__=1", { status: 400, code: "forbidden_key" })).toEqual([]);
	});

	it.each([
		"limit=0",
		"limit=101",
		"limit=-1",
		"limit=1.5",
		"limit=ten",
		"limit=1e1",
		"limit=",
		"limit=1&limit=2",
		"limit=99999999999999999999",
	])("?%s is refused on every list", async query => {
		expect(
			await withQuery(
				reading.filter(({ fields }) => "limit" in fields),
				query,
				refusedAt("limit"),
			),
		).toEqual([]);
	});

	const forged = [["x"], [1], [-1], ["\u0000"], [1e300], [{}], [null], [], ["a", "b"], [0, ""], ["'; DROP TABLE orders; --"]];
	it("a cursor that is garbage is refused on every list, one that was forged never breaks anything", async () => {
		const lists = reading.filter(({ fields }) => "cursor" in fields);
		// A list below something that is not there is not there either, whatever its cursor.
		const ofTheirOwn = lists.filter(({ rest }) => !rest.path.includes(":"));
		for (const garbage of ["garbage", "%00", "e30", "bnVsbA"])
			expect(await withQuery(ofTheirOwn, `cursor=${garbage}`, refusedAt("cursor"))).toEqual([]);
		for (const route of lists) {
			for (const values of forged) {
				const cursor = encodeCursor(values as (string | number)[]);
				const { status } = await request(stoa, "GET", `${route.path}?cursor=${encodeURIComponent(cursor)}`, { token: token() });
				expect({ route: route.title, values, broken: status >= 500 }).toEqual({ route: route.title, values, broken: false });
			}
		}
	});

	it("each field of a query given twice, as an operator, or with NUL never breaks anything", async () => {
		for (const route of reading) {
			for (const name of Object.keys(route.fields)) {
				for (const query of [
					`${name}=a&${name}=b`,
					`${name}[$gt]=`,
					`${name}=%00`,
					`${name}=%ff%fe`,
					`${name}=${"x".repeat(5000)}`,
					name,
				]) {
					const { status } = await request(stoa, "GET", `${route.path}?${query}`, { token: token() });
					expect({ route: route.title, query: query.slice(0, 40), broken: status >= 500 }).toEqual({
						route: route.title,
						query: query.slice(0, 40),
						broken: false,
					});
				}
			}
		}
	});
});

describe("paths", () => {
	it("whose ids are nonsense name nothing: 404", async () => {
		const routes = (await allRoutes()).filter(({ rest, allow }) => rest.path.includes(":") && allow !== "public");
		for (const { rest } of routes) {
			for (const nonsense of ["x", "%00", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1", "%F0%9F%92%A5", "x".repeat(2000), "$ne", "__proto__"]) {
				// A list has the name that it is given, and one that nobody has begun is empty.
				if (rest.path === "/v1/fraud/lists/:name" && nonsense === "x") continue;
				const path = rest.path.replaceAll(/:[A-Za-z]+/g, nonsense);
				const { status } = await request(stoa, rest.method, path, {
					token: token(),
					key: newKey(),
					...(rest.method === "GET" || rest.method === "DELETE" ? {} : { body: {} }),
				});
				expect({ asked: `${rest.method} ${path.slice(0, 80)}`, right: status === 404 || status === 422 }).toEqual({
					asked: `${rest.method} ${path.slice(0, 80)}`,
					right: true,
				});
			}
		}
	});
});

describe("after all of this", () => {
	it("the shop is ready and sells", async () => {
		expect((await request(stoa, "GET", "/readyz")).status).toBe(200);
		const { sku } = await aProduct(stoa, await anAdministrator(stoa));
		expect((await checkout(stoa, await aGuestCart(stoa, [{ sku, quantity: 1 }]))).status).toBe(201);
	});
});
