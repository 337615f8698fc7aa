import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask, type Meta, type ParamsOf } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import type { RequestFacts } from "../../../lib/principal.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as interactions from "./interactions.contract.ts";

describe("interactions", () => {
	const clock = handClock();
	let stoa: Stoa;
	let made = 0;
	beforeAll(async () => {
		stoa = await startStoa({ services: ["identity/interactions"], clock });
	});
	afterAll(() => stoa.stop());

	type Asked = ParamsOf<typeof interactions.record>;
	const aUserId = () => newId("usr", clock.now());
	const like = (target = `prd_${++made}`): Asked => ({ kind: "like", target });
	const visit = (target = `/page/${++made}`): Asked => ({ kind: "visit", target });
	const request = (facts: Partial<RequestFacts> = {}): RequestFacts => ({
		id: `req_${++made}`,
		method: "POST",
		path: "/v1/interactions",
		address: "192.0.2.7",
		...facts,
	});
	const metaOf = (userId: string, facts?: Partial<RequestFacts>): Meta => ({ ...stoa.as(userId), request: request(facts) });
	const record = (userId: string, asked: Asked, facts?: Partial<RequestFacts>) =>
		ask(stoa.broker, interactions.record, asked, { meta: metaOf(userId, facts) });
	const recordBatch = (userId: string, items: Asked[], facts?: Partial<RequestFacts>) =>
		ask(stoa.broker, interactions.recordBatch, { items }, { meta: metaOf(userId, facts) });
	const mine = (userId: string, asked: ParamsOf<typeof interactions.mine> = {}) =>
		ask(stoa.broker, interactions.mine, asked, { meta: stoa.as(userId) });
	const told = async (userId: string) =>
		(await ask(stoa.broker, storeContract("interactions").readFacts, { after: 0, limit: 1000 })).filter(({ key }) => key === userId);

	describe("recording one", () => {
		it("answers it, shows it, and tells it in the name of whoever is signed in, with hashes of where it came from", async () => {
			const userId = aUserId();
			const kept = await record(userId, { ...like("prd_1"), occurredAt: "1999-01-01T00:00:00Z" }, { deviceId: "a device of mine" });
			expect(kept).toEqual({
				id: expect.stringMatching(/^int_/),
				kind: "like",
				target: "prd_1",
				recordedAt: new Date(clock.now()).toISOString(),
				occurredAt: "1999-01-01T00:00:00Z",
			});
			expect(await ask(stoa.broker, interactions.get, { id: kept.id }, { meta: stoa.as(userId) })).toEqual(kept);
			const [fact, ...more] = await told(userId);
			expect(more).toEqual([]);
			const { occurredAt: _, ...shown } = kept;
			const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
			expect(fact).toMatchObject({ type: "interactions.recorded", key: userId, occurredAt: kept.recordedAt });
			expect(fact!.data).toEqual({ ...shown, userId, sessionId: `ses_${userId}`, addressHash: hash, deviceHash: hash });
			expect(JSON.stringify(fact)).not.toMatch(/192\.0\.2\.7|a device of mine|1999-01/);
		});

		it("keeps one like of one target per person, and every visit", async () => {
			const [one, other] = [aUserId(), aUserId()];
			const asked = like();
			const first = await record(one, asked);
			clock.move(1000);
			expect(await record(one, asked)).toEqual(first);
			expect((await record(other, asked)).id).not.toBe(first.id);
			for (let i = 0; i < 2; i++) await record(one, visit(asked.target));
			expect((await told(one)).map(({ data }) => data.kind)).toEqual(["like", "visit", "visit"]);
			expect(await mine(one)).toMatchObject({ total: 3 });
		});

		it("says 201 for what is new and 200 for a like that was there", async () => {
			const meta = metaOf(aUserId());
			const asked = like();
			const statuses: unknown[] = [];
			const door = stoa.broker.createService({
				name: "door",
				actions: {
					async knock(ctx: { meta: Meta; call(name: string, params: object, options: object): Promise<unknown> }) {
						await ctx.call(interactions.record.name, asked, { meta });
						statuses.push(ctx.meta.reply?.status);
					},
				},
			} as never);
			await stoa.broker.waitForServices("door");
			for (let i = 0; i < 3; i++) await stoa.broker.call("door.knock");
			await stoa.broker.destroyService(door);
			expect(statuses).toEqual([201, 200, 200]);
		});

		it("keeps one like of twenty that come at once", async () => {
			const userId = aUserId();
			const asked = like();
			const answers = await Promise.all(Array.from({ length: 20 }, () => record(userId, asked)));
			expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
			expect(await told(userId)).toHaveLength(1);
		});

		it("records a visit once per Idempotency-Key, for each person on their own", async () => {
			const [one, other] = [aUserId(), aUserId()];
			const asked = visit();
			const facts = { idempotencyKey: "k", bodyHash: "b" };
			const answers = await Promise.all(Array.from({ length: 3 }, () => record(one, asked, facts)));
			expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
			expect((await record(other, asked, facts)).id).not.toBe(answers[0]!.id);
			await expect(record(one, visit(), { ...facts, bodyHash: "c" })).rejects.toMatchObject({ type: "idempotency_key_reused" });
			expect(await told(one)).toHaveLength(1);
		});

		it("refuses another kind, no target, and a time that is none", async () => {
			const wrong = { ...like(), kind: "purchase" as never };
			for (const [asked, pointer] of [
				[wrong, "/kind"],
				[like("two words"), "/target"],
				[like("x".repeat(201)), "/target"],
				[{ ...like(), occurredAt: "yesterday" }, "/occurredAt"],
			] as const) {
				await expect(record(aUserId(), asked)).rejects.toMatchObject({
					type: "validation_failed",
					code: 422,
					data: { errors: [{ pointer }] },
				});
			}
		});

		it("is for whoever is signed in", async () => {
			for (const contract of [interactions.record, interactions.recordBatch, interactions.mine])
				await expect(ask(stoa.broker, contract, { ...like(), items: [like()] } as never)).rejects.toMatchObject({
					type: expect.stringMatching(/unauthenticated|validation_failed/),
				});
			await expect(ask(stoa.broker, interactions.record, like())).rejects.toMatchObject({ type: "unauthenticated", code: 401 });
		});
	});

	describe("recording several", () => {
		it("answers one per item, in order; a like that is there already, or twice, is one", async () => {
			const userId = aUserId();
			const known = await record(userId, like("prd_known"));
			const items = [visit("/a"), like("prd_z"), like("prd_known"), like("prd_b"), like("prd_z"), visit("/a")];
			const { data } = await recordBatch(userId, items);
			expect(data.map(({ kind, target }) => ({ kind, target }))).toEqual(items);
			expect(data[2]).toEqual(known);
			expect(data[4]).toEqual(data[1]);
			expect(data[5]!.id).not.toBe(data[0]!.id);
			const facts = (await told(userId)).map(({ data: { target } }) => target);
			expect(facts).toEqual(["prd_known", "/a", "prd_z", "prd_b", "/a"]);
			expect((await mine(userId)).total).toBe(5);
		});

		it("answers the same likes when it is asked again", async () => {
			const userId = aUserId();
			const items = Array.from({ length: 50 }, () => like());
			const first = await recordBatch(userId, items);
			expect(await recordBatch(userId, items)).toEqual(first);
			expect(await told(userId)).toHaveLength(50);
		});

		it("is whole or nothing, and points at what is wrong", async () => {
			const userId = aUserId();
			const at = (pointer: string) => ({ type: "validation_failed", code: 422, data: { errors: [{ pointer }] } });
			await expect(recordBatch(userId, [like(), visit(), like("two words")])).rejects.toMatchObject(at("/items/2/target"));
			await expect(recordBatch(userId, [])).rejects.toMatchObject(at("/items"));
			await expect(
				recordBatch(
					userId,
					Array.from({ length: 51 }, () => visit()),
				),
			).rejects.toMatchObject(at("/items"));
			expect(await mine(userId)).toEqual({ data: [], nextCursor: null, total: 0 });
		});

		it("happens once per Idempotency-Key", async () => {
			const userId = aUserId();
			const facts = { idempotencyKey: "batch", bodyHash: "b", path: "/v1/interactions/batch" };
			const items = [visit(), visit()];
			const first = await recordBatch(userId, items, facts);
			expect(await recordBatch(userId, items, facts)).toEqual(first);
			expect((await mine(userId)).total).toBe(2);
		});
	});

	describe("looking at them", () => {
		it("lists one's own, newest first, by kind and target, with how many there are on all pages", async () => {
			const userId = aUserId();
			for (let i = 0; i < 5; i++) {
				await record(userId, visit("/start"));
				await record(userId, like(`prd_${i}`));
				clock.move(1);
			}
			const first = await mine(userId, { kind: "like", limit: 3 });
			expect(first.total).toBe(5);
			const second = await mine(userId, { kind: "like", limit: 3, cursor: first.nextCursor! });
			expect(second).toMatchObject({ total: 5, nextCursor: null });
			expect([...first.data, ...second.data].map(({ target }) => target)).toEqual(["prd_4", "prd_3", "prd_2", "prd_1", "prd_0"]);
			expect(await mine(userId, { target: "/start" })).toMatchObject({ total: 5 });
			expect(await mine(userId, { target: "/start", kind: "like" })).toEqual({ data: [], nextCursor: null, total: 0 });
			expect((await mine(userId)).total).toBe(10);
		});

		it("shows somebody's to staff who may, and to nobody else", async () => {
			const [userId, other] = [aUserId(), aUserId()];
			const kept = await record(userId, like());
			const asked = { id: userId };
			const risk = stoa.as(other, ["risk"]);
			expect(await ask(stoa.broker, interactions.ofUser, asked, { meta: risk })).toEqual(await mine(userId));
			expect(await ask(stoa.broker, interactions.ofUser, { id: aUserId() }, { meta: risk })).toMatchObject({ data: [], total: 0 });
			for (const meta of [stoa.as(userId), stoa.as(other, ["merchant"])])
				await expect(ask(stoa.broker, interactions.ofUser, asked, { meta })).rejects.toMatchObject({ type: "permission_missing" });
			expect(await ask(stoa.broker, interactions.get, { id: kept.id }, { meta: risk })).toEqual(kept);
			await expect(ask(stoa.broker, interactions.get, { id: kept.id }, { meta: stoa.as(other) })).rejects.toMatchObject({
				type: "not_found",
			});
			await expect(ask(stoa.broker, interactions.get, { id: newId("int", 0) }, { meta: risk })).rejects.toMatchObject({
				type: "not_found",
			});
		});

		it("refuses a cursor of another list", async () => {
			await expect(mine(aUserId(), { cursor: "nonsense" })).rejects.toMatchObject({
				type: "validation_failed",
				data: { errors: [{ pointer: "/cursor" }] },
			});
		});
	});

	it("keeps everything over a restart, and a like stays one", async () => {
		const userId = aUserId();
		const first = await record(userId, like("prd_kept"));
		await stoa.restart();
		expect(await record(userId, like("prd_kept"))).toEqual(first);
		expect(await mine(userId)).toEqual({ data: [first], nextCursor: null, total: 1 });
	});
});
