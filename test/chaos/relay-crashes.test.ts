// Documents carry their facts inside until the relay has copied them out: a kill at each of its moments must lose none and double none.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Envelope, Page } from "../../lib/vocabulary.ts";
import { aProduct, eventually, get, type Person, request, signIn } from "../support/http.ts";
import { administrator, aProductProcess } from "../support/product.ts";

const points = ["products:relay:beforeCopy", "products:relay:afterCopy", "products:relay:afterClear"];

const product = aProductProcess();
let admin: Person;
const start = async (env?: Record<string, string>) => {
	await product.start(env);
	admin = await signIn(product, administrator);
};
beforeAll(() => start(), 60_000);
afterAll(() => product.remove());

const slugs = async () => (await get<Page<{ id: string }>>(product, "/v1/products?limit=100&sort=-createdAt")).data.map(({ id }) => id);
const told = async (productId: string) => (await get<Page<Envelope>>(product, `/v1/events?key=${productId}`, { token: admin.token })).data;
const audited = async (productId: string) =>
	(await get<Page<{ action: string }>>(product, `/v1/audit?key=${productId}`, { token: admin.token })).data;

describe("a product that is added while the shop is killed with -9", () => {
	it.each(points)(
		"at %s is there with one fact and one audit entry, or not at all",
		async point => {
			const before = new Set(await slugs());
			await product.kill();
			await start({ CRASH_AT: point });

			const added = await aProduct(product, admin, { stock: 0 }).catch(() => undefined);
			expect(await product.ended).toEqual({ code: null, signal: "SIGKILL" });
			await start();

			const fresh = (await slugs()).filter(id => !before.has(id));
			if (added) expect(fresh).toEqual([added.productId]);
			expect(fresh.length).toBeLessThanOrEqual(1);
			for (const productId of fresh) {
				const facts = await eventually(
					() => told(productId),
					seen => seen.length > 0,
				);
				expect(facts.map(({ type }) => type)).toEqual(["products.created"]);
				const entries = await eventually(
					() => audited(productId),
					seen => seen.length > 0,
				);
				expect(entries.map(({ action }) => action)).toEqual(["products.created"]);
				expect((await request(product, "GET", `/v1/products/${productId}`)).status).toBe(200);
			}
		},
		30_000,
	);

	it("leaves every listener with nothing to repair", async () => {
		const { body } = await request(product, "POST", "/v1/events/replay", { token: admin.token, body: { group: "audit" } });
		expect(body).toMatchObject({ group: "audit", repaired: 0 });
		const { data } = await get<Page<object>>(product, "/v1/dead-letters", { token: admin.token });
		expect(data).toEqual([]);
	});
});
