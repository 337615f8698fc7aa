// Whoever is flagged has their bank asked at every checkout until they are cleared: also where the order is looked at as well, and while risk is away.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ask, tell } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import type { SqlTx } from "../../../mixins/sql/tx.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { heardBy } from "../../../test/support/order-neighbours.ts";
import { userCleared, userFlagged } from "../../risk/fraud/cases.contract.ts";
import { decideAuthentication } from "../payments/providers/sandbox.contract.ts";
import { type Desk, type Holder, startDesk, until } from "./orders.desk.suite.ts";
import type { OrdersService } from "./orders.service.ts";

let desk: Desk;
beforeAll(async () => {
	desk = await startDesk({ env: { STOA_RISK_TIMEOUT: "PT0.2S" } });
});
afterEach(() => {
	desk.passing(() => undefined);
	desk.risk.back();
	desk.risk.isFlagged = false;
	desk.catalogue.price = 2500;
});
afterAll(() => desk.stoa.stop());

const usr = () => newId("usr", Date.now());
const aCart = async (userId: string) => desk.aBuyer(userId, await desk.aSku(1));

/** The buyer's bank asks, and is answered. Answers the order's id. */
async function answersTheBank(cart: Holder): Promise<string> {
	const { result, reply } = await desk.checkout(cart);
	expect(reply).toMatchObject({ status: 202 });
	expect(result!.operation).toMatchObject({ status: "pending", nextAction: { type: "authenticate" } });
	const { id, nextAction } = result!.operation!;
	expect(await desk.operation(id, cart)).not.toHaveProperty("result");
	await ask(desk.stoa.broker, decideAuthentication, { paymentId: nextAction!.paymentId, outcome: "succeed" });
	return (await desk.placedFrom(cart))!.order.id;
}

