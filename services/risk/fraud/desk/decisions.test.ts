import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../../lib/canonical.ts";
import { handClock, rfc3339 } from "../../../../lib/clock.ts";
import { ask, type Meta } from "../../../../lib/contract.ts";
import { serviceUnavailable } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import { type AnalystsDesk, about, aMatch, analystsDesk, everybodyBut, somebody, toldOf } from "../../../../test/support/analysts-desk.ts";
import { matching, refused } from "../../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import * as cases from "../cases.contract.ts";
import type { Attempt } from "../fraud.contract.ts";
import { confirmedFraud, getList, putListEntry, removeListEntry } from "../lists.contract.ts";
import { listedOf } from "./lists.ts";

const day = 24 * 3_600_000;
const clock = handClock();
const nobody = somebody();
const [ada, bert] = [somebody(), somebody()];
let stoa: Stoa;
let service: AnalystsDesk;
// Made anew each time: the clock outlives a token.
const as = {
	get ada(): Meta {
		return stoa.as(ada, ["risk"]);
	},
	get bert(): Meta {
		return stoa.as(bert, ["risk"]);
	},
};
beforeAll(async () => {
	stoa = await startStoa({ services: ["platform/operations"], also: [analystsDesk(), everybodyBut(nobody)], clock });
	service = stoa.service("fraud");
});
afterAll(() => stoa.stop());

const claim = (id: string, meta = as.ada) => ask(stoa.broker, cases.claimCase, { id }, { meta });
const release = (id: string, meta = as.ada) => ask(stoa.broker, cases.releaseCase, { id }, { meta });
const decide = (id: string, decision: cases.CaseDecision, given: { meta?: Meta; note?: string } = {}) =>
	ask(stoa.broker, cases.decideCase, { id, decision, ...(given.note ? { note: given.note } : {}) }, { meta: given.meta ?? as.ada });
const caseOf = (id: string) => ask(stoa.broker, cases.getCase, { id }, { meta: as.ada });
const standing = (id: string) => ask(stoa.broker, cases.getUser, { id }, { meta: as.ada });
const clear = (id: string, meta = as.ada) => ask(stoa.broker, cases.clearUser, { id, reason: "A gift buyer." }, { meta });
const told = (type: string, key: string) => toldOf(service, type, key);
/** What rules were told to forget of a user. */
async function clearedFor(userId: string) {
	await service.store.transaction(tx => tx.numberLog(100));
	const logged = await service.store.reader.logAfter(0, 1000);
	return logged.filter(({ kind, entities }) => kind === "cleared" && entities.user === userId);
}
const labelsOf = async (entityKey: string) =>
	(await service.store.reader.all<{ label: string }>("SELECT label FROM labels WHERE entityKey = ? ORDER BY at, caseId", [entityKey])).map(
		({ label }) => label,
	);
const confirmedOnes = async () => (await ask(stoa.broker, getList, { name: confirmedFraud, limit: 100 }, { meta: as.ada })).data;
const listed = (...keys: string[]) => listedOf(service.store.reader, keys, clock.now());

/** Somebody who is flagged, with their case. */
async function flagged(rules: readonly string[] = ["interactions.lifetime"], seq = 0) {
	const userId = somebody();
	for (const ruleId of rules) await service.desk.carry(aMatch({ ...about(userId), ruleId, seq: seq || (await head()) + 1 }));
	return { userId, caseId: (await service.desk.cases.openOf(about(userId).entity))!._id };
}
const head = () => service.store.reader.logHead();

async function orderOnHold(userId: string | null = somebody()) {
	const orderId = newId("ord", clock.now());
	const match = aMatch({ entity: { kind: "order", id: orderId }, orderId, ...(userId ? { userId } : {}), ruleId: "review", flags: false });
	await service.desk.carry(match);
	return { orderId, caseId: (await service.desk.cases.openOf(match.entity))!._id };
}

const attempt = (given: Partial<Attempt>): Promise<boolean> =>
	service.store.transaction(tx =>
		tx.insertAttempt(
			{
				attemptId: newId("opr", clock.now()),
				orderId: newId("ord", clock.now()),
				paymentId: newId("pay", clock.now()),
				userId: null,
				sessionId: "ses",
				addressHash: "address",
				deviceHash: null,
				instrument: null,
				isShared: false,
				amount: { amount: 1, currency: "EUR" },
				country: "GR",
				itemCount: 1,
				...given,
			},
			clock.now(),
		),
	);

