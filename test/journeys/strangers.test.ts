// What is another's is not there: 404, whoever asks, and never a hint that it exists.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "../../lib/vocabulary.ts";
import type { Operation, Order } from "../../services/commerce/orders/orders.contract.ts";
import type { Session } from "../../services/identity/authentication/authentication.contract.ts";
import type { SavedAddress } from "../../services/identity/users/users.contract.ts";
import type { Notification } from "../../services/notification/notifications/notifications.contract.ts";
import {
	type Asked,
	aCartOf,
	aGuestCart,
	anAddress,
	anAdministrator,
	aPaidOrder,
	aProduct,
	aShopper,
	checkout,
	eventually,
	get,
	granted,
	type Method,
	newKey,
	type Person,
	request,
} from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

/** What one buyer owns, and which requests would open or change it. */
interface Owned {
	cart: { id: string; token: string };
	itemId: string;
	order: Order;
	operation: Operation;
	session: Session;
	address: SavedAddress;
	notification: Notification;
}

let stoa: Stoa;
let admin: Person;
let owner: Person;
let stranger: Person;
let strangersCartToken: string;
let sku: string;
let owned: Owned;

async function ownedBy(person: Person): Promise<Owned> {
	const { token } = person;
	const { body: order } = await checkout(stoa, await aCartOf(stoa, person, [{ sku, quantity: 1 }]));
	const pending = await checkout(stoa, await aCartOf(stoa, person, [{ sku, quantity: 1 }]), { pay: "tok_authenticationRequired" });
	const cart = await aCartOf(stoa, person, [{ sku, quantity: 1 }]);
	const { items } = await get<{ items: { id: string }[] }>(stoa, `/v1/carts/${cart.id}`, { token });
	const told = await eventually(
		() => get<Page<Notification>>(stoa, "/v1/notifications", { token }),
		({ data }) => data.length > 0,
	);
	const { data: sessions } = await get<Page<Session>>(stoa, "/v1/auth/sessions", { token });
	const address = await granted(201, request<SavedAddress>(stoa, "POST", "/v1/users/me/addresses", { token, body: anAddress }));
	return {
		cart,
		itemId: items[0]!.id,
		order,
		operation: pending.body.operation!,
		session: sessions[0]!,
		address,
		notification: told.data[0]!,
	};
}

beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
	({ sku } = await aProduct(stoa, admin, { stock: 50 }));
	owner = await aShopper(stoa);
	stranger = await aShopper(stoa);
	({ cartToken: strangersCartToken } = await aGuestCart(stoa, []));
	owned = await ownedBy(owner);
});
afterAll(() => stoa.stop());

type Try = [title: string, method: Method, path: (owned: Owned) => string, asked: Asked];

/** Reads first, so that they are tried while all of it is there. */
const tries: Try[] = [
	["reads a cart", "GET", ({ cart }) => `/v1/carts/${cart.id}`, {}],
	["reads an order", "GET", ({ order }) => `/v1/orders/${order.id}`, {}],
	["reads a timeline", "GET", ({ order }) => `/v1/orders/${order.id}/timeline`, {}],
	["reads an operation", "GET", ({ operation }) => `/v1/operations/${operation.id}`, {}],
	["adds to a cart", "POST", ({ cart }) => `/v1/carts/${cart.id}/items`, { body: { sku: "SKU-1", quantity: 1 } }],
	["changes a cart's line", "PATCH", ({ cart, itemId }) => `/v1/carts/${cart.id}/items/${itemId}`, { body: { quantity: 9 } }],
	["empties a cart", "DELETE", ({ cart, itemId }) => `/v1/carts/${cart.id}/items/${itemId}`, {}],
	[
		"buys a cart",
		"POST",
		({ cart }) => `/v1/carts/${cart.id}/checkout`,
		{ body: { email: "stranger@example.com", shippingAddress: anAddress, payment: { method: "card", token: "tok_visa" } } },
	],
	["cancels an order", "POST", ({ order }) => `/v1/orders/${order.id}/cancel`, { body: { reason: "spite" } }],
];
/** For these one must be signed in. */
const triesOfUsers: Try[] = [
	["reads a payment", "GET", ({ order }) => `/v1/payments/${order.payments[0]!.id}`, {}],
	["ends a session", "DELETE", ({ session }) => `/v1/auth/sessions/${session.id}`, {}],
	["reads a notification away", "POST", ({ notification }) => `/v1/notifications/${notification.id}/read`, {}],
	["reads an address", "GET", ({ address }) => `/v1/users/me/addresses/${address.id}`, {}],
	["changes an address", "PATCH", ({ address }) => `/v1/users/me/addresses/${address.id}`, { body: { city: "Sparta" } }],
	["forgets an address", "DELETE", ({ address }) => `/v1/users/me/addresses/${address.id}`, {}],
];

