import { describe, expect, it } from "@jest/globals";
import type { Channel } from "./channels/channel.ts";
import { inApp } from "./channels/in-app.ts";
import type { ChannelName } from "./notifications.contract.ts";
import {
	attemptsMax,
	claimed,
	claimMs,
	delivered,
	dropped,
	type FailedTry,
	type NotificationDocument,
	notificationsOf,
	redriven,
	retryAfterMs,
	undelivered,
} from "./notifications.domain.ts";

const carriedEmail: Channel = { ...inApp, name: "email", begins: "queued" };
const carriers = new Map<ChannelName, Channel>([
	["inApp", inApp],
	["email", carriedEmail],
]);
const fact = { id: "evt_01jd9w6qkz8m4f2v7b3c5n1x0r", occurredAt: "2026-01-05T09:00:00.000Z" };
const now = Date.parse(fact.occurredAt);
const order = { orderId: "ord_1", orderNumber: "1001" };
const wording = { locale: "en", title: "t", body: "b" };
const told = (userId: string | null, { of = fact, at = now }: { of?: typeof fact; at?: number } = {}) =>
	notificationsOf(
		of,
		{ type: "order.confirmed", to: { userId, ...order }, wording, channels: ["inApp", "email"] },
		{ channels: carriers, now: at },
	);
const aQueued = (given: Partial<NotificationDocument> = {}): NotificationDocument => ({ ...told("usr_1")[1]!, version: 1, ...given });

describe("telling a fact", () => {
	it("makes one document for each channel, which begins as its channel does", () => {
		expect(told("usr_1").map(({ channel, status }) => [channel, status])).toEqual([
			["inApp", "sent"],
			["email", "queued"],
		]);
	});

	it("makes the same documents of the same fact, and others for another fact, channel or person", () => {
		expect(told("usr_1")).toEqual(told("usr_1"));
		const another = { ...fact, id: "evt_01jd9w6qkz8m4f2v7b3c5n1x0s" };
		const ids = [...told("usr_1"), ...told("usr_2"), ...told(null), ...told("usr_1", { of: another })].map(({ _id }) => _id);
		expect(new Set(ids).size).toBe(ids.length);
		for (const id of ids) expect(id).toMatch(/^ntf_[0-9a-hjkmnp-tv-z]{26}$/);
	});

	it("sorts by the time of the fact", () => {
		const later = told("usr_1", { of: { id: fact.id, occurredAt: "2026-01-05T09:00:00.001Z" } });
		expect(later[0]!._id > told("usr_1")[1]!._id).toBe(true);
	});

	it("carries no news of last week, but keeps it to be read", () => {
		const week = 7 * 24 * 3_600_000;
		expect(told("usr_1", { at: now + week })[1]).toMatchObject({ status: "queued" });
		expect(told("usr_1", { at: now + week + 1 }).map(({ status }) => status)).toEqual(["sent", "kept"]);
	});
});

describe("carrying a notification", () => {
	const failed: FailedTry = { reason: "ETIMEDOUT", final: false, hasReceiver: true, now };

	it("is put off while somebody carries it", () => {
		expect(claimed(aQueued(), { claim: "a", now })).toMatchObject({ status: "queued", attempts: 1, claim: "a", nextAt: now + claimMs });
	});

	it("is over when it arrived, whoever carried it", () => {
		const arrived = delivered(aQueued({ attempts: 3, claim: "a", error: "ETIMEDOUT", letter: "retrying" }), "sent");
		expect(arrived).toMatchObject({ status: "sent", claim: null, nextAt: null, letter: null, error: null });
	});

	it("is tried again ever later, and is a dead letter after its tries or at a final refusal", () => {
		const first = undelivered(aQueued({ attempts: 1, claim: "a" }), "a", failed);
		expect(first).toMatchObject({ status: "queued", claim: null, nextAt: now + 5000, letter: "retrying", error: "ETIMEDOUT" });
		const last = undelivered(aQueued({ attempts: attemptsMax, claim: "a" }), "a", failed);
		expect(last).toMatchObject({ status: "failed", nextAt: null, letter: "dead", lastFailedAt: now });
		expect(undelivered(aQueued({ attempts: 1, claim: "a" }), "a", { ...failed, final: true })).toMatchObject({
			status: "failed",
			letter: "dead",
		});
		const day = Array.from({ length: attemptsMax - 1 }, (_, index) => retryAfterMs(index + 1)).reduce((sum, wait) => sum + wait, 0);
		expect(day / 3_600_000).toBeGreaterThan(20);
	});

	it("is no operator's business when there is nobody to carry it to", () => {
		const nobody = undelivered(aQueued({ attempts: 1, claim: "a" }), "a", { ...failed, final: true, hasReceiver: false });
		expect(nobody).toMatchObject({ status: "failed", letter: null });
	});

	it("is not counted as failed by a try whose claim ran out", () => {
		expect(undelivered(aQueued({ attempts: 2, claim: "b" }), "a", failed)).toBeUndefined();
		expect(undelivered(aQueued({ attempts: 1, claim: "a", status: "sent" }), "a", failed)).toBeUndefined();
	});
});

describe("a letter in the hands of an operator", () => {
	const dead = aQueued({ status: "failed", letter: "dead", attempts: attemptsMax, nextAt: null });

	it("is tried again at once with all its tries", () => {
		expect(redriven(dead, now)).toMatchObject({ status: "queued", attempts: 0, nextAt: now, letter: "retrying" });
	});

	it("stays with whoever carries it at the moment", () => {
		const carried = aQueued({ letter: "retrying", claim: "a", attempts: 3, nextAt: now + 1 });
		expect(redriven(carried, now)).toMatchObject({ claim: "a", attempts: 3, nextAt: now + 1 });
		expect(redriven(carried, now + 1)).toMatchObject({ claim: null, attempts: 0 });
	});

	it("can be given up", () => {
		expect(dropped(aQueued({ letter: "retrying", nextAt: now }))).toMatchObject({ status: "failed", letter: null, nextAt: null });
	});

	it("is no letter when nothing failed", () => {
		expect(redriven(aQueued(), now)).toBeUndefined();
		expect(dropped(aQueued())).toBeUndefined();
	});
});