describe("claiming", () => {
	it("gives every case of five hundred one owner when two analysts want them all at once", async () => {
		const ids = await Promise.all(Array.from({ length: 500 }, async () => (await orderOnHold(null)).caseId));
		const wanted = ids.flatMap(id => [claim(id, as.ada), claim(id, as.bert)].map(claiming => claiming.catch(error => error.type)));
		const answers = await Promise.all(wanted);
		expect(answers.filter(answer => answer === "case_already_claimed")).toHaveLength(500);
		const owned = answers.filter(answer => typeof answer === "object") as cases.Case[];
		expect(new Set(owned.map(({ id }) => id)).size).toBe(500);
		for (const one of owned) expect(await caseOf(one.id)).toEqual(one);
	});

	it("again is answered as it is, refused to others, and undone by releasing", async () => {
		const { caseId } = await flagged();
		await expect(release(caseId)).resolves.toMatchObject({ status: "open", version: 1 });
		const claimed = await claim(caseId);
		expect(claimed).toMatchObject({ status: "claimed", assignee: ada, version: 2 });
		expect(await claim(caseId)).toEqual(claimed);
		await expect(claim(caseId, as.bert)).rejects.toEqual(refused("case_already_claimed"));
		await expect(release(caseId, as.bert)).rejects.toEqual(refused("case_not_yours"));
		const released = await release(caseId);
		expect(released).toMatchObject({ status: "open", version: 3 });
		expect(released).not.toHaveProperty("assignee");
		expect(await claim(caseId, as.bert)).toMatchObject({ assignee: bert });
	});

	it("honours If-Match, and knows no case that is none", async () => {
		const { caseId } = await flagged();
		await expect(claim(caseId, matching(as.ada, '"other"'))).rejects.toEqual(refused("version_stale"));
		await claim(caseId, matching(as.ada, etagOf(await caseOf(caseId))));
		await expect(decide(caseId, "confirmed", { meta: matching(as.ada, '"other"') })).rejects.toEqual(refused("version_stale"));
		const stranger = newId("cas", clock.now());
		for (const asked of [claim(stranger), release(stranger), decide(stranger, "unsure"), decide(stranger, "confirmed"), caseOf(stranger)])
			await expect(asked).rejects.toEqual(refused("not_found"));
	});
});

