import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { startGateway } from "../../../test/support/gateway.ts";
import { get, type ShelvesUnderTest, shelf, shelfId, startShelves } from "../../../test/support/shelves.ts";

let gateway: ShelvesUnderTest;
beforeAll(async () => {
	gateway = await startShelves({ STOA_CORS_ORIGINS: "https://shop.example" });
});
afterAll(() => gateway.stop());

describe("paths and methods", () => {
	it.each([
		"/v1/nothing",
		"/",
		"//",
		"/v1/shelves/%zz",
		"/v1/shelves/shf_short",
		"/v1/shelves/ord_01jd9w6qkz8m4f2v7b3c5n1x0r",
		"/v1//shelves",
		"/v1/shelves/%00",
	])("%s names nothing: 404", async path => {
		const answer = await gateway.send("GET", path);
		expect(answer.body).toMatchObject({ status: 404, code: "not_found" });
		expect(answer.headers["x-request-id"]).toBe(answer.body.requestId);
	});

	it("a known path with another verb: 405 with the verbs there are", async () => {
		const answer = await gateway.send("PUT", `/v1/shelves/${shelfId}`);
		expect(answer.body).toMatchObject({ status: 405, code: "method_not_allowed" });
		expect(answer.headers.allow?.split(", ").sort()).toEqual(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH"]);
		expect((await gateway.send("TRACE", "/v1/shelves")).status).toBe(405);
	});

	it("a fixed word goes before an id", async () => {
		await gateway.send("GET", "/v1/shelves/first");
		expect(gateway.seen.action?.name).toBe("shelves.first");
	});

	it("a slash at the end changes nothing", async () => {
		expect((await gateway.send("GET", "/v1/shelves/")).status).toBe(200);
	});

	it("HEAD answers as GET does, without the body", async () => {
		const got = await gateway.send("GET", `/v1/shelves/${shelfId}`);
		const head = await gateway.send("HEAD", `/v1/shelves/${shelfId}`);
		expect(head).toMatchObject({ status: 200, text: "" });
		expect(head.headers["content-length"]).toBe(String(Buffer.byteLength(got.text)));
		expect(head.headers.etag).toBe(got.headers.etag);
	});

	it("a contract that does not say who may call it stops the start", async () => {
		const open = { ...get, allow: undefined };
		await expect(startGateway({ contracts: { open }, answers: [] })).rejects.toThrow(
			"shelves.get in the test does not say who may call it (allow).",
		);
	});

	it("an internal action has no route, and no action can be reached by its name", async () => {
		expect((await gateway.send("GET", "/shelves/list")).status).toBe(404);
		expect((await gateway.send("GET", "/~node/list")).status).toBe(404);
		expect((await gateway.send("GET", "/$node/health")).status).toBe(404);
	});

	it("a route whose service is away: 503, retryable, with the time to wait; never 404", async () => {
		const answer = await gateway.send("GET", "/v1/away");
		expect(answer.body).toMatchObject({ status: 503, code: "service_unavailable", retryable: true });
		expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
		expect(answer.text).not.toMatch(/shelves|node/);
	});
});

describe("who asks", () => {
	it("no token where one is needed, or a wrong one anywhere: 401, which says what is missing", async () => {
		const none = await gateway.send("DELETE", `/v1/shelves/${shelfId}`);
		expect(none.body).toMatchObject({ status: 401, code: "unauthenticated" });
		expect(none.headers["www-authenticate"]).toBe('Bearer realm="stoa"');
		for (const authorization of ["Bearer nonsense", "Basic YTpi", "Bearer "]) {
			const wrong = await gateway.send("GET", "/v1/shelves", { headers: { authorization } });
			expect(wrong.body.code).toBe("unauthenticated");
			expect(wrong.headers["www-authenticate"]).toContain("invalid_token");
		}
	});

	it("401 and 403 go before whatever else is wrong with the request", async () => {
		const wrong = { body: "[", headers: {} };
		expect((await gateway.send("PATCH", "/v1/shelves/nonsense", wrong)).status).toBe(401);
		const customer = { ...wrong, headers: gateway.bearer("usr_1") };
		expect((await gateway.send("PATCH", "/v1/shelves/nonsense", customer)).body.code).toBe("permission_missing");
	});

	it("an expired token: 401 token_expired; signing in works with it in hand", async () => {
		const headers = gateway.bearer("usr_1");
		gateway.clock.move(301_000);
		expect((await gateway.send("GET", "/v1/shelves", { headers })).body.code).toBe("token_expired");
		expect((await gateway.send("POST", "/v1/auth/shelves", { headers })).status).toBe(200);
	});

	it("the action is told the facts of the request, each only in its form", async () => {
		const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
		const headers = {
			"x-request-id": "mine-1",
			traceparent,
			"cart-token": "token",
			"device-id": "0123456789abcdef",
			"if-match": '"v1"',
			"idempotency-key": "k",
		};
		const answer = await gateway.send("GET", "/v1/shelves?limit=1", { headers });
		expect(answer.headers["x-request-id"]).toBe("mine-1");
		expect(gateway.seen.meta.request).toEqual({
			id: "mine-1",
			method: "GET",
			path: "/v1/shelves",
			address: "127.0.0.1",
			traceparent,
			cartToken: "token",
			deviceId: "0123456789abcdef",
			ifMatch: '"v1"',
		});
		await gateway.send("GET", "/v1/shelves", {
			headers: { "x-request-id": "two words", "device-id": "short", traceparent: "x", "x-correlation-id": "theirs" },
		});
		expect(gateway.seen.meta.request).toEqual({
			id: expect.stringMatching(/^req_/),
			method: "GET",
			path: "/v1/shelves",
			address: "127.0.0.1",
		});
	});
});

describe("answers", () => {
	it("a new resource: 201 with Location and its tag", async () => {
		const answer = await gateway.send("POST", "/v1/shelves", { body: { name: "Upper" } });
		expect(answer.body).toEqual(shelf);
		expect(answer.headers).toMatchObject({ location: `/v1/shelves/${shelfId}`, etag: etagOf(shelf), "cache-control": "no-store" });
	});

	it("nothing: 204 without a body", async () => {
		expect(await gateway.send("DELETE", `/v1/shelves/${shelfId}`, { headers: gateway.bearer("usr_1") })).toMatchObject({
			status: 204,
			text: "",
		});
	});

	it("what anybody may read is tagged and may be kept; with its tag in hand it is not sent again", async () => {
		for (const path of [`/v1/shelves/${shelfId}`, "/v1/shelves"]) {
			const { headers } = await gateway.send("GET", path);
			expect(headers).toMatchObject({ "cache-control": "no-cache", vary: "Origin, Authorization, Cart-Token" });
			for (const tag of [headers.etag!, `W/${headers.etag}`, `"other", ${headers.etag}`, "*"]) {
				expect(await gateway.send("GET", path, { headers: { "if-none-match": tag } })).toMatchObject({ status: 304, text: "" });
			}
			expect((await gateway.send("GET", path, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
		}
	});

	it("what only one person may read is not kept by anybody, and is tagged if it is one resource", async () => {
		const headers = gateway.bearer("usr_1");
		expect((await gateway.send("GET", `/v1/shelves/${shelfId}`, { headers })).headers).toMatchObject({
			"cache-control": "no-store",
			etag: etagOf(shelf),
		});
		const many = await gateway.send("GET", "/v1/shelves", { headers });
		expect(many.headers.etag).toBeUndefined();
		const guest = await gateway.send("GET", "/v1/shelves", { headers: { "cart-token": "token" } });
		expect(guest.headers["cache-control"]).toBe("no-store");
	});

	it("every answer is protected against being taken for a page", async () => {
		for (const path of ["/v1/shelves", "/nothing", "/healthz"]) {
			const { headers } = await gateway.send("GET", path);
			expect(headers).toMatchObject({
				"x-content-type-options": "nosniff",
				"content-security-policy": expect.stringContaining("default-src 'none'"),
			});
			expect(headers["x-powered-by"]).toBeUndefined();
		}
	});
});

describe("refusals of actions", () => {
	const refused = (how: string) => gateway.send("POST", `/v1/shelves/${shelfId}/fail`, { body: { how } });

	it("a declared one shows its sentence and the fields it exposes, no others", async () => {
		const { body, text } = await refused("declared");
		expect(body).toEqual({
			type: "urn:stoa:problem:shelf_too_full",
			title: "The present state does not allow this",
			status: 409,
			detail: "There is room for 3.",
			code: "shelf_too_full",
			requestId: expect.stringMatching(/^req_/),
			retryable: false,
			errors: [],
			room: 3,
		});
		expect(text).not.toContain("sesame");
	});

	it.each(["bug", "defect"])("a %s: 500 that says nothing of itself", async how => {
		const { body, text } = await refused(how);
		expect(body).toMatchObject({ status: 500, code: "internal_error", retryable: false });
		expect(text).not.toMatch(/sesame|node-7|stack|ledger/);
	});

	it("an absence behind the service: 503, and a service may say how long", async () => {
		const absent = await refused("absent");
		expect(absent.body).toMatchObject({ status: 503, code: "service_unavailable" });
		expect(absent.text).not.toContain("node-7");
		expect((await refused("down")).headers["retry-after"]).toBe("7");
	});

	it("a replayed one is the first one again, with its request's id", async () => {
		const one = await refused("replayed");
		const other = await refused("replayed");
		expect(one.body).toMatchObject({ status: 409, code: "shelf_too_full", requestId: "req_first", room: 3 });
		expect(one.headers["idempotent-replayed"]).toBe("true");
		expect(other.text).toBe(one.text);
		expect(other.headers["x-request-id"]).not.toBe("req_first");
	});
});

describe("browsers of other origins", () => {
	it("may call from the listed origin, and are told how", async () => {
		const headers = { origin: "https://shop.example", "access-control-request-method": "POST" };
		const preflight = await gateway.send("OPTIONS", "/v1/shelves", { headers });
		expect(preflight).toMatchObject({ status: 204, text: "" });
		expect(preflight.headers).toMatchObject({
			"access-control-allow-origin": "https://shop.example",
			"access-control-allow-methods": expect.stringContaining("POST"),
		});
		expect((await gateway.send("GET", "/v1/shelves", { headers })).headers["access-control-allow-origin"]).toBe("https://shop.example");
	});

	it("may not from any other", async () => {
		const headers = { origin: "https://other.example", "access-control-request-method": "POST" };
		for (const method of ["OPTIONS", "GET"]) {
			const answer = await gateway.send(method, "/v1/shelves", { headers });
			expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
			expect(answer.headers["access-control-allow-methods"]).toBeUndefined();
		}
	});

	it("OPTIONS names the verbs of a known path, and of no other", async () => {
		expect((await gateway.send("OPTIONS", "/v1/shelves")).headers.allow?.split(", ").sort()).toEqual(["GET", "HEAD", "OPTIONS", "POST"]);
		expect((await gateway.send("OPTIONS", "/v1/nothing")).status).toBe(404);
	});
});
