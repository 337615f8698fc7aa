import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ServiceSchema } from "moleculer";
import { ask, type Meta, type ParamsOf } from "../../../lib/contract.ts";
import { eventually } from "../../../test/support/http.ts";
import { beginCount, operationsNeighbours } from "../../../test/support/operations-neighbours.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { adjust } from "../../commerce/inventory/inventory.contract.ts";
import * as operations from "./operations.contract.ts";

const quick = { attempts: 2, backoff: () => 0 };

describe("operations", () => {
	let stoa: Stoa;
	let operator: Meta;
	const { state, services } = operationsNeighbours();

	beforeAll(async () => {
		stoa = await startStoa({ services: ["commerce/inventory", "platform/operations"], also: services, delivery: quick });
		operator = stoa.as("usr_operator", ["operator"]);
	});
	afterAll(() => stoa.stop());

	const deliver = (sku: string, delta = 1) =>
		ask(stoa.broker, adjust, { sku, delta, reason: "delivery" }, { meta: stoa.as("usr_merchant", ["merchant"]) });
	const events = (params: ParamsOf<typeof operations.listEvents> = {}) =>
		ask(stoa.broker, operations.listEvents, params, { meta: operator });
	const letters = async (params: ParamsOf<typeof operations.listLetters> = {}) =>
		(await ask(stoa.broker, operations.listLetters, params, { meta: operator })).data;
	const redrive = (id: string) => ask(stoa.broker, operations.redriveLetter, { id }, { meta: operator });
	const outbox = () => ask(stoa.broker, operations.readOutbox, {}, { meta: operator });
	const settled = () =>
		eventually(
			async () => (await outbox()).data.every(({ pending }) => pending === 0),
			done => done,
		);
	/** Every page of a list. */
	async function pages<Page extends { data: unknown[]; nextCursor: string | null }>(
		read: (cursor?: string) => Promise<Page>,
	): Promise<Page["data"][]> {
		const found: Page["data"][] = [];
		for (let cursor: string | undefined; ; ) {
			const page: Page = await read(cursor);
			found.push(page.data);
			if (page.nextCursor === null) return found;
			cursor = page.nextCursor;
		}
	}

	describe("facts of all services", () => {
		beforeAll(async () => {
			for (const sku of ["A-1", "A-2", "A-3"]) await deliver(sku);
			await settled();
		});

		it("come as one list, oldest first, page by page without a gap or a repeat", async () => {
			const all = (await events({ limit: 100 })).data;
			expect(new Set(all.map(({ producer }) => producer))).toEqual(new Set(["inventory", "mirror"]));
			expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort());
			const paged = await pages(cursor => events({ limit: 2, ...(cursor ? { cursor } : {}) }));
			expect(paged.length).toBe(Math.ceil(all.length / 2));
			expect(paged.flat()).toEqual(all);
		});

		it("can be narrowed to a type and to what they are about", async () => {
			expect((await events({ type: "mirror.noted" })).data.map(({ key }) => key)).toEqual(["A-1", "A-2", "A-3"]);
			expect((await events({ key: "A-2" })).data.map(({ type }) => type).sort()).toEqual([
				"inventory.levelChanged",
				"inventory.restocked",
				"mirror.noted",
			]);
			expect((await events({ key: "A-2", type: "mirror.noted" })).data).toHaveLength(1);
			expect((await events({ type: "nobody.toldThis" })).data).toEqual([]);
		});

		it("go on after an event, or after the tail of an earlier list", async () => {
			const all = (await events({ limit: 100 })).data;
			const half = all[3]!;
			const rest = await pages(cursor => events({ limit: 2, after: half.id, ...(cursor ? { cursor } : {}) }));
			expect(rest.flat()).toEqual(all.slice(4));
			const { tail } = await events({ newest: true, limit: 1, type: "mirror.noted" });
			expect((await events({ after: tail, type: "mirror.noted" })).data).toEqual([]);
			await deliver("A-4");
			await settled();
			expect((await events({ after: tail, type: "mirror.noted" })).data.map(({ key }) => key)).toEqual(["A-4"]);
			expect((await events({ newest: true, limit: 2, type: "mirror.noted" })).data.map(({ key }) => key)).toEqual(["A-3", "A-4"]);
		});

		it("refuses a cursor that is none", async () => {
			await expect(events({ cursor: "nonsense" })).rejects.toMatchObject({
				type: "validation_failed",
				data: { errors: [{ pointer: "/cursor" }] },
			});
			await expect(events({ after: "nonsense" })).rejects.toMatchObject({ data: { errors: [{ pointer: "/after" }] } });
		});
	});

	describe("a fact that a listener cannot apply", () => {
		it("ends in dead letters after its tries, later ones of its key wait, all others go on, and redriving applies them in order", async () => {
			state.refuses.add("B-1");
			for (const sku of ["B-1", "B-1", "B-2"]) await deliver(sku);
			const dead = await eventually(
				() => letters({ group: "books" }),
				found => found.length === 2 && found[1]!.status === "dead",
			);
			expect(dead).toMatchObject([
				{ group: "books", type: "inventory.levelChanged", key: "B-1", status: "waiting", attempts: 0 },
				{
					group: "books",
					key: "B-1",
					status: "dead",
					attempts: 2,
					error: "Error: no page for B-1",
					envelope: { data: { sku: "B-1", onHand: 1 } },
				},
			]);
			await settled();
			expect(state.applied).toContain("B-2 1");
			expect((await events({ key: "B-1", type: "mirror.noted" })).data).toHaveLength(2);
			expect(await ask(stoa.broker, operations.getLetter, { id: dead[1]!.id }, { meta: operator })).toEqual(dead[1]);
			expect(await letters({ status: "dead" })).toEqual([dead[1]]);
			const paged = await pages(cursor =>
				ask(stoa.broker, operations.listLetters, { limit: 1, ...(cursor ? { cursor } : {}) }, { meta: operator }),
			);
			expect(paged.flat()).toEqual(dead);

			await expect(redrive(dead[0]!.id)).rejects.toMatchObject({ type: "letter_waiting", code: 409 });
			state.refuses.clear();
			expect(await redrive(dead[1]!.id)).toMatchObject({ id: dead[1]!.id, status: "retrying", attempts: 0 });
			await eventually(letters, found => found.length === 0);
			expect(state.applied.filter(entry => entry.startsWith("B-1"))).toEqual(["B-1 1", "B-1 2"]);
		});

		it("is given up when it is dropped, and the next of its key follows", async () => {
			state.refuses.add("C-1");
			await deliver("C-1");
			const [dead] = await eventually(letters, found => found[0]?.status === "dead");
			await deliver("C-1");
			await eventually(letters, found => found.length === 2);
			state.refuses.clear();
			expect(await ask(stoa.broker, operations.dropLetter, { id: dead!.id }, { meta: operator })).toMatchObject({
				id: dead!.id,
				status: "dropped",
			});
			await eventually(letters, found => found.length === 0);
			expect(state.applied.filter(entry => entry.startsWith("C-1"))).toEqual(["C-1 2"]);
		});

		it("is not found under an id that nobody has", async () => {
			const unknown = `evt_${"0".repeat(26)}`;
			for (const id of [`books:${unknown}`, `nobody:${unknown}`]) {
				await expect(ask(stoa.broker, operations.getLetter, { id }, { meta: operator })).rejects.toMatchObject({ type: "not_found" });
				await expect(redrive(id)).rejects.toMatchObject({ type: "not_found" });
				await expect(ask(stoa.broker, operations.dropLetter, { id }, { meta: operator })).rejects.toMatchObject({ type: "not_found" });
			}
			await expect(letters({ group: "nobody" })).rejects.toMatchObject({ data: { errors: [{ pointer: "/group" }] } });
		});
	});

	describe("replay", () => {
		const replay = (params: ParamsOf<typeof operations.replay>) => ask(stoa.broker, operations.replay, params, { meta: operator });

		it("of a group that lacks nothing changes nothing", async () => {
			await settled();
			const before = [...state.applied];
			const levels = (await events({ limit: 100, type: "inventory.levelChanged" })).data.length;
			for (const dryRun of [true, false])
				expect(await replay({ group: "books", dryRun })).toEqual({ group: "books", considered: levels, repaired: 0 });
			expect(await replay({ group: "mirror" })).toMatchObject({ repaired: 0 });
			expect(state.applied).toEqual(before);
		});

		it("looks only at the time that it is given, in whatever zone that is written", async () => {
			const facts = (await events({ limit: 100, type: "inventory.levelChanged" })).data;
			const from = facts[1]!.occurredAt;
			const elsewhere = new Date(Date.parse(from) + 7_200_000).toISOString().replace("Z", "+02:00");
			const since = facts.filter(fact => fact.occurredAt >= from).length;
			expect(await replay({ group: "books", from: elsewhere, dryRun: true })).toMatchObject({ considered: since });
			expect(await replay({ group: "books", to: elsewhere, dryRun: true })).toMatchObject({ considered: facts.length - since });
		});

		it("refuses a group that does not exist, and a time that ends before it begins", async () => {
			await expect(replay({ group: "nobody" })).rejects.toMatchObject({
				type: "validation_failed",
				data: { errors: [{ pointer: "/group" }] },
			});
			const times = { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" };
			await expect(replay({ group: "books", ...times })).rejects.toMatchObject({ data: { errors: [{ pointer: "/to" }] } });
		});
	});

	describe("sagas", () => {
		const sagas = async (params: ParamsOf<typeof operations.listSagas> = {}) =>
			(await ask(stoa.broker, operations.listSagas, params, { meta: operator })).data;
		const saga = (id: string) => ask(stoa.broker, operations.getSaga, { id }, { meta: operator });

		it("are listed newest first, page by page, by status and kind", async () => {
			const ids: string[] = [];
			for (const sku of ["A-1", "A-2", "A-3"]) ids.push(`books:${(await ask(stoa.broker, beginCount, { sku })).id}`);
			await eventually(sagas, found => found.every(({ status }) => status === "succeeded"));
			const paged = await pages(cursor =>
				ask(stoa.broker, operations.listSagas, { limit: 2, ...(cursor ? { cursor } : {}) }, { meta: operator }),
			);
			expect(paged.flat().map(found => (found as { id: string }).id)).toEqual(ids.toReversed());
			expect(await sagas({ status: "running" })).toEqual([]);
			expect(await sagas({ kind: "count", status: "succeeded" })).toHaveLength(3);
			expect(await sagas({ kind: "other" })).toEqual([]);
		});

		it("show their state without tokens, and without how to reach a person", async () => {
			expect((await sagas())[0]!.state).toEqual({ sku: "A-3", counter: { email: "(withheld)", cartToken: "(withheld)" } });
		});

		it("that stand can be pushed, and taken back", async () => {
			state.stands = true;
			const pushed = `books:${(await ask(stoa.broker, beginCount, { sku: "A-1" })).id}`;
			const undone = `books:${(await ask(stoa.broker, beginCount, { sku: "A-2" })).id}`;
			await eventually(
				() => Promise.all([saga(pushed), saga(undone)]),
				found => found.every(({ attempts, error }) => attempts > 0 && error === "nobody is there to count"),
			);
			expect(await ask(stoa.broker, operations.compensateSaga, { id: undone }, { meta: operator })).toMatchObject({ id: undone });
			expect(
				await eventually(
					() => saga(undone),
					found => found.status === "compensated",
				),
			).toMatchObject({ problem: { code: "saga_compensated" } });
			state.stands = false;
			expect(await ask(stoa.broker, operations.retrySaga, { id: pushed }, { meta: operator })).toMatchObject({ id: pushed });
			await eventually(
				() => saga(pushed),
				found => found.status === "succeeded",
			);
			for (const steer of [operations.retrySaga, operations.compensateSaga])
				await expect(ask(stoa.broker, steer, { id: pushed }, { meta: operator })).rejects.toMatchObject({
					type: "saga_state_conflict",
					code: 409,
				});
		});

		it("are not found under an id that nobody has", async () => {
			const unknown = `sag_${"0".repeat(26)}`;
			for (const id of [`books:${unknown}`, `mirror:${unknown}`, `nobody:${unknown}`]) {
				for (const contract of [operations.getSaga, operations.retrySaga, operations.compensateSaga])
					await expect(ask(stoa.broker, contract, { id }, { meta: operator })).rejects.toMatchObject({ type: "not_found" });
			}
		});
	});

	it("shows the nodes with what they run", async () => {
		const { data, nextCursor } = await ask(stoa.broker, operations.listNodes, {}, { meta: operator });
		expect(nextCursor).toBeNull();
		expect(data).toMatchObject([{ id: stoa.broker.nodeID, available: true, versions: { node: process.versions.node } }]);
		expect(data[0]!.services).toEqual(["books", "inventory", "mirror", "operations"]);
		expect(data[0]!.uptimeSeconds).toBeGreaterThanOrEqual(0);
	});

	it("shows every outbox, empty once all have listened", async () => {
		await settled();
		expect((await outbox()).data).toEqual(["books", "inventory", "mirror"].map(service => ({ service, pending: 0, oldestSeconds: 0 })));
	});

	it("is closed to strangers", async () => {
		await expect(ask(stoa.broker, operations.readOutbox, {})).rejects.toMatchObject({ type: "unauthenticated" });
		await expect(ask(stoa.broker, operations.readOutbox, {}, { meta: stoa.as("usr_1") })).rejects.toMatchObject({
			type: "permission_missing",
		});
	});

	it("names a service that is away instead of answering without it", async () => {
		await stoa.broker.destroyService("mirror");
		const meta = { meta: operator };
		const asked = [
			() => events(),
			() => letters(),
			() => ask(stoa.broker, operations.listSagas, {}, meta),
			() => outbox(),
			() => ask(stoa.broker, operations.replay, { group: "mirror" }, meta),
			() => ask(stoa.broker, operations.getLetter, { id: `mirror:evt_${"0".repeat(26)}` }, meta),
		];
		for (const each of asked)
			await expect(each()).rejects.toMatchObject({ type: "service_unavailable", code: 503, data: { service: "mirror" } });
		expect(await letters({ group: "books" })).toEqual([]);
		stoa.broker.createService(services.find(({ name }) => name === "mirror") as ServiceSchema);
		await stoa.broker.waitForServices("mirror");
		expect((await outbox()).data.map(({ service }) => service)).toContain("mirror");
	});
});
