import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../../lib/clock.ts";
import { newId } from "../../../../lib/ids.ts";
import { type AnalystsDesk, about, aMatch, analystsDesk, everybodyBut, somebody, toldOf } from "../../../../test/support/analysts-desk.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import type { Desk } from "./desk.ts";
import { type Match, withReason } from "./match.ts";

const twenty = Array.from({ length: 20 }, (_, index) => index);

let stoa: Stoa;
let service: AnalystsDesk;
let desk: Desk;
const clock = handClock();
beforeAll(async () => {
	stoa = await startStoa({ services: ["platform/operations"], also: [analystsDesk(), everybodyBut()], clock });
	service = stoa.service("fraud");
	desk = service.desk;
});
afterAll(() => stoa.stop());

const told = (type: string, key: string) => toldOf(service, type, key);
const broadcastTo = (userId: string) => service.seen.filter(({ payload }) => payload.userId === userId).map(({ name }) => name);

describe("a user's flag", () => {
	it("is told exactly once, by a fact and a broadcast, when twenty matches race to raise it", async () => {
		const userId = somebody();
		await Promise.all(twenty.map(index => desk.flags.flag(userId, aMatch({ ...about(userId), seq: index + 1 }))));
		expect(await desk.flags.get(userId)).toMatchObject({ status: "flagged", flaggedAt: clock.now() });
		expect((await desk.flags.get(userId))?.reasons).toHaveLength(20);
		const facts = await told("fraud.userFlagged", userId);
		expect(facts.map(({ data }) => data)).toEqual([{ userId, reasons: [expect.objectContaining({ rule: "interactions.lifetime" })] }]);
		expect(JSON.stringify(facts)).not.toContain("matchId");
		expect(broadcastTo(userId)).toEqual(["fraud.userFlagged"]);
	});

	it("takes a match once, however often it comes", async () => {
		const match = aMatch();
		await Promise.all(twenty.map(() => desk.carry(match)));
		await desk.carry(match);
		const flag = await desk.flags.get(match.entity.id);
		expect(flag).toMatchObject({ version: 1, reasons: [{ matchId: match.id }] });
		expect(await told("fraud.userFlagged", match.entity.id)).toHaveLength(1);
	});

	it("falls with all its reasons, is told once more, and what happened before stays forgotten", async () => {
		const userId = somebody();
		const [before, late, after] = [4, 6, 7].map(seq => aMatch({ ...about(userId), seq })) as [Match, Match, Match];
		await desk.flags.flag(userId, before);
		await Promise.all(twenty.map(() => desk.flags.clear(userId, 6)));
		expect(await desk.flags.get(userId)).toMatchObject({ status: "clear", reasons: [], clearedSeq: 6 });
		expect((await told("fraud.userCleared", userId)).map(({ data }) => data)).toEqual([
			{ userId, reasons: [expect.objectContaining({ rule: before.ruleId, detail: before.detail })] },
		]);
		for (const match of [before, late]) await desk.flags.flag(userId, match);
		expect(await desk.flags.get(userId)).toMatchObject({ status: "clear" });
		await desk.flags.flag(userId, after);
		expect(await desk.flags.get(userId)).toMatchObject({ status: "flagged", reasons: [{ matchId: after.id }] });
		expect(broadcastTo(userId)).toEqual(["fraud.userFlagged", "fraud.userCleared", "fraud.userFlagged"]);
	});

	it("stands for what came after the place that was cleared", async () => {
		const userId = somebody();
		for (const seq of [3, 9]) await desk.flags.flag(userId, aMatch({ ...about(userId), seq }));
		await desk.flags.clear(userId, 5);
		expect(await desk.flags.get(userId)).toMatchObject({ status: "flagged", reasons: [{ seq: 9 }], clearedSeq: 5 });
		expect(await told("fraud.userCleared", userId)).toEqual([]);
		// An older clearing that comes late takes nothing back.
		await desk.flags.clear(userId, 4);
		expect(await desk.flags.get(userId)).toMatchObject({ clearedSeq: 5 });
	});

	it("of nobody who was flagged falls in silence, and still forgets what came before", async () => {
		const userId = somebody();
		await desk.flags.clear(userId, 10);
		await desk.flags.flag(userId, aMatch({ ...about(userId), seq: 10 }));
		expect(await desk.flags.get(userId)).toMatchObject({ status: "clear", flaggedAt: null });
		expect([await told("fraud.userCleared", userId), await told("fraud.userFlagged", userId)]).toEqual([[], []]);
	});

	it("keeps fifty reasons, of every rule at least one", async () => {
		const userId = somebody();
		for (const index of [...twenty, ...twenty, ...twenty].keys())
			await desk.flags.flag(userId, aMatch({ ...about(userId), ruleId: index === 0 ? "takeover" : "like-spam" }));
		const reasons = (await desk.flags.get(userId))!.reasons;
		expect(reasons).toHaveLength(50);
		expect(reasons.filter(({ rule }) => rule === "takeover")).toHaveLength(1);
	});

	it("is raised by a match about them, and by none about what they use or that does not ask for it", async () => {
		const [user, other] = [somebody(), somebody()];
		await desk.carry(aMatch({ ...about(user), userId: user }));
		await desk.carry(aMatch({ ...about(other), flags: false }));
		await desk.carry(aMatch({ entity: { kind: "device", id: "d1" }, userId: other }));
		expect(await desk.flags.get(user)).toMatchObject({ status: "flagged" });
		expect(await desk.flags.get(other)).toBeUndefined();
	});
});

