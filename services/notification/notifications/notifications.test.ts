import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask, type HeardEvent } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import type { DocumentService } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { anOrder, OrderNeighbours, until } from "../../../test/support/order-neighbours.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as notifications from "./notifications.contract.ts";
import type { NotificationDocument } from "./notifications.domain.ts";

const usr = () => newId("usr", Date.now());

describe("notifications, with no mail server", () => {
	let stoa: Stoa;
	let clock: ReturnType<typeof handClock>;
	let shop: OrderNeighbours;

	beforeEach(async () => {
		clock = handClock();
		shop = new OrderNeighbours();
		const delivery = { attempts: 5, backoff: () => 200 };
		stoa = await startStoa({ services: ["notification/notifications"], also: shop.services(), clock, delivery });
		shop.joined(stoa);
	});
	afterEach(() => stoa.stop());

	const ofOrder = async (orderId: string) => (await ask(stoa.broker, notifications.ofOrder, { orderId })).data;
	const told = (orderId: string, count: number) =>
		until(
			() => ofOrder(orderId),
			seen => seen.length >= count,
		);
	const mine = (userId: string, params: { limit?: number; cursor?: string } = {}) =>
		ask(stoa.broker, notifications.list, params, { meta: stoa.as(userId) });

	it("tells a signed-in buyer in the app and keeps the email to be read there", async () => {
		const userId = usr();
		const order = anOrder({ userId });
		await shop.place(order);
		await told(order.orderId, 2);
		const { data, nextCursor } = await mine(userId);
		expect(nextCursor).toBeNull();
		expect(data.map(({ type, channel, status }) => [type, channel, status]).sort()).toEqual([
			["order.confirmed", "email", "kept"],
			["order.confirmed", "inApp", "sent"],
		]);
		expect(data[0]).toMatchObject({ title: "Order 1001 is confirmed", body: expect.stringContaining("€34.12"), readAt: null });
	});

	it("tells a guest by email alone", async () => {
		const order = anOrder();
		await shop.place(order);
		expect(await told(order.orderId, 1)).toMatchObject([{ channel: "email", status: "kept" }]);
	});

	it("tells of a cancelled order and of each refund", async () => {
		const order = anOrder();
		await shop.place(order);
		await shop.heardBy("notifications");
		await shop.cancel(order);
		await shop.refund(order, 1000);
		await shop.refund(order, 500);
		const seen = await told(order.orderId, 4);
		expect(seen.map(({ type }) => type).sort()).toEqual(["order.cancelled", "order.confirmed", "payment.refunded", "payment.refunded"]);
		expect(
			seen
				.filter(({ type }) => type === "payment.refunded")
				.map(({ body }) => /€[\d.]+/.exec(body)![0])
				.sort(),
		).toEqual(["€10.00", "€5.00"]);
	});

	it("tells once what it hears twice", async () => {
		const order = anOrder({ userId: usr() });
		await shop.place(order);
		await told(order.orderId, 2);
		const [envelope] = await ask(stoa.broker, storeContract("orders").readFacts, { after: 0, limit: 10 });
		const service = stoa.service<DocumentService>("notifications");
		// As if the inbox had lost its memory.
		const { hear } = (service.schema.events as unknown as Record<string, HeardEvent>)["orders.placed"]!;
		await hear.call(service, { params: envelope!.data as never, envelope: envelope as never, tx: undefined });
		expect(await ofOrder(order.orderId)).toHaveLength(2);
		expect(await ask(stoa.broker, storeContract("notifications").replayFacts, { dryRun: false })).toMatchObject({ repaired: 0 });
	});

	it("asks what an order is called when it never told of it, and waits while nobody answers", async () => {
		const order = anOrder({ number: "2002" });
		shop.known.set(order.orderId, order);
		shop.ordersAway = true;
		await shop.refund(order, 700);
		const letters = () => ask(stoa.broker, storeContract("notifications").listLetters, { limit: 10 });
		expect(await until(letters, seen => seen.length > 0)).toMatchObject([{ status: "retrying", type: "payments.refunded" }]);
		shop.ordersAway = false;
		clock.move(200);
		expect(await told(order.orderId, 1)).toMatchObject([{ type: "payment.refunded", title: "Refund for order 2002" }]);
	});

	it("tells a refund while orders are away when it has told of the order before", async () => {
		const order = anOrder();
		await shop.place(order);
		await shop.heardBy("notifications");
		shop.ordersAway = true;
		await shop.refund(order, 700);
		expect((await told(order.orderId, 2)).map(({ type }) => type)).toContain("payment.refunded");
	});

	it("tells nobody of an order that it never heard of and that does not exist", async () => {
		const order = anOrder();
		await shop.refund(order, 700);
		await shop.heardBy("notifications");
		expect(await ofOrder(order.orderId)).toEqual([]);
		expect(await ask(stoa.broker, storeContract("notifications").listLetters, { limit: 10 })).toEqual([]);
	});

	it("lists one's own, newest first, page by page", async () => {
		const userId = usr();
		for (const number of ["1", "2", "3"]) {
			clock.move(1000);
			await shop.place(anOrder({ userId, number }));
		}
		await shop.place(anOrder({ userId: usr() }));
		await shop.heardBy("notifications");
		const first = await mine(userId, { limit: 4 });
		const second = await mine(userId, { limit: 4, cursor: first.nextCursor! });
		expect([...first.data, ...second.data].map(({ title }) => title.split(" ")[1])).toEqual(["3", "3", "2", "2", "1", "1"]);
		expect(second.nextCursor).toBeNull();
		expect((await mine(usr())).data).toEqual([]);
		await expect(ask(stoa.broker, notifications.list, {})).rejects.toMatchObject({ type: "unauthenticated" });
	});

	it("marks one's own as read, the first time counts, and hides those of others", async () => {
		const userId = usr();
		const order = anOrder({ userId });
		await shop.place(order);
		const [{ id }] = (await told(order.orderId, 2)) as [notifications.Notification, ...unknown[]];
		const read = (as: string, which = id) => ask(stoa.broker, notifications.markRead, { id: which }, { meta: stoa.as(as) });
		await expect(read(usr())).rejects.toMatchObject({ type: "not_found" });
		await expect(read(userId, newId("ntf", Date.now()))).rejects.toMatchObject({ type: "not_found" });
		const first = await read(userId);
		expect(first).toMatchObject({ id, readAt: "2026-01-05T09:00:00.000Z" });
		clock.move(60_000);
		expect(await read(userId)).toEqual(first);
		const request = { id: "req", method: "POST", path: "/", address: "::1", ifMatch: '"as it was unread"' };
		const stale = ask(stoa.broker, notifications.markRead, { id }, { meta: { ...stoa.as(userId), request } });
		await expect(stale).rejects.toMatchObject({ type: "version_stale", code: 412 });
	});

	it("keeps nobody's address", async () => {
		const userId = usr();
		shop.emails.set(userId, "ann@example.org");
		const order = anOrder({ userId });
		await shop.place(order);
		await shop.place(anOrder());
		await shop.heardBy("notifications");
		const { notifications: kept } = stoa.service<{ notifications: Collection<NotificationDocument> }>("notifications");
		expect(JSON.stringify(await kept.find({ limit: 100 }))).not.toContain("@");
	});

	it("keeps everything over a restart", async () => {
		const order = anOrder({ userId: usr() });
		await shop.place(order);
		const before = await told(order.orderId, 2);
		await stoa.restart();
		expect(await ofOrder(order.orderId)).toEqual(before);
	});
});
