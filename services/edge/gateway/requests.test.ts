import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ShelvesUnderTest, shelfId, startShelves } from "../../../test/support/shelves.ts";

let gateway: ShelvesUnderTest;
beforeAll(async () => {
	gateway = await startShelves({});
});
afterAll(() => gateway.stop());

const post = (body: unknown, headers: Record<string, string> = {}) => gateway.send("POST", "/v1/shelves", { body, headers });
const nested = (levels: number) => `{"name":"a","facts":${'{"a":'.repeat(levels - 1)}1${"}".repeat(levels - 1)}}`;
const card = "4111 1111 1111 1111";

describe("what a body may not be", () => {
	const tooMuch = JSON.stringify({ name: "a".repeat(300_000) });
	it.each([
		["no JSON", "{name: 1}", 400, "malformed_json", []],
		["cut off", '{"name":', 400, "malformed_json", []],
		["not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), 400, "malformed_json", []],
		["an array", "[]", 400, "object_expected", []],
		["a number", "7", 400, "object_expected", []],
		["null", "null", 400, "object_expected", []],
		["33 levels deep", nested(33), 400, "too_deep", []],
		["9,000 levels deep", nested(9000), 400, "too_deep", []],
		["90,000 brackets that never close", "[".repeat(90_000), 400, "too_deep", []],
		["a prototype of another", '{"name":"a","__proto__":{"admin":true}}', 400, "forbidden_key", []],
		["a prototype in an escape", '{"name":"a","facts":{"\\u005f_proto__":1}}', 400, "forbidden_key", []],
		["a constructor far inside", '{"name":"a","facts":{"a":[{"constructor":1}]}}', 400, "forbidden_key", []],
		["larger than 256 KiB", tooMuch, 413, "body_too_large", []],
		["text with NUL", '{"name":"a\\u0000b"}', 422, "validation_failed", ["/name"]],
		["NUL where any text may be", '{"name":"a","ean":"\\u0000"}', 422, "validation_failed", ["/ean"]],
		["half a character", '{"name":"\\ud800"}', 422, "validation_failed", ["/name"]],
		["an operator for a text", '{"name":{"$ne":null}}', 422, "validation_failed", ["/name"]],
		["an operator beside the fields", '{"name":"a","$ne":1}', 422, "validation_failed", ["/$ne"]],
		["a field that nobody knows", '{"name":"a","size":1,"colour":2}', 422, "validation_failed", ["/size", "/colour"]],
		["a field of the wrong type", '{"name":7}', 422, "validation_failed", ["/name"]],
		["a number past all numbers", '{"name":"a","quantity":1e309}', 422, "validation_failed", ["/quantity"]],
		["a negative quantity", '{"name":"a","quantity":-1}', 422, "validation_failed", ["/quantity"]],
		["without a field it needs", '{"quantity":1}', 422, "validation_failed", ["/name"]],
		["empty", "", 422, "validation_failed", ["/name"]],
	])("%s: refused", async (_, body, status, code, pointers) => {
		const answer = await post(body);
		expect(answer.body).toMatchObject({ status, code, retryable: false, requestId: expect.stringMatching(/^req_/) });
		expect(answer.status).toBe(status);
		expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
		expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([...pointers].sort());
		expect((await post({ name: "a" })).status).toBe(201);
	});

	it("far too large, it is answered before it was sent, and the client can read that", async () => {
		const headers = { "content-type": "application/json" };
		const answer = await fetch(`http://127.0.0.1:${gateway.port}/v1/shelves`, { method: "POST", headers, body: "a".repeat(6_000_000) });
		expect([answer.status, await answer.json()]).toEqual([413, expect.objectContaining({ code: "body_too_large" })]);
	});

	it("sent in pieces without a length, it is measured all the same", async () => {
		const piece = `${(70_000).toString(16)}\r\n${"a".repeat(70_000)}\r\n`;
		const head =
			"POST /v1/shelves HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
		expect(await gateway.raw(`${head}${piece.repeat(4)}0\r\n\r\n`)).toContain("413 Payload Too Large");
	});

	it.each([
		["another media type", { "content-type": "text/plain" }],
		["a form", { "content-type": "application/x-www-form-urlencoded" }],
		["no media type", { "content-type": "" }],
		["another charset", { "content-type": "application/json; charset=utf-16" }],
		["compressed", { "content-encoding": "gzip" }],
	])("%s: 415", async (_, headers) => {
		expect((await post('{"name":"a"}', headers as unknown as Record<string, string>)).body.code).toBe("unsupported_media_type");
	});

	it("takes 32 levels, a charset, and upper case in the media type", async () => {
		expect((await post(nested(32), { "content-type": "Application/JSON; charset=UTF-8" })).status).toBe(201);
	});

	it("takes no body where none is needed", async () => {
		expect((await gateway.send("POST", "/v1/auth/shelves")).status).toBe(200);
		expect((await gateway.send("POST", "/v1/auth/shelves", { body: "", headers: { "content-type": "text/plain" } })).status).toBe(200);
	});

	it("is refused when a field of the path or a query comes with it", async () => {
		const twice = await gateway.send("PATCH", `/v1/shelves/${shelfId}`, {
			body: { id: shelfId },
			headers: gateway.bearer("usr_1", ["admin"]),
		});
		expect(twice.body).toMatchObject({ status: 422, errors: [{ pointer: "/id", code: "unknown_field" }] });
		const query = await gateway.send("POST", "/v1/shelves?name=a", { body: { name: "a" } });
		expect(query.body).toMatchObject({ status: 422, errors: [{ pointer: "/name", code: "unknown_field" }] });
	});
});

describe("what a query says", () => {
	const read = (query: string) => gateway.send("GET", `/v1/shelves?${query}`);

	it("becomes numbers, flags and lists by the schema", async () => {
		expect((await read("limit=5&full=false&kind=a&kind=b")).status).toBe(200);
		expect(gateway.seen.params).toEqual({ limit: 5, full: false, kind: ["a", "b"] });
		await read("kind=a&email=a%2Bb+c");
		expect(gateway.seen.params).toEqual({ kind: ["a"], email: "a+b c" });
	});

	it.each([
		["an unknown field", "colour=red", "/colour"],
		["an operator", "email[$ne]=", "/email[$ne]"],
		["a number that is none", "limit=ten", "/limit"],
		["nothing for a number", "limit=", "/limit"],
		["a number past all numbers", "limit=1e309", "/limit"],
		["a number that cannot be held exactly", "limit=9007199254740993", "/limit"],
		["a single field twice", "limit=1&limit=2", "/limit"],
		["a flag that is none", "full=maybe", "/full"],
		["NUL", "email=a%00b", "/email"],
	])("%s: 422 at its place", async (_, query, pointer) => {
		const answer = await read(query);
		expect(answer.body).toMatchObject({ status: 422, code: "validation_failed", errors: [{ pointer }] });
	});

	it("is no way to a prototype", async () => {
		expect((await read("__proto__=1")).body.code).toBe("forbidden_key");
		expect((await read("__proto__[admin]=1")).status).toBe(422);
	});

	it("may be encoded wrongly without harm", async () => {
		expect((await read("email=%zz")).status).toBe(200);
		expect((await read("%E0%A4%A=1")).status).toBe(422);
	});
});

describe("Idempotency-Key", () => {
	const moved = (headers: Record<string, string>, body: object = { to: "cellar" }) =>
		gateway.send("POST", `/v1/shelves/${shelfId}/moves`, { body, headers });

	it.each([
		["missing", {}],
		["empty", { "idempotency-key": "" }],
		["with a space", { "idempotency-key": "a b" }],
		["of 256 characters", { "idempotency-key": "k".repeat(256) }],
	])("%s: 400", async (_, headers) => {
		expect((await moved(headers as Record<string, string>)).body).toMatchObject({ status: 400, code: "idempotency_key_required" });
	});

	it("reaches the action with a hash of the body that ignores the order of keys", async () => {
		const answer = await moved({ "idempotency-key": "k".repeat(255) });
		expect(answer.headers["idempotent-replayed"]).toBe("true");
		const { bodyHash } = gateway.seen.meta.request!;
		expect(gateway.seen.meta.request).toMatchObject({ idempotencyKey: "k".repeat(255), bodyHash: expect.stringMatching(/^\S{43}$/) });
		await moved({ "idempotency-key": "k" }, { to: "attic" });
		expect(gateway.seen.meta.request?.bodyHash).not.toBe(bodyHash);
	});
});

describe("card numbers", () => {
	it.each([
		["in a field", { name: card }],
		["among words", { name: `my card is ${card}, thanks` }],
		["as a number, deep inside", { name: "a", facts: { list: [{ x: 4111111111111111 }] } }],
		["as a key", { name: "a", facts: { [card]: 1 } }],
	])("%s: refused", async (_, body) => {
		expect((await post(body)).body).toMatchObject({ status: 400, code: "card_data_not_accepted" });
	});

	it("are refused in a query", async () => {
		expect((await gateway.send("GET", `/v1/shelves?email=${encodeURIComponent(card)}`)).body.code).toBe("card_data_not_accepted");
	});

	it("are taken in the tokenizer's own field only", async () => {
		expect((await gateway.send("POST", "/v1/cards", { body: { number: card } })).status).toBe(200);
		expect((await gateway.send("POST", "/v1/cards", { body: { number: card, note: card } })).body.code).toBe("card_data_not_accepted");
	});

	it("are not seen in ids and barcodes", async () => {
		expect((await post({ name: "a", ean: "4111111111111111", facts: { orderId: "4111111111111111" } })).status).toBe(201);
	});
});

describe("signed webhooks", () => {
	it("are handed over byte for byte with their signature, whatever they hold", async () => {
		const body = `{ "b":1, "card":"${card}" , "__proto__":[] }`;
		const answer = await gateway.send("POST", "/v1/hooks/sandbox", { body, headers: { "stoa-signature": "t=1,v1=ab" } });
		expect(answer.body).toEqual({ raw: body, signature: "t=1,v1=ab" });
		const stripe = await gateway.send("POST", "/v1/hooks/stripe", {
			body: "x",
			headers: { "stripe-signature": "t=2", "content-type": "text/plain" },
		});
		expect(stripe.body).toEqual({ raw: "x", signature: "t=2" });
	});
});
