import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import * as carts from "./carts.contract.ts";
import { aCheckout, type Desk, STRAP, startDesk } from "./carts.desk.suite.ts";

describe("a checkout and its cart", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk();
	});
	afterAll(() => desk.stoa.stop());

	it("takes the cart, and the same checkout gets the same answer", async () => {
		const guest = await desk.aGuest(STRAP(2));
		const checkout = aCheckout();
		const snapshot = await desk.claim(guest.id, checkout);
		expect(snapshot).toMatchObject({ cartId: guest.id, userId: null, currency: "EUR", version: 1 });
		expect(snapshot.items).toEqual([{ id: guest.cart.items[0]!.id, sku: "STRAP", productId: desk.productId, name: "STRAP", quantity: 2 }]);
		expect(await desk.claim(guest.id, checkout)).toEqual(snapshot);
		await expect(desk.claim(guest.id)).rejects.toMatchObject({ type: "cart_not_open" });
		await expect(desk.add(guest.id, guest.meta)).rejects.toMatchObject({ type: "cart_not_open" });
		expect((await desk.read(guest.id, guest.meta)).status).toBe("completing");
	});

	it("finds nothing to buy in an empty cart, and no cart where none is", async () => {
		const guest = await desk.aGuest();
		await expect(desk.claim(guest.id)).rejects.toMatchObject({ type: "cart_empty", code: 409 });
		await expect(desk.claim("crt_none")).rejects.toMatchObject({ type: "not_found" });
	});

	it("is claimed by one of ten that come at once", async () => {
		const guest = await desk.aGuest(STRAP());
		const answers = await Promise.allSettled(Array.from({ length: 10 }, () => desk.claim(guest.id)));
		expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
	});

	it("buys exactly what the cart held when it was claimed, whatever changes come at the same time", async () => {
		const guest = await desk.aGuest(STRAP());
		const [snapshot, ...changes] = await Promise.allSettled([
			desk.claim(guest.id),
			...Array.from({ length: 10 }, () => desk.add(guest.id, guest.meta)),
		]);
		const passed = changes.filter(({ status }) => status === "fulfilled").length;
		for (const late of changes) if (late.status === "rejected") expect(late.reason).toMatchObject({ type: "cart_not_open" });
		expect(snapshot).toMatchObject({ status: "fulfilled", value: { items: [{ quantity: 1 + passed }] } });
		expect((await desk.read(guest.id, guest.meta)).items).toMatchObject([{ quantity: 1 + passed }]);
	});

	it("gives the cart back, however often it is told, and stays withdrawn", async () => {
		const guest = await desk.aGuest(STRAP());
		const checkout = aCheckout();
		await desk.claim(guest.id, checkout);
		const giveBack = { cartId: guest.id, checkoutId: checkout.checkoutId };
		for (let i = 0; i < 2; i++) await ask(desk.stoa.broker, carts.reopen, giveBack);
		expect(await desk.read(guest.id, guest.meta)).toMatchObject({ status: "open", items: [{ quantity: 1 }] });
		await expect(desk.claim(guest.id, checkout)).rejects.toMatchObject({ type: "checkout_withdrawn", code: 409 });
		await desk.claim(guest.id);
		// An undo that was delayed must not open the cart under the next checkout.
		await ask(desk.stoa.broker, carts.reopen, giveBack);
		expect((await desk.read(guest.id, guest.meta)).status).toBe("completing");
	});

	it("refuses a claim that comes after its undo", async () => {
		const guest = await desk.aGuest(STRAP());
		const checkout = aCheckout();
		await ask(desk.stoa.broker, carts.reopen, { cartId: guest.id, checkoutId: checkout.checkoutId });
		await expect(desk.claim(guest.id, checkout)).rejects.toMatchObject({ type: "checkout_withdrawn" });
		expect((await desk.read(guest.id, guest.meta)).status).toBe("open");
	});

	it("completes the cart for good and names its order", async () => {
		const guest = await desk.aGuest(STRAP());
		const checkout = aCheckout();
		const snapshot = await desk.claim(guest.id, checkout);
		for (let i = 0; i < 2; i++) await ask(desk.stoa.broker, carts.complete, { cartId: guest.id, ...checkout });
		expect(await desk.read(guest.id, guest.meta)).toMatchObject({ status: "completed", orderId: checkout.orderId });
		expect(await desk.claim(guest.id, checkout)).toEqual(snapshot);
		const giveBack = { cartId: guest.id, checkoutId: checkout.checkoutId };
		await expect(ask(desk.stoa.broker, carts.reopen, giveBack)).rejects.toMatchObject({ type: "cart_not_open" });
		await expect(ask(desk.stoa.broker, carts.complete, { cartId: guest.id, ...aCheckout() })).rejects.toMatchObject({
			type: "cart_not_open",
		});
		await expect(ask(desk.stoa.broker, carts.complete, { cartId: "crt_none", ...checkout })).rejects.toMatchObject({ type: "not_found" });
	});

	it("lets its buyer begin another cart meanwhile, and still gives the first back", async () => {
		const user = desk.aUser();
		const first = await desk.begin(user, [STRAP()]);
		const checkout = aCheckout();
		await desk.claim(first.id, checkout);
		const second = await desk.begin(user, [{ sku: "BOX", quantity: 1 }]);
		expect(second.id).not.toBe(first.id);
		await ask(desk.stoa.broker, carts.reopen, { cartId: first.id, checkoutId: checkout.checkoutId });
		expect((await desk.read(first.id, user)).status).toBe("open");
		expect((await desk.mine(user)).id).toBe(second.id);
		const merged = await ask(desk.stoa.broker, carts.merge, { id: second.id, sourceCartId: first.id }, { meta: user });
		expect(merged.items.map(item => item.sku)).toEqual(["BOX", "STRAP"]);
	});
});