async function isHeldUntilApproved(cart: Holder, orderId: string): Promise<void> {
	expect(await desk.order(orderId, cart)).toMatchObject({ status: "onHold" });
	const { id } = await desk.attempt(cart);
	await until(
		() => desk.saga(id),
		saga => saga!.status === "waiting" && saga!.owner === null,
	);
	const { nextAction, result, status } = await desk.operation(id, cart);
	expect({ nextAction, result, status }).toEqual({ nextAction: undefined, result: { orderId }, status: "pending" });
	await desk.decide(orderId, "approved");
	expect((await desk.ended(id))!.status).toBe("succeeded");
	expect(await desk.order(orderId, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured" });
}

describe("a flagged buyer whose order has to be looked at", () => {
	it("is asked by their bank first, and the order is held afterwards", async () => {
		desk.risk.outcome = "review";
		desk.risk.isFlagged = true;
		const cart = await aCart(usr());
		await isHeldUntilApproved(cart, await answersTheBank(cart));
	});

	it("buys nothing when the bank is not satisfied", async () => {
		desk.risk.outcome = "review";
		desk.risk.isFlagged = true;
		const cart = await aCart(usr());
		const { id, nextAction } = (await desk.checkout(cart)).result!.operation!;
		await ask(desk.stoa.broker, decideAuthentication, { paymentId: nextAction!.paymentId, outcome: "fail" });
		expect(await desk.ended(id)).toMatchObject({ status: "compensated", problem: { code: "card_declined" } });
		expect(await desk.cart(cart)).toBe("open");
	});

	it("is not asked where there is no bank, and the order is held", async () => {
		desk.risk.outcome = "review";
		desk.risk.isFlagged = true;
		desk.catalogue.price = 0;
		const cart = await aCart(usr());
		expect((await desk.checkout(cart)).result!.operation).toMatchObject({ status: "pending" });
		await isHeldUntilApproved(cart, (await desk.placedFrom(cart))!.order.id);
	});

	it("who is not flagged is not asked by their bank", async () => {
		desk.risk.outcome = "review";
		const cart = await aCart(usr());
		expect((await desk.checkout(cart)).result!.operation).not.toHaveProperty("nextAction");
		await isHeldUntilApproved(cart, (await desk.placedFrom(cart))!.order.id);
	});
});

describe("while risk is away", () => {
	async function says(event: typeof userFlagged | typeof userCleared, userId: string): Promise<void> {
		const { store } = desk.stoa.service<SqlService<SqlTx>>("fraud");
		await store.transaction(async tx => tell(tx, event, { userId, reasons: [] }));
		await heardBy(desk.stoa, "orders", ["fraud"]);
	}
	const passes = async (cart: Holder) =>
		expect((await desk.checkout(cart)).result).toMatchObject({ status: "confirmed", riskUnavailable: true });

	it("whoever is flagged is asked by their bank until they are cleared, and nobody else is", async () => {
		const [flagged, other] = [usr(), usr()];
		await says(userFlagged, flagged);
		await says(userFlagged, flagged);
		desk.risk.away();
		const cart = await aCart(flagged);
		const orderId = await answersTheBank(cart);
		await desk.ended((await desk.attempt(cart)).id);
		expect(await desk.order(orderId, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured", riskUnavailable: true });
		await passes(await aCart(other));
		await passes(await desk.aGuest(await desk.aSku(1)));
		await says(userCleared, flagged);
		await passes(await aCart(flagged));
		await says(userCleared, other);
	});

	it("what costs much is asked about at their bank, and held", async () => {
		const flagged = usr();
		await says(userFlagged, flagged);
		desk.risk.away();
		desk.catalogue.price = 10_000;
		const cart = await aCart(flagged);
		await isHeldUntilApproved(cart, await answersTheBank(cart));
	});

	it("what costs nothing is held, for there is no bank to ask", async () => {
		const flagged = usr();
		await says(userFlagged, flagged);
		desk.risk.away();
		desk.catalogue.price = 0;
		const cart = await aCart(flagged);
		expect((await desk.checkout(cart)).result!.operation).toMatchObject({ status: "pending" });
		await isHeldUntilApproved(cart, (await desk.placedFrom(cart))!.order.id);
	});

	it("what risk itself last said of somebody does not count when it is there to be asked", async () => {
		const flagged = usr();
		await says(userFlagged, flagged);
		expect((await desk.checkout(await aCart(flagged))).result).toMatchObject({ status: "confirmed" });
	});

	describe("a declined card", () => {
		const told = async (cart: Holder) => {
			const { orderId } = (await desk.attempt(cart)).state as { orderId: string };
			const { facts } = desk.stoa.service<OrdersService>("orders").store;
			return (await facts.find({ key: orderId, limit: 10 })).filter(({ type }) => type !== "orders.checkoutRequested");
		};
		const declined = async (pay: string, code: string) => {
			const cart = await desk.aGuest(await desk.aSku(1));
			expect(await desk.checkout(cart, { pay })).toMatchObject({ refused: code });
			return cart;
		};

		it("is told with everything that was in the attempt, so that it can be counted later", async () => {
			desk.risk.away();
			const cart = await declined("tok_chargeDeclined", "card_declined");
			const { id, state } = await desk.attempt(cart);
			const { orderId, paymentId } = state as { orderId: string; paymentId: string };
			const inIt = {
				attemptId: id,
				orderId,
				paymentId,
				sessionId: cart.id,
				addressHash: expect.any(String),
				instrument: expect.any(String),
			};
			const data = { orderId, attempt: expect.objectContaining(inIt), declineCode: expect.any(String) };
			expect(await told(cart)).toMatchObject([{ type: "orders.declinedUnassessed", data }]);
			expect(JSON.stringify(await told(cart))).not.toMatch(/tok_|127\.0\.0\.1/);
		});

		it("is told once, although its checkout dies on the way", async () => {
			desk.risk.away();
			const left = desk.dieAt("checkout/authorize payment/undo/after", "checkout/claim cart/undo/after");
			const cart = await declined("tok_chargeDeclined", "card_declined");
			expect([...left]).toEqual([]);
			expect(await told(cart)).toHaveLength(1);
		});

		it("is told of nobody else: not of an attempt that risk has judged, nor of one whose provider was away", async () => {
			expect(await told(await declined("tok_chargeDeclined", "card_declined"))).toEqual([]);
			desk.risk.away();
			expect(await told(await declined("tok_unavailable", "service_unavailable"))).toEqual([]);
		});
	});
});
