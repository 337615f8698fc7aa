import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { eventually } from "../../../test/support/http.ts";
import type { Stoa } from "../../../test/support/stoa.ts";
import * as carts from "./carts.contract.ts";
import { aCheckout, type Desk, STRAP, startDesk } from "./carts.desk.suite.ts";
import type { CartsTx } from "./carts.store.ts";
import type { CartWatch } from "./carts.watch.ts";

const hour = 3_600_000;
const day = 24 * hour;

type Watched = SqlService<CartsTx> & { watch: CartWatch };
const look = (stoa: Stoa) => stoa.service<Watched>("carts").watch.look();

/** What was told of a cart, in order. */
async function told(stoa: Stoa, cartId: string) {
	const rows = await stoa
		.service<Watched>("carts")
		.store.reader.all<{ envelope: string }>("SELECT envelope FROM outbox WHERE factKey = ? ORDER BY id", [cartId]);
	return rows.map(({ envelope }) => JSON.parse(envelope) as { type: string; data: Record<string, unknown> });
}
const toldTypes = async (stoa: Stoa, cartId: string) => (await told(stoa, cartId)).map(({ type }) => type.replace("carts.", ""));
const times = async (stoa: Stoa, cartId: string, type: string) => (await toldTypes(stoa, cartId)).filter(each => each === type).length;

describe("carts that nobody touches", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk();
	});
	afterAll(() => desk.stoa.stop());

	const abandoned = (cartId: string) => times(desk.stoa, cartId, "abandoned");
	/** Time goes by and somebody looks, as often as one likes. */
	const letPass = async (ms: number) => {
		desk.clock.move(ms);
		for (let i = 0; i < 2; i++) await look(desk.stoa);
	};

	it("are told of as abandoned after two hours, once, and stay open", async () => {
		const user = desk.aUserId();
		const cart = await desk.begin(desk.stoa.as(user), [STRAP(2), { sku: "BOX", quantity: 1 }]);
		await letPass(2 * hour - 1);
		expect(await abandoned(cart.id)).toBe(0);
		await letPass(1);
		const [begun, left, ...more] = await told(desk.stoa, cart.id);
		expect(more).toEqual([]);
		expect(begun).toMatchObject({ type: "carts.changed", data: { status: "open", version: 1 } });
		expect(left).toMatchObject({ type: "carts.abandoned", key: cart.id });
		expect(left!.data).toEqual({
			cartId: cart.id,
			userId: user,
			status: "open",
			version: 1,
			items: [
				{ sku: "STRAP", productId: desk.productId, quantity: 2 },
				{ sku: "BOX", productId: desk.productId, quantity: 1 },
			],
			itemCount: 3,
			total: { amount: 2500, currency: "EUR" },
		});
		await letPass(day);
		expect(await abandoned(cart.id)).toBe(1);
		expect((await desk.read(cart.id, desk.stoa.as(user))).status).toBe("open");
	});

	it("are told of again when they were touched, and left again", async () => {
		const guest = await desk.aGuest(STRAP());
		await letPass(2 * hour);
		const itemId = guest.cart.items[0]!.id;
		await ask(desk.stoa.broker, carts.changeItem, { id: guest.id, itemId, quantity: 3 }, { meta: guest.meta });
		await letPass(2 * hour - 1);
		expect(await abandoned(guest.id)).toBe(1);
		await letPass(1);
		expect(await abandoned(guest.id)).toBe(2);
		expect((await told(desk.stoa, guest.id)).at(-1)!.data).toMatchObject({ userId: null, itemCount: 3 });
	});

	it("are not told of when there is nothing in them, or nothing any more", async () => {
		const empty = await desk.aGuest();
		const emptied = await desk.aGuest(STRAP());
		await ask(desk.stoa.broker, carts.removeItem, { id: emptied.id, itemId: emptied.cart.items[0]!.id }, { meta: emptied.meta });
		await letPass(3 * hour);
		for (const { id } of [empty, emptied]) expect(await abandoned(id)).toBe(0);
	});

	it("are not told of while a checkout has them, but when it gave them back and they are left again", async () => {
		const guest = await desk.aGuest(STRAP());
		const checkout = aCheckout();
		await desk.claim(guest.id, checkout);
		await letPass(3 * hour);
		expect(await abandoned(guest.id)).toBe(0);
		await ask(desk.stoa.broker, carts.reopen, { cartId: guest.id, checkoutId: checkout.checkoutId });
		await letPass(hour);
		expect(await abandoned(guest.id)).toBe(0);
		await letPass(hour);
		expect(await abandoned(guest.id)).toBe(1);
	});

	it("are not told of once they were bought or poured into another", async () => {
		const bought = await desk.aGuest(STRAP());
		const checkout = aCheckout();
		await desk.claim(bought.id, checkout);
		await ask(desk.stoa.broker, carts.complete, { cartId: bought.id, ...checkout });
		const source = await desk.aGuest(STRAP());
		const user = desk.aUser();
		const mine = await desk.begin(user);
		const pour = { id: mine.id, sourceCartId: source.id, sourceCartToken: source.token };
		await ask(desk.stoa.broker, carts.merge, pour, { meta: user });
		await letPass(3 * hour);
		expect(await toldTypes(desk.stoa, bought.id)).toEqual(["changed", "changed", "changed"]);
		expect(await toldTypes(desk.stoa, source.id)).toEqual(["changed", "changed"]);
		expect((await told(desk.stoa, source.id)).at(-1)!.data).toMatchObject({ status: "merged" });
		expect(await toldTypes(desk.stoa, mine.id)).toEqual(["changed", "changed", "abandoned"]);
	});

	it("end after thirty days, told once, whatever lies in them", async () => {
		const [full, empty] = [await desk.aGuest(STRAP()), await desk.aGuest()];
		await letPass(30 * day - 1);
		expect(await times(desk.stoa, full.id, "expired")).toBe(0);
		await letPass(1);
		expect(await toldTypes(desk.stoa, full.id)).toEqual(["changed", "abandoned", "changed", "expired"]);
		expect(await toldTypes(desk.stoa, empty.id)).toEqual(["changed", "changed", "expired"]);
		expect((await told(desk.stoa, full.id)).at(-1)!.data).toMatchObject({ status: "expired", itemCount: 1 });
		expect((await desk.read(full.id, guestOf(full))).status).toBe("expired");
		await expect(desk.add(full.id, guestOf(full))).rejects.toMatchObject({ type: "cart_not_open", code: 409 });
	});

	it("that are over when they are found are told of as ended, not as abandoned", async () => {
		const guest = await desk.aGuest(STRAP());
		await letPass(31 * day);
		expect(await toldTypes(desk.stoa, guest.id)).toEqual(["changed", "changed", "expired"]);
	});

	it("end when their owner begins another, told once", async () => {
		const user = desk.aUserId();
		const old = await desk.begin(desk.stoa.as(user), [STRAP()]);
		desk.clock.move(30 * day);
		await desk.begin(desk.stoa.as(user));
		await letPass(0);
		expect(await times(desk.stoa, old.id, "expired")).toBe(1);
	});

	it("are all found, however many there are", async () => {
		const all = await Promise.all(Array.from({ length: 35 }, () => desk.aGuest(STRAP())));
		await letPass(2 * hour);
		for (const { id } of all) expect(await abandoned(id)).toBe(1);
	});

	const guestOf = ({ token }: { token: string }) => desk.holding(token);
});

