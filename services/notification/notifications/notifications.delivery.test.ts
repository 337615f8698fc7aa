import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { makeRuntime } from "../../../lib/runtime.ts";
import { DocumentStore, storeCollections } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { SqliteDocuments } from "../../../mixins/documents/sqlite-engine.ts";
import { type Channel, type Message, NotBegun, Undeliverable } from "./channels/channel.ts";
import { Delivery, type DeliveryGiven } from "./notifications.delivery.ts";
import { attemptsMax, claimMs, type NotificationDocument, notBegunMs, notificationsOf, retryAfterMs } from "./notifications.domain.ts";
import { drop, redrive, undeliveredLetter, undeliveredLetters } from "./notifications.letters.ts";
import { collections } from "./notifications.store.ts";

const seen = { firstFailedAt: 0, lastFailedAt: 0 };
const quiet = { warn: () => undefined };

describe("delivering queued notifications", () => {
	let folder: string;
	let engine: SqliteDocuments;
	let clock: ReturnType<typeof handClock>;
	let notifications: Collection<NotificationDocument>;

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-delivery-"));
		clock = handClock();
		engine = new SqliteDocuments(path.join(folder, "notifications.db"), {
			collections: { ...storeCollections, ...collections },
			durability: "process",
			now: clock.now(),
		});
		notifications = collectionOfANode();
	});
	afterEach(async () => {
		await engine.close();
		fs.rmSync(folder, { recursive: true });
	});

	/** Each node has a store of its own over the same data. */
	const collectionOfANode = () => {
		const runtime = makeRuntime({ env: { NODE_ENV: "test", STOA_DATA_DIR: folder } });
		return new DocumentStore({
			engine,
			collections: ["notifications"],
			service: "notifications",
			runtime,
			logger: quiet,
		}).collection<NotificationDocument>("notifications");
	};
	const aNode = (deliver: Channel["deliver"], given: Partial<DeliveryGiven> = {}) => {
		const email: Channel = { name: "email", begins: "queued", deliver, close: () => undefined };
		return new Delivery({
			notifications: collectionOfANode(),
			channel: email,
			clock,
			crash: { at: () => undefined },
			logger: quiet,
			...given,
		});
	};
	const queue = async (count: number, from = 0): Promise<string[]> => {
		const email = { name: "email", begins: "queued" } as Channel;
		const ids: string[] = [];
		for (let index = from; index < from + count; index++) {
			const fact = { id: `evt_${index}`, occurredAt: new Date(clock.now()).toISOString() };
			const told = {
				type: "order.confirmed",
				to: { userId: null, orderId: `ord_${index}`, orderNumber: "1" },
				wording: { locale: "en", title: "t", body: "b" },
				channels: ["email"],
			} as const;
			const [fresh] = notificationsOf(fact, told, { channels: new Map([["email", email]]), now: clock.now() });
			await notifications.insert(fresh!);
			ids.push(fresh!._id);
		}
		return ids;
	};

	it("carries each one once, however many nodes look at once", async () => {
		const ids = await queue(40);
		const carried: string[] = [];
		const deliver = async ({ id }: Message) => {
			carried.push(id);
			return "sent" as const;
		};
		const nodes = [aNode(deliver), aNode(deliver), aNode(deliver)];
		for (let rounds = 0; rounds < 4; rounds++) await Promise.all(nodes.map(node => node.round()));
		expect(carried.sort()).toEqual(ids.sort());
		expect(await notifications.count({ status: "sent" })).toBe(40);
	});

	it("tries again when the wait is over, and not before", async () => {
		const [id] = await queue(1);
		let away = true;
		const node = aNode(async () => {
			if (away) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ESOCKET" });
			return "sent";
		});
		expect(await node.round()).toBe(1);
		expect(await notifications.get(id!)).toMatchObject({ status: "queued", attempts: 1, error: "ESOCKET" });
		away = false;
		clock.move(4999);
		expect(await node.round()).toBe(0);
		clock.move(1);
		expect(await node.round()).toBe(1);
		expect(await notifications.get(id!)).toMatchObject({ status: "sent", attempts: 2, error: null, nextAt: null });
	});

	it("is given up at once when no further try can help", async () => {
		const [id] = await queue(1);
		await aNode(async () => {
			throw new Undeliverable("no address");
		}).round();
		expect(await notifications.get(id!)).toMatchObject({ status: "failed", error: "no address", nextAt: null });
	});

	it("is taken over from a node that died with it in hand, under the same message id", async () => {
		const [id] = await queue(1);
		const carried: string[] = [];
		const accepted = Promise.withResolvers<"sent">();
		const dying = aNode(({ id }) => {
			carried.push(id);
			return accepted.promise;
		}).round();
		const other = aNode(async ({ id }) => {
			carried.push(id);
			return "sent";
		});
		while (carried.length === 0) await new Promise(resolve => setImmediate(resolve));
		clock.move(claimMs - 1);
		expect(await other.round()).toBe(0);
		clock.move(1);
		expect(await other.round()).toBe(1);
		expect(carried).toEqual([id, id]);
		accepted.resolve("sent");
		await dying;
		expect(await notifications.get(id!)).toMatchObject({ status: "sent", attempts: 2 });
	});

	it("stays with a node that is still trying, however long its server takes", async () => {
		const [id] = await queue(1);
		const accepted = Promise.withResolvers<"sent">();
		const slow = aNode(() => accepted.promise, { renewMs: 1 }).round();
		const claimedFor = async () => (await notifications.get(id!))!.nextAt! - clock.now();
		while ((await notifications.get(id!))?.claim === null) await new Promise(resolve => setImmediate(resolve));
		for (let minutes = 0; minutes < 10; minutes++) {
			clock.move(60_000);
			while ((await claimedFor()) < claimMs) await new Promise(resolve => setImmediate(resolve));
			expect(await aNode(async () => "sent").round()).toBe(0);
		}
		accepted.resolve("sent");
		await slow;
		expect(await notifications.get(id!)).toMatchObject({ status: "sent", attempts: 1 });
	});

	it("keeps no other waiting while its server takes long", async () => {
		const [first, second] = await queue(2);
		const accepted = Promise.withResolvers<"sent">();
		const node = aNode(({ id }) => (id === first ? accepted.promise : Promise.resolve("sent")));
		node.start();
		while ((await notifications.get(second!))?.status !== "sent") await new Promise(resolve => setImmediate(resolve));
		expect(await notifications.get(first!)).toMatchObject({ status: "queued", attempts: 1 });
		const [third] = await queue(1, 2);
		node.wake();
		while ((await notifications.get(third!))?.status !== "sent") await new Promise(resolve => setImmediate(resolve));
		accepted.resolve("sent");
		await node.stop();
		expect(await notifications.get(first!)).toMatchObject({ status: "sent" });
	});

	it("goes on when all that it can carry at once took their server long", async () => {
		const ids = await queue(30);
		const accepted = Promise.withResolvers<"sent">();
		let asked = 0;
		const node = aNode(() => {
			asked++;
			return accepted.promise;
		});
		node.start();
		while (asked < 20) await new Promise(resolve => setImmediate(resolve));
		node.wake();
		accepted.resolve("sent");
		while ((await notifications.count({ status: "sent" })) < ids.length) await new Promise(resolve => setImmediate(resolve));
		await node.stop();
		expect(asked).toBe(30);
	});

	it("is no try while nobody can say where its receiver is", async () => {
		const [id] = await queue(1);
		const node = aNode(async () => {
			throw new NotBegun();
		});
		expect(await node.round()).toBe(1);
		expect(await notifications.get(id!)).toMatchObject({ status: "queued", attempts: 0, claim: null, letter: null, error: null });
		expect(await node.round()).toBe(0);
		clock.move(notBegunMs);
		expect(await node.round()).toBe(1);
	});

	it("keeps what its reader marked while it was carried", async () => {
		const [id] = await queue(1);
		await aNode(async () => {
			await notifications.change(id!, doc => ({ doc: { ...doc, readAt: "2026-01-05T09:00:01.000Z" } }));
			return "sent";
		}).round();
		expect(await notifications.get(id!)).toMatchObject({ status: "sent", claim: null, readAt: "2026-01-05T09:00:01.000Z" });
	});

	it("is a dead letter after its tries, and gets all of them again from an operator", async () => {
		const [id] = await queue(1);
		let away = true;
		const node = aNode(async () => {
			if (away) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ESOCKET" });
			return "sent";
		});
		for (let attempt = 1; attempt <= attemptsMax; attempt++) {
			expect(await node.round()).toBe(1);
			clock.move(retryAfterMs(attempt));
		}
		expect(await node.round()).toBe(0);
		const letterId = id!.replace("ntf_", "evt_");
		const [letter] = await undeliveredLetters(notifications, { status: "dead", limit: 10 });
		expect(letter).toMatchObject({ id: letterId, status: "dead", attempts: attemptsMax, error: "ESOCKET", key: "ord_0" });
		expect(letter!.envelope.data).toEqual({
			notificationId: id,
			type: "order.confirmed",
			channel: "email",
			userId: null,
			orderId: "ord_0",
		});

		expect(await redrive(notifications, letterId, clock.now())).toBe(true);
		expect(await undeliveredLetter(notifications, letterId)).toMatchObject({ status: "retrying", attempts: 0 });
		away = false;
		expect(await node.round()).toBe(1);
		expect(await undeliveredLetter(notifications, letterId)).toBeUndefined();
		expect(await redrive(notifications, letterId, clock.now())).toBe(false);
	});

	it("is not carried twice because an operator redrove it while it was under way", async () => {
		const [id] = await queue(1);
		const letterId = id!.replace("ntf_", "evt_");
		const failing = aNode(async () => {
			throw new Error("busy");
		});
		await failing.round();
		clock.move(5000);
		const carried: string[] = [];
		const accepted = Promise.withResolvers<"sent">();
		const under = aNode(({ id }) => {
			carried.push(id);
			return accepted.promise;
		}).round();
		while (carried.length === 0) await new Promise(resolve => setImmediate(resolve));
		expect(await redrive(notifications, letterId, clock.now())).toBe(true);
		expect(await failing.round()).toBe(0);
		accepted.resolve("sent");
		await under;
		expect(carried).toEqual([id]);
		expect(await notifications.get(id!)).toMatchObject({ status: "sent", letter: null });
	});

	it("is left alone once an operator dropped it", async () => {
		const [id] = await queue(1);
		const letterId = id!.replace("ntf_", "evt_");
		const node = aNode(async () => {
			throw new Error("busy");
		});
		await node.round();
		expect(await drop(notifications, letterId)).toBe(true);
		clock.move(60_000);
		expect(await node.round()).toBe(0);
		expect(await notifications.get(id!)).toMatchObject({ status: "failed", letter: null });
		expect(await drop(notifications, letterId)).toBe(false);
	});

	it("lists letters newest first, page by page, of one status or of all", async () => {
		const ids: string[] = [];
		for (let round = 0; round < 5; round++) {
			ids.unshift(...(await queue(1)));
			await notifications.change(ids[0]!, doc => ({ doc: { ...doc, status: "queued", letter: round % 2 ? "dead" : "retrying", ...seen } }));
			clock.move(1);
		}
		const letterIds = ids.map(id => id.replace("ntf_", "evt_"));
		const pageOf = async (page: { status?: "dead"; before?: string; limit: number }) =>
			(await undeliveredLetters(notifications, page)).map(({ id }) => id);
		expect(await pageOf({ limit: 3 })).toEqual(letterIds.slice(0, 3));
		expect(await pageOf({ limit: 3, before: letterIds[2]! })).toEqual(letterIds.slice(3));
		expect(await pageOf({ limit: 3, status: "dead" })).toEqual([letterIds[1], letterIds[3]]);
	});

	it("writes down what went out although the store was away for a moment, instead of sending it again", async () => {
		const [id] = await queue(1);
		const node = collectionOfANode();
		let failures = 1;
		const change = node.change.bind(node);
		node.change = (...given) => (failures-- > 0 ? Promise.reject(new Error("away")) : change(...given));
		const carried: string[] = [];
		const deliver = async ({ id }: Message) => {
			carried.push(id);
			return "sent" as const;
		};
		await aNode(deliver, { notifications: node }).round();
		expect(carried).toEqual([id]);
		expect(await notifications.get(id!)).toMatchObject({ status: "sent" });
	});
});
