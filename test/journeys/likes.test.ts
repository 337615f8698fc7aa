import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Envelope, Page } from "../../lib/vocabulary.ts";
import type { Product } from "../../services/commerce/products/products.contract.ts";
import type { Interaction } from "../../services/identity/interactions/interactions.contract.ts";
import { anAdministrator, aProduct, aShopper, eventually, get, type OrProblem, type Person, request, staff } from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

type Listed = Page<Interaction> & { total: number };

let stoa: Stoa;
let admin: Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
});
afterAll(() => stoa.stop());

const record = ({ token }: Person, kind: "like" | "visit", target: string) =>
	request<OrProblem<Interaction>>(stoa, "POST", "/v1/interactions", { token, body: { kind, target } });
const mine = ({ token }: Person, query = "") => get<Listed>(stoa, `/v1/users/me/interactions${query}`, { token });
const likesOf = (productId: string, count: number) =>
	eventually(
		async () => (await get<Product>(stoa, `/v1/products/${productId}`)).likes,
		likes => likes === count,
	);
const told = async (userId: string) =>
	(await get<Page<Envelope>>(stoa, `/v1/events?type=interactions.recorded&key=${userId}&limit=100`, { token: admin.token })).data;

describe("somebody who likes three products, each twice", () => {
	it("likes each once: listed once, told once, shown by the product as one like", async () => {
		const shopper = await aShopper(stoa);
		const products = [await aProduct(stoa, admin), await aProduct(stoa, admin), await aProduct(stoa, admin)];
		const firsts: Interaction[] = [];
		for (const { productId } of products) {
			const [first, again] = [await record(shopper, "like", productId), await record(shopper, "like", productId)];
			expect([first.status, again.status]).toEqual([201, 200]);
			expect(again.body).toEqual(first.body);
			expect(await get(stoa, first.headers.get("location")!, { token: shopper.token })).toEqual(first.body);
			firsts.push(first.body);
		}

		expect(await mine(shopper)).toEqual({ data: firsts.toReversed(), nextCursor: null, total: 3 });
		expect(await mine(shopper, `?target=${products[0]!.productId}&kind=like`)).toMatchObject({ total: 1 });
		expect((await told(shopper.id)).map(({ data }) => data.target)).toEqual(
			expect.arrayContaining(products.map(({ productId }) => productId)),
		);
		expect(await told(shopper.id)).toHaveLength(3);
		for (const { productId } of products) await likesOf(productId, 1);

		await record(await aShopper(stoa), "like", products[0]!.productId);
		await likesOf(products[0]!.productId, 2);
		expect((await get<Product>(stoa, `/v1/products/${products[1]!.productId}`)).likes).toBe(1);
	});

	it("is seen by staff who may read interactions, and by no other customer", async () => {
		const shopper = await aShopper(stoa);
		await record(shopper, "visit", "/products/a-watch");
		const path = `/v1/users/${shopper.id}/interactions`;
		const support = await staff(stoa, admin, "support");
		expect(await get(stoa, path, { token: support.token })).toEqual(await mine(shopper));
		const { token } = await aShopper(stoa);
		expect((await request(stoa, "GET", path, { token })).status).toBe(403);
	});

	it("may send them together, once per key", async () => {
		const shopper = await aShopper(stoa);
		const { productId } = await aProduct(stoa, admin);
		const items = [
			{ kind: "visit", target: `/products/${productId}` },
			{ kind: "like", target: productId },
		];
		const send = (body: object, key?: string) =>
			request<OrProblem<{ data: Interaction[] }>>(stoa, "POST", "/v1/interactions/batch", {
				token: shopper.token,
				body,
				...(key ? { key } : {}),
			});
		const first = await send({ items }, "together");
		expect(first.status).toBe(201);
		expect(first.body.data).toMatchObject(items);
		const again = await send({ items }, "together");
		expect(again.headers.get("idempotent-replayed")).toBe("true");
		expect(again.bytes.equals(first.bytes)).toBe(true);
		expect(await mine(shopper)).toMatchObject({ total: 2 });
		await likesOf(productId, 1);

		const wrong = await send({ items: [...items, { kind: "like", target: "" }] });
		expect(wrong.status).toBe(422);
		expect(wrong.body.errors![0]).toMatchObject({ pointer: "/items/2/target" });
		for (const none of [{ items: [] }, { items: Array(51).fill(items[0]) }])
			expect((await send(none)).body.errors).toMatchObject([{ pointer: "/items" }]);
		expect(await mine(shopper)).toMatchObject({ total: 2 });
	});
});
