import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { answer, ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import type { Role } from "../../../lib/principal.ts";
import { askRefund, authorized, captured, chargesOf, euros, factsOf, factTypes, paymentOf } from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as orders from "../orders/orders.contract.ts";
import * as contract from "./payments.contract.ts";
import * as refunds from "./refunds.contract.ts";

let stoa: Stoa;
/** What the orders service was asked, and what it says items are worth. */
const asked: unknown[] = [];
let unitPrice = 2_500;

const ordersStub = {
	name: "orders",
	actions: {
		refundItems: answer(orders.refundItems, ctx => {
			asked.push(ctx.params);
			const items = ctx.params.items.map(item => ({ ...item, amount: euros(unitPrice * item.quantity) }));
			return { items, amount: euros(items.reduce((sum, item) => sum + item.amount.amount, 0)) };
		}),
	},
};

beforeAll(async () => {
	stoa = await startStoa({ services: ["commerce/payments"], also: [ordersStub] });
});
afterAll(() => stoa.stop());

const failsWith = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ type: code });

describe("giving money back", () => {
	it("gives back an amount, and says how much of the payment that leaves", async () => {
		const { paymentId } = await captured(stoa);
		const refund = await askRefund(stoa, paymentId, { amount: euros(4_000), reason: "scratched" }, "r1");
		expect(refund).toMatchObject({
			id: expect.stringMatching(/^rfd_/),
			paymentId,
			amount: euros(4_000),
			reason: "scratched",
			status: "succeeded",
		});
		expect(await paymentOf(stoa, paymentId)).toMatchObject({ refunded: 4_000, status: "partiallyRefunded" });
		await askRefund(stoa, paymentId, { amount: euros(6_000), reason: "lost" }, "r2");
		const refunds = (await factsOf(stoa, paymentId)).slice(2);
		expect(refunds).toMatchObject([
			{ type: "payments.refunded", data: { amount: euros(4_000), status: "partiallyRefunded", breakdown: { total: euros(4_000) } } },
			{ type: "payments.refunded", data: { amount: euros(6_000), status: "refunded", refundedTotal: euros(10_000) } },
		]);
		expect(JSON.stringify(refunds)).not.toContain("scratched");
	});

	it("is read by whoever may read the payment, and by nobody else", async () => {
		const { paymentId, userId } = await captured(stoa);
		const made = [];
		for (const n of [1, 2, 3]) made.unshift(await askRefund(stoa, paymentId, { amount: euros(n), reason: "returned" }, `read-${n}`));
		const other = await captured(stoa);
		const as = (id: string, roles?: readonly Role[]) => ({ meta: stoa.as(id, roles) });
		const owner = as(userId!);
		const { id: refundId } = made[0]!;
		expect(await ask(stoa.broker, refunds.getRefund, { id: paymentId, refundId }, owner)).toEqual(made[0]);
		expect(await ask(stoa.broker, refunds.getRefund, { id: paymentId, refundId }, as("usr_f", ["finance"]))).toEqual(made[0]);
		const first = await ask(stoa.broker, refunds.listRefunds, { id: paymentId, limit: 2 }, owner);
		const rest = await ask(stoa.broker, refunds.listRefunds, { id: paymentId, limit: 2, cursor: first.nextCursor! }, owner);
		expect([...first.data, ...rest.data]).toEqual(made);
		expect(rest.nextCursor).toBeNull();
		await failsWith(ask(stoa.broker, refunds.getRefund, { id: paymentId, refundId }, as("usr_x", ["merchant"])), "not_found");
		await failsWith(ask(stoa.broker, refunds.listRefunds, { id: paymentId }, as(other.userId!)), "not_found");
		await failsWith(ask(stoa.broker, refunds.getRefund, { id: other.paymentId, refundId }, as(other.userId!)), "not_found");
	});

	it("never gives back more than was taken, also when two ask at once", async () => {
		const { paymentId } = await captured(stoa);
		const both = await Promise.allSettled(
			["a", "b"].map(key => askRefund(stoa, paymentId, { amount: euros(6_000), reason: "returned" }, key)),
		);
		expect(both.map(one => one.status).sort()).toEqual(["fulfilled", "rejected"]);
		expect(both.find(one => one.status === "rejected")).toMatchObject({ reason: { code: 422, type: "refund_exceeds_captured" } });
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ refunded: 6_000 }]);
	});

	it("is one refund per key: a repeat gets the same answer, another body is refused, five at once are one", async () => {
		const { paymentId } = await captured(stoa);
		const body = { amount: euros(1_000), reason: "returned" };
		const answers = await Promise.all([1, 2, 3, 4, 5].map(() => askRefund(stoa, paymentId, body, "one")));
		expect(new Set(answers.map(one => JSON.stringify(one))).size).toBe(1);
		await failsWith(askRefund(stoa, paymentId, { ...body, amount: euros(2_000) }, "one"), "idempotency_key_reused");
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ refunded: 1_000 }]);
	});

	it("keeps a refusal under its key", async () => {
		const { paymentId } = await captured(stoa);
		const repeat = [1, 2].map(() => askRefund(stoa, paymentId, { amount: euros(10_001), reason: "x" }, "too-much"));
		for (const call of repeat) await failsWith(call, "refund_exceeds_captured");
		expect(repeat.map(call => call.ctx.meta.reply?.replayed)).toEqual([undefined, true]);
	});

	it("refuses another currency, both or neither of amount and items, no key, and what was never taken", async () => {
		const { paymentId } = await captured(stoa);
		const items = [{ itemId: newId("itm", 0), quantity: 1 }];
		await failsWith(askRefund(stoa, paymentId, { amount: { amount: 1, currency: "USD" }, reason: "x" }, "c"), "currency_mismatch");
		await failsWith(askRefund(stoa, paymentId, { amount: euros(1), items, reason: "x" }, "d"), "validation_failed");
		await failsWith(askRefund(stoa, paymentId, { reason: "x" }, "e"), "validation_failed");
		await failsWith(askRefund(stoa, paymentId, { amount: euros(0), reason: "x" }, "f"), "validation_failed");
		await failsWith(askRefund(stoa, newId("pay", 0), { amount: euros(1), reason: "x" }, "g"), "not_found");
		await failsWith(askRefund(stoa, (await authorized(stoa)).paymentId, { amount: euros(1), reason: "x" }, "h"), "payment_state_conflict");
		const noKey = ask(
			stoa.broker,
			contract.refund,
			{ id: paymentId, amount: euros(1), reason: "x" },
			{ meta: stoa.as("usr_f", ["finance"]) },
		);
		await failsWith(noKey, "idempotency_key_required");
	});

	it("gives back what items are worth, and tells the orders service what was refunded before", async () => {
		const { paymentId, orderId } = await captured(stoa);
		const items = [{ itemId: newId("itm", 0), quantity: 2 }];
		expect(await askRefund(stoa, paymentId, { items, reason: "returned" }, "i1")).toMatchObject({
			amount: euros(5_000),
			status: "succeeded",
		});
		expect(await askRefund(stoa, paymentId, { items: [{ ...items[0]!, quantity: 1 }], reason: "returned" }, "i2")).toMatchObject({
			amount: euros(2_500),
		});
		expect(asked.slice(-1)).toEqual([
			{ orderId, items: [{ ...items[0], quantity: 1 }], priorRefunds: [{ ...items[0], amount: euros(5_000) }] },
		]);
		const before = asked.length;
		expect(await askRefund(stoa, paymentId, { items, reason: "returned" }, "i1")).toMatchObject({ amount: euros(5_000) });
		expect(asked).toHaveLength(before);
	});

	it("works out the worth of items anew when another refund got in between", async () => {
		const { paymentId } = await captured(stoa);
		const items = [{ itemId: newId("itm", 0), quantity: 1 }];
		const before = asked.length;
		await Promise.all(["x", "y"].map(key => askRefund(stoa, paymentId, { items, reason: "returned" }, key)));
		const priors = (asked.slice(before) as { priorRefunds: unknown[] }[]).map(one => one.priorRefunds.length);
		expect(priors).toEqual([0, 0, 1]);
		expect(await paymentOf(stoa, paymentId)).toMatchObject({ refunded: 5_000 });
	});

	it("refuses items that are worth nothing any more", async () => {
		const { paymentId } = await captured(stoa);
		unitPrice = 0;
		await failsWith(
			askRefund(stoa, paymentId, { items: [{ itemId: newId("itm", 0), quantity: 1 }], reason: "x" }, "z"),
			"validation_failed",
		);
		unitPrice = 2_500;
	});

	it("gives back all that is left for a cancelled order, twice as once", async () => {
		const { paymentId } = await captured(stoa);
		await askRefund(stoa, paymentId, { amount: euros(1_000), reason: "late" }, "part");
		for (const key of ["cancel", "cancel", "another"])
			expect(await ask(stoa.broker, contract.refundAll, { paymentId, key, reason: "cancelled" })).toMatchObject({
				status: "refunded",
				refunded: euros(10_000),
			});
		expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "captured", "refunded", "refunded"]);
	});

	it("refuses a change of a payment that changed since it was read", async () => {
		const { paymentId } = await captured(stoa);
		const meta = {
			...stoa.as("usr_f", ["finance"]),
			request: { id: "r", method: "POST", path: "/p", address: "", idempotencyKey: "stale", ifMatch: '"old"' },
		};
		await failsWith(ask(stoa.broker, contract.refund, { id: paymentId, amount: euros(1), reason: "x" }, { meta }), "version_stale");
	});
});
