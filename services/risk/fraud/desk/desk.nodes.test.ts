// The desk on two nodes over one document server and one database: what holds within a process holds between them.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { answer, ask } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import { defineService } from "../../../../lib/service.ts";
import { onMongo } from "../../../../test/conformance/documents-place.ts";
import { dropDatabase } from "../../../../test/conformance/sql-places.ts";
import { type AnalystsDesk, about, aMatch, analystsDesk, everybodyBut, somebody, toldOf } from "../../../../test/support/analysts-desk.ts";
import { describeWith } from "../../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../../test/support/engines/engines.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import { endedSessions } from "../../../identity/authentication/authentication.contract.ts";
import { changedRoles } from "../../../identity/authorization/authorization.contract.ts";
import { ListsAsTheyWere } from "../backtest/lists-as-they-were.ts";
import * as cases from "../cases.contract.ts";
import type { FraudTx } from "../fraud.store.ts";
import { confirmedFraud } from "../lists.contract.ts";
import { addToList, listConfirmed, listedOf, listPage, removeFromList, unlistConfirmed } from "./lists.ts";

const twenty = Array.from({ length: 20 }, (_, index) => index);

/** Whose word a node waits for before it believes an access token. */
const doorkeepers = () => [
	defineService({ name: "authentication", actions: { endedSessions: answer(endedSessions, () => ({ sessionIds: [] })) } }),
	defineService({ name: "authorization", actions: { changedRoles: answer(changedRoles, () => ({ users: [] })) } }),
];

