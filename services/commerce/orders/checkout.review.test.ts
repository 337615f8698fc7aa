// An order that an analyst looks at first: nothing of it is lost or done twice, whoever decides, cancels, dies or does nothing.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { decideAuthentication } from "../payments/providers/sandbox.contract.ts";
import * as orders from "./orders.contract.ts";
import { type Desk, type Holder, startDesk, until } from "./orders.desk.suite.ts";

const hours = 60 * 60_000;
const { compensateSaga, retrySaga } = storeContract("orders");

describe("an order that is held for review", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk();
	});
	beforeEach(() => {
		desk.risk.outcome = "review";
	});
	afterEach(() => {
		desk.passing(() => undefined);
		desk.risk.back();
	});
	afterAll(() => desk.stoa.stop());

	const held = async () => {
		const sku = await desk.aSku(1);
		const cart = await desk.aGuest(sku);
		const key = desk.newKey();
		const { result, reply } = await desk.checkout(cart, { key });
		expect(reply).toMatchObject({ status: 202 });
		expect(result!.operation).toMatchObject({ status: "pending" });
		const { id, state } = await until(
			() => desk.attempt(cart),
			saga => saga.status === "waiting",
		);
		return { sku, cart, key, operationId: id, orderId: state.orderId as string };
	};
	type Held = Awaited<ReturnType<typeof held>>;

	async function isPaid({ sku, cart, key, operationId, orderId }: Held): Promise<void> {
		expect((await desk.ended(operationId))!.status).toBe("succeeded");
		expect(await desk.charges(orderId)).toEqual([{ status: "captured", captured: 2500, refunded: 0 }]);
		expect(await desk.order(orderId, cart)).toMatchObject({ status: "confirmed", paymentStatus: "captured" });
		expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "held", "placed", "paid"]);
		expect(await desk.timeline(orderId, cart)).toEqual(["onHold", "placed", "paid"]);
		expect(await desk.cart(cart)).toBe("completed");
		expect(await desk.shelf(sku)).toBe(0);
		expect(await desk.kept(orderId)).toMatchObject({ process: null, cancelRequest: null });
		expect(await desk.checkout(cart, { key })).toMatchObject({ result: { id: orderId }, reply: { status: 201, replayed: true } });
	}

	/** Stock and money are back, the order stands there cancelled, told once, and its cart is not bought again. */
	async function isUndone({ sku, cart, orderId }: Held, charge = { status: "voided", captured: 0, refunded: 0 }): Promise<void> {
		await desk.allEnded();
		expect(await desk.charges(orderId)).toEqual([charge]);
		const paymentStatus = charge.captured > 0 ? "refunded" : "voided";
		const cancelled = { status: "cancelled", paymentStatus, fulfilmentStatus: "cancelled", payments: [{ status: paymentStatus }] };
		expect(await desk.order(orderId, cart)).toMatchObject(cancelled);
		expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "held", "cancelled"]);
		expect((await desk.timeline(orderId, cart)).at(-1)).toBe("cancelled");
		expect(await desk.cart(cart)).toBe("completed");
		expect(await desk.shelf(sku)).toBe(1);
		expect(await desk.stockIsSound()).toBe(true);
		expect(await desk.kept(orderId)).toMatchObject({ process: null, cancelRequest: null });
		expect(await desk.checkout(cart)).toMatchObject({ refused: "cart_not_open" });
	}

	async function isRejected(attempt: Held, charge?: { status: string; captured: number; refunded: number }): Promise<void> {
		await isUndone(attempt, charge);
		const { cart, key, operationId } = attempt;
		const { status, problem } = await desk.operation(operationId, cart);
		expect({ status, problem }).toMatchObject({ status: "compensated", problem: { code: "fraud_rejected", status: 422 } });
		expect(await desk.checkout(cart, { key })).toMatchObject({ refused: "fraud_rejected", reply: { replayed: true } });
	}

	it("has its money and its stock held, can be read by its buyer and found by staff, and is told as held alone", async () => {
		const { sku, cart, key, operationId, orderId } = await held();
		const order = await desk.order(orderId, cart);
		expect(order).toMatchObject({ status: "onHold", paymentStatus: "authorized", fulfilmentStatus: "unfulfilled" });
		expect(await desk.payments(orderId)).toMatchObject([{ status: "authorized" }]);
		expect(await desk.shelf(sku)).toBe(0);
		const { data } = await ask(desk.stoa.broker, orders.list, { status: "onHold" }, desk.staff("support"));
		expect(data).toContainEqual(order);
		const confirmed = await ask(desk.stoa.broker, orders.list, { status: "confirmed" }, desk.staff("support"));
		expect(confirmed.data.map(({ id }) => id)).not.toContain(orderId);
		expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "held"]);
		const { nextAction, result, status, steps } = await desk.operation(operationId, cart);
		// A guest has no list of orders to find it in.
		expect({ nextAction, result, status }).toEqual({ nextAction: undefined, result: { orderId }, status: "pending" });
		expect(steps).toContainEqual({ name: "await approval", status: "running" });
		expect(await desk.checkout(cart, { key })).toMatchObject({ result: { operation: { id: operationId } }, reply: { status: 202 } });
		expect(await desk.checkout(cart)).toMatchObject({ refused: "cart_not_open" });
		await desk.decide(orderId, "approved");
		await desk.ended(operationId);
	});

	describe("and approved", () => {
		it("is placed, charged and told", async () => {
			const attempt = await held();
			await desk.decide(attempt.orderId, "approved");
			await isPaid(attempt);
		});

		it("twice, and rejected after that, is approved once", async () => {
			const attempt = await held();
			await Promise.all([desk.decide(attempt.orderId, "approved"), desk.decide(attempt.orderId, "approved")]);
			await desk.decide(attempt.orderId, "rejected");
			await isPaid(attempt);
		});

		it("while the shop was closed goes on when it opens", async () => {
			const attempt = await held();
			await desk.stoa.service<{ store: { sagas: { stop(): Promise<void> } } }>("orders").store.sagas.stop();
			await desk.decide(attempt.orderId, "approved");
			await desk.stoa.restart();
			await isPaid(attempt);
		});

		it("in the moment in which its checkout falls asleep is not overlooked", async () => {
			const cart = await desk.aGuest(await desk.aSku(1));
			let decided: Promise<void> | undefined;
			// Seen as undecided, and decided before it sleeps.
			desk.passing(point => {
				if (point !== "checkout/await approval/after" || decided) return;
				decided = desk.placedFrom(cart).then(kept => desk.risk.decide(desk.stoa, kept!.order.id, "approved"));
			});
			const { operation } = (await desk.checkout(cart)).result!;
			const id = operation?.id ?? (await desk.attempt(cart)).id;
			await decided;
			expect((await desk.ended(id))!.status).toBe("succeeded");
		});

		it("before there was an order, while the buyer's bank was asked, is not held any more", async () => {
			const cart = await desk.aGuest(await desk.aSku(1));
			const { operation } = (await desk.checkout(cart, { pay: "tok_authenticationRequired" })).result!;
			const { orderId } = (await desk.attempt(cart)).state as { orderId: string };
			await desk.decide(orderId, "approved");
			await ask(desk.stoa.broker, decideAuthentication, { paymentId: operation!.nextAction!.paymentId, outcome: "succeed" });
			expect((await desk.ended(operation!.id))!.status).toBe("succeeded");
			expect(await desk.facts(orderId)).toEqual(["checkoutRequested", "placed", "paid"]);
		});
	});

	describe("and rejected", () => {
		it("gives everything back and answers its client so for ever", async () => {
			const attempt = await held();
			await desk.decide(attempt.orderId, "rejected");
			await isRejected(attempt);
			const { data } = await ask(desk.stoa.broker, orders.timeline, { id: attempt.orderId }, { meta: attempt.cart.meta });
			expect(data.map(({ detail }) => detail).join()).not.toMatch(/risk|fraud|rule|score/i);
		});

		it("after somebody took the held money by hand gives that back", async () => {
			const attempt = await held();
			const [payment] = await desk.payments(attempt.orderId);
			await desk.capture(payment!.id);
			await desk.decide(attempt.orderId, "rejected");
			await isRejected(attempt, { status: "captured", captured: 2500, refunded: 2500 });
		});

		it("before there was an order leaves none", async () => {
			const sku = await desk.aSku(1);
			const cart = await desk.aGuest(sku);
			const { operation } = (await desk.checkout(cart, { pay: "tok_authenticationRequired" })).result!;
			const { orderId } = (await desk.attempt(cart)).state as { orderId: string };
			await desk.decide(orderId, "rejected");
			await ask(desk.stoa.broker, decideAuthentication, { paymentId: operation!.nextAction!.paymentId, outcome: "succeed" });
			expect((await desk.ended(operation!.id))!).toMatchObject({ status: "compensated", problem: { code: "fraud_rejected" } });
			expect(await desk.facts(orderId)).toEqual(["checkoutRequested"]);
			expect(await desk.cart(cart)).toBe("open");
			expect(await desk.shelf(sku)).toBe(1);
			expect(await desk.charges(orderId)).toMatchObject([{ status: "voided" }]);
		});

		it("while its buyer cancels is cancelled once, and the buyer is told so", async () => {
			const attempt = await held();
			let isStuck = true;
			desk.passing(point => {
				if (isStuck && point === "checkout/authorize payment/undo/before") throw new Error("cannot now");
			});
			await desk.decide(attempt.orderId, "rejected");
			await until(
				() => desk.saga(attempt.operationId),
				saga => saga!.status === "compensating",
			);
			const cancelled = desk.cancel(attempt.orderId, attempt.cart);
			await until(
				() => desk.kept(attempt.orderId),
				({ cancelRequest }) => cancelRequest !== null,
			);
			isStuck = false;
			expect((await cancelled).result).toMatchObject({ status: "cancelled", paymentStatus: "voided" });
			await isRejected(attempt);
		});
	});

	it("and left lying is undone after 72 hours, not before", async () => {
		const attempt = await held();
		desk.clock.move(72 * hours - 60_000);
		await new Promise(resolve => setTimeout(resolve, 700));
		expect((await desk.saga(attempt.operationId))!.status).toBe("waiting");
		desk.clock.move(60_000);
		// Its key is remembered all that time, and a day longer.
		await desk.ended(attempt.operationId);
		await isRejected(attempt);
	});

	it("stays asleep when an operator retries it, and is undone when one gives it up", async () => {
		const attempt = await held();
		await ask(desk.stoa.broker, retrySaga, { id: attempt.operationId });
		await until(
			() => desk.saga(attempt.operationId),
			saga => saga!.status === "waiting" && saga!.owner === null,
		);
		const given = () =>
			ask(desk.stoa.broker, compensateSaga, { id: attempt.operationId })
				.then(() => true)
				.catch(() => false);
		while (!(await given())) await new Promise(resolve => setTimeout(resolve, 10));
		await isUndone(attempt);
	});

	describe("and cancelled", () => {
		it("by its buyer is given back at once; what is decided later changes nothing", async () => {
			const attempt = await held();
			const { orderId, cart, key, operationId } = attempt;
			const cancelKey = desk.newKey();
			const { result, reply } = await desk.cancel(orderId, cart, cancelKey);
			expect(result).toMatchObject({ id: orderId, status: "cancelled", paymentStatus: "voided" });
			expect(reply?.status ?? 200).toBe(200);
			await isUndone(attempt);
			await desk.decide(orderId, "approved");
			await isUndone(attempt);
			expect(await desk.cancel(orderId, cart, cancelKey)).toMatchObject({ result, reply: { replayed: true } });
			const { status, result: left, problem } = await desk.operation(operationId, cart);
			expect({ status, left, problem }).toMatchObject({
				status: "compensated",
				left: { orderId },
				problem: { code: "order_state_conflict" },
			});
			const repeated = await desk.checkout(cart, { key });
			expect(repeated).toMatchObject({ refused: "order_state_conflict", reply: { replayed: true } });
			expect(await desk.checkout(cart, { key })).toEqual(repeated);
		});

		it("by staff, five times at once, is cancelled once", async () => {
			const attempt = await held();
			const answers = await Promise.all(Array.from({ length: 5 }, () => desk.cancel(attempt.orderId, desk.staff("support"))));
			for (const { result } of answers) expect(result).toMatchObject({ status: "cancelled" });
			await isUndone(attempt);
		});

		it.each(["approved", "rejected"] as const)("in the moment in which it is %s is cancelled, before or after", async decision => {
			for (let round = 0; round < 5; round++) {
				const attempt = await held();
				const { orderId, cart } = attempt;
				const [{ result }] = await Promise.all([desk.cancel(orderId, cart), desk.decide(orderId, decision)]);
				expect(result).toMatchObject({ status: "cancelled" });
				await desk.allEnded();
				const told = (await desk.facts(orderId)).join(" ");
				expect(told).toMatch(/^checkoutRequested held( placed( paid)?)? cancelled$/);
				const [charge] = await desk.charges(orderId);
				expect(charge).toMatchObject(
					told.includes("paid") ? { captured: 2500, refunded: 2500 } : { status: expect.stringMatching(/voided|captured/) },
				);
				expect(charge!.captured).toBe(charge!.refunded);
				expect(await desk.shelf(attempt.sku)).toBe(1);
			}
		});
	});

	const undone = ["authorize payment", "reserve stock", "claim cart"].flatMap(step => [`${step}/undo/before`, `${step}/undo/after`]);
	const after = ["commit stock", "capture payment", "complete cart"].flatMap(step => [`${step}/before`, `${step}/after`, `${step}/saved`]);
	const dying = ["place order/saved", "await approval/before", "await approval/after"];

	describe("whose owner dies", () => {
		const way = (
			name: string,
			points: readonly string[],
			decides: (attempt: Held) => Promise<unknown>,
			holds: (attempt: Held) => Promise<void>,
		) =>
			it.each(points)(`at %s, when it is ${name}`, async point => {
				const isOnItsWay = dying.includes(point);
				let left = isOnItsWay ? desk.dieAt(`checkout/${point}`) : new Set<string>();
				const attempt = await held();
				if (!isOnItsWay) left = desk.dieAt(`checkout/${point}`);
				await decides(attempt);
				await desk.allEnded();
				expect([...left]).toEqual([]);
				await holds(attempt);
			});
		const decided = (decision: "approved" | "rejected") => (attempt: Held) => desk.decide(attempt.orderId, decision);
		const cancels = ({ orderId, cart }: Held) => desk.cancel(orderId, cart);

		way("approved", [...dying, "await approval/saved", ...after], decided("approved"), isPaid);
		way("rejected", [...dying, ...undone], decided("rejected"), isRejected);
		way("cancelled", ["await approval/before", "await approval/after", "await approval/saved", "complete cart/saved"], cancels, isUndone);
	});

	it("holds whoever buys nothing else up: its neighbours are served meanwhile", async () => {
		const attempt = await held();
		desk.risk.outcome = "allow";
		const other: Holder = await desk.aGuest(await desk.aSku(1));
		expect((await desk.checkout(other)).result).toMatchObject({ status: "confirmed" });
		await desk.decide(attempt.orderId, "approved");
		await isPaid(attempt);
	});
});
