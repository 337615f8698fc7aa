// Checkout as dialogues: this step fails, these were undone in this order; the owner dies here, whoever takes over ends it once.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { receiveBatch } from "../inventory/inventory.contract.ts";
import type { Payments } from "../payments/payments.intents.ts";
import { decideAuthentication } from "../payments/providers/sandbox.contract.ts";
import { type Desk, eur, type Holder, startDesk, until } from "./orders.desk.suite.ts";
import type { OrdersService } from "./orders.service.ts";

const minutes = 60_000;
const { compensateSaga, retrySaga } = storeContract("orders");

describe("a checkout", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk();
	});
	afterEach(() => {
		desk.passing(() => undefined);
		Object.assign(desk.catalogue, { price: 2500, currency: "EUR", away: false });
	});
	afterAll(() => desk.stoa.stop());

	const authenticate = (paymentId: string, outcome: "succeed" | "fail") =>
		ask(desk.stoa.broker, decideAuthentication, { paymentId, outcome });
	const stepsOf = async (id: string) => (await desk.saga(id))!.steps.map(({ status }) => status);
	const undone = ["undone", "done", "undone", "done", "undone", "pending", "pending", "pending", "pending", "pending"];

	async function nothingIsHeld(cart: Holder, sku: string, stock: number): Promise<void> {
		expect(await desk.cart(cart)).toBe("open");
		expect(await desk.shelf(sku)).toBe(stock);
		expect(await desk.stockIsSound()).toBe(true);
		const { state } = await desk.attempt(cart);
		for (const { status } of await desk.charges(state.orderId as string)) expect(["voided", "declined"]).toContain(status);
		expect(await desk.stoa.service<OrdersService>("orders").store.reader.orderOfCart(cart.id)).toBeUndefined();
	}
	async function isPaid(cart: Holder, orderId: string): Promise<void> {
		expect(await desk.charges(orderId)).toEqual([{ status: "captured", captured: 2500, refunded: 0 }]);
		expect(await desk.order(orderId, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured" });
		expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "placed", "paid"]);
		expect(await desk.timeline(orderId, cart)).toEqual(["placed", "paid"]);
		expect(await desk.cart(cart)).toBe("completed");
		expect(await desk.stockIsSound()).toBe(true);
	}

	it("sells what was asked for, charges it once and tells it in order", async () => {
		const sku = await desk.aSku(5);
		const cart = await desk.aGuest(sku);
		const { result, reply } = await desk.checkout(cart);
		expect(reply).toMatchObject({ status: 201, location: `/v1/orders/${result!.id}`, replayed: false });
		expect(result).toMatchObject({ status: "confirmed", paymentStatus: "captured", totals: { total: eur(2500) } });
		await isPaid(cart, result!.id);
		expect(await desk.shelf(sku)).toBe(4);
	});

	it("of what costs nothing asks no bank, and is paid", async () => {
		const cart = await desk.aGuest(await desk.aSku(1));
		desk.catalogue.price = 0;
		const { result } = await desk.checkout(cart);
		expect(result).toMatchObject({ paymentStatus: "captured", payments: [], totals: { total: eur(0) } });
		expect(await desk.payments(result!.id)).toEqual([]);
		expect(await desk.facts(result!.id)).toEqual(["checkoutRequested", "placed", "paid"]);
		expect((await desk.cancel(result!.id, cart)).result).toMatchObject({ status: "cancelled" });
		expect(await desk.facts(result!.id)).toEqual(["checkoutRequested", "placed", "paid", "cancelled"]);
	});

	describe("that is refused", () => {
		it.each([
			["by the card", "tok_chargeDeclined", "card_declined"],
			["for want of funds", "tok_insufficientFunds", "card_declined"],
			["because the provider is away", "tok_unavailable", "service_unavailable"],
		])("%s gives payment, stock and cart back, and the next attempt succeeds", async (_, pay, code) => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			const undos: string[] = [];
			desk.passing(point => void (point.endsWith("/undo/after") && undos.push(point.split("/")[1]!)));
			expect(await desk.checkout(cart, { pay })).toMatchObject({ refused: code });
			expect(undos).toEqual(["authorize payment", "reserve stock", "claim cart"]);
			await nothingIsHeld(cart, sku, 1);
			const { result } = await desk.checkout(cart);
			await isPaid(cart, result!.id);
		});

		it("because too little is left, keeps that answer for its key; another key may try again", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku, 2);
			const key = desk.newKey();
			const first = await desk.checkout(cart, { key });
			expect(first).toMatchObject({ refused: "out_of_stock", reply: { replayed: false } });
			await ask(desk.stoa.broker, receiveBatch, { deliveries: [{ id: `more-${sku}`, sku, delta: 1, reason: "delivery" }] });
			expect(await desk.checkout(cart, { key })).toMatchObject({ refused: "out_of_stock", reply: { replayed: true } });
			expect(await desk.checkout(cart)).toMatchObject({ result: { status: "confirmed" } });
		});

		it("because the price changed, holds nothing and names the new totals in its operation", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			desk.catalogue.price = 2600;
			expect(await desk.checkout(cart, { expectedTotal: eur(2500) })).toMatchObject({ refused: "price_changed" });
			const { id } = await desk.attempt(cart);
			const { status, problem } = await desk.operation(id, cart);
			expect({ status, problem }).toMatchObject({
				status: "compensated",
				problem: { code: "price_changed", totals: { total: eur(2600) } },
			});
			await nothingIsHeld(cart, sku, 1);
		});

		it("because the catalogue sells in another currency by now, says that it is no longer sold", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			desk.catalogue.currency = "USD";
			expect(await desk.checkout(cart)).toMatchObject({ refused: "out_of_stock" });
			await nothingIsHeld(cart, sku, 1);
		});

		it("by a 503 keeps nothing under its key: the repeat tries anew", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			const key = desk.newKey();
			expect(await desk.checkout(cart, { key, pay: "tok_unavailable" })).toMatchObject({ refused: "service_unavailable" });
			expect(await desk.checkout(cart, { key, pay: "tok_unavailable" })).toMatchObject({ refused: "service_unavailable" });
			expect((await desk.sagas("checkout")).filter(({ state }) => state.cartId === cart.id)).toHaveLength(2);
			await nothingIsHeld(cart, sku, 1);
		});

		it("after somebody took the held money by hand gives that back instead of letting go of it", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			// Fails between authorization and order until the money was taken, then its time is over.
			desk.passing(point => {
				if (point === "checkout/place order/before") throw new Error("cannot now");
			});
			const answer = desk.checkout(cart);
			const { id, state } = await desk.attempt(cart);
			const { orderId } = state as { orderId: string };
			const [payment] = await until(
				() => desk.payments(orderId),
				found => found[0]?.status === "authorized",
			);
			await desk.capture(payment!.id);
			desk.passing(() => undefined);
			while (!(await compensated(id))) await new Promise(resolve => setTimeout(resolve, 10));
			expect((await desk.ended(id))!.status).toBe("compensated");
			expect(await desk.charges(orderId)).toEqual([{ status: "captured", captured: 2500, refunded: 2500 }]);
			expect(await desk.cart(cart)).toBe("open");
			expect(await answer).toMatchObject({ refused: "saga_compensated" });
		});
	});

	/** An operator gives it up; false while a step of it runs. */
	const compensated = (id: string) =>
		ask(desk.stoa.broker, compensateSaga, { id }).then(
			() => true,
			error => (error.type === "saga_state_conflict" ? false : Promise.reject(error)),
		);

	describe("that waits for the buyer's bank", () => {
		const waiting = async (key = desk.newKey()) => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			const answer = await desk.checkout(cart, { key, pay: "tok_authenticationRequired" });
			const { operation } = answer.result!;
			expect(answer.reply).toEqual({ status: 202, location: `/v1/operations/${operation!.id}` });
			expect(operation).toMatchObject({ status: "pending", nextAction: { type: "authenticate" } });
			return { sku, cart, key, id: operation!.id, paymentId: operation!.nextAction!.paymentId };
		};
		const again = (cart: Holder, key: string) => desk.checkout(cart, { key, pay: "tok_authenticationRequired" });

		it("answers a repeat with the operation, and once the buyer has acted with the order", async () => {
			const { sku, cart, key, id, paymentId } = await waiting();
			expect(await again(cart, key)).toMatchObject({ result: { operation: { id, status: "pending" } }, reply: { status: 202 } });
			expect(await desk.checkout(cart)).toMatchObject({ refused: "cart_not_open" });
			await authenticate(paymentId, "succeed");
			const { status, result } = await until(
				() => desk.operation(id, cart),
				operation => operation.status !== "pending",
			);
			expect(status).toBe("succeeded");
			await isPaid(cart, result!.orderId);
			expect(await desk.shelf(sku)).toBe(0);
			expect(await again(cart, key)).toMatchObject({ result: { id: result!.orderId }, reply: { status: 201, replayed: true } });
		});

		it("is undone when the buyer fails, and a repeat is told so", async () => {
			const { sku, cart, key, id, paymentId } = await waiting();
			await authenticate(paymentId, "fail");
			await desk.ended(id);
			await nothingIsHeld(cart, sku, 1);
			expect(await again(cart, key)).toMatchObject({ refused: "card_declined", reply: { replayed: true } });
		});

		it("gives everything back after 15 minutes, not before", async () => {
			const { sku, cart, id } = await waiting();
			desk.clock.move(14 * minutes);
			await new Promise(resolve => setTimeout(resolve, 700));
			expect((await desk.saga(id))!.status).toBe("waiting");
			desk.clock.move(minutes);
			await desk.ended(id);
			expect(await desk.operation(id, cart)).toMatchObject({ status: "compensated", problem: { code: "card_declined" } });
			expect(await stepsOf(id)).toEqual(undone);
			await nothingIsHeld(cart, sku, 1);
		});

		it("stays asleep when an operator retries it, and is undone when one gives it up", async () => {
			const { sku, cart, id } = await waiting();
			await ask(desk.stoa.broker, retrySaga, { id });
			expect(
				await until(
					() => desk.saga(id),
					saga => saga!.status === "waiting" && saga!.owner === null,
				),
			).toMatchObject({ status: "waiting" });
			while (!(await compensated(id))) await new Promise(resolve => setTimeout(resolve, 10));
			await desk.ended(id);
			await nothingIsHeld(cart, sku, 1);
		});

		it("goes on when the buyer acted while the shop was closed", async () => {
			const { cart, id, paymentId } = await waiting();
			desk.passing(() => undefined);
			const { store } = desk.stoa.service<OrdersService>("orders");
			await store.sagas.stop();
			await authenticate(paymentId, "succeed");
			await desk.stoa.restart();
			const saga = await desk.ended(id);
			expect(saga!.status).toBe("succeeded");
			await isPaid(cart, saga!.state.orderId as string);
		});
	});

	describe("whose provider's answer is lost", () => {
		const silence = () => {
			const provider = desk.stoa.service<Payments>("payments").intents.provider("sandbox")!;
			const { authorize, lookUpAuthorization } = provider;
			const cut = () => Promise.reject(new Error("the connection was cut"));
			Object.assign(provider, { authorize: cut, lookUpAuthorization: cut });
			return () => Object.assign(provider, { authorize, lookUpAuthorization });
		};
		let speak: () => void;
		afterEach(() => speak());

		it("gives up at its deadline rather than charge a buyer who left", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			speak = silence();
			const answer = await desk.checkout(cart);
			expect(answer.reply).toMatchObject({ status: 202 });
			expect(answer.result!.operation!.nextAction).toBeUndefined();
			const { id } = answer.result!.operation!;
			desk.clock.move(minutes);
			await until(
				() => desk.saga(id),
				saga => saga!.status === "compensating" || saga!.status === "compensated",
			);
			expect((await desk.saga(id))!.problem).toMatchObject({ code: "service_unavailable" });
			speak();
			await desk.ended(id);
			await nothingIsHeld(cart, sku, 1);
		});
	});
});
