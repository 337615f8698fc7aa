import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock, rfc3339 } from "../../../../lib/clock.ts";
import { ask, type Meta, type ParamsOf } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import { type AnalystsDesk, analystsDesk, everybodyBut, somebody } from "../../../../test/support/analysts-desk.ts";
import { refused } from "../../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import * as contract from "../lists.contract.ts";
import { label, listedOf, unlistConfirmed } from "./lists.ts";

const day = 24 * 3_600_000;

describe("the lists of risk", () => {
	const clock = handClock();
	const ada = somebody();
	let stoa: Stoa;
	let service: AnalystsDesk;
	// Made anew each time: the clock outlives a token.
	const as = (): { meta: Meta } => ({ meta: stoa.as(ada, ["risk"]) });
	beforeAll(async () => {
		stoa = await startStoa({ services: ["platform/operations"], also: [analystsDesk(), everybodyBut()], clock });
		service = stoa.service("fraud");
	});
	afterAll(() => stoa.stop());

	const put = (params: ParamsOf<typeof contract.putListEntry>) => ask(stoa.broker, contract.putListEntry, params, as());
	const remove = (params: ParamsOf<typeof contract.removeListEntry>) => ask(stoa.broker, contract.removeListEntry, params, as());
	const read = (name: string, paging: { limit?: number; cursor?: string } = {}) =>
		ask(stoa.broker, contract.getList, { name, ...paging }, as());
	const listed = async (...keys: string[]) => listedOf(service.store.reader, keys, clock.now());

	it("keep who was put there for good, or until they expire, and say who did it", async () => {
		const [good, soon] = [somebody(), somebody()].map(id => ({ kind: "user" as const, id }));
		const addedAt = rfc3339(clock.now());
		const expiresAt = rfc3339(clock.now() + day);
		expect(await put({ name: "trusted", entity: good!, note: "Our own staff." })).toEqual({
			entity: good,
			addedAt,
			note: "Our own staff.",
			addedBy: ada,
		});
		expect(await put({ name: "trusted", entity: soon!, expiresAt })).toEqual({ entity: soon, addedAt, expiresAt, addedBy: ada });
		const keys = [good, soon].map(entity => `user:${entity!.id}`);
		expect((await listed(...keys, "user:unknown")).size).toBe(2);
		clock.move(day);
		expect(await listed(...keys)).toEqual(new Map([[keys[0], new Set(["trusted"])]]));
		expect((await read("trusted")).data).toMatchObject([{ entity: good }]);
		// Put there anew it counts from now; said again while it stands, since it was put there.
		expect(await put({ name: "trusted", entity: soon! })).toMatchObject({ addedAt: rfc3339(clock.now()) });
		expect(await put({ name: "trusted", entity: good! })).toEqual({ entity: good, addedAt, addedBy: ada });
	});

	it("keep confirmed fraud for 180 days unless something else is said", async () => {
		const entity = { kind: "device" as const, id: "d1" };
		const { expiresAt } = await put({ name: "confirmedFraud", entity });
		expect(Date.parse(expiresAt!)).toBe(clock.now() + 180 * day);
		await expect(put({ name: "confirmedFraud", entity, expiresAt: rfc3339(clock.now()) })).rejects.toEqual(refused("validation_failed"));
	});

	it("say of an entity every list that it is on", async () => {
		const entity = { kind: "instrument" as const, id: "card" };
		for (const name of ["watched", "confirmedFraud"]) await put({ name, entity });
		expect(await listed("instrument:card")).toEqual(new Map([["instrument:card", new Set(["watched", "confirmedFraud"])]]));
		expect(await remove({ name: "watched", ...entity })).toBeNull();
		expect(await listed("instrument:card")).toEqual(new Map([["instrument:card", new Set(["confirmedFraud"])]]));
		await expect(remove({ name: "watched", ...entity })).rejects.toEqual(refused("not_found"));
	});

	it("are read page by page, and one that nobody has begun is empty", async () => {
		for (const id of ["c", "a", "b"]) await put({ name: "paged", entity: { kind: "session", id } });
		const first = await read("paged", { limit: 2 });
		const second = await read("paged", { limit: 2, cursor: first.nextCursor! });
		expect([...first.data, ...second.data].map(({ entity }) => entity.id)).toEqual(["a", "b", "c"]);
		expect(second.nextCursor).toBeNull();
		expect(await read("unheard")).toEqual({ data: [], nextCursor: null });
	});

	it("say in the log who comes and goes and until when, on nobody's account", async () => {
		const entity = { kind: "device" as const, id: "seen" };
		const until = clock.now() + day;
		await put({ name: "watched", entity, expiresAt: rfc3339(until) });
		await put({ name: "watched", entity });
		await remove({ name: "watched", ...entity });
		await service.store.transaction(tx => tx.numberLog(100));
		const logged = (await service.store.reader.logAfter(0, 1000)).filter(({ entry }) => entry?.entityKey === "device:seen");
		expect(logged.map(({ entry }) => entry!.until)).toEqual([until, null, clock.now()]);
		for (const one of logged)
			expect(one).toMatchObject({ kind: "listed", at: clock.now(), entities: {}, entry: { list: "watched", caseId: null } });
	});

	it("know what a case put there before there was one row for each case", async () => {
		const [caseId, userId] = [newId("cas", clock.now()), somebody()];
		const entry = { listName: "confirmedFraud", entityKey: "device:old", expiresAt: clock.now() + day, note: null, addedBy: ada };
		await service.store.transaction(async tx => {
			await tx.insert("listEntries", { ...entry, addedAt: clock.now(), caseId });
			await label(tx, { entityKey: `user:${userId}`, caseId, label: "fraud" });
		});
		const shown = async () => (await read("confirmedFraud", { limit: 100 })).data.find(({ entity }) => entity.id === "old");
		expect([await shown(), (await listed("device:old")).size]).toMatchObject([{ caseId }, 1]);
		await service.store.transaction(tx => unlistConfirmed(tx, `user:${userId}`));
		expect([await shown(), (await listed("device:old")).size]).toEqual([undefined, 0]);
	});

	it("answer a thousand entities at once", async () => {
		const keys = Array.from({ length: 1200 }, (_, index) => `session:${index}`);
		expect((await listed(...keys, "session:a")).size).toBe(1);
	});
});