describe("deciding a case", () => {
	it("is for whoever has claimed it, and once", async () => {
		const { caseId } = await flagged();
		for (const decision of ["confirmed", "unsure"] as const)
			await expect(decide(caseId, decision)).rejects.toEqual(refused("case_not_yours"));
		await claim(caseId, as.bert);
		await expect(decide(caseId, "falsePositive")).rejects.toEqual(refused("case_not_yours"));
		const both = [decide(caseId, "confirmed", { meta: as.bert }), decide(caseId, "falsePositive", { meta: as.bert })];
		const outcomes = await Promise.allSettled(both);
		expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
		expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({ reason: refused("case_state_conflict") });
		for (const again of [decide(caseId, "unsure", { meta: as.bert }), claim(caseId, as.bert), release(caseId, as.bert)])
			await expect(again).rejects.toEqual(refused("case_state_conflict"));
		expect(await told("fraud.caseClosed", caseId)).toHaveLength(1);
	});

	it("as unsure notes it and leaves it claimed", async () => {
		const { userId, caseId } = await flagged();
		await claim(caseId);
		const unsure = await decide(caseId, "unsure", { note: "Ask the courier." });
		expect(unsure).toMatchObject({ status: "claimed", assignee: ada, decision: "unsure", note: "Ask the courier." });
		expect(await decide(caseId, "unsure")).toEqual(unsure);
		expect(await standing(userId)).toMatchObject({ status: "flagged" });
		expect(await decide(caseId, "confirmed")).toMatchObject({ status: "closed", decision: "confirmed", note: "Ask the courier." });
	});

	it("as a false positive clears the user, and has the rules forget what they matched", async () => {
		const { userId, caseId } = await flagged(["interactions.lifetime", "interactions.hourly", "interactions.lifetime"]);
		await claim(caseId);
		clock.move(5);
		const closed = await decide(caseId, "falsePositive", { note: "An influencer." });
		expect(closed).toMatchObject({ status: "closed", decision: "falsePositive", note: "An influencer.", closedAt: rfc3339(clock.now()) });
		expect(await standing(userId)).toEqual({ userId, status: "clear", reasons: [], counters: { interactions: 7 } });
		const cleared = await clearedFor(userId);
		expect(cleared).toMatchObject([
			{ rules: ["interactions.hourly", "interactions.lifetime"], entities: { user: userId }, at: clock.now() },
		]);
		expect((await told("fraud.userCleared", userId)).map(({ data }) => (data.reasons as object[]).length)).toEqual([3]);
		const entity = { kind: "user", id: userId };
		expect((await told("fraud.caseClosed", caseId)).map(({ data }) => data)).toEqual([
			{ caseId, entity, userId, decision: "falsePositive", by: ada },
		]);
		expect(await labelsOf(`user:${userId}`)).toEqual(["honest"]);
		// What happened before the clearing flags nobody, however late it is carried; what happens after does.
		await service.desk.carry(aMatch({ ...about(userId), seq: cleared[0]!.seq }));
		expect(await standing(userId)).toMatchObject({ status: "clear" });
		await service.desk.carry(aMatch({ ...about(userId), seq: cleared[0]!.seq + 1 }));
		expect(await standing(userId)).toMatchObject({ status: "flagged" });
	});

	it("as confirmed flags the user, and lists what they paid with and from where for 180 days, but nothing that many share", async () => {
		const { userId, caseId } = await flagged();
		await attempt({ userId, deviceHash: "device-1", instrument: "card-1" });
		await attempt({ userId, deviceHash: "device-1", instrument: "tok-visa", isShared: true });
		await attempt({ userId: somebody(), deviceHash: "device-2", instrument: "card-2" });
		await claim(caseId);
		await decide(caseId, "confirmed");
		const { reasons } = await standing(userId);
		expect(reasons.map(({ rule }) => rule)).toEqual(["interactions.lifetime", "confirmed"]);
		expect(await labelsOf(`user:${userId}`)).toEqual(["fraud"]);
		const keys = ["device:device-1", "instrument:card-1", "instrument:tok-visa", "device:device-2", "instrument:card-2"];
		const confirmed = new Set(["confirmedFraud"]);
		const expected = new Map([
			["device:device-1", confirmed],
			["instrument:card-1", confirmed],
		]);
		expect(await listed(...keys)).toEqual(expected);
		clock.move(180 * 24 * 3_600_000 - 1);
		expect(await listed(...keys)).toEqual(expected);
		clock.move(1);
		expect(await listed(...keys)).toEqual(new Map());
	});

	it("about a shared address lists nobody, and about a device that device", async () => {
		await attempt({ addressHash: "office", deviceHash: "device-3", instrument: "card-3" });
		for (const [kind, id] of [
			["address", "office"],
			["device", "device-4"],
		] as const) {
			const entity = { kind, id };
			await service.desk.carry(aMatch({ entity }));
			const { _id } = (await service.desk.cases.openOf(entity))!;
			await claim(_id);
			await decide(_id, "confirmed");
			expect(await labelsOf(`${kind}:${id}`)).toEqual(["fraud"]);
		}
		expect([...(await listed("device:device-3", "instrument:card-3", "device:device-4")).keys()]).toEqual(["device:device-4"]);
	});

	it("about an order lets it go on or undoes it, and leaves its buyer's flag to the buyer's own case", async () => {
		const buyer = await flagged();
		for (const [decision, becomes] of [
			["falsePositive", "approved"],
			["confirmed", "rejected"],
		] as const) {
			const { orderId, caseId } = await orderOnHold(buyer.userId);
			await claim(caseId);
			expect(await decide(caseId, decision)).toMatchObject({ orderId, userId: buyer.userId, entity: { kind: "order", id: orderId } });
			expect((await told("fraud.orderDecided", orderId)).map(({ data }) => data)).toEqual([{ orderId, decision: becomes, caseId }]);
		}
		expect(await clearedFor(buyer.userId)).toMatchObject([{ rules: ["review"], entities: { user: buyer.userId } }]);
		expect((await standing(buyer.userId)).reasons).toHaveLength(1);
		const guest = await orderOnHold(null);
		await claim(guest.caseId);
		expect(await decide(guest.caseId, "falsePositive")).toMatchObject({ status: "closed" });
		expect(await told("fraud.orderDecided", guest.orderId)).toHaveLength(1);
	});

	it("is finished although each document fails once, its outcome unknown", async () => {
		const { userId, caseId } = await flagged();
		await claim(caseId);
		const { cases: kept, flags } = service.desk;
		for (const [owner, verb] of [
			[kept, "close"],
			[flags, "clear"],
		] as const) {
			const act = owner[verb as never] as (...given: unknown[]) => Promise<unknown>;
			Object.assign(owner, {
				[verb]: async (...given: unknown[]) => {
					delete owner[verb as never];
					await act.apply(owner, given);
					throw serviceUnavailable();
				},
			});
		}
		expect(await decide(caseId, "falsePositive")).toMatchObject({ status: "closed", decision: "falsePositive" });
		expect(await standing(userId)).toMatchObject({ status: "clear" });
		expect(await clearedFor(userId)).toHaveLength(1);
		for (const [type, key] of [
			["fraud.caseClosed", caseId],
			["fraud.userCleared", userId],
		] as const)
			expect(await told(type, key)).toHaveLength(1);
	});
});

