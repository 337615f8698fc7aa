import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { ask, type Meta } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as inventory from "./inventory.contract.ts";

const order = () => newId("ord", Date.now());

describe("stock", () => {
	let stoa: Stoa;
	let merchant: Meta;
	let skus = 0;

	beforeAll(async () => {
		stoa = await startStoa({ services: ["commerce/inventory"] });
		merchant = stoa.as("usr_merchant", ["merchant"]);
	});
	afterAll(() => stoa.stop());

	const stocked = async (delta: number) => {
		const sku = `SKU-${++skus}`;
		await ask(stoa.broker, inventory.adjust, { sku, delta, reason: "delivery" }, { meta: merchant });
		return sku;
	};
	const available = async (sku: string) => (await ask(stoa.broker, inventory.getAvailability, { sku })).available;
	const reserve = (orderId: string, sku: string, quantity: number) =>
		ask(stoa.broker, inventory.reserve, { orderId, lines: [{ sku, quantity }] });

	it("shows the public what is available and the staff how that comes about", async () => {
		const sku = await stocked(3);
		expect(await ask(stoa.broker, inventory.getAvailability, { sku })).toEqual({ sku, available: 3 });
		expect(await ask(stoa.broker, inventory.getAvailability, { sku }, { meta: merchant })).toEqual({
			sku,
			available: 3,
			onHand: 3,
			reserved: 0,
		});
		await expect(ask(stoa.broker, inventory.getAvailability, { sku: "NONE" })).rejects.toMatchObject({ type: "not_found" });
	});

	it("adjusts a shelf only as it was read, when the merchant says so", async () => {
		const sku = await stocked(3);
		const adjustAs = (ifMatch: string, shelf = sku) => {
			const request = { id: "req", method: "POST", path: "/", address: "::1", ifMatch };
			return ask(stoa.broker, inventory.adjust, { sku: shelf, delta: 1, reason: "recount" }, { meta: { ...merchant, request } });
		};
		const read = etagOf(await ask(stoa.broker, inventory.getAvailability, { sku }, { meta: merchant }));
		expect(await adjustAs(read)).toMatchObject({ onHand: 4 });
		await expect(adjustAs(read)).rejects.toMatchObject({ type: "version_stale", code: 412 });
		await expect(adjustAs("*", "NO-SHELF-YET")).rejects.toMatchObject({ type: "version_stale" });
	});

	it("never sells more than there is, however many ask at once", async () => {
		const sku = await stocked(10);
		const answers = await Promise.allSettled(Array.from({ length: 30 }, () => reserve(order(), sku, 1)));
		expect(answers.filter(answer => answer.status === "fulfilled")).toHaveLength(10);
		for (const answer of answers)
			if (answer.status === "rejected") expect(answer.reason).toMatchObject({ type: "out_of_stock", code: 409 });
		expect(await available(sku)).toBe(0);
	});

	it("answers the same reservation when the same order asks again", async () => {
		const sku = await stocked(5);
		const orderId = order();
		const first = await reserve(orderId, sku, 2);
		expect(await reserve(orderId, sku, 2)).toEqual(first);
		expect(await available(sku)).toBe(3);
	});

	it("refuses a reservation that comes after its undo", async () => {
		const sku = await stocked(5);
		const orderId = order();
		await ask(stoa.broker, inventory.release, { orderId });
		await expect(reserve(orderId, sku, 1)).rejects.toMatchObject({ type: "reservation_released" });
		expect(await available(sku)).toBe(5);
	});

	it("releases once, and commits once, however often it is told", async () => {
		const sku = await stocked(5);
		const [kept, sold] = [order(), order()];
		await reserve(kept, sku, 2);
		await reserve(sold, sku, 2);
		for (let i = 0; i < 2; i++) {
			await ask(stoa.broker, inventory.release, { orderId: kept });
			await ask(stoa.broker, inventory.commit, { orderId: sold });
		}
		expect(await ask(stoa.broker, inventory.getAvailability, { sku }, { meta: merchant })).toEqual({
			sku,
			available: 3,
			onHand: 3,
			reserved: 0,
		});
		await ask(stoa.broker, inventory.giveBack, { orderId: sold });
		await ask(stoa.broker, inventory.giveBack, { orderId: sold });
		expect(await available(sku)).toBe(5);
		expect(await ask(stoa.broker, inventory.checkStock, {})).toMatchObject({ sound: true, wrong: [] });
	});

	it("does not let an adjustment take what is promised", async () => {
		const sku = await stocked(4);
		await reserve(order(), sku, 3);
		await expect(ask(stoa.broker, inventory.adjust, { sku, delta: -2, reason: "breakage" }, { meta: merchant })).rejects.toMatchObject({
			type: "below_reserved",
		});
		expect(await available(sku)).toBe(1);
	});

	it("adjusts once per Idempotency-Key and answers the repeat from what it kept", async () => {
		const sku = await stocked(1);
		const request = {
			id: "req-1",
			method: "POST",
			path: `/v1/inventory/${sku}/adjustments`,
			address: "127.0.0.1",
			idempotencyKey: "k1",
			bodyHash: "a",
		};
		const once = () => ask(stoa.broker, inventory.adjust, { sku, delta: 5, reason: "delivery" }, { meta: { ...merchant, request } });
		const answers = await Promise.all([once(), once(), once()]);
		expect(answers.map(shelf => shelf.onHand)).toEqual([6, 6, 6]);
		const other = { ...request, bodyHash: "b" };
		await expect(
			ask(stoa.broker, inventory.adjust, { sku, delta: 7, reason: "x" }, { meta: { ...merchant, request: other } }),
		).rejects.toMatchObject({
			type: "idempotency_key_reused",
		});
	});

	it("is closed to strangers", async () => {
		await expect(ask(stoa.broker, inventory.adjust, { sku: "A", delta: 1, reason: "x" })).rejects.toMatchObject({
			type: "unauthenticated",
		});
		await expect(ask(stoa.broker, inventory.adjust, { sku: "A", delta: 1, reason: "x" }, { meta: stoa.as("usr_1") })).rejects.toMatchObject(
			{
				type: "permission_missing",
			},
		);
	});

	it("keeps everything over a restart", async () => {
		const sku = await stocked(7);
		await stoa.restart();
		expect(await available(sku)).toBe(7);
	});
});
