import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Client } from "./client.ts";
import { measure } from "./measure.ts";
import type { Progress } from "./progress.ts";
import { table } from "./report.ts";
import { prepare, scenarioNames } from "./scenarios.ts";

const silent: Progress = { phase: () => undefined, done: () => undefined };
const administrator = { email: "admin@shop.example", password: "a long enough password" };
const atOnce = { seconds: 0.1, rates: new Map([["detail" as const, 200]]), connections: 2 };

/** A shop of one product that answers what API.md promises, and notes what it was asked. */
interface Shop {
	server: Server;
	url: string;
	asked: { method: string; path: string; headers: IncomingMessage["headers"]; body: Record<string, unknown> }[];
	/** The next checkouts are refused so. */
	refusal: { status: number; code: string } | undefined;
}

let shop: Shop;
let client: Client;

beforeEach(async () => {
	shop = await openShop();
	client = new Client(shop.url, 8);
});

afterEach(async () => {
	client.close();
	shop.server.closeAllConnections();
	shop.server.close();
	await once(shop.server, "close");
});

describe("preparing the scenarios", () => {
	it("fills shelves as the administrator and registers buyers", async () => {
		await prepare(client, scenarioNames, administrator);
		const adjustment = shop.asked.find(ask => ask.path.endsWith("/adjustments"))!;
		expect(adjustment).toMatchObject({
			method: "POST",
			path: "/v1/inventory/WATCH-1/adjustments",
			headers: { authorization: "Bearer token" },
		});
		expect(adjustment.headers["idempotency-key"]).toBeTruthy();
		expect(shop.asked.filter(ask => ask.path === "/v1/auth/register")).toHaveLength(8);
	});

	it("leaves alone what the chosen scenarios do not need", async () => {
		await prepare(client, ["detail"], administrator);
		expect(shop.asked.map(ask => ask.method)).toEqual(["GET"]);
	});
});

describe("measuring a scenario", () => {
	it.each(scenarioNames)("runs %s without an error against a shop that keeps its word", async name => {
		const scenarios = await prepare(client, scenarioNames, administrator);
		const figures = await measure(name, scenarios[name], { ...atOnce, rates: new Map([[name, 100]]) }, silent);
		expect(figures.errors).toEqual({});
		expect(figures.achievedPerSecond).toBeGreaterThan(0);
		expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms!);
	});

	it("finds the most first and offers seven tenths of it when no rate is given", async () => {
		const scenarios = await prepare(client, ["detail"], undefined);
		const figures = await measure("detail", scenarios.detail, { ...atOnce, rates: new Map() }, silent);
		expect(figures.offeredPerSecond).toBeCloseTo(figures.maxPerSecond! * 0.7);
	});

	it("checks out a guest's cart with its token, an address and a key of its own", async () => {
		const { checkout } = await prepare(client, ["checkout"], undefined);
		await checkout.operation();
		await checkout.operation();
		const asked = shop.asked.filter(ask => ask.path === "/v1/carts/crt_1/checkout");
		expect(asked[0]).toMatchObject({ headers: { "cart-token": "guest" }, body: { payment: { method: "card", token: "tok_visa" } } });
		expect(new Set(asked.map(ask => ask.headers["idempotency-key"])).size).toBe(2);
	});

	it("counts a refusal by route, status and code", async () => {
		const { checkout } = await prepare(client, ["checkout"], undefined);
		shop.refusal = { status: 409, code: "out_of_stock" };
		const figures = await measure("checkout", checkout, { ...atOnce, rates: new Map([["checkout", 50]]) }, silent);
		expect(figures.errors).toEqual({ "POST /v1/carts/{id}/checkout: 409 out_of_stock": 5 });
		expect(figures.achievedPerSecond).toBe(0);
		expect(table({ target: shop.url, scenarios: [figures] })).toContain("checkout: 5 × POST /v1/carts/{id}/checkout: 409 out_of_stock");
	});

	it("goes on with a new connection when the server closes one", async () => {
		const { detail } = await prepare(client, ["detail"], undefined);
		shop.server.closeAllConnections();
		await detail.operation().catch(() => undefined);
		await detail.operation();
	});

	it("says so when nobody listens", async () => {
		const nobody = new Client("http://127.0.0.1:1", 1);
		await expect(prepare(nobody, ["detail"], undefined)).rejects.toThrow("ECONNREFUSED");
		await expect(prepare(nobody, ["detail"], undefined)).rejects.toThrow("ECONNREFUSED");
	});
});

describe("the client", () => {
	it("keeps within its connections, and each waits for its turn", async () => {
		const narrow = new Client(shop.url, 2);
		const answers = await Promise.all(Array.from({ length: 20 }, () => narrow.request({ method: "GET", path: "/v1/products?limit=1" })));
		expect(answers.every(answer => answer.status === 200)).toBe(true);
		expect(await connectionsOf(shop.server)).toBeLessThanOrEqual(2);
		narrow.close();
	});

	it("shares its connections out evenly among several gateways", async () => {
		const other = await openShop();
		const both = new Client([shop.url, other.url], 4);
		await Promise.all(Array.from({ length: 20 }, () => both.request({ method: "GET", path: "/v1/products?limit=1" })));
		expect([await connectionsOf(shop.server), await connectionsOf(other.server)]).toEqual([2, 2]);
		both.close();
		other.server.closeAllConnections();
		other.server.close();
	});

	it("asks below the path of its base", async () => {
		const below = new Client(`${shop.url}/shop/`, 1);
		await below.request({ method: "GET", path: "/v1/products" });
		expect(shop.asked.at(-1)?.path).toBe("/shop/v1/products");
		below.close();
	});
});

async function openShop(): Promise<Shop> {
	const asked: Shop["asked"] = [];
	const product = { id: "prd_1", name: "Harbour Watch", category: "watches", variants: [{ sku: "WATCH-1" }] };
	const open: Shop = { server: createServer(), url: "", asked, refusal: undefined };
	const answers: [RegExp, () => [status: number, body: unknown]][] = [
		[/^GET .*\/v1\/products(\?|$)/, () => [200, { data: [product], nextCursor: null }]],
		[/^GET \/v1\/products\/prd_1$/, () => [200, product]],
		[/^POST \/v1\/auth\/register$/, () => [201, { accessToken: "token" }]],
		[/^POST \/v1\/auth\/login$/, () => [200, { accessToken: "token" }]],
		[/^POST \/v1\/inventory\/WATCH-1\/adjustments$/, () => [201, {}]],
		[/^POST \/v1\/carts$/, () => [201, { id: "crt_1", cartToken: "guest" }]],
		[
			/^POST \/v1\/carts\/crt_1\/checkout$/,
			() => (open.refusal ? [open.refusal.status, { code: open.refusal.code }] : [201, { id: "ord_1" }]),
		],
	];
	open.server.on("request", async (request: IncomingMessage, response) => {
		let text = "";
		for await (const chunk of request) text += chunk;
		const { method = "", url = "", headers } = request;
		asked.push({ method, path: url, headers, body: text ? JSON.parse(text) : {} });
		const [status, body] = answers.find(([pattern]) => pattern.test(`${method} ${url}`))?.[1]() ?? [404, { code: "not_found" }];
		response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
	});
	open.server.listen(0, "127.0.0.1");
	await once(open.server, "listening");
	open.url = `http://127.0.0.1:${(open.server.address() as AddressInfo).port}`;
	return open;
}

function connectionsOf(server: Server): Promise<number> {
	return new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
}