describe("clearing a user", () => {
	it("clears the flag and closes the case, whoever holds it, with the reason as its note", async () => {
		const { userId, caseId } = await flagged(["takeover"]);
		await claim(caseId, as.bert);
		expect(await clear(userId)).toMatchObject({ status: "clear", reasons: [] });
		expect(await caseOf(caseId)).toMatchObject({ status: "closed", assignee: bert, decision: "falsePositive", note: "A gift buyer." });
		expect(await clearedFor(userId)).toMatchObject([{ rules: ["takeover"] }]);
		expect((await told("fraud.caseClosed", caseId)).map(({ data }) => data.by)).toEqual([ada]);
	});

	it("twice, and twice at once, is told once", async () => {
		const { userId, caseId } = await flagged();
		await Promise.all([clear(userId), clear(userId, as.bert)]);
		const cleared = await clearedFor(userId);
		expect(await clear(userId)).toMatchObject({ status: "clear" });
		expect(await clearedFor(userId)).toEqual(cleared);
		for (const [type, key] of [
			["fraud.userCleared", userId],
			["fraud.caseClosed", caseId],
		] as const)
			expect(await told(type, key)).toHaveLength(1);
	});

	it("who was only looked at closes the case and tells of nobody cleared", async () => {
		const userId = somebody();
		await service.desk.carry(aMatch({ ...about(userId), flags: false, ruleId: "interactions.hourly" }));
		expect(await clear(userId)).toMatchObject({ status: "clear" });
		expect(await service.desk.cases.openOf(about(userId).entity)).toBeUndefined();
		expect(await clearedFor(userId)).toMatchObject([{ rules: ["interactions.hourly"] }]);
		expect(await told("fraud.userCleared", userId)).toEqual([]);
	});

	it("who was confirmed before takes that back, the lists included", async () => {
		const { userId, caseId } = await flagged();
		await attempt({ userId, deviceHash: "device-5", instrument: "card-5" });
		await claim(caseId);
		await decide(caseId, "confirmed");
		expect((await listed("device:device-5", "instrument:card-5")).size).toBe(2);
		clock.move(1);
		expect(await clear(userId)).toMatchObject({ status: "clear" });
		expect((await listed("device:device-5", "instrument:card-5")).size).toBe(0);
		expect(await labelsOf(`user:${userId}`)).toEqual(["fraud", "honest"]);
		expect(await clearedFor(userId)).toMatchObject([{ rules: ["interactions.lifetime"] }]);
	});

	it("leaves on the list what another confirmation stands behind, and as long as it does", async () => {
		const [first, second] = [await flagged(), await flagged()];
		for (const { userId, caseId } of [first, second]) {
			await attempt({ userId, deviceHash: "device-6" });
			await claim(caseId);
			await decide(caseId, "confirmed");
			clock.move(day);
		}
		const entry = async () => (await confirmedOnes()).find(({ entity }) => entity.id === "device-6");
		const [began, ended] = [clock.now() - 2 * day, clock.now() + 179 * day];
		expect(await entry()).toMatchObject({ addedAt: rfc3339(began), expiresAt: rfc3339(ended), caseId: second.caseId });
		await clear(second.userId);
		expect(await entry()).toMatchObject({ addedAt: rfc3339(began), expiresAt: rfc3339(ended - day), caseId: first.caseId });
		expect((await listed("device:device-6")).size).toBe(1);
		await clear(first.userId);
		expect(await entry()).toBeUndefined();
		expect((await listed("device:device-6")).size).toBe(0);
	});

	it("leaves on the list what somebody put there by hand, as it was", async () => {
		const entity = { kind: "device" as const, id: "device-7" };
		const byHand = { name: confirmedFraud, entity, note: "Sold on a market.", expiresAt: rfc3339(clock.now() + 400 * day) };
		const put = await ask(stoa.broker, putListEntry, byHand, { meta: as.bert });
		const { userId, caseId } = await flagged();
		await attempt({ userId, deviceHash: "device-7" });
		await claim(caseId);
		clock.move(1);
		await decide(caseId, "confirmed");
		expect(await confirmedOnes()).toContainEqual(put);
		await clear(userId);
		expect(await confirmedOnes()).toContainEqual(put);
	});

	it("lets an entry go with the confirmation that outlasts it, and with an analyst who takes it off by hand", async () => {
		for (const [id, isByHand] of [
			["device-8", false],
			["device-9", true],
		] as const) {
			const entity = { kind: "device" as const, id };
			const soon = { name: confirmedFraud, entity, expiresAt: rfc3339(clock.now() + day) };
			await ask(stoa.broker, putListEntry, soon, { meta: as.ada });
			const { userId, caseId } = await flagged();
			await attempt({ userId, deviceHash: id });
			await claim(caseId);
			await decide(caseId, "confirmed");
			clock.move(day);
			expect((await listed(`device:${id}`)).size).toBe(1);
			if (isByHand) await ask(stoa.broker, removeListEntry, { name: confirmedFraud, ...entity }, { meta: as.ada });
			else await clear(userId);
			expect((await listed(`device:${id}`)).size).toBe(0);
		}
	});

	it("says nothing of a device that was itself confirmed", async () => {
		const userId = somebody();
		const entity = { kind: "device" as const, id: "device-10" };
		await service.desk.carry(aMatch({ entity, userId, flags: false }));
		const { _id } = (await service.desk.cases.openOf(entity))!;
		await claim(_id);
		await decide(_id, "confirmed");
		await service.desk.carry(aMatch({ ...about(userId), seq: (await head()) + 1 }));
		await clear(userId);
		expect((await listed("device:device-10")).size).toBe(1);
	});

	it("who is clear leaves no trace, and nobody is not found", async () => {
		const userId = somebody();
		expect(await clear(userId)).toEqual({ userId, status: "clear", reasons: [], counters: { interactions: 7 } });
		expect(await clearedFor(userId)).toEqual([]);
		for (const asked of [clear(nobody), standing(nobody)]) await expect(asked).rejects.toEqual(refused("not_found"));
	});
});

