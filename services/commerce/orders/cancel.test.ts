// Cancelling, at every step that a checkout can stand at, and whatever else moves the order's money at the same time.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { crashPointsOf } from "../../../lib/saga.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { cancelOrderSaga } from "./cancel-order.saga.ts";
import { type Desk, type Holder, startDesk, until } from "./orders.desk.suite.ts";
import type { OrdersService } from "./orders.service.ts";

const { compensateSaga } = storeContract("orders");

describe("cancelling an order", () => {
	let desk: Desk;
	let sku: string;
	beforeAll(async () => {
		desk = await startDesk();
		sku = await desk.aSku(1000);
	});
	afterEach(() => desk.passing(() => undefined));
	afterAll(async () => {
		expect(await desk.shelf(sku)).toBe(1000 - sold);
		expect(await desk.stockIsSound()).toBe(true);
		await desk.stoa.stop();
	});
	/** Orders that no test cancelled. */
	let sold = 0;
	const bought = async () => {
		const cart = await desk.aGuest(sku);
		const { result } = await desk.checkout(cart);
		return { cart, id: result!.id, paymentId: result!.payments[0]!.id };
	};
	const voided = [{ status: "voided", captured: 0, refunded: 0 }];
	const refunded = [{ status: "captured", captured: 2500, refunded: 2500 }];

	async function isCancelled(id: string, cart: Holder, charges: typeof voided): Promise<void> {
		const paymentStatus = charges[0]!.captured > 0 ? "refunded" : "voided";
		expect(await desk.charges(id)).toEqual(charges);
		const order = await desk.order(id, cart);
		expect(order).toMatchObject({
			status: "cancelled",
			fulfilmentStatus: "cancelled",
			paymentStatus,
			payments: [{ status: paymentStatus }],
		});
		expect((await desk.facts(id)).filter(type => type === "cancelled")).toHaveLength(1);
		expect((await desk.timeline(id, cart)).slice(-1)).toEqual(["cancelled"]);
		expect(await desk.kept(id)).toMatchObject({ process: null, cancelRequest: null });
	}

	it("gives stock and money back, once; twice is the same as once", async () => {
		const { cart, id } = await bought();
		const key = desk.newKey();
		const first = await desk.cancel(id, cart, key);
		expect(first.result).toMatchObject({ id, status: "cancelled", paymentStatus: "refunded" });
		await isCancelled(id, cart, refunded);
		const repeat = await desk.cancel(id, cart, key);
		expect(repeat).toEqual({ result: first.result, reply: expect.objectContaining({ replayed: true }) });
		const other = await desk.cancel(id, cart);
		expect(other.result).toEqual(first.result);
		expect(other.reply?.replayed).toBeFalsy();
		await isCancelled(id, cart, refunded);
	});

	it("asked for five times at once with five keys is one cancellation, and every key keeps its answer", async () => {
		const { cart, id } = await bought();
		const keys = Array.from({ length: 5 }, () => desk.newKey());
		const answers = await Promise.all(keys.map(key => desk.cancel(id, cart, key)));
		for (const { result, reply } of answers) {
			expect(result).toMatchObject({ id, status: "cancelled" });
			expect(reply?.replayed).toBeFalsy();
		}
		await isCancelled(id, cart, refunded);
		const repeats = await Promise.all(keys.map(key => desk.cancel(id, cart, key)));
		for (const { result, reply } of repeats) {
			expect(JSON.stringify(result)).toBe(JSON.stringify(answers[0]!.result));
			expect(reply?.replayed).toBe(true);
		}
	});

	it("asked for five times at once with one key is one cancellation, four times answered as repeats", async () => {
		const { cart, id } = await bought();
		const key = desk.newKey();
		const answers = await Promise.all(Array.from({ length: 5 }, () => desk.cancel(id, cart, key)));
		expect(new Set(answers.map(({ result }) => JSON.stringify(result))).size).toBe(1);
		expect(answers.filter(({ reply }) => reply?.replayed)).toHaveLength(4);
		await isCancelled(id, cart, refunded);
	});

	it("is nobody's but the buyer's and the staff's", async () => {
		const { cart, id } = await bought();
		expect(await desk.cancel(id, await desk.aGuest(sku))).toMatchObject({ refused: "not_found" });
		expect(await desk.cancel(id, desk.staff("merchant"))).toMatchObject({ refused: "not_found" });
		expect((await desk.cancel(id, desk.staff("support"))).result).toMatchObject({ status: "cancelled" });
		await isCancelled(id, cart, refunded);
	});

	it("leaves the answer that the checkout gave under its key as it was", async () => {
		const cart = await desk.aGuest(sku);
		const key = desk.newKey();
		const first = await desk.checkout(cart, { key });
		await desk.cancel(first.result!.id, cart);
		const again = await desk.checkout(cart, { key });
		expect(JSON.stringify(again.result)).toBe(JSON.stringify(first.result));
		expect(again.reply).toMatchObject({ status: 201, replayed: true });
		expect(await desk.checkout(cart)).toMatchObject({ refused: "cart_not_open" });
	});

	describe("while its checkout still runs", () => {
		/** Keeps a checkout from passing a point until the cancel was accepted. */
		async function cancelAt(point: string) {
			const cart = await desk.aGuest(sku);
			let isAccepted = false;
			desk.passing(passed => {
				if (!isAccepted && passed === `checkout/${point}`) throw new Error("cannot now");
			});
			const checkedOut = desk.checkout(cart);
			const { id } = (await desk.placedFrom(cart))!.order;
			await until(
				() => desk.attempt(cart),
				({ attempts }) => attempts > 0,
			);
			const key = desk.newKey();
			const cancelled = desk.cancel(id, cart, key);
			await until(
				() => desk.kept(id),
				({ cancelRequest }) => cancelRequest !== null,
			);
			isAccepted = true;
			return { cart, id, key, checkedOut: await checkedOut, cancelled: await cancelled };
		}

		it.each(["commit stock/before", "commit stock/after", "capture payment/before"])("at %s lets the held money go", async point => {
			const { cart, id, key, checkedOut, cancelled } = await cancelAt(point);
			expect(checkedOut).toMatchObject({ result: { id, status: "confirmed", paymentStatus: "authorized" }, reply: { status: 201 } });
			expect(cancelled.result).toMatchObject({ id, status: "cancelled", paymentStatus: "voided" });
			await isCancelled(id, cart, voided);
			expect(await desk.facts(id)).toEqual(["checkoutRequested", "placed", "cancelled"]);
			expect(await desk.cancel(id, cart, key)).toMatchObject({ result: cancelled.result, reply: { replayed: true } });
		});

		it.each(["capture payment/after", "complete cart/before", "complete cart/after"])("at %s gives the money back", async point => {
			const { cart, id, checkedOut, cancelled } = await cancelAt(point);
			expect(checkedOut).toMatchObject({ result: { id, status: "confirmed" }, reply: { status: 201 } });
			expect(cancelled.result).toMatchObject({ id, status: "cancelled", paymentStatus: "refunded" });
			await isCancelled(id, cart, refunded);
		});

		it("can be followed while the checkout cannot go on, and is answered when it can", async () => {
			const cart = await desk.aGuest(sku);
			let isStuck = true;
			desk.passing(point => {
				if (isStuck && point === "checkout/commit stock/before") throw new Error("cannot now");
			});
			const checkedOut = desk.checkout(cart);
			const { id } = (await desk.placedFrom(cart))!.order;
			const key = desk.newKey();
			const { result, reply } = await desk.cancel(id, cart, key);
			const { operation } = result!;
			expect(operation).toMatchObject({ kind: "cancelOrder", status: "pending" });
			expect(reply).toEqual({ status: 202, location: `/v1/operations/${operation!.id}` });
			expect(await desk.operation(operation!.id, cart)).toMatchObject({ status: "pending" });
			expect((await checkedOut).reply).toMatchObject({ status: 202 });
			isStuck = false;
			await desk.ended(operation!.id);
			await isCancelled(id, cart, voided);
			expect(await desk.cancel(id, cart, key)).toMatchObject({ result: { id, status: "cancelled" }, reply: { replayed: true } });
		}, 40_000);

		it("is carried through when the shop was closed in between", async () => {
			const cart = await desk.aGuest(sku);
			desk.passing(point => {
				if (point === "checkout/commit stock/before") throw new Error("cannot now");
			});
			const checkedOut = desk.checkout(cart);
			const { id } = (await desk.placedFrom(cart))!.order;
			const cancelled = desk.cancel(id, cart);
			await until(
				() => desk.kept(id),
				({ cancelRequest }) => cancelRequest !== null,
			);
			await desk.stoa.restart();
			await Promise.all([checkedOut, cancelled]);
			await desk.allEnded();
			await isCancelled(id, cart, voided);
		}, 40_000);
	});

	describe("while its money moves", () => {
		it("tells that it was paid, and gives it back, when a process died before it heard of its own capture", async () => {
			const cart = await desk.aGuest(sku);
			let isDead = true;
			desk.passing(point => {
				if (isDead && point === "payments/capture/afterProvider") throw new Error("cannot now");
			});
			const checkedOut = desk.checkout(cart);
			const { id } = (await desk.placedFrom(cart))!.order;
			await until(
				() => desk.charges(id),
				([charge]) => charge?.status === "captured",
			);
			const cancelled = desk.cancel(id, cart);
			await until(
				() => desk.kept(id),
				({ cancelRequest }) => cancelRequest !== null,
			);
			isDead = false;
			// Whoever had the capture in hand is given up.
			desk.clock.move(11_000);
			await Promise.all([checkedOut, cancelled]);
			await desk.allEnded();
			await isCancelled(id, cart, refunded);
			expect(await desk.facts(id)).toEqual(["checkoutRequested", "placed", "paid", "cancelled"]);
		}, 40_000);

		it("gives back what a refund of the same moment left, and never more than was taken", async () => {
			const orders = await Promise.all(Array.from({ length: 5 }, bought));
			await Promise.all(
				orders.map(async ({ cart, id, paymentId }, at) => {
					const settled = await Promise.allSettled([desk.cancel(id, cart), desk.refund(paymentId, 500 * (at + 1))]);
					const [, refund] = settled;
					if (refund.status === "rejected") expect(refund.reason.type).toBe("refund_exceeds_captured");
				}),
			);
			for (const { id, cart } of orders) {
				await desk.allEnded();
				await isCancelled(id, cart, refunded);
			}
		});

		it("after a refund in part gives back the rest", async () => {
			const { cart, id, paymentId } = await bought();
			await desk.refund(paymentId, 1000);
			await until(
				() => desk.order(id, cart),
				({ paymentStatus }) => paymentStatus === "partiallyRefunded",
			);
			expect((await desk.cancel(id, cart)).result).toMatchObject({ paymentStatus: "refunded" });
			await isCancelled(id, cart, refunded);
		});

		it("gives back what somebody takes by hand while the order is cancelled", async () => {
			const cart = await desk.aGuest(sku);
			let isHeld = true;
			desk.passing(point => {
				if (isHeld && point === "cancelOrder/return money/before") throw new Error("cannot now");
				if (isHeld && point === "checkout/capture payment/before") throw new Error("cannot now");
			});
			void desk.checkout(cart);
			const { id, payments } = (await desk.placedFrom(cart))!.order;
			const cancelled = desk.cancel(id, cart);
			await until(
				() => desk.kept(id),
				({ cancelRequest }) => cancelRequest !== null,
			);
			await desk.capture(payments[0]!.id);
			isHeld = false;
			expect((await cancelled).result).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
			await isCancelled(id, cart, refunded);
		});
	});

	describe("a refund that is heard of", () => {
		it("before the checkout has recorded its capture moves the order's money once both are known", async () => {
			const cart = await desk.aGuest(sku);
			sold++;
			let isHeld = true;
			desk.passing(point => {
				if (isHeld && point === "checkout/capture payment/after") throw new Error("cannot now");
			});
			const checkedOut = desk.checkout(cart);
			const { id, payments } = (await desk.placedFrom(cart))!.order;
			await until(
				() => desk.payments(id),
				([payment]) => payment?.status === "captured",
			);
			await desk.refund(payments[0]!.id, 700);
			await until(
				() => desk.order(id, cart),
				({ paymentStatus }) => paymentStatus === "partiallyRefunded",
			);
			isHeld = false;
			await checkedOut;
			expect(await desk.order(id, cart)).toMatchObject({ status: "confirmed", paymentStatus: "partiallyRefunded" });
			expect((await desk.facts(id)).filter(type => type === "paid")).toHaveLength(1);
			expect(await desk.timeline(id, cart)).toEqual(["placed", "refunded", "paid"]);
		});
	});

	it("whose owner dies at every point there is gives back everything, once", async () => {
		const points = crashPointsOf(cancelOrderSaga(desk.stoa.service<OrdersService>("orders")));
		const orders = await Promise.all(points.map(bought));
		const left = desk.dieAt(...points);
		const answers = await Promise.all(orders.map(({ id, cart }) => desk.cancel(id, cart)));
		await desk.allEnded();
		// Nothing was waited for here: those points belong to a cancel during checkout.
		expect([...left].filter(point => !point.includes("await checkout"))).toEqual([]);
		for (const { result, reply } of answers) expect(result?.status === "cancelled" || reply?.status === 202).toBe(true);
		for (const { id, cart } of orders) await isCancelled(id, cart, refunded);
	}, 40_000);

	it("cannot be given up by an operator once it is accepted", async () => {
		const { cart, id } = await bought();
		let isHeld = true;
		desk.passing(point => {
			if (isHeld && point === "cancelOrder/return stock/before") throw new Error("cannot now");
		});
		const cancelled = desk.cancel(id, cart);
		const { cancelRequest } = await until(
			() => desk.kept(id),
			kept => kept.cancelRequest !== null,
		);
		await until(
			() => desk.saga(cancelRequest!.operationId),
			saga => saga!.attempts > 0,
		);
		for (let tries = 0; tries < 20; tries++)
			await expect(ask(desk.stoa.broker, compensateSaga, { id: cancelRequest!.operationId })).rejects.toMatchObject({
				type: "saga_state_conflict",
			});
		isHeld = false;
		expect((await cancelled).result).toMatchObject({ status: "cancelled" });
		await isCancelled(id, cart, refunded);
	});
});
