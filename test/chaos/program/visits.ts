// Visitors come one after the other as planned, many at a time, until the doors close.
import { randomUUID } from "node:crypto";
import type { NewCart } from "../../../services/commerce/carts/carts.contract.ts";
import type { Product } from "../../../services/commerce/products/products.contract.ts";
import type { SignedIn } from "../../../services/identity/authentication/authentication.contract.ts";
import { Keyed } from "./memory.ts";
import { keepTokens, newPassword } from "./people.ts";
import { Buyer, type Street, sameId } from "./purchase.ts";
import { type Browse, type TrafficGiven, type Visit, visitOf } from "./traffic-plan.ts";

/** Half a second's worth of requests: enough for the rate while the shop is well, few enough that a slow shop is not drowned by those who wait. */
const atOnce = (rate: number) => Math.max(6, Math.ceil(rate / 2));

export interface Visiting {
	rate: number;
	closing: AbortSignal;
	/** The number of the next visitor. */
	next(): number;
}

export async function receiveVisitors(street: Street, plan: TrafficGiven, { rate, closing, next }: Visiting): Promise<void> {
	const come = async () => {
		while (!closing.aborted) await receive(street, visitOf(next(), plan));
	};
	await Promise.all(Array.from({ length: atOnce(rate) }, come));
}

async function receive(street: Street, visit: Visit): Promise<void> {
	switch (visit.kind) {
		case "browse":
			return browse(street, visit);
		case "buy":
			return new Buyer(street, visit).visit();
		case "leave a cart": {
			const items = visit.lines.map(({ goods, quantity }) => ({ sku: street.memory.goods[goods]!.sku, quantity }));
			const { body } = await street.client.ask<NewCart>({ method: "POST", path: "/v1/carts", body: { items }, allowed: [201] });
			if (body) street.memory.carts.push(body.id);
			return;
		}
		case "register":
			return register(street);
		case "sign in":
			return void (await street.people.members[visit.member]!.signIn());
		case "edit":
			return edit(street, visit.goods);
		case "restock":
			return restock(street, visit);
	}
}

async function browse({ client, memory }: Street, { words, goods, look }: Browse): Promise<void> {
	await client.ask({ method: "GET", path: `/v1/products?q=${encodeURIComponent(words)}&limit=5`, allowed: [200] });
	const { productId, sku } = memory.goods[goods]!;
	const path = `/v1/products/${productId}`;
	const atLeast = memory.newestEdit(productId);
	// What was acknowledged is seen by whoever asks afterwards, whichever node and whichever memory of it answers.
	const check = (found: Product) =>
		sameId(found, productId) ?? (found.version >= atLeast ? undefined : `version ${found.version} after ${atLeast}`);
	const { seen } = await client.ask<Product>({ method: "GET", path, allowed: [200], check });
	if (look === "storefront")
		await client.ask<{ product: Product }>({
			method: "GET",
			path: `/v1/storefront/products/${productId}`,
			allowed: [200],
			check: ({ product }) => check(product),
		});
	else if (look === "stock") await client.ask({ method: "GET", path: `/v1/inventory/${sku}`, allowed: [200] });
	else if (seen?.status === 200) {
		const headers = { "If-None-Match": seen.headers.get("etag") ?? "" };
		await client.ask<Product>({ method: "GET", path, headers, allowed: [200, 304], check });
	}
}

async function register({ client, memory }: Street): Promise<void> {
	const password = newPassword();
	const email = `visitor-${randomUUID()}@example.com`;
	memory.secrets.set(password, "a password");
	const body = { email, password, name: "A Visitor" };
	const ask = { method: "POST", path: "/v1/auth/register", body, allowed: [201], allowedAgain: ["409 email_taken"] } as const;
	const { body: signedIn } = await client.ask<Partial<SignedIn>>(ask);
	if (!signedIn?.user) return;
	keepTokens(memory, signedIn as SignedIn);
	memory.registered.push({ userId: signedIn.user.id, email, password });
}

async function edit({ client, memory, people }: Street, goods: number): Promise<void> {
	const { productId } = memory.goods[goods]!;
	const path = `/v1/products/${productId}`;
	const { seen } = await client.ask<Product>({ method: "GET", path, allowed: [200], check: found => sameId(found, productId) });
	const token = await people.merchant.token();
	if (seen?.status !== 200 || token === undefined) return;
	const headers = { "If-Match": seen.headers.get("etag") ?? "" };
	const body = { description: `As of ${randomUUID()}.` };
	const { body: edited } = await client.ask<Partial<Product>>({
		method: "PATCH",
		path,
		token,
		headers,
		body,
		allowed: [200, "412 version_stale"],
	});
	if (edited?.version === undefined) return;
	const versions = memory.edits.get(productId) ?? [];
	memory.edits.set(productId, [...versions, edited.version]);
}

async function restock({ client, memory, people }: Street, { goods, delta }: { goods: number; delta: number }): Promise<void> {
	const { sku } = memory.goods[goods]!;
	const body = { delta, reason: "delivery" };
	const path = `/v1/inventory/${sku}/adjustments`;
	const keyed = memory.keep(new Keyed("restock", { method: "POST", path, key: randomUUID(), body, allowed: [201] }, people.merchant));
	memory.restocks.push({ sku, delta, keyed });
	await keyed.send(client, memory);
}
