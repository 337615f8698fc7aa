import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { action } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { operationsAddress } from "../../../middlewares/operations-port.ts";
import { type GatewayUnderTest, type StubContext, startGateway } from "../../../test/support/gateway.ts";
import { levels } from "../../commerce/inventory/inventory.contract.ts";
import { get as getProduct, picture } from "../../commerce/products/products.contract.ts";

const slow = action({
	name: "slow.wait",
	summary: "For tests.",
	allow: "public",
	rest: { method: "GET", path: "/v1/slow" },
	params: Type.Object({}),
	returns: Type.Object({}),
});
const { storeState } = storeContract("stored");
const state = { service: "stored", head: 7, pending: 2, oldestSeconds: 1.5, cursors: {}, hasSagas: false, storeId: "sto_1" };

let isStoreOpen = true;
let areLevelsAway = false;
let release: (() => void) | undefined;
const variants = [{ sku: "A" }, { sku: "B" }];
const handlers = {
	state: () => {
		if (!isStoreOpen) throw new Error("closed");
		return state;
	},
	product: ({ params }: StubContext) => {
		if (params.idOrSlug !== "diver") throw notFound();
		return { slug: "diver", variants };
	},
	levels: () => {
		if (areLevelsAway) throw Object.assign(new Error("inventory.levels is away"), { name: "ServiceNotFoundError" });
		return { levels: [{ sku: "A", available: 3 }] };
	},
	slow: () =>
		new Promise(resolve => {
			release = () => resolve({});
		}),
	picture: ({ params }: StubContext) => ({ svg: `<svg xmlns="http://www.w3.org/2000/svg"><title>${params.slug}</title></svg>` }),
};
const answers: Parameters<typeof startGateway>[0]["answers"] = [
	[storeState, handlers.state],
	[getProduct, handlers.product],
	[levels, handlers.levels],
	[picture, handlers.picture],
	[slow, handlers.slow],
];

let gateway: GatewayUnderTest;
beforeAll(async () => {
	gateway = await startGateway({ contracts: { slow }, answers });
});
afterAll(() => gateway.stop());

describe("health", () => {
	it("alive as long as the process answers", async () => {
		expect((await gateway.send("GET", "/healthz")).body).toEqual({ status: "alive" });
	});

	it("ready while every store answers; else 503, which does not say to strangers who is missing", async () => {
		expect((await gateway.send("GET", "/readyz")).body).toEqual({ status: "ready" });
		isStoreOpen = false;
		await sleep(1100); // what was heard last is believed for a second
		const away = await gateway.send("GET", "/readyz");
		expect(away.body).toMatchObject({ status: 503, code: "service_unavailable" });
		expect(away.text).not.toContain("stored");
		const onOperationsPort = await fetch(`http://127.0.0.1:${operationsAddress(gateway.broker)?.port}/readyz`);
		expect([onOperationsPort.status, await onOperationsPort.json()]).toEqual([503, { status: "notReady", away: ["stored"] }]);
		isStoreOpen = true;
		await sleep(60);
		expect((await gateway.send("GET", "/readyz")).status).toBe(200);
	});
});

describe("the operations port", () => {
	const ask = (path: string, method = "GET") => fetch(`http://127.0.0.1:${operationsAddress(gateway.broker)?.port}${path}`, { method });

	it("answers the same probes, and the metrics that the gateway keeps to itself", async () => {
		expect((await ask("/healthz")).status).toBe(200);
		const text = await (await ask("/metrics")).text();
		expect(text).toContain('stoa_http_requests_total{route="healthz",status="200"}');
		expect(text).toMatch(/stoa_http_request_duration_seconds_bucket\{le="\+Inf"\} \d+/);
		expect(text).toContain('stoa_outbox_pending{service="stored"} 2');
		expect(text).toMatch(/process_resident_memory_bytes \d+/);
		expect((await gateway.send("GET", "/metrics")).status).toBe(404);
	});

	it("takes no other path and no other verb", async () => {
		expect((await ask("/")).status).toBe(404);
		expect((await ask("/healthz", "POST")).status).toBe(405);
	});
});

