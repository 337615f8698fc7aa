// The product as a client sees it: requests to the REST door, and the people, goods and carts that a journey begins with.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ask as askMesh } from "../../lib/contract.ts";
import type { Role } from "../../lib/principal.ts";
import type { Money, Page } from "../../lib/vocabulary.ts";
import type { NewCart } from "../../services/commerce/carts/carts.contract.ts";
import type { Operation, Order } from "../../services/commerce/orders/orders.contract.ts";
import type { PaymentView } from "../../services/commerce/payments/payments.contract.ts";
import type { Product } from "../../services/commerce/products/products.contract.ts";
import { ensureAdministrator, type SignedIn } from "../../services/identity/authentication/authentication.contract.ts";
import type { Stoa } from "./stoa.ts";

/** Whatever has a REST door: the product in this process, or one beside it. The port changes with a restart. */
export interface Shop {
	readonly url: string;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";

export interface Asked {
	body?: unknown;
	/** Sent as it is, instead of `body`. */
	raw?: string | Uint8Array<ArrayBuffer>;
	token?: string;
	cartToken?: string;
	/** Idempotency-Key. */
	key?: string;
	headers?: Record<string, string>;
}

/** RFC 9457, as the gateway writes it. */
export interface ProblemBody {
	type: string;
	title: string;
	status: number;
	detail: string;
	code: string;
	requestId: string;
	retryable: boolean;
	errors: { pointer: string; code: string; detail: string }[];
}

/** A body whose refusals are looked at too; the status stands beside it. */
export type OrProblem<Body> = Body & Partial<Omit<ProblemBody, "status">>;

export interface Answer<Body = Record<string, unknown>> {
	status: number;
	headers: Headers;
	/** Parsed; undefined when there is none, or it is no JSON. */
	body: Body;
	bytes: Buffer;
}

function headersOf({ body, raw, token, cartToken, key, headers }: Asked): Record<string, string> {
	const sent: Record<string, string> = {};
	if (body !== undefined || raw !== undefined) sent["Content-Type"] = "application/json";
	if (token !== undefined) sent.Authorization = `Bearer ${token}`;
	if (cartToken !== undefined) sent["Cart-Token"] = cartToken;
	if (key !== undefined) sent["Idempotency-Key"] = key;
	return { ...sent, ...headers };
}

/** One request. Rejects only when there was no answer at all. */
export async function request<Body = Record<string, unknown>>(
	shop: Shop,
	method: Method,
	path: string,
	asked: Asked = {},
): Promise<Answer<Body>> {
	const sent = asked.raw ?? (asked.body === undefined ? undefined : JSON.stringify(asked.body));
	const answer = await fetch(`${shop.url}${path}`, { method, headers: headersOf(asked), body: sent, redirect: "manual" });
	const bytes = Buffer.from(await answer.arrayBuffer());
	const isJson = /[/+]json\b/.test(answer.headers.get("content-type") ?? "") && bytes.length > 0;
	return { status: answer.status, headers: answer.headers, body: (isJson ? JSON.parse(bytes.toString("utf8")) : undefined) as Body, bytes };
}

/** The body of an answer that a journey takes for granted. Throws with the whole answer when it is another. */
export async function granted<Body>(wanted: number, answering: Promise<Answer<Body>>): Promise<Body> {
	const answer = await answering;
	if (answer.status !== wanted) throw new Error(`${wanted} expected, answered ${answer.status}: ${answer.bytes.toString("utf8")}`);
	return answer.body;
}

export const get = <Body>(shop: Shop, path: string, asked?: Asked) => granted(200, request<Body>(shop, "GET", path, asked));

export const newKey = () => randomUUID();

/** Looks until what is seen will do. What happens by itself after an answer (listeners, sagas) has no answer to wait for. */
export async function eventually<Seen>(look: () => Promise<Seen>, willDo: (seen: Seen) => boolean, withinMs = 10_000): Promise<Seen> {
	const until = performance.now() + withinMs;
	for (;;) {
		const seen = await look();
		if (willDo(seen)) return seen;
		if (performance.now() > until) throw new Error(`not within ${withinMs} ms; last seen: ${JSON.stringify(seen)?.slice(0, 4000)}`);
		await sleep(20);
	}
}

// --- people

export interface Person {
	id: string;
	email: string;
	password: string;
	token: string;
	refreshToken: string;
}

const personOf = ({ user, accessToken, refreshToken }: SignedIn, password: string): Person => ({
	id: user.id,
	email: user.email,
	password,
	token: accessToken,
	refreshToken,
});

export const register = (shop: Shop, given: { email: string; password: string; name: string }) =>
	request<SignedIn>(shop, "POST", "/v1/auth/register", { body: given });

export const login = (shop: Shop, { email, password }: { email: string; password: string }) =>
	request<SignedIn>(shop, "POST", "/v1/auth/login", { body: { email, password } });

export const refresh = (shop: Shop, refreshToken: string) =>
	request<SignedIn>(shop, "POST", "/v1/auth/refresh", { body: { refreshToken } });

export async function signIn(shop: Shop, given: { email: string; password: string }): Promise<Person> {
	return personOf(await granted(200, login(shop, given)), given.password);
}

/** Somebody new with an account, signed in. */
export async function aShopper(shop: Shop, name = "Ada Buyer"): Promise<Person> {
	const given = { email: `buyer-${randomUUID()}@example.com`, password: "a password of mine", name };
	return personOf(await granted(201, register(shop, given)), given.password);
}

/** Of a product in this process; one beside it has its administrator from the environment. */
export async function anAdministrator(stoa: Stoa): Promise<Person> {
	const given = { email: "admin@stoa.example", password: "the administrator's own" };
	await askMesh(stoa.broker, ensureAdministrator, given);
	return signIn(stoa, given);
}

/** Somebody with these roles, signed in after they were given. */
export async function staff(shop: Shop, administrator: Person, ...roles: Role[]): Promise<Person> {
	const person = await aShopper(shop, `Staff ${roles.join(" and ")}`);
	await granted(200, request(shop, "PUT", `/v1/users/${person.id}/roles`, { token: administrator.token, body: { roles } }));
	return personOf(await granted(200, refresh(shop, person.refreshToken)), person.password);
}

// --- goods

export interface Goods {
	productId: string;
	variantId: string;
	sku: string;
	price: Money;
}

export const eur = (amount: number): Money => ({ amount, currency: "EUR" });

/** A product of one variant on a shelf of its own. `merchant` may write products and inventory. */
export async function aProduct(
	shop: Shop,
	merchant: Person,
	{ price = 2500, stock = 10 }: { price?: number; stock?: number } = {},
): Promise<Goods> {
	const sku = `SKU-${randomUUID().slice(0, 13)}`;
	const body = { name: `A watch ${sku}`, variants: [{ sku, price: eur(price) }] };
	const product = await granted(201, request<Product>(shop, "POST", "/v1/products", { token: merchant.token, body }));
	if (stock > 0) await granted(201, restock(shop, merchant, sku, stock));
	return { productId: product.id, variantId: product.variants[0]!.id, sku, price: eur(price) };
}

export const restock = (shop: Shop, merchant: Person, sku: string, delta: number) =>
	request(shop, "POST", `/v1/inventory/${sku}/adjustments`, { token: merchant.token, key: newKey(), body: { delta, reason: "delivery" } });

export async function available(shop: Shop, sku: string): Promise<number> {
	return (await get<{ available: number }>(shop, `/v1/inventory/${sku}`)).available;
}

// --- carts and orders

/** What opens a cart: its token for a guest, an access token for its owner. */
export interface Holding {
	id: string;
	cartToken?: string;
	token?: string;
}

export interface Line {
	sku: string;
	quantity: number;
}

export async function aGuestCart(shop: Shop, items: readonly Line[]): Promise<Required<Omit<Holding, "token">>> {
	const cart = await granted(201, request<NewCart>(shop, "POST", "/v1/carts", { body: { items } }));
	return { id: cart.id, cartToken: cart.cartToken! };
}

export async function aCartOf(shop: Shop, { token }: Person, items: readonly Line[]): Promise<Required<Omit<Holding, "cartToken">>> {
	const cart = await granted(201, request<NewCart>(shop, "POST", "/v1/carts", { token, body: { items } }));
	return { id: cart.id, token };
}

export const anAddress = { name: "Ada Buyer", line1: "1 Market Walk", city: "Athens", postalCode: "10555", country: "GR" };
export const guestEmail = "guest@example.com";

export interface Buying {
	key?: string;
	/** The card's token. */
	pay?: string;
	email?: string;
	expectedTotal?: Money;
	/** `Device-Id`, for risk. */
	headers?: Record<string, string>;
}

export type CheckedOut = Answer<OrProblem<Order & { operation?: Operation }>>;

/** Buys a cart; a guest gives an email, an account has one. */
export function checkout(
	shop: Shop,
	{ id, cartToken, token }: Holding,
	{ key = newKey(), pay = "tok_visa", email, expectedTotal, headers = {} }: Buying = {},
): Promise<CheckedOut> {
	const body = {
		...(token === undefined ? { email: email ?? guestEmail } : {}),
		shippingAddress: anAddress,
		payment: { method: "card", token: pay },
		...(expectedTotal ? { expectedTotal } : {}),
	};
	return request(shop, "POST", `/v1/carts/${id}/checkout`, { cartToken, token, key, body, headers });
}

/** A guest's order of one thing, paid. */
export async function aPaidOrder(shop: Shop, items: readonly Line[]): Promise<{ order: Order; cart: Required<Omit<Holding, "token">> }> {
	const cart = await aGuestCart(shop, items);
	return { order: await granted(201, checkout(shop, cart)), cart };
}

export async function paymentsOf(shop: Shop, { token }: Person, query: { orderId?: string; status?: string }): Promise<PaymentView[]> {
	const { data } = await get<Page<PaymentView>>(shop, `/v1/payments?${new URLSearchParams({ ...query, limit: "100" })}`, { token });
	return data;
}