describe("the watch", () => {
	it("looks by itself, every quarter of the time when that is short", async () => {
		const desk = await startDesk({ env: { STOA_CART_ABANDONED_AFTER: "PT1S" } });
		try {
			const guest = await desk.aGuest(STRAP());
			desk.clock.move(1000);
			await eventually(
				() => times(desk.stoa, guest.id, "abandoned"),
				count => count === 1,
			);
		} finally {
			await desk.stoa.stop();
		}
	});

	it.each(["PT0S", "2 hours", "P"])("is not given %j for a time", async value => {
		await expect(startDesk({ env: { STOA_CART_ABANDONED_AFTER: value } })).rejects.toThrow(/STOA_CART_ABANDONED_AFTER/);
	});
});

describeWith("sql")("two nodes that look after the same carts", () => {
	const clock = handClock(Date.now());
	const nodes: Desk[] = [];
	beforeAll(async () => {
		const env = {
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_NAMESPACE: `two_${randomBytes(5).toString("hex")}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
		};
		for (let n = 0; n < 2; n++) nodes.push(await startDesk({ env, clock }));
	}, 120_000);
	afterAll(() => Promise.all(nodes.map(({ stoa }) => stoa.stop())));

	it("end and tell of each once, also when both look at the same time and it is touched meanwhile", async () => {
		const [one, other] = nodes as [Desk, Desk];
		const left = await Promise.all(Array.from({ length: 15 }, (_, n) => nodes[n % 2]!.aGuest(STRAP())));
		const touched = await one.aGuest(STRAP());
		clock.move(2 * hour);
		const [, , change] = await Promise.allSettled([look(one.stoa), look(other.stoa), other.add(touched.id, touched.meta)]);
		expect(change.status).toBe("fulfilled");
		for (const { id } of left) expect(await times(one.stoa, id, "abandoned")).toBe(1);
		expect(await times(one.stoa, touched.id, "abandoned")).toBeLessThanOrEqual(1);
		clock.move(30 * day);
		await Promise.all([look(one.stoa), look(other.stoa)]);
		for (const { id } of [...left, touched]) expect(await times(one.stoa, id, "expired")).toBe(1);
	});

	it("leave the looking to one of them, and to the other when that one stops", async () => {
		const ownerOf = async ({ stoa }: Desk) => {
			const { reader } = stoa.service<Watched>("carts").store;
			return (await reader.get<{ owner: string | null }>("SELECT owner FROM leases WHERE name = 'abandonment'"))?.owner;
		};
		const isOne = (owner: string | null | undefined) => nodes.some(({ stoa }) => stoa.runtime.instance === owner);
		const owner = await eventually(() => ownerOf(nodes[0]!), isOne);
		const [looking] = nodes.splice(
			nodes.findIndex(({ stoa }) => stoa.runtime.instance === owner),
			1,
		);
		const [other] = nodes as [Desk];
		const guest = await other.aGuest(STRAP());
		clock.move(2 * hour);
		await looking!.stoa.stop();
		await eventually(
			() => times(other.stoa, guest.id, "abandoned"),
			count => count === 1,
		);
		expect(await ownerOf(other)).toBe(other.stoa.runtime.instance);
	});
});
