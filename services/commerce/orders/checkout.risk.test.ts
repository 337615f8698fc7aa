// What risk says of a checkout, and what a checkout does when risk says nothing.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { validationFailed } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import { decideAuthentication } from "../payments/providers/sandbox.contract.ts";
import { type Desk, eur, type Holder, startDesk, until } from "./orders.desk.suite.ts";
import type { OrdersService } from "./orders.service.ts";

describe("a checkout whose risk is late", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk({ env: { STOA_RISK_TIMEOUT: "PT10S" } });
	});
	afterEach(() => desk.risk.back());
	afterAll(() => desk.stoa.stop());

	const asked = async (cart: Holder, times: number) => {
		const { id, state } = await desk.attempt(cart);
		await until(
			async () => desk.risk.assessed.filter(({ attemptId }) => attemptId === id).length,
			count => count >= times,
		);
		return state.orderId as string;
	};

	it.each(["allow", "block"] as const)("asks again, authorizes nothing before the answer, and follows it: %s", async outcome => {
		desk.risk.silent();
		const cart = await desk.aGuest(await desk.aSku(1));
		const answer = desk.checkout(cart);
		const orderId = await asked(cart, 2);
		expect(await desk.payments(orderId)).toEqual([]);
		desk.risk.back();
		desk.risk.outcome = outcome;
		const { result, refused } = await answer;
		expect(refused).toBe(outcome === "block" ? "fraud_rejected" : undefined);
		if (outcome === "block") expect(await desk.payments(orderId)).toEqual([]);
		else expect(result).toMatchObject({ status: "confirmed", paymentStatus: "captured" });
		expect(result ?? {}).not.toHaveProperty("riskUnavailable");
	});

	it("asks again when risk could not judge for a moment", async () => {
		desk.risk.away();
		const cart = await desk.aGuest(await desk.aSku(1));
		const answer = desk.checkout(cart);
		const orderId = await asked(cart, 1);
		expect(await desk.payments(orderId)).toEqual([]);
		desk.risk.back();
		const { result } = await answer;
		expect(result).toMatchObject({ status: "confirmed" });
		expect(result).not.toHaveProperty("riskUnavailable");
	});
});