describe("a case", () => {
	it("is one for an entity, whoever opens it first of twenty at once", async () => {
		const userId = somebody();
		const matches = twenty.map(() => aMatch(about(userId)));
		await Promise.all(matches.map(match => desk.cases.open(match)));
		const cases = await desk.cases.page({ userId, limit: 10 });
		expect(cases).toHaveLength(1);
		expect(cases[0]!.matchIds.toSorted()).toEqual(matches.map(({ id }) => id).toSorted());
		expect(cases[0]!.reasons).toHaveLength(20);
		expect(await told("fraud.caseOpened", cases[0]!._id)).toHaveLength(1);
	});

	it("is opened anew once the one before is closed, but never by a match that it had", async () => {
		const userId = somebody();
		const [first, second] = [aMatch(about(userId)), aMatch(about(userId))];
		await desk.cases.open(first);
		await desk.cases.open(second);
		await desk.withdrawCase(first.entity, "Nothing left to decide.");
		for (const match of [first, second]) await desk.cases.open(match);
		expect(await desk.cases.page({ userId, limit: 10 })).toHaveLength(1);
		expect(await desk.cases.openOf(first.entity)).toBeUndefined();
		await desk.cases.open(aMatch(about(userId)));
		expect(await desk.cases.openOf(first.entity)).toMatchObject({ status: "open", version: 1 });
	});

	it("is about its user, the buyer of its order, the holder of its session, and of a device nobody", async () => {
		const userId = somebody();
		const orderId = newId("ord", clock.now());
		const kinds = { user: userId, order: orderId, session: "ses_1", device: "d9", instrument: "i9", address: "a9" } as const;
		for (const [kind, id] of Object.entries(kinds))
			await desk.cases.open(aMatch({ entity: { kind: kind as keyof typeof kinds, id }, userId, orderId }));
		const cases = await desk.cases.page({ userId, limit: 10 });
		expect(new Map(cases.map(({ entity, orderId }) => [entity.kind, orderId]))).toEqual(
			new Map([
				["user", null],
				["order", orderId],
				["session", null],
			]),
		);
		expect(await desk.cases.openOf({ kind: "device", id: "d9" })).toMatchObject({ userId: null, orderId: null });
	});

	it("of an order that was cancelled is closed without a decision, once", async () => {
		const orderId = newId("ord", clock.now());
		const entity = { kind: "order" as const, id: orderId };
		await desk.withdrawCase(entity, "Cancelled.");
		await desk.carry(aMatch({ entity, orderId, flags: false }));
		const { _id } = (await desk.cases.openOf(entity))!;
		await Promise.all(twenty.map(() => desk.withdrawCase(entity, "Cancelled.")));
		expect(await desk.cases.get(_id)).toMatchObject({ status: "closed", decision: null, note: "Cancelled.", closedAt: clock.now() });
		expect((await told("fraud.caseClosed", _id)).map(({ data }) => data)).toEqual([{ caseId: _id, entity, orderId }]);
	});
});

describe("the reasons that are kept", () => {
	it("lose the oldest of the rule that has the most of them", () => {
		const reason = (rule: string, detail: string) => ({ rule, detail, at: "2026-01-05T09:00:00.000Z" });
		const kept = withReason([reason("a", "1"), reason("b", "2"), reason("b", "3")], reason("c", "4"), 3);
		expect(kept.map(({ detail }) => detail)).toEqual(["1", "3", "4"]);
	});
});
