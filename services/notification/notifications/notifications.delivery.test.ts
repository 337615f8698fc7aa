import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { makeRuntime } from "../../../lib/runtime.ts";
import { DocumentStore, storeCollections } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { SqliteDocuments } from "../../../mixins/documents/sqlite-engine.ts";
import { type Channel, type Message, Undeliverable } from "./channels/channel.ts";
import { Delivery } from "./notifications.delivery.ts";
import { claimMs, type NotificationDocument, notificationsOf } from "./notifications.domain.ts";
import { notificationsSpec } from "./notifications.store.ts";

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
			collections: { ...storeCollections, notifications: notificationsSpec },
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
	const aNode = (deliver: Channel["deliver"]) => {
		const email: Channel = { name: "email", begins: "queued", deliver, close: () => undefined };
		return new Delivery({
			notifications: collectionOfANode(),
			channels: new Map([["email", email]]),
			clock,
			crash: { at: () => undefined },
			logger: quiet,
		});
	};
	const queue = async (count: number): Promise<string[]> => {
		const email = { name: "email", begins: "queued" } as Channel;
		const ids: string[] = [];
		for (let index = 0; index < count; index++) {
			const fact = { id: `evt_${index}`, occurredAt: new Date(clock.now()).toISOString() };
			const told = {
				type: "order.confirmed",
				buyer: { userId: null, orderId: `ord_${index}`, orderNumber: "1" },
				wording: { title: "t", body: "b" },
			} as const;
			const [fresh] = notificationsOf(fact, told, new Map([["email", email]]));
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

	it("keeps what its reader marked while it was carried", async () => {
		const [id] = await queue(1);
		await aNode(async () => {
			await notifications.change(id!, doc => ({ doc: { ...doc, readAt: "2026-01-05T09:00:01.000Z" } }));
			return "sent";
		}).round();
		expect(await notifications.get(id!)).toMatchObject({ status: "sent", readAt: "2026-01-05T09:00:01.000Z" });
	});
});