describe("a checkout", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk({ env: { STOA_RISK_TIMEOUT: "PT0.2S" } });
	});
	afterEach(() => {
		desk.passing(() => undefined);
		desk.risk.back();
		desk.catalogue.price = 2500;
	});
	afterAll(() => desk.stoa.stop());

	async function nothingIsHeld(cart: Holder, sku: string, stock: number): Promise<void> {
		expect(await desk.cart(cart)).toBe("open");
		expect(await desk.shelf(sku)).toBe(stock);
		expect(await desk.stockIsSound()).toBe(true);
		const { state } = await desk.attempt(cart);
		for (const { status } of await desk.charges(state.orderId as string)) expect(["voided", "declined"]).toContain(status);
		expect(await desk.stoa.service<OrdersService>("orders").store.reader.orderOfCart(cart.id)).toBeUndefined();
	}

	describe("tells risk", () => {
		it("who pays how much with what, by ids and hashes, before any money is held", async () => {
			const userId = newId("usr", Date.now());
			const cart = await desk.aBuyer(userId, await desk.aSku(1));
			desk.risk.outcome = "block";
			await desk.checkout(cart);
			const { id, state } = await desk.attempt(cart);
			expect(await desk.payments(state.orderId as string)).toEqual([]);
			expect(desk.risk.assessed.at(-1)).toEqual({
				attemptId: id,
				orderId: state.orderId,
				paymentId: state.paymentId,
				userId,
				sessionId: `ses_${userId}`,
				addressHash: expect.any(String),
				deviceHash: null,
				instrument: expect.any(String),
				isShared: true,
				amount: eur(2500),
				country: "GR",
				itemCount: 1,
			});
			expect(JSON.stringify(desk.risk.assessed.at(-1))).not.toMatch(/127\.0\.0\.1|tok_/);
		});

		it("of a guest the cart as the session, and of what costs nothing no instrument", async () => {
			const cart = await desk.aGuest(await desk.aSku(2), 2);
			desk.catalogue.price = 0;
			expect((await desk.checkout(cart)).result).toMatchObject({ status: "confirmed" });
			expect(desk.risk.assessed.at(-1)).toMatchObject({ userId: null, sessionId: cart.id, instrument: null, amount: eur(0), itemCount: 2 });
		});

		it.each([
			["a card was declined", "tok_chargeDeclined", "card_declined", "declined"],
			["the provider was away", "tok_unavailable", "service_unavailable", "unavailable"],
		])("that %s, before the buyer hears it", async (_, pay, code, outcome) => {
			const cart = await desk.aGuest(await desk.aSku(1));
			expect(await desk.checkout(cart, { pay })).toMatchObject({ refused: code });
			expect(desk.risk.concluded.at(-1)).toMatchObject({ attemptId: (await desk.attempt(cart)).id, outcome });
		});

		it("nothing that it waits for: a decline is answered although risk does not listen", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			desk.risk.silent();
			expect(await desk.checkout(cart, { pay: "tok_chargeDeclined" })).toMatchObject({ refused: "card_declined" });
			await nothingIsHeld(cart, sku, 1);
		});
	});

	describe("that risk blocks", () => {
		it("is refused without a word why, holds nothing, and stays refused under its key", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			const key = desk.newKey();
			desk.risk.outcome = "block";
			expect(await desk.checkout(cart, { key })).toMatchObject({ refused: "fraud_rejected", reply: { replayed: false } });
			await nothingIsHeld(cart, sku, 1);
			const { id } = await desk.attempt(cart);
			const { status, problem } = await desk.operation(id, cart);
			expect({ status, problem }).toMatchObject({ status: "compensated", problem: { code: "fraud_rejected", status: 422 } });
			desk.risk.back();
			expect(await desk.checkout(cart, { key })).toMatchObject({ refused: "fraud_rejected", reply: { replayed: true } });
			expect((await desk.checkout(cart)).result).toMatchObject({ status: "confirmed" });
		});
	});

	describe("that risk challenges", () => {
		it("has the buyer's bank asked although the card would pay, and is an order when the buyer has answered", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			const key = desk.newKey();
			desk.risk.outcome = "challenge";
			const { result, reply } = await desk.checkout(cart, { key });
			expect(reply).toMatchObject({ status: 202 });
			expect(result!.operation).toMatchObject({ status: "pending", nextAction: { type: "authenticate" } });
			const { id, nextAction } = result!.operation!;
			expect(await desk.checkout(cart, { key })).toMatchObject({ result: { operation: { id } }, reply: { status: 202 } });
			await ask(desk.stoa.broker, decideAuthentication, { paymentId: nextAction!.paymentId, outcome: "succeed" });
			const orderId = (await desk.ended(id))!.state.orderId as string;
			expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "placed", "paid"]);
			expect(await desk.checkout(cart, { key })).toMatchObject({ result: { id: orderId }, reply: { status: 201, replayed: true } });
		});

		it("is undone when the buyer fails", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			desk.risk.outcome = "challenge";
			const { id, nextAction } = (await desk.checkout(cart)).result!.operation!;
			await ask(desk.stoa.broker, decideAuthentication, { paymentId: nextAction!.paymentId, outcome: "fail" });
			await desk.ended(id);
			await nothingIsHeld(cart, sku, 1);
			expect(desk.risk.concluded.at(-1)).toMatchObject({ attemptId: id, outcome: "declined", reason: "authentication_failed" });
		});

		it("is held for an analyst where there is no bank to ask", async () => {
			const cart = await desk.aGuest(await desk.aSku(1));
			desk.catalogue.price = 0;
			desk.risk.outcome = "challenge";
			const { operation } = (await desk.checkout(cart)).result!;
			expect(operation).toMatchObject({ status: "pending" });
			const { orderId } = (await desk.attempt(cart)).state as { orderId: string };
			expect(await desk.order(orderId, cart)).toMatchObject({ status: "onHold", payments: [] });
			expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "held"]);
			await desk.decide(orderId, "approved");
			await desk.ended(operation!.id);
			expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "held", "placed", "paid"]);
		});
	});

	describe("while risk", () => {
		const passes = async (cart: Holder) => {
			const { result, reply } = await desk.checkout(cart);
			expect(reply).toMatchObject({ status: 201 });
			expect(result).toMatchObject({ status: "confirmed", paymentStatus: "captured", riskUnavailable: true });
			expect(await desk.order(result!.id, cart)).toEqual(result);
			expect(await desk.facts(result!.id)).toEqual(["checkoutRequested", "placed", "unassessed", "paid"]);
			expect(await desk.timeline(result!.id, cart)).toEqual(["placed", "riskUnavailable", "paid"]);
			return result!;
		};
		const toldLater = async (orderId: string) =>
			(await desk.stoa.service<OrdersService>("orders").store.facts.find({ key: orderId, type: "orders.unassessed", limit: 2 })).map(
				({ data }) => data,
			);

		it("is away passes below the limit, marked, and is handed over for later", async () => {
			desk.risk.away();
			const cart = await desk.aGuest(await desk.aSku(1));
			desk.catalogue.price = 9999;
			const { id, totals } = await passes(cart);
			const { id: attemptId } = await desk.attempt(cart);
			const attempt = expect.objectContaining({ attemptId, orderId: id, amount: totals.total, sessionId: cart.id });
			expect(await toldLater(id)).toEqual([{ orderId: id, cartId: cart.id, userId: null, total: totals.total, isHeld: false, attempt }]);
		});

		it("does not answer in time passes below the limit all the same", async () => {
			desk.risk.silent();
			await passes(await desk.aGuest(await desk.aSku(1)));
		});

		it("is away is held from the limit on, and goes on when it was judged", async () => {
			desk.risk.away();
			desk.catalogue.price = 10_000;
			const cart = await desk.aGuest(await desk.aSku(1));
			const { operation } = (await desk.checkout(cart)).result!;
			expect(operation).toMatchObject({ status: "pending" });
			const { orderId } = (await desk.attempt(cart)).state as { orderId: string };
			expect(await desk.order(orderId, cart)).toMatchObject({ status: "onHold", riskUnavailable: true });
			expect(await toldLater(orderId)).toMatchObject([{ orderId, isHeld: true }]);
			await desk.decide(orderId, "approved");
			expect((await desk.ended(operation!.id))!.status).toBe("succeeded");
			expect(await desk.order(orderId, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured", riskUnavailable: true });
		});

		it("refuses to judge is not answered with that refusal: it is a defect, and tried again", async () => {
			desk.risk.refusal = validationFailed({ errors: [{ pointer: "/country", code: "pattern", detail: "is no country" }] });
			const cart = await desk.aGuest(await desk.aSku(1));
			const answer = desk.checkout(cart);
			const { id } = await desk.attempt(cart);
			await until(
				() => desk.saga(id),
				saga => saga!.attempts > 0,
			);
			desk.risk.back();
			expect((await answer).result).toMatchObject({ status: "confirmed" });
			expect((await answer).result).not.toHaveProperty("riskUnavailable");
		});

		describe("was away, and an analyst then rejects the order", () => {
			it("cancels it in the shop's name and gives everything back, once", async () => {
				desk.risk.away();
				const sku = await desk.aSku(1);
				const cart = await desk.aGuest(sku);
				const { id } = await passes(cart);
				await desk.decide(id, "rejected");
				await desk.decide(id, "rejected");
				const cancelled = await until(
					() => desk.order(id, cart),
					({ status }) => status === "cancelled",
				);
				expect(cancelled).toMatchObject({ paymentStatus: "refunded", fulfilmentStatus: "cancelled" });
				await desk.allEnded();
				expect(await desk.charges(id)).toEqual([{ status: "captured", captured: 2500, refunded: 2500 }]);
				expect(await desk.shelf(sku)).toBe(1);
				expect(await desk.facts(id)).toEqual(["checkoutRequested", "placed", "unassessed", "paid", "cancelled"]);
				const { store } = desk.stoa.service<OrdersService>("orders");
				const [told] = await store.facts.find({ key: id, type: "orders.cancelled", limit: 1 });
				expect(told).toMatchObject({ actor: { kind: "system", id: "fraud" } });
			});

			it("leaves alone what has left the house, what is cancelled already, and what nobody knows", async () => {
				desk.risk.away();
				const cart = await desk.aGuest(await desk.aSku(1));
				const shipped = await passes(cart);
				const { store } = desk.stoa.service<OrdersService>("orders");
				await store.transaction(async tx => void (await tx.saveOrder({ ...shipped, fulfilmentStatus: "shipped" })));
				await desk.decide(shipped.id, "rejected");
				const regretting = await desk.aGuest(await desk.aSku(1));
				const regretted = await passes(regretting);
				await desk.cancel(regretted.id, regretting);
				await desk.decide(regretted.id, "rejected");
				await desk.decide(newId("ord", Date.now()), "rejected");
				expect(await desk.order(shipped.id, cart)).toMatchObject({ status: "confirmed", fulfilmentStatus: "shipped" });
				expect((await desk.facts(regretted.id)).filter(type => type === "cancelled")).toHaveLength(1);
				expect(await store.inbox.letters({ limit: 10 })).toEqual([]);
			});
		});

		it("is not there at all passes below the limit", async () => {
			await desk.stoa.broker.destroyService("fraud");
			await passes(await desk.aGuest(await desk.aSku(1)));
		});
	});
});
