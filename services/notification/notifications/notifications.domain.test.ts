import { describe, expect, it } from "@jest/globals";
import type { Channel } from "./channels/channel.ts";
import { inApp } from "./channels/in-app.ts";
import type { ChannelName } from "./notifications.contract.ts";
import {
	attemptsMax,
	claimed,
	claimMs,
	delivered,
	type NotificationDocument,
	notificationsOf,
	retryAfterMs,
	undelivered,
} from "./notifications.domain.ts";
import { english } from "./templates/english.ts";

const carriedEmail: Channel = { ...inApp, name: "email", begins: "queued" };
const channels = new Map<ChannelName, Channel>([
	["inApp", inApp],
	["email", carriedEmail],
]);
const fact = { id: "evt_01jd9w6qkz8m4f2v7b3c5n1x0r", occurredAt: "2026-01-05T09:00:00.000Z" };
const order = { orderId: "ord_1", orderNumber: "1001" };
const wording = { title: "t", body: "b" };
const told = (userId: string | null, of = fact) =>
	notificationsOf(of, { type: "order.confirmed", buyer: { userId, ...order }, wording }, channels);
const aQueued = (given: Partial<NotificationDocument> = {}): NotificationDocument => ({ ...told(null)[0]!, version: 1, ...given });

describe("telling a fact", () => {
	it("reaches a signed-in buyer in the app and by email, and a guest by email", () => {
		expect(told("usr_1").map(({ channel, status }) => [channel, status])).toEqual([
			["inApp", "sent"],
			["email", "queued"],
		]);
		expect(told(null).map(({ channel, userId }) => [channel, userId])).toEqual([["email", null]]);
	});

	it("makes the same documents of the same fact, and others for another fact, channel or person", () => {
		expect(told("usr_1")).toEqual(told("usr_1"));
		const ids = [
			...told("usr_1"),
			...told("usr_2"),
			...told(null),
			...told("usr_1", { ...fact, id: "evt_01jd9w6qkz8m4f2v7b3c5n1x0s" }),
		].map(({ _id }) => _id);
		expect(new Set(ids).size).toBe(ids.length);
		for (const id of ids) expect(id).toMatch(/^ntf_[0-9a-hjkmnp-tv-z]{26}$/);
	});

	it("sorts by the time of the fact", () => {
		const later = told("usr_1", { id: fact.id, occurredAt: "2026-01-05T09:00:00.001Z" });
		expect(later[0]!._id > told("usr_1")[1]!._id).toBe(true);
	});

	it("names order and amount in words for people", () => {
		const wordings = Object.values(english).map(write => write({ orderNumber: "1001", amount: { amount: 123456, currency: "EUR" } }));
		for (const { title, body } of wordings) {
			expect(title).toContain("1001");
			expect(body).toContain("€1,234.56");
		}
	});
});

describe("carrying a notification", () => {
	const now = Date.parse(fact.occurredAt);

	it("is put off while somebody carries it", () => {
		expect(claimed(aQueued(), now)).toMatchObject({ status: "queued", attempts: 1, nextAt: now + claimMs });
	});

	it("is over when it arrived, whoever carried it", () => {
		expect(delivered(aQueued({ attempts: 3, error: "ETIMEDOUT" }), "sent")).toMatchObject({ status: "sent", nextAt: null, error: null });
	});

	it("is tried again ever later, and given up after its tries or at a final refusal", () => {
		const failed = { reason: "ETIMEDOUT", final: false, now };
		expect(undelivered(aQueued({ attempts: 1 }), 1, failed)).toMatchObject({ status: "queued", nextAt: now + 5000, error: "ETIMEDOUT" });
		expect(undelivered(aQueued({ attempts: attemptsMax }), attemptsMax, failed)).toMatchObject({ status: "failed", nextAt: null });
		expect(undelivered(aQueued({ attempts: 1 }), 1, { ...failed, final: true })).toMatchObject({ status: "failed" });
		const day = Array.from({ length: attemptsMax - 1 }, (_, index) => retryAfterMs(index + 1)).reduce((sum, wait) => sum + wait, 0);
		expect(day / 3_600_000).toBeGreaterThan(20);
	});

	it("is not counted as failed by a try whose claim ran out", () => {
		expect(undelivered(aQueued({ attempts: 2 }), 1, { reason: "late", final: true, now })).toBeUndefined();
		expect(undelivered(aQueued({ attempts: 1, status: "sent" }), 1, { reason: "late", final: true, now })).toBeUndefined();
	});
});