describe("the lists of users and cases", () => {
	it("show those who are flagged, the last one first, page by page", async () => {
		const people: string[] = [];
		for (let index = 0; index < 5; index++) {
			clock.move(1000);
			people.unshift((await flagged()).userId);
		}
		await clear(people[1]!);
		const page = (params: { status?: "clear" | "flagged"; limit?: number; cursor?: string }) =>
			ask(stoa.broker, cases.listUsers, params, { meta: as.ada });
		const first = await page({ status: "flagged", limit: 2 });
		expect(first.data.map(({ userId }) => userId)).toEqual([people[0], people[2]]);
		const second = await page({ status: "flagged", limit: 2, cursor: first.nextCursor! });
		expect(second.data.map(({ userId }) => userId)).toEqual([people[3], people[4]]);
		expect((await page({ limit: 5 })).data.map(({ userId }) => userId)).toEqual(people);
		expect((await page({ status: "clear", limit: 1 })).data).toMatchObject([{ userId: people[1], status: "clear", reasons: [] }]);
		await expect(page({ cursor: "WzEsMl0" })).rejects.toEqual(refused("validation_failed"));
	});

	it("show a user's own cases and those of the user's orders, the newest first, by status", async () => {
		const { userId, caseId } = await flagged();
		clock.move(1000);
		const order = await orderOnHold(userId);
		clock.move(1000);
		const [later] = [await orderOnHold(userId), await orderOnHold()];
		await claim(order.caseId);
		const page = (params: { status?: "open" | "claimed" | "closed"; limit?: number; cursor?: string }) =>
			ask(stoa.broker, cases.listCases, { userId, ...params }, { meta: as.ada });
		expect((await page({})).data.map(({ id }) => id)).toEqual([later.caseId, order.caseId, caseId]);
		const first = await page({ limit: 1 });
		expect((await page({ limit: 2, cursor: first.nextCursor! })).data.map(({ id }) => id)).toEqual([order.caseId, caseId]);
		expect((await page({ status: "claimed" })).data.map(({ id }) => id)).toEqual([order.caseId]);
		expect((await page({ status: "closed" })).data).toEqual([]);
		expect(JSON.stringify((await page({})).data)).not.toMatch(/matchId|openKey|decidedBy|null/);
	});

	it("are for the risk team", async () => {
		const support = stoa.as(somebody(), ["support"]);
		await expect(ask(stoa.broker, cases.listCases, {}, { meta: support })).rejects.toEqual(refused("permission_missing"));
		await expect(clear(somebody(), support)).rejects.toEqual(refused("permission_missing"));
	});
});
