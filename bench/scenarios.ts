import { randomUUID } from "node:crypto";
import type { Answer } from "./answer.ts";
import type { Ask, Client } from "./client.ts";
import type { Operation } from "./load.ts";

export const scenarioNames = ["detail", "list", "search", "login", "checkout"] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export interface Scenario {
	title: string;
	/** How many callers find its most. More than the server can use only makes them wait for each other. */
	callers: number;
	operation: Operation;
}

interface Product {
	id: string;
	name: string;
	category: string;
	variants: { sku: string }[];
}

export interface Administrator {
	email: string;
	password: string;
}

/** Enough shelves that buyers do not queue for one, few enough to be filled in a second. */
const shelvesFilled = 50;
const usersRegistered = 8;

/**
 * Registers buyers, reads the catalogue and, when an administrator is given, fills shelves, so that no scenario runs out of anything.
 * Everything goes through the public API.
 */
export async function prepare(
	client: Client,
	wanted: readonly ScenarioName[],
	administrator: Administrator | undefined,
): Promise<Record<ScenarioName, Scenario>> {
	const products = (await data(client, { method: "GET", path: "/v1/products?limit=100&inStock=true" }, 200)) as Product[];
	if (products.length === 0) throw new Error("The shop has no product in stock. Seed it first.");
	const skus = products
		.flatMap(product => product.variants.map(variant => variant.sku))
		.slice(0, administrator ? shelvesFilled : undefined);
	if (wanted.includes("checkout") && administrator) await fillShelves(client, skus, administrator);
	const users = wanted.includes("login") ? await registerUsers(client) : [];

	const ids = products.map(product => product.id);
	const categories = [...new Set(products.map(product => encodeURIComponent(product.category)))];
	const words = [...new Set(products.flatMap(product => product.name.split(/\s+/)).filter(word => /^\p{L}{4,}$/u.test(word)))];
	if (words.length === 0) throw new Error("No product has a name to search for.");

	const nextId = inTurn(ids);
	const nextCategory = inTurn(categories);
	const nextWord = inTurn(words.map(encodeURIComponent));
	const nextUser = inTurn(users);
	const nextSku = inTurn(skus);
	return {
		detail: { title: "product detail", callers: 32, operation: () => get(client, `/v1/products/${nextId()}`) },
		list: {
			title: "list of 20 in a category",
			callers: 32,
			operation: () => get(client, `/v1/products?limit=20&category=${nextCategory()}`),
		},
		search: { title: "search by a word", callers: 32, operation: () => get(client, `/v1/products?limit=20&q=${nextWord()}`) },
		// The hash alone keeps every core busy: more callers would only meet the bound of the login queue.
		login: {
			title: "login",
			callers: 4,
			operation: () => expectStatus(client, { method: "POST", path: "/v1/auth/login", body: nextUser() }, 200),
		},
		checkout: { title: "guest checkout (2 requests)", callers: 64, operation: () => checkOut(client, nextSku()) },
	};
}

async function checkOut(client: Client, sku: string): Promise<void> {
	const cart = json(await expectStatus(client, { method: "POST", path: "/v1/carts", body: { items: [{ sku, quantity: 1 }] } }, 201));
	await expectStatus(
		client,
		{
			method: "POST",
			path: `/v1/carts/${cart.id}/checkout`,
			headers: { "Cart-Token": String(cart.cartToken), "Idempotency-Key": randomUUID() },
			body: {
				email: "buyer@bench.example",
				shippingAddress: { name: "Bench Buyer", line1: "1 Market Street", city: "Athens", postalCode: "10555", country: "GR" },
				payment: { method: "card", token: "tok_visa" },
			},
		},
		201,
	);
}

async function fillShelves(client: Client, skus: readonly string[], administrator: Administrator): Promise<void> {
	const session = json(await expectStatus(client, { method: "POST", path: "/v1/auth/login", body: administrator }, 200));
	for (const sku of skus) {
		const ask: Ask = {
			method: "POST",
			path: `/v1/inventory/${encodeURIComponent(sku)}/adjustments`,
			headers: { Authorization: `Bearer ${session.accessToken}`, "Idempotency-Key": randomUUID() },
			body: { delta: 1_000_000, reason: "benchmark" },
		};
		await expectStatus(client, ask, 201);
	}
}

async function registerUsers(client: Client): Promise<Administrator[]> {
	const users = Array.from({ length: usersRegistered }, () => ({ email: `${randomUUID()}@bench.example`, password: randomUUID() }));
	for (const user of users) {
		await expectStatus(client, { method: "POST", path: "/v1/auth/register", body: { ...user, name: "Bench Buyer" } }, 201);
	}
	return users;
}

const get = (client: Client, path: string) => expectStatus(client, { method: "GET", path }, 200);

/** Whatever else comes back is an error, a 202 too: it says that the work was not finished. The code says which. */
async function expectStatus(client: Client, ask: Ask, status: number): Promise<Answer> {
	const answer = await client.request(ask);
	if (answer.status === status) return answer;
	// Ids are left out, so that equal errors count as one.
	const path = ask.path.replace(/[?].*/, "").replace(/\/(?:[a-z]{2,5}_\w+|[^/]*(?=\/adjustments))/, "/{id}");
	throw new Error(`${ask.method} ${path}: ${answer.status} ${codeOf(answer)}`.trim());
}

async function data(client: Client, ask: Ask, status: number): Promise<unknown> {
	return json(await expectStatus(client, ask, status)).data;
}

function json(answer: Answer): Record<string, unknown> {
	return JSON.parse(answer.body.toString());
}

function codeOf(answer: Answer): string {
	try {
		return String(json(answer).code ?? "");
	} catch {
		return ""; // a proxy's page, perhaps; the status says enough
	}
}

function inTurn<Item>(items: readonly Item[]): () => Item {
	let turn = 0;
	return () => items[turn++ % items.length]!;
}
