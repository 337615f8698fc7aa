// An analyst and a buyer at the same moment, over a real server: whoever comes second finds what the first one did.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { type Desk, startDesk, until } from "./orders.desk.suite.ts";

describeWith("sql")("orders that are held for review, over MariaDB", () => {
	let desk: Desk;
	beforeAll(async () => {
		desk = await startDesk({ env: { STOA_SQL_URL: await sharedServer("sql"), STOA_NAMESPACE: `rev_${randomBytes(5).toString("hex")}` } });
		desk.risk.outcome = "review";
	});
	afterAll(() => desk?.stoa.stop());

	async function held() {
		const sku = await desk.aSku(1);
		const cart = await desk.aGuest(sku);
		await desk.checkout(cart);
		const { id, state } = await until(
			() => desk.attempt(cart),
			saga => saga.status === "waiting",
		);
		return { sku, cart, operationId: id, orderId: state.orderId as string };
	}
	type Held = Awaited<ReturnType<typeof held>>;

	/** Facts are numbered after the commit that told them. */
	const told = async ({ orderId }: Held, last: string) =>
		(
			await until(
				() => desk.facts(orderId),
				facts => facts.at(-1) === last,
			)
		).join(" ");

	it("are cancelled once, and never charged without being given back, when they are decided in that moment", async () => {
		const attempts = await Promise.all(Array.from({ length: 12 }, held));
		const answers = await Promise.all(
			attempts.flatMap(({ orderId, cart }, at) => [
				desk.cancel(orderId, cart),
				desk.decide(orderId, at % 2 ? "approved" : "rejected").then(() => undefined),
			]),
		);
		await desk.allEnded();
		for (const answer of answers) if (answer) expect(answer).toMatchObject({ result: { status: "cancelled" } });
		for (const attempt of attempts) {
			expect(await told(attempt, "cancelled")).toMatch(/^checkoutRequested held( placed( paid)?)? cancelled$/);
			const [charge] = await desk.charges(attempt.orderId);
			expect(charge!.captured).toBe(charge!.refunded);
			expect(["voided", "captured"]).toContain(charge!.status);
			expect(await desk.shelf(attempt.sku)).toBe(1);
		}
	}, 60_000);

	it("are placed once or undone once, however often they are decided", async () => {
		const attempts = await Promise.all(Array.from({ length: 8 }, held));
		await Promise.all(attempts.flatMap(({ orderId }) => [desk.decide(orderId, "approved"), desk.decide(orderId, "rejected")]));
		await desk.allEnded();
		for (const attempt of attempts) {
			const isPlaced = (await desk.saga(attempt.operationId))!.status === "succeeded";
			expect(await told(attempt, isPlaced ? "paid" : "cancelled")).toBe(
				isPlaced ? "checkoutRequested held placed paid" : "checkoutRequested held cancelled",
			);
			expect(await desk.shelf(attempt.sku)).toBe(isPlaced ? 0 : 1);
		}
	}, 60_000);
});