describeWith(
	"nats",
	"sql",
	"mongo",
)("two nodes of the analysts' desk", () => {
	let env: Record<string, string>;
	let nodes: [Stoa, Stoa];

	beforeAll(async () => {
		const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
		env = {
			STOA_NATS_URL: await sharedServer("nats"),
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_MONGO_URL: await sharedServer("mongo"),
			STOA_SQL_POOL: "3",
			STOA_NAMESPACE: `d${randomBytes(6).toString("hex")}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
			STOA_SIGNING_KEYS: JSON.stringify({ keys: [jwk] }),
		};
		const also = () => [analystsDesk(), everybodyBut(), ...doorkeepers()];
		const node = (name: string) => startStoa({ services: ["platform/operations"], also: also(), env: { ...env, STOA_NODE_ID: name } });
		nodes = [await node("one"), await node("two")];
	}, 120_000);
	afterAll(async () => {
		await Promise.all((nodes ?? []).map(node => node.stop()));
		await onMongo(env.STOA_MONGO_URL!, client => client.db(`${env.STOA_NAMESPACE}_fraud`).dropDatabase());
		await dropDatabase(env.STOA_SQL_URL!, `${env.STOA_NAMESPACE}_fraud`);
	});

	const service = (index: number) => nodes[index % 2]!.service<AnalystsDesk>("fraud");
	const desk = (index: number) => service(index).desk;

	it("flag somebody once, under one case, when twenty matches come to both at once", async () => {
		const userId = somebody();
		const matches = twenty.map(index => aMatch({ ...about(userId), seq: index + 1 }));
		await Promise.all([...matches, ...matches].map((match, index) => desk(index + Math.floor(index / 20)).carry(match)));
		const found = await desk(0).cases.page({ userId, limit: 10 });
		expect(found.map(({ matchIds }) => matchIds.toSorted())).toEqual([matches.map(({ id }) => id).toSorted()]);
		expect((await desk(1).flags.get(userId))?.reasons).toHaveLength(20);
		expect(await toldOf(service(0), "fraud.caseOpened", found[0]!._id)).toHaveLength(1);
		expect(await toldOf(service(0), "fraud.userFlagged", userId)).toHaveLength(1);
		expect([0, 1].flatMap(node => service(node).seen.filter(({ payload }) => payload.userId === userId))).toHaveLength(1);
	}, 60_000);

	it("give every case of a hundred one owner when two analysts claim them all at once, each on a node", async () => {
		const analysts = [somebody(), somebody()];
		const ids = await Promise.all(
			Array.from({ length: 100 }, async (_, index) => {
				const match = aMatch({ entity: { kind: "session", id: newId("ses", index) }, flags: false });
				await desk(index).cases.open(match);
				return (await desk(index).cases.openOf(match.entity))!._id;
			}),
		);
		const claims = ids.flatMap(id => analysts.map((by, index) => desk(index).cases.claim(id, { by })));
		const outcomes = await Promise.allSettled(claims);
		const owners = outcomes.flatMap(outcome => (outcome.status === "fulfilled" ? [[outcome.value._id, outcome.value.assignee]] : []));
		expect(owners.map(([id]) => id).toSorted()).toEqual(ids.toSorted());
		for (const [id, assignee] of owners) expect(await desk(0).cases.get(id!)).toMatchObject({ assignee });
	}, 60_000);

	it("clear somebody once who is cleared on both and decided on at the same time", async () => {
		const userId = somebody();
		const match = aMatch(about(userId));
		await desk(0).carry(match);
		const { _id } = (await desk(1).cases.openOf(match.entity))!;
		const analyst = somebody();
		await desk(0).cases.claim(_id, { by: analyst });
		const clearing = nodes.map(node =>
			ask(node.broker, cases.clearUser, { id: userId, reason: "Known." }, { meta: node.as(somebody(), ["risk"]) }),
		);
		const [one] = nodes;
		const deciding = ask(one.broker, cases.decideCase, { id: _id, decision: "falsePositive" }, { meta: one.as(analyst, ["risk"]) });
		await Promise.all([...clearing, deciding.catch(error => expect(error).toMatchObject({ type: "case_state_conflict" }))]);
		expect(await desk(1).flags.get(userId)).toMatchObject({ status: "clear", reasons: [] });
		expect(await toldOf(service(0), "fraud.userCleared", userId)).toHaveLength(1);
		expect(await toldOf(service(0), "fraud.caseClosed", _id)).toHaveLength(1);
	}, 60_000);

	it("keep a device on the list until the last of twenty confirmations is taken back, and say so in one log", async () => {
		const entityKey = "device:lent";
		const people = twenty.map(() => somebody());
		const inAll = (work: (tx: FraudTx, userId: string) => Promise<unknown>, whom = people) =>
			Promise.all(whom.map((userId, index) => service(index).store.transaction(tx => work(tx, userId))));
		const asked = { at: Date.now() + 3_600_000, entities: { device: "lent" } };
		const listed = async () => {
			const { reader } = service(1).store;
			await service(0).store.transaction(tx => tx.numberLog(1000));
			const past = new ListsAsTheyWere();
			for (const { entry, at } of await reader.logAfter(0, 1000)) if (entry) past.change(entry, at);
			const now = await listedOf(reader, [entityKey], asked.at);
			expect(past.at(asked)).toEqual(now);
			expect((await listPage(reader, confirmedFraud, { limit: 2 })).map(row => row.entityKey)).toEqual([...now.keys()]);
			return now.size;
		};
		const confirmed = (tx: FraudTx, userId: string) =>
			listConfirmed(tx, { entityKey, caseId: newId("cas", 0), about: `user:${userId}`, addedBy: null });
		const cleared = (tx: FraudTx, userId: string) => unlistConfirmed(tx, `user:${userId}`);
		await inAll(confirmed);
		expect(await listed()).toBe(1);
		await inAll(cleared, [...people.slice(1), ...people.slice(1)]);
		expect(await listed()).toBe(1);
		await inAll(cleared, people.slice(0, 1));
		expect(await listed()).toBe(0);
		const byHand = { listName: confirmedFraud, entityKey, expiresAt: null, note: null, addedBy: null };
		await inAll(confirmed);
		await service(0).store.transaction(tx => addToList(tx, byHand));
		await inAll(cleared);
		expect(await listed()).toBe(1);
		await service(1).store.transaction(tx => removeFromList(tx, byHand));
		expect(await listed()).toBe(0);
	}, 60_000);
});
