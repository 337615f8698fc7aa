// Buyers, cancellers, refunders, analysts and dying owners, all at once and in an order that a seed decides: what must always hold, holds.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { isOver } from "../../../lib/saga.ts";
import { LeaseLost } from "../../../mixins/sql/saga-drive.ts";
import { type Desk, type Holder, startDesk, until } from "./orders.desk.suite.ts";
import type { OrdersService } from "./orders.service.ts";

/** Mulberry32: the same seed gives the same run, as far as the timing of a machine allows. */
function dice(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
	};
}
const stock = 25;
const cards = ["tok_visa", "tok_visa", "tok_visa", "tok_mastercard", "tok_chargeDeclined", "tok_unavailable"];

describe.each([1, 2])("a busy shop, seed %i", seed => {
	const roll = dice(seed);
	const pick = <T>(list: readonly T[]): T => list[Math.floor(roll() * list.length)]!;
	let desk: Desk;
	let sku: string;
	let buyers: { cart: Holder; key: string; pay: string }[];

	beforeAll(async () => {
		desk = await startDesk();
		sku = await desk.aSku(stock);
		buyers = await Promise.all(
			Array.from({ length: 40 }, async () => ({ cart: await desk.aGuest(sku), key: desk.newKey(), pay: pick(cards) })),
		);
		desk.risk.outcome = () => pick(["allow", "allow", "allow", "review", "review", "block"] as const);
		desk.passing(point => {
			if (!/^(checkout|cancelOrder)\//.test(point)) return;
			const fate = roll();
			if (fate < 0.04) throw new LeaseLost();
			if (fate < 0.1) throw new Error("cannot now");
		});
		await Promise.all(buyers.map(visit));
		desk.passing(() => undefined);
		desk.risk.back();
		await until(
			async () => {
				for (const { id } of await onHold()) await desk.decide(id, "approved");
				return desk.sagas();
			},
			sagas => sagas.every(isOver),
		);
	}, 120_000);
	afterAll(() => desk.stoa.stop());

	const onHold = () => desk.stoa.service<OrdersService>("orders").store.reader.ordersOf({ status: "onHold", limit: 100 });

	/** Buys, perhaps impatiently; then perhaps regrets, or is given something back, or is judged, or all at once. */
	async function visit({ cart, key, pay }: (typeof buyers)[number]): Promise<void> {
		const asked = [desk.checkout(cart, { key, pay })];
		if (roll() < 0.3) asked.push(desk.checkout(cart, { key, pay }));
		const { result } = (await Promise.all(asked))[0]!;
		const id = result?.id ?? (await orderOf(cart))?.id;
		if (!id) return;
		const after: Promise<unknown>[] = [];
		if (roll() < 0.7) after.push(desk.decide(id, pick(["approved", "rejected"] as const)));
		const [payment] = await desk.payments(id);
		if (roll() < 0.3 && payment) after.push(desk.refund(payment.id, 1 + Math.floor(roll() * 2500)));
		if (roll() < 0.5) after.push(desk.cancel(id, cart));
		if (roll() < 0.2) after.push(desk.cancel(id, cart));
		await Promise.allSettled(after);
	}

	const orderOf = async ({ id }: Holder) => (await desk.stoa.service<OrdersService>("orders").store.reader.orderOfCart(id))?.order;

	it("has one order for every checkout that says so, and none for one that was refused", async () => {
		for (const { cart, key, pay } of buyers) {
			const order = await orderOf(cart);
			const { result, refused } = await desk.checkout(cart, { key, pay });
			// Rejected by an analyst, or taken back by its buyer while it was on hold.
			const undone = expect.stringMatching(/^(fraud_rejected|order_state_conflict)$/);
			if (order && refused) expect({ refused, status: order.status }).toEqual({ refused: undone, status: "cancelled" });
			else if (order) expect(result).toMatchObject({ id: order.id, status: "confirmed" });
			else expect(["out_of_stock", "card_declined", "service_unavailable", "fraud_rejected"]).toContain(refused);
			expect(await desk.cart(cart)).toBe(order ? "completed" : "open");
		}
	});

	it("holds the money of its orders and nobody else's", async () => {
		const attempts = await desk.sagas("checkout");
		for (const { state } of attempts) {
			const { orderId, cartId } = state as { orderId: string; cartId: string };
			const order = await orderOf({ id: cartId, meta: {} });
			const charges = await desk.charges(orderId);
			expect(charges.filter(({ captured }) => captured > 0).length).toBeLessThanOrEqual(1);
			const kept = charges.reduce((sum, { captured, refunded }) => sum + captured - refunded, 0);
			const held = charges.filter(({ status }) => status === "authorized" || status === "authenticating");
			expect(held).toEqual([]);
			if (order?.id !== orderId || order.status === "cancelled") expect(kept).toBe(0);
			else {
				const given = charges.reduce((sum, { refunded }) => sum + refunded, 0);
				expect(kept + given).toBe(2500);
				expect(order.paymentStatus).toBe(given === 0 ? "captured" : given === 2500 ? "refunded" : "partiallyRefunded");
			}
		}
	});

	it("has on its shelf what it did not sell", async () => {
		const orders = (await Promise.all(buyers.map(({ cart }) => orderOf(cart)))).filter(order => order !== undefined);
		expect(await desk.shelf(sku)).toBe(stock - orders.filter(({ status }) => status === "confirmed").length);
		expect(await desk.stockIsSound()).toBe(true);
	});

	it("told every fact once and in order, and nobody could not take one", async () => {
		for (const { cart } of buyers) {
			const order = await orderOf(cart);
			if (!order) continue;
			const told = (await desk.facts(order.id)).join(" ");
			expect(told).toMatch(
				order.status === "cancelled"
					? /^checkoutRequested( held)?( placed( paid)?)? cancelled$/
					: /^checkoutRequested( held)? placed paid$/,
			);
		}
		expect(await desk.stoa.service<OrdersService>("orders").store.inbox.letters({ limit: 10 })).toEqual([]);
	});
});
