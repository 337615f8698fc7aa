// Two nodes of payments on one database. Each race is run on a real server: one of them wins, and whoever loses must not notice.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { codeOf } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { aPayment, askRefund, chargesOf, euros, loseAnswers, paymentOf, paymentsOf } from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as contract from "./payments.contract.ts";

const times = <T>(count: number, work: (at: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, at) => work(at)));
const outcome = (call: Promise<{ status: string }>) =>
	call.then(
		({ status }) => status,
		error => codeOf(error) ?? String(error),
	);

describeWith("sql")("two nodes of payments", () => {
	let nodes: Stoa[];
	const at = (turn: number) => nodes[turn % 2]!;
	beforeAll(async () => {
		const env = {
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_NAMESPACE: `pay_${randomBytes(5).toString("hex")}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
		};
		nodes = await times(2, () => startStoa({ services: ["commerce/payments"], env }));
	});
	afterAll(() => Promise.all((nodes ?? []).map(node => node.stop())));

	const aWish = () => aPayment({ paymentId: newId("pay", Date.now()), orderId: newId("ord", Date.now()) });
	const authorize = (turn: number, wish: ReturnType<typeof aWish>) => ask(at(turn).broker, contract.authorize, wish);
	const captureAll = (turn: number, paymentId: string) => ask(at(turn).broker, contract.captureAll, { paymentId, key: "checkout/2" });
	async function taken(): Promise<string> {
		const wish = aWish();
		await authorize(0, wish);
		await captureAll(1, wish.paymentId);
		return wish.paymentId;
	}

	it("hold and take once what both are asked for at the same time", async () => {
		const wish = aWish();
		const held = await times(10, turn => authorize(turn, wish));
		expect(new Set(held.map(({ status }) => status))).toEqual(new Set(["authorized"]));
		const captures = await times(10, turn => captureAll(turn, wish.paymentId));
		expect(new Set(captures.map(({ status }) => status))).toEqual(new Set(["captured"]));
		expect(await chargesOf(at(0), wish.paymentId)).toEqual([{ status: "captured", amount: 10_000, captured: 10_000, refunded: 0 }]);
	});

	it("never give back more than was taken, however many ask", async () => {
		const paymentId = await taken();
		const outcomes = await times(14, turn =>
			outcome(askRefund(at(turn), paymentId, { amount: euros(1_000), reason: "x" }, `${paymentId}-${turn}`)),
		);
		expect(outcomes.filter(one => one === "succeeded")).toHaveLength(10);
		expect(outcomes.filter(one => one === "refund_exceeds_captured")).toHaveLength(4);
		expect(await paymentOf(at(1), paymentId)).toMatchObject({ refunded: 10_000, status: "refunded" });
		expect(await chargesOf(at(0), paymentId)).toMatchObject([{ refunded: 10_000 }]);
	});

	it("make one refund of one key, and answer all alike", async () => {
		const paymentId = await taken();
		const body = { amount: euros(700), reason: "x" };
		const answers = await times(8, turn => askRefund(at(turn), paymentId, body, paymentId));
		expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1);
		expect(await chargesOf(at(0), paymentId)).toMatchObject([{ refunded: 700 }]);
	});

	it("hold nothing after a void, whichever was heard first", async () => {
		await times(8, async turn => {
			const wish = aWish();
			const { paymentId } = wish;
			const voiding = ask(at(turn + 1).broker, contract.voidPayment, { paymentId, key: "undo/1", reason: "undone" });
			const [, voided] = await Promise.allSettled([authorize(turn, wish), voiding]);
			expect(voided).toMatchObject({ status: "fulfilled", value: { status: "voided" } });
			const charges = await chargesOf(at(0), paymentId);
			expect(charges.filter(({ status }) => status !== "voided")).toEqual([]);
			expect(await paymentOf(at(0), paymentId)).toMatchObject({ status: "voided" });
		});
	});

	it("go on with what the other one lost", async () => {
		const wish = aWish();
		loseAnswers(at(0), "authorize");
		expect(await authorize(0, wish)).toMatchObject({ status: "pending" });
		expect(await authorize(1, wish)).toMatchObject({ status: "authorized" });
		expect(await chargesOf(at(0), wish.paymentId)).toHaveLength(1);
		expect((await paymentsOf(at(0)).store.reader.openIntents(wish.paymentId)).length).toBe(0);
	});
});