describe("documentation", () => {
	it("the OpenAPI document holds the routes, and is not sent again to who has it", async () => {
		const document = await gateway.send("GET", "/v1/openapi.json");
		expect(document.body).toMatchObject({ openapi: "3.1.0", paths: { "/v1/slow": { get: { operationId: "slow.wait" } } } });
		expect((await gateway.send("GET", "/v1/openapi.json", { headers: { "if-none-match": document.headers.etag } })).status).toBe(304);
	});

	it("the try-it page and all that it loads come from here, and its policy lets nothing else in", async () => {
		const page = await gateway.send("GET", "/docs");
		expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
		expect(page.headers["content-security-policy"]).toMatch(/script-src 'self'(;|$)/);
		const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
		expect(loaded.length).toBeGreaterThanOrEqual(3);
		for (const address of loaded) {
			const file = await gateway.send("GET", address);
			expect([address, file.status]).toEqual([address, 200]);
			expect((await gateway.send("GET", address, { headers: { "if-none-match": file.headers.etag } })).status).toBe(304);
		}
		expect(page.text).not.toMatch(/<script>|onload=|https?:/);
	});

	it.each(["/docs/package.json", "/docs/..%2fpackage.json", "/docs/constructor", "/docs/nothing"])("%s is not handed out", async path => {
		expect((await gateway.send("GET", path)).status).toBe(404);
	});
});

describe("product pictures", () => {
	it("are drawings that may be kept and shown anywhere, and run nothing", async () => {
		const answer = await gateway.send("GET", "/media/green-diver.svg");
		expect(answer.text).toContain("<title>green-diver</title>");
		expect(answer.headers).toMatchObject({
			"content-type": "image/svg+xml; charset=utf-8",
			"cache-control": "public, max-age=3600",
			"cross-origin-resource-policy": "cross-origin",
			"content-security-policy": expect.stringContaining("sandbox"),
		});
		expect((await gateway.send("GET", "/media/green-diver.svg", { headers: { "if-none-match": answer.headers.etag } })).status).toBe(304);
	});

	it.each(["/media/green-diver.png", "/media/-.svg", "/media/..%2f..%2fetc.svg", "/media/A.svg"])("%s names none", async path => {
		expect((await gateway.send("GET", path)).status).toBe(404);
	});
});

describe("the storefront", () => {
	const read = (slug: string) => gateway.send("GET", `/v1/storefront/products/${slug}`);

	it("answers the product with its stock; what is not built yet is null", async () => {
		expect((await read("diver")).body).toEqual({
			product: { slug: "diver", variants },
			stock: { A: 3, B: 0 },
			reviews: null,
			recommendations: null,
		});
	});

	it("has a page without the part whose service is away, and none without the product", async () => {
		areLevelsAway = true;
		expect((await read("diver")).body).toMatchObject({ product: { slug: "diver" }, stock: null });
		areLevelsAway = false;
		expect((await read("nothing")).status).toBe(404);
		const alone = await startGateway({ contracts: { slow }, answers: [] });
		expect((await alone.send("GET", "/v1/storefront/products/diver")).status).toBe(503);
		await alone.stop();
	});
});

describe("connections", () => {
	const problemIn = (text: string) => JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));

	it("what is no HTTP is answered with a problem: 400", async () => {
		const text = await gateway.raw("HELLO\r\n\r\n");
		expect(text).toContain("HTTP/1.1 400 Bad Request");
		expect(problemIn(text)).toMatchObject({ status: 400, code: "malformed_request" });
	});

	it("headers without end: 431", async () => {
		const text = await gateway.raw(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(20_000)}\r\n\r\n`);
		expect(problemIn(text)).toMatchObject({ status: 431, code: "headers_too_large" });
	});

	it("no host: 400", async () => {
		expect(await gateway.raw("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")).toContain('"code":"malformed_request"');
	});

	it("several requests on one connection are answered one after the other", async () => {
		const one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
		const text = await gateway.raw(`${one}${one}GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
		expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 404"]);
	});

	it("a client that leaves in the middle of its body harms nobody", async () => {
		await gateway.raw("POST /v1/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "HTTP/1.1 405");
		expect((await gateway.send("GET", "/healthz")).status).toBe(200);
	});

	it("at the stop, what is under way is answered, what idles is closed, and nothing new is taken", async () => {
		const stopping = await startGateway({ contracts: { slow }, answers });
		const idle = stopping.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
		const underWay = stopping.send("GET", "/v1/slow");
		while (!release) await sleep(5);
		const stopped = stopping.stop();
		await idle;
		await expect(stopping.send("GET", "/healthz")).rejects.toThrow("ECONNREFUSED");
		release?.();
		expect(await underWay).toMatchObject({ status: 200, headers: { connection: "close" } });
		await stopped;
	});

	it("a port that is taken stops the start with the variable's name", async () => {
		const env = { STOA_PORT: String(gateway.port) };
		await expect(startGateway({ contracts: { slow }, answers: [], env })).rejects.toThrow("Set STOA_PORT to another one.");
	});
});