const withKey = (method: Method, asked: Asked) => (method === "POST" ? { key: newKey(), ...asked } : asked);
const refusal = { status: 404, body: { code: "not_found" } };

describe("a stranger who is signed in", () => {
	it.each([...tries, ...triesOfUsers])("%s: nothing there", async (_title, method, path, asked) => {
		expect(await request(stoa, method, path(owned), { ...withKey(method, asked), token: stranger.token })).toMatchObject(refusal);
	});

	it("who also holds the token of a cart of their own still finds nothing", async () => {
		for (const [, method, path, asked] of tries) {
			const answer = await request(stoa, method, path(owned), {
				...withKey(method, asked),
				token: stranger.token,
				cartToken: strangersCartToken,
			});
			expect(answer).toMatchObject(refusal);
		}
	});

	it("finds none of it in lists, whatever is asked for", async () => {
		const { token } = stranger;
		const { data: orders } = await get<Page<Order>>(stoa, "/v1/orders", { token });
		const { data: byUser } = await get<Page<Order>>(stoa, `/v1/orders?userId=${owner.id}`, { token });
		const { data: byEmail } = await get<Page<Order>>(stoa, `/v1/orders?email=${owner.email}`, { token });
		const { data: told } = await get<Page<Notification>>(stoa, "/v1/notifications", { token });
		const { data: addresses } = await get<Page<SavedAddress>>(stoa, "/v1/users/me/addresses", { token });
		expect([orders, byUser, byEmail, told, addresses]).toEqual([[], [], [], [], []]);
		const { data: sessions } = await get<Page<Session>>(stoa, "/v1/auth/sessions", { token });
		expect(sessions.map(({ id }) => id)).not.toContain(owned.session.id);
	});

	it("cannot merge another's cart into an own one", async () => {
		const cart = await aCartOf(stoa, stranger, []);
		const merging = request(stoa, "POST", `/v1/carts/${cart.id}/merge`, {
			token: stranger.token,
			key: newKey(),
			body: { sourceCartId: owned.cart.id },
		});
		expect(await merging).toMatchObject(refusal);
	});
});

describe("a stranger who is a guest", () => {
	it.each(tries)("%s: nothing there, with the token of another cart or with none", async (_title, method, path, asked) => {
		expect(await request(stoa, method, path(owned), { ...withKey(method, asked), cartToken: strangersCartToken })).toMatchObject(refusal);
		expect(await request(stoa, method, path(owned), withKey(method, asked))).toMatchObject(refusal);
	});
});

describe("a guest's cart token", () => {
	it("opens its cart, order and timeline, and nothing of another guest", async () => {
		const mine = await aPaidOrder(stoa, [{ sku, quantity: 1 }]);
		const other = await aPaidOrder(stoa, [{ sku, quantity: 1 }]);
		const { cartToken } = mine.cart;
		const statuses = async ({ order, cart }: typeof mine) => {
			const paths = [`/v1/carts/${cart.id}`, `/v1/orders/${order.id}`, `/v1/orders/${order.id}/timeline`];
			return Promise.all(paths.map(async path => (await request(stoa, "GET", path, { cartToken })).status));
		};
		expect(await statuses(mine)).toEqual([200, 200, 200]);
		expect(await statuses(other)).toEqual([404, 404, 404]);
		// An account is another matter: no cart token is one.
		expect((await request(stoa, "GET", "/v1/orders", { cartToken })).status).toBe(401);
		expect((await request(stoa, "GET", `/v1/payments/${mine.order.payments[0]!.id}`, { cartToken })).status).toBe(401);
	});
});

describe("after all those tries", () => {
	it("everything of the owner is as it was", async () => {
		const { token } = owner;
		expect(await get(stoa, `/v1/orders/${owned.order.id}`, { token })).toEqual(owned.order);
		expect(await get(stoa, `/v1/operations/${owned.operation.id}`, { token })).toEqual(owned.operation);
		expect(await get(stoa, `/v1/users/me/addresses/${owned.address.id}`, { token })).toEqual(owned.address);
		const cart = await get<{ status: string; items: { quantity: number }[] }>(stoa, `/v1/carts/${owned.cart.id}`, { token });
		expect(cart).toMatchObject({ status: "open", items: [{ quantity: 1 }] });
		const { data: told } = await get<Page<Notification>>(stoa, "/v1/notifications", { token });
		expect(told.every(({ readAt }) => readAt === null)).toBe(true);
	});
});
