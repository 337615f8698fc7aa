import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { ask, type Meta } from "../../../lib/contract.ts";
import type { RequestFacts } from "../../../lib/principal.ts";
import * as carts from "./carts.contract.ts";
import { type Desk, STRAP, startDesk } from "./carts.desk.suite.ts";

const day = 86_400_000;

describe("carts", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk();
	});
	afterAll(() => desk.stoa.stop());
	beforeEach(() => void desk.refill());

	describe("beginning one", () => {
		it("hands a guest the token that opens it, in one quote and once", async () => {
			const { cart, meta } = await desk.aGuest(STRAP(2), { sku: "BOX", quantity: 1 });
			expect(desk.shop.quotes).toBe(1);
			expect(cart).toMatchObject({ status: "open", currency: "EUR", version: 1, coupons: [], discounts: [], problems: [] });
			expect(cart.items).toMatchObject([
				{ sku: "STRAP", quantity: 2, productId: desk.productId, unitPrice: { amount: 1000 }, total: { amount: 2000 } },
				{ sku: "BOX", quantity: 1 },
			]);
			expect(cart.totals).toMatchObject({ items: { amount: 2500 }, discount: { amount: 0 }, total: { amount: 2500, currency: "EUR" } });
			const { cartToken, ...seen } = cart;
			expect(cartToken).toMatch(/^[0-9a-f]{64}$/);
			expect(await desk.read(cart.id, meta)).toEqual(seen);
		});

		it("adds to the cart that a signed-in user has open, and answers 200 then", async () => {
			const user = desk.aUser();
			const meta: Meta = { ...user, request: desk.request() };
			const first = await ask(desk.stoa.broker, carts.create, { items: [STRAP(1)] }, { meta });
			expect(first).not.toHaveProperty("cartToken");
			const second = await ask(desk.stoa.broker, carts.create, { items: [STRAP(2)] }, { meta });
			expect(second).toMatchObject({ id: first.id, version: 2, items: [{ quantity: 3 }] });
			expect(await ask(desk.stoa.broker, carts.create, {}, { meta })).toEqual(second);
			expect(await desk.mine(user)).toEqual(second);
		});

		it("says 201 for a new cart and 200 for one that was there", async () => {
			const user = desk.aUser();
			const knock = () => desk.stoa.broker.call("door.knock", { name: carts.create.name, meta: { ...user, request: desk.request() } });
			await knock();
			await knock();
			expect(desk.replies.map(reply => reply?.status)).toEqual([201, 200]);
		});

		it("leaves a user with one open cart, however many begin at once", async () => {
			const user = desk.aUser();
			const all = await Promise.all(Array.from({ length: 10 }, () => desk.begin(user, [STRAP()])));
			expect(new Set(all.map(cart => cart.id)).size).toBe(1);
			expect((await desk.mine(user)).items).toMatchObject([{ quantity: 10 }]);
		});

		it("trades in the shop's currency alone", async () => {
			const usd = { currency: "USD" };
			await expect(ask(desk.stoa.broker, carts.create, usd)).rejects.toMatchObject({ type: "currency_mismatch", code: 422 });
			expect(await ask(desk.stoa.broker, carts.create, { currency: "EUR" })).toMatchObject({ items: [], totals: { total: { amount: 0 } } });
		});

		it("points at what is unknown or no longer sold", async () => {
			desk.shop.archived = ["BOX"];
			const asked = [STRAP(), { sku: "NONE", quantity: 1 }, { sku: "BOX", quantity: 1 }];
			await expect(desk.begin({}, asked)).rejects.toMatchObject({
				type: "validation_failed",
				data: { errors: [{ pointer: "/items/1/sku" }, { pointer: "/items/2/sku" }] },
			});
		});

		it("answers a repeat with the same Idempotency-Key with the same cart and token, which no store holds", async () => {
			const keyed = (facts: Partial<RequestFacts> = {}) =>
				desk.begin({ request: desk.request({ idempotencyKey: "begin-1", bodyHash: "b", ...facts }) }, [STRAP()]);
			const [first, ...repeats] = await Promise.all([keyed(), keyed(), keyed()]);
			for (const repeat of repeats) expect(repeat).toEqual(first);
			expect((await keyed({ address: "192.0.2.7" })).id).not.toBe(first!.id);
			await expect(keyed({ bodyHash: "c" })).rejects.toMatchObject({ type: "idempotency_key_reused" });
			const { store } = desk.stoa.service<{ store: { reader: { all(sql: string): Promise<object[]> } } }>("carts");
			const kept = JSON.stringify([await store.reader.all("SELECT * FROM carts"), await store.reader.all("SELECT * FROM idempotency")]);
			expect(kept).not.toContain(first!.cartToken);
		});
	});

	describe("who may open it", () => {
		it("is its owner or the holder of its token; everybody else is told that there is nothing", async () => {
			const guest = await desk.aGuest(STRAP());
			const itemId = guest.cart.items[0]!.id;
			const owner = desk.aUser();
			const owned = await desk.begin(owner, [STRAP()]);
			const missing = { type: "not_found", code: 404 };
			for (const [id, stranger] of [
				[guest.id, {}],
				[guest.id, desk.holding("wrong")],
				[guest.id, desk.aUser()],
				[owned.id, {}],
				[owned.id, desk.aUser()],
				[owned.id, desk.holding(guest.token)],
				["crt_nonsense", {}],
			] as [string, Meta][]) {
				await expect(desk.read(id, stranger)).rejects.toMatchObject(missing);
				await expect(desk.add(id, stranger)).rejects.toMatchObject(missing);
				await expect(ask(desk.stoa.broker, carts.changeItem, { id, itemId, quantity: 2 }, { meta: stranger })).rejects.toMatchObject(
					missing,
				);
				await expect(ask(desk.stoa.broker, carts.removeItem, { id, itemId }, { meta: stranger })).rejects.toMatchObject(missing);
				await expect(ask(desk.stoa.broker, carts.merge, { id, sourceCartId: "crt_x" }, { meta: stranger })).rejects.toMatchObject(missing);
			}
			expect((await desk.read(owned.id, owner)).version).toBe(1);
			expect((await desk.read(guest.id, { ...desk.aUser(), ...guest.meta })).id).toBe(guest.id);
		});

		it("keeps a guest's kept answers from strangers who guess the key", async () => {
			const guest = await desk.aGuest();
			const facts = { path: `/v1/carts/${guest.id}/items`, idempotencyKey: "k", bodyHash: "b" };
			await desk.add(guest.id, desk.holding(guest.token, facts));
			await expect(desk.add(guest.id, desk.holding(undefined, facts))).rejects.toMatchObject({ type: "not_found" });
		});

		it("has no cart of one's own before one is begun, and none for guests", async () => {
			await expect(desk.mine(desk.aUser())).rejects.toMatchObject({ type: "not_found" });
			await expect(ask(desk.stoa.broker, carts.mine, {})).rejects.toMatchObject({ type: "unauthenticated" });
		});

		it("tells the mesh the same", async () => {
			const guest = await desk.aGuest();
			const asGuest = { cartId: guest.id, userId: null, cartToken: guest.token };
			const seen = await ask(desk.stoa.broker, carts.access, asGuest);
			expect(seen).toMatchObject({ cartId: guest.id, status: "open", userId: null, version: 1, orderId: null });
			expect(seen.tokenHash).toMatch(/^[0-9a-f]{64}$/);
			expect(await ask(desk.stoa.broker, carts.access, asGuest)).toEqual(seen);
			await expect(ask(desk.stoa.broker, carts.access, { ...asGuest, cartToken: "x" })).rejects.toMatchObject({ type: "not_found" });
			await expect(ask(desk.stoa.broker, carts.access, { ...asGuest, cartToken: null, userId: "usr_x" })).rejects.toMatchObject({
				type: "not_found",
			});
		});
	});

	describe("changing it", () => {
		it("adds up ten additions of one sku that come at once", async () => {
			const guest = await desk.aGuest();
			await Promise.all(Array.from({ length: 10 }, () => desk.add(guest.id, guest.meta)));
			expect(await desk.read(guest.id, guest.meta)).toMatchObject({ items: [{ sku: "STRAP", quantity: 10 }], version: 11 });
		});

		it("prices what another request added meanwhile", async () => {
			const guest = await desk.aGuest();
			const answers = await Promise.all(["STRAP", "WATCH", "BOX"].map(sku => desk.add(guest.id, guest.meta, sku)));
			const last = answers.find(cart => cart.items.length === 3)!;
			expect(last.totals.total.amount).toBe(26_500);
		});

		it("sets and removes lines", async () => {
			const guest = await desk.aGuest(STRAP(2), { sku: "BOX", quantity: 1 });
			const [strap, box] = guest.cart.items.map(item => item.id) as [string, string];
			const set = () => ask(desk.stoa.broker, carts.changeItem, { id: guest.id, itemId: strap, quantity: 5 }, { meta: guest.meta });
			const changed = await set();
			expect(changed.items[0]).toMatchObject({ quantity: 5, total: { amount: 5000 } });
			expect(await set()).toEqual(changed);
			const remove = () => ask(desk.stoa.broker, carts.removeItem, { id: guest.id, itemId: box }, { meta: guest.meta });
			expect((await remove()).items).toHaveLength(1);
			await expect(remove()).rejects.toMatchObject({ type: "not_found" });
		});

		it("refuses less than one, more than 9,999, and what is not sold", async () => {
			const guest = await desk.aGuest(STRAP());
			const itemId = guest.cart.items[0]!.id;
			for (const quantity of [0, -1, 1.5, 10_000]) {
				const params = { id: guest.id, itemId, quantity };
				await expect(ask(desk.stoa.broker, carts.changeItem, params, { meta: guest.meta })).rejects.toMatchObject({
					type: "validation_failed",
				});
			}
			for (const [sku, quantity, pointer] of [
				["STRAP", 9999, "/quantity"],
				["NONE", 1, "/sku"],
			] as const) {
				await expect(desk.add(guest.id, guest.meta, sku, quantity)).rejects.toMatchObject({
					type: "validation_failed",
					data: { errors: [{ pointer }] },
				});
			}
			expect((await desk.read(guest.id, guest.meta)).version).toBe(1);
		});

		it("accepts more than there is, and says how many are left", async () => {
			const guest = await desk.aGuest(STRAP(12));
			expect(guest.cart.problems).toMatchObject([{ code: "out_of_stock", itemId: guest.cart.items[0]!.id, left: 10 }]);
			desk.shop.archived = ["STRAP"];
			expect((await desk.read(guest.id, guest.meta)).problems).toMatchObject([{ code: "unavailable" }]);
		});

		it("shows the price of this moment", async () => {
			const guest = await desk.aGuest(STRAP(2));
			desk.shop.prices.STRAP = 1500;
			expect((await desk.read(guest.id, guest.meta)).totals.total.amount).toBe(3000);
		});

		it("holds only for who has seen the cart as it is, when asked so", async () => {
			const guest = await desk.aGuest(STRAP());
			const tagged = (ifMatch: string) => desk.add(guest.id, desk.holding(guest.token, { ifMatch }));
			// The answer to the creation held the token, and its ETag is as good as that of a desk.read.
			const changed = await tagged(etagOf(guest.cart));
			const again = await tagged(`"other", ${etagOf(await desk.read(guest.id, guest.meta))}`);
			await expect(tagged(etagOf(changed))).rejects.toMatchObject({ type: "version_stale", code: 412 });
			expect(await tagged("*")).toMatchObject({ version: again.version + 1 });
			desk.shop.prices.STRAP = 1;
			await expect(tagged(etagOf(again))).rejects.toMatchObject({ type: "version_stale" });
		});

		it("adds once per Idempotency-Key", async () => {
			const guest = await desk.aGuest();
			const keyed = () =>
				desk.add(guest.id, desk.holding(guest.token, { path: `/v1/carts/${guest.id}/items`, idempotencyKey: "once", bodyHash: "b" }));
			const answers = await Promise.all([keyed(), keyed(), keyed()]);
			expect(new Set(answers.map(cart => JSON.stringify(cart))).size).toBe(1);
			expect((await desk.read(guest.id, guest.meta)).items).toMatchObject([{ quantity: 1 }]);
		});
	});

	describe("when a neighbour is away", () => {
		it("shows no stock problems rather than failing", async () => {
			desk.shop.inventoryAway = true;
			const guest = await desk.aGuest(STRAP(99));
			expect(guest.cart.problems).toEqual([]);
		});

		it("shows no cart without prices, and changes nothing", async () => {
			const guest = await desk.aGuest(STRAP());
			desk.shop.productsAway = true;
			const away = { type: "service_unavailable", code: 503 };
			await expect(desk.read(guest.id, guest.meta)).rejects.toMatchObject(away);
			await expect(desk.add(guest.id, guest.meta)).rejects.toMatchObject(away);
			await expect(desk.begin({}, [STRAP()])).rejects.toMatchObject(away);
			desk.shop.productsAway = false;
			expect((await desk.read(guest.id, guest.meta)).version).toBe(1);
		});
	});

	describe("pouring a guest's cart into the user's", () => {
		const pour = (id: string, sourceCartId: string, sourceCartToken: string | undefined, meta: Meta) =>
			ask(desk.stoa.broker, carts.merge, { id, sourceCartId, ...(sourceCartToken ? { sourceCartToken } : {}) }, { meta });

		it("adds up, at most to what is in stock, once", async () => {
			const user = desk.aUser();
			const guest = await desk.aGuest(STRAP(6), { sku: "BOX", quantity: 2 });
			const mine = await desk.begin(user, [STRAP(6)]);
			const merged = await pour(mine.id, guest.id, guest.token, user);
			expect(merged.items).toMatchObject([
				{ id: mine.items[0]!.id, sku: "STRAP", quantity: 10 },
				{ sku: "BOX", quantity: 2 },
			]);
			expect(merged.problems).toMatchObject([{ code: "quantity_capped", itemId: mine.items[0]!.id }]);
			expect(await pour(mine.id, guest.id, guest.token, user)).toEqual(merged);
			expect(await desk.read(mine.id, user)).toEqual(merged);
			expect((await desk.read(guest.id, guest.meta)).status).toBe("merged");
			await expect(desk.add(guest.id, guest.meta)).rejects.toMatchObject({ type: "cart_not_open", code: 409 });
		});

		it("pours once when asked five times at once", async () => {
			const user = desk.aUser();
			const guest = await desk.aGuest(STRAP(2));
			const mine = await desk.begin(user, [STRAP(1)]);
			const answers = await Promise.all(Array.from({ length: 5 }, () => pour(mine.id, guest.id, guest.token, user)));
			for (const cart of answers) expect(cart.items).toMatchObject([{ quantity: 3 }]);
		});

		it("asks for both tokens or ownerships, and for two carts", async () => {
			const user = desk.aUser();
			const guest = await desk.aGuest(STRAP());
			const mine = await desk.begin(user);
			await expect(pour(mine.id, guest.id, undefined, user)).rejects.toMatchObject({ type: "not_found" });
			await expect(pour(mine.id, guest.id, "wrong", user)).rejects.toMatchObject({ type: "not_found" });
			await expect(pour(mine.id, mine.id, undefined, user)).rejects.toMatchObject({
				type: "validation_failed",
				data: { errors: [{ pointer: "/sourceCartId" }] },
			});
			expect((await desk.read(guest.id, guest.meta)).status).toBe("open");
		});

		it("refuses a cart that is being bought", async () => {
			const user = desk.aUser();
			const guest = await desk.aGuest(STRAP());
			const mine = await desk.begin(user, [STRAP()]);
			await desk.claim(guest.id);
			await expect(pour(mine.id, guest.id, guest.token, user)).rejects.toMatchObject({ type: "cart_not_open" });
			await desk.claim(mine.id);
			const other = await desk.aGuest(STRAP());
			await expect(pour(mine.id, other.id, other.token, user)).rejects.toMatchObject({ type: "cart_not_open" });
		});
	});

	describe("time", () => {
		it("ends a cart that nobody changed, and gives its owner a new one", async () => {
			const userId = desk.aUserId();
			// Access tokens live for minutes: a new one for each of these days.
			const user = () => desk.stoa.as(userId);
			const old = await desk.begin(user(), [STRAP()]);
			desk.clock.move(29 * day);
			await desk.add(old.id, user());
			desk.clock.move(29 * day);
			expect((await desk.read(old.id, user())).status).toBe("open");
			desk.clock.move(day);
			expect((await desk.read(old.id, user())).status).toBe("expired");
			await expect(desk.add(old.id, user())).rejects.toMatchObject({ type: "cart_not_open" });
			await expect(desk.claim(old.id)).rejects.toMatchObject({ type: "cart_not_open" });
			await expect(desk.mine(user())).rejects.toMatchObject({ type: "not_found" });
			const next = await desk.begin(user(), [STRAP()]);
			expect(next).toMatchObject({ status: "open", items: [{ quantity: 1 }] });
			expect(next.id).not.toBe(old.id);
			expect((await desk.read(old.id, user())).status).toBe("expired");
		});
	});

	it("keeps everything over a restart, tokens too", async () => {
		const guest = await desk.aGuest(STRAP(3));
		await desk.stoa.restart();
		expect(await desk.read(guest.id, guest.meta)).toMatchObject({ id: guest.id, items: [{ quantity: 3 }] });
	});
});
