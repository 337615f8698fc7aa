// Events of two thousand people, many of them twice and many out of order: everybody is counted as by hand.
// A hundred thousand of them: STOA_TEST_FRAUD_EVENTS=100000 npm test -- services/risk/fraud/fraud.exact
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { newId } from "../../../lib/ids.ts";
import { RiskFeed, seeded } from "../../../test/support/risk-feed.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import type { Fraud } from "./fraud.service.ts";

const events = Number(process.env.STOA_TEST_FRAUD_EVENTS ?? 30_000);
/** As many for each of them as in the whole of it. */
const users = events / 50;
const batch = 256;
const minute = 60_000;

let stoa: Stoa;
beforeAll(async () => {
	stoa = await startStoa({ services: ["risk"], clock: handClock(), env: { STOA_DURABILITY: "process" } });
});
afterAll(() => stoa.stop());

it("events, a fifth delivered again, a tenth out of order, are counted for everybody as by hand", async () => {
	const feed = new RiskFeed(stoa);
	const random = seeded(7);
	const people = Array.from({ length: users }, () => newId("usr", Date.now()));
	const byHand = new Map(people.map(userId => [userId, 0]));
	const now = stoa.runtime.clock.now();
	const sent: ReturnType<RiskFeed["interaction"]>[] = [];
	for (let n = 0; n < events; n++) {
		// A few do a great deal: they are flagged on the way, which must not change their count.
		const userId = people[Math.min(random(users), random(users))]!;
		byHand.set(userId, byHand.get(userId)! + 1);
		const isLate = random(10) === 0;
		sent.push(feed.interaction(userId, now - (events - n) * 10 - (isLate ? random(10 * minute) : 0)));
	}
	for (let at = 0; at < events; at += batch) {
		await feed.hand(...sent.slice(at, at + batch));
		// Delivered again: some of it at once, some of it long afterwards.
		const from = random(2) === 0 ? at : random(at + 1);
		await feed.hand(...sent.slice(from, from + Math.ceil(batch / 5)));
	}
	await feed.judged();
	const service = stoa.service<Fraud>("fraud");
	const counted = await Promise.all(people.map(async userId => [userId, await service.interactionsOf(userId)] as const));
	expect(new Map(counted)).toEqual(byHand);
	const flagged = await service.store.reader.all<{ factKey: string }>("SELECT factKey FROM outbox WHERE type = 'fraud.userFlagged'");
	const mustBe = [...byHand].filter(([, count]) => count >= 100).map(([userId]) => userId);
	expect(flagged.map(({ factKey }) => factKey).sort()).toEqual(mustBe.sort());
}, 180_000);
