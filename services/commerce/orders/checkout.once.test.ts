// Many buyers, many copies of one request, owners that die: a checkout ends once, and every copy is answered alike.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import { crashPointsOf } from "../../../lib/saga.ts";
import { checkoutSaga } from "./checkout.saga.ts";
import { type Desk, type Holder, startDesk, until } from "./orders.desk.suite.ts";
import type { OrdersService } from "./orders.service.ts";

describe("a checkout", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk();
	});
	afterEach(() => {
		desk.passing(() => undefined);
		desk.catalogue.away = false;
	});
	afterAll(() => desk.stoa.stop());

	async function isPaid(cart: Holder, orderId: string): Promise<void> {
		expect(await desk.charges(orderId)).toEqual([{ status: "captured", captured: 2500, refunded: 0 }]);
		expect(await desk.order(orderId, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured" });
		expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "placed", "paid"]);
		expect(await desk.cart(cart)).toBe("completed");
		expect(await desk.stockIsSound()).toBe(true);
	}

	describe("asked for many times", () => {
		it("with one key is one order, and all answers are the same bytes", async () => {
			const cart = await desk.aGuest(await desk.aSku(9));
			const key = desk.newKey();
			const answers = await Promise.all(Array.from({ length: 10 }, () => desk.checkout(cart, { key })));
			expect(new Set(answers.map(({ result }) => JSON.stringify(result))).size).toBe(1);
			expect(answers.filter(({ reply }) => reply?.replayed)).toHaveLength(9);
			await isPaid(cart, answers[0]!.result!.id);
		});

		it("by two guests with one key is two orders", async () => {
			const sku = await desk.aSku(2);
			const key = desk.newKey();
			const answers = await Promise.all([await desk.aGuest(sku), await desk.aGuest(sku)].map(cart => desk.checkout(cart, { key })));
			expect(new Set(answers.map(({ result }) => result!.id)).size).toBe(2);
		});

		it("by one buyer with one key for two carts is two orders: a key counts for its path, and there for one body", async () => {
			const sku = await desk.aSku(2);
			const key = desk.newKey();
			const userId = newId("usr", Date.now());
			const first = await desk.aBuyer(userId, sku);
			expect((await desk.checkout(first, { key })).result).toMatchObject({ userId, status: "confirmed" });
			expect((await desk.checkout(await desk.aBuyer(userId, sku), { key })).result).toMatchObject({ userId, status: "confirmed" });
			expect(await desk.checkout(first, { key, pay: "tok_mastercard" })).toMatchObject({ refused: "idempotency_key_reused" });
		});

		it("by 300 buyers at once for one SKU sells every piece once and leaves nothing behind", async () => {
			const sku = await desk.aSku(100);
			const buyers = await Promise.all(Array.from({ length: 300 }, () => desk.aGuest(sku)));
			const keys = buyers.map(() => desk.newKey());
			const answers = await Promise.all(buyers.map((cart, at) => desk.checkout(cart, { key: keys[at] })));
			await desk.allEnded();
			// Who was answered 202 on a busy machine asks again under the same key.
			const last = await Promise.all(buyers.map((cart, at) => desk.checkout(cart, { key: keys[at] })));
			expect(answers.filter(({ result, refused }) => !result && refused !== "out_of_stock")).toEqual([]);
			expect(last.filter(({ result }) => result?.paymentStatus === "captured")).toHaveLength(100);
			expect(last.filter(({ refused }) => refused === "out_of_stock")).toHaveLength(200);
			expect(await desk.shelf(sku)).toBe(0);
			expect(await desk.stockIsSound()).toBe(true);
			expect(new Set(last.flatMap(({ result }) => result?.number ?? [])).size).toBe(100);
		}, 60_000);
	});

	it("whose owner dies at every point there is ends with an order that is paid, or with nothing held", async () => {
		// Those of a review are tried where orders are held: checkout.review.test.ts.
		const points = crashPointsOf(checkoutSaga(desk.stoa.service<OrdersService>("orders"))).filter(
			point => !point.includes("await approval"),
		);
		const sku = await desk.aSku(12);
		const good = await Promise.all(Array.from({ length: 12 }, () => desk.aGuest(sku)));
		const bad = await Promise.all(Array.from({ length: 12 }, () => desk.aGuest(sku)));
		const left = desk.dieAt(...points);
		const keys = new Map([...good, ...bad].map(cart => [cart.id, desk.newKey()]));
		// The declined ones first: what they hold must be back before the last piece is asked for.
		const declined = await Promise.all(bad.map(cart => desk.checkout(cart, { key: keys.get(cart.id), pay: "tok_chargeDeclined" })));
		await desk.allEnded();
		const paid = await Promise.all(good.map(cart => desk.checkout(cart, { key: keys.get(cart.id) })));
		await desk.allEnded();
		expect([...left].filter(point => !point.includes("/undo/"))).toEqual([]);
		expect([...left]).toEqual([]);
		expect(declined.filter(({ refused, reply }) => refused !== "card_declined" && reply?.status !== 202)).toEqual([]);
		expect(paid.filter(({ reply }) => reply?.status !== 201 && reply?.status !== 202)).toEqual([]);
		for (const cart of good) {
			const { result } = await desk.checkout(cart, { key: keys.get(cart.id) });
			await isPaid(cart, result!.id);
		}
		for (const cart of bad) expect(await desk.cart(cart)).toBe("open");
		expect(await desk.shelf(sku)).toBe(0);
	}, 60_000);

	it("goes on where it stood when the shop is closed in its middle; who asks again gets the one answer", async () => {
		const cart = await desk.aGuest(await desk.aSku(1));
		const key = desk.newKey();
		const answer = desk.checkout(cart, { key, pay: "tok_slow" });
		await until(
			() => desk.attempt(cart),
			saga => saga.step === 3,
		);
		await desk.stoa.restart();
		const first = await answer;
		const { result, reply } = await desk.checkout(cart, { key, pay: "tok_slow" });
		expect(first.reply?.status === 202 || first.result?.id === result!.id || first.refused === "service_unavailable").toBe(true);
		expect(reply).toMatchObject({ status: 201 });
		await isPaid(cart, result!.id);
	}, 30_000);

	it("is not answered with a refusal when only the catalogue is away: it goes on when that is back", async () => {
		const cart = await desk.aGuest(await desk.aSku(1));
		desk.catalogue.away = true;
		const answer = desk.checkout(cart);
		const { id } = await desk.attempt(cart);
		await until(
			() => desk.saga(id),
			saga => saga!.attempts > 0,
		);
		expect((await desk.saga(id))!.error).toBe(serviceUnavailable().message);
		desk.catalogue.away = false;
		expect((await answer).result).toMatchObject({ status: "confirmed" });
	});
});
