// Facts that ride in documents: none is lost, none gets two positions, whatever dies in between.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { event, tell } from "../../lib/contract.ts";
import type { FactQuery } from "../../lib/facts.ts";
import { withScope } from "../../lib/scope.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { DocumentStore } from "../../mixins/document-store.ts";
import type { DocumentEngine, StoredDocument } from "../../mixins/documents/engine.ts";
import { type DataPlace, storeOver } from "./documents-store.ts";

const grown = event({
	name: "things.grown",
	version: 2,
	key: "thingId",
	delivery: "durable",
	summary: "A thing has another size.",
	payload: Type.Object({ thingId: Type.String(), size: Type.Integer() }),
});
interface Thing extends StoredDocument {
	size: number;
}

export function factsConformance(fresh: () => Promise<DataPlace>): void {
	describe("telling facts", () => {
		let place: DataPlace;
		let engine: DocumentEngine;
		let store: DocumentStore;
		let numbered: Envelope[];

		const open = async (dieAt?: string) => {
			engine = await place.open({ things: {} });
			({ store } = storeOver(engine, { collections: ["things"], dieAt }));
			numbered = [];
			store.source.onNumbered(facts => numbered.push(...facts));
			await store.start();
		};
		const close = async () => {
			await store.stop();
			await engine.close();
		};
		const things = () => store.collection<Thing>("things");
		const say = (thingId: string, size: number) => {
			const facts = store.facts();
			tell(facts, grown, { thingId, size });
			return facts;
		};
		const told = async () => (await store.source.read(0, 1000)).map(({ position, data }) => [position, data.thingId, data.size]);
		const carried = async () => {
			while ((await store.source.pending()).pending > 0) await new Promise(resolve => setImmediate(resolve));
		};

		beforeEach(async () => {
			place = await fresh();
			await open();
		});
		afterEach(async () => {
			await close();
			await place.remove();
		});

		it("numbers them from 1 without a gap, keeps them, and shows none of it in the document", async () => {
			await things().insert({ _id: "a", size: 1 }, say("a", 1));
			await things().change("a", doc => ({ doc: { ...doc, size: 2 }, facts: say("a", 2) }));
			expect(await things().get("a")).toEqual({ _id: "a", size: 2, version: 2 });
			expect(await things().find({ limit: 1 })).toEqual([{ _id: "a", size: 2, version: 2 }]);
			await carried();
			expect(await told()).toEqual([
				[1, "a", 1],
				[2, "a", 2],
			]);
			expect(numbered).toEqual(await store.source.read(0, 10));
			expect(await store.source.head()).toBe(2);
			expect(await store.source.read(1, 10)).toHaveLength(1);
			expect((await things().get("a"))!.version).toBe(2);
		});

		it("finds them by key and type, from a place on or the newest, always in order", async () => {
			const three = async (thingId: string) => {
				await things().insert({ _id: thingId, size: 1 }, say(thingId, 1));
				for (const size of [2, 3]) await things().change(thingId, doc => ({ doc: { ...doc, size }, facts: say(thingId, size) }));
			};
			await three("a");
			await three("b");
			await carried();
			const found = async (query: Omit<FactQuery, "limit">, limit = 10) =>
				(await store.source.find({ ...query, limit })).map(({ position }) => position);
			expect(await found({})).toEqual([1, 2, 3, 4, 5, 6]);
			expect(await found({ key: "b", type: "things.grown", after: 4 })).toEqual([5, 6]);
			expect(await found({ key: "a" }, 2)).toEqual([1, 2]);
			expect(await found({ key: "a", newest: true }, 2)).toEqual([2, 3]);
			expect(await found({ type: "things.grown", newest: true }, 2)).toEqual([5, 6]);
			expect(await found({ type: "things.shrunk" })).toEqual([]);
			const third = (await store.source.read(2, 1))[0]!;
			expect(await found({ newerThan: third.id })).toEqual([4, 5, 6]);
			expect(await found({ newerThan: `evt_${"0".repeat(26)}` }, 1)).toEqual([1]);
			expect(await found({ newerThan: `evt_${"z".repeat(26)}` })).toEqual([]);
		});

		it("says who told, when, and within which request", async () => {
			const actor = { kind: "user" as const, id: "usr_1" };
			const facts = withScope({ requestId: "req_1", traceparent: null, actor }, () => say("a", 1));
			await things().insert({ _id: "a", size: 1 }, facts);
			await carried();
			expect((await store.source.read(0, 1))[0]).toMatchObject({
				type: "things.grown",
				version: 2,
				key: "a",
				producer: "things",
				position: 1,
				occurredAt: "2026-01-05T09:00:00.000Z",
				requestId: "req_1",
				actor,
			});
		});

		it("refuses a payload that is not what the event declares, at the producer", () => {
			expect(() => tell(store.facts(), grown, { thingId: "a", size: 0.5 })).toThrow(TypeError);
			expect(() => tell(store.facts(), { ...grown, delivery: "fleeting" }, { thingId: "a", size: 1 })).toThrow(TypeError);
		});

		it("tells nothing of a write that lost its race or met a duplicate", async () => {
			await things().insert({ _id: "a", size: 1 });
			await things().replace({ _id: "a", size: 2 }, 9, say("a", 2));
			await expect(things().insert({ _id: "a", size: 3 }, say("a", 3))).rejects.toThrow();
			await carried();
			expect(await told()).toEqual([]);
		});

		it("keeps the order of one document's facts under a storm, each exactly once", async () => {
			const documents = Array.from({ length: 10 }, (_, n) => `t${n}`);
			await Promise.all(documents.map(_id => things().insert({ _id, size: 0 })));
			await Promise.all(
				Array.from({ length: 200 }, (_, n) =>
					things().change(documents[n % 10]!, doc => ({ doc: { ...doc, size: doc.size + 1 }, facts: say(doc._id, doc.size + 1) })),
				),
			);
			await carried();
			const facts = await told();
			expect(facts.map(([position]) => position)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
			for (const id of documents)
				expect(facts.filter(([, thing]) => thing === id).map(([, , size]) => size)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
			expect(numbered.map(({ position }) => position)).toEqual(facts.map(([position]) => position));
		});

		it("goes on when one who listens fails", async () => {
			store.source.onNumbered(() => {
				throw new Error("a listener's own trouble");
			});
			await things().insert({ _id: "a", size: 1 }, say("a", 1));
			await carried();
			expect(numbered).toHaveLength(1);
		});

		it("carries the facts of a document before it lets it go", async () => {
			await things().insert({ _id: "a", size: 1 }, say("a", 1));
			expect(await things().remove("a")).toBe(true);
			expect(await told()).toEqual([[1, "a", 1]]);
		});

		it.each(["beforeCopy", "afterCopy", "afterClear"])("neither loses nor doubles a fact when it dies at %s", async point => {
			await close();
			await open(`things:relay:${point}`);
			await things().insert({ _id: "a", size: 1 }, say("a", 1));
			await things().replace({ _id: "a", size: 2 }, 1, say("a", 2));
			// The relay stands still where it died, so a write that comes meanwhile must join what waits.
			await things().replace({ _id: "a", size: 3 }, 2, say("a", 3));
			await close();
			await open();
			expect(await store.source.pending()).toEqual({ pending: 0, oldestSeconds: 0 });
			expect(await told()).toEqual([
				[1, "a", 1],
				[2, "a", 2],
				[3, "a", 3],
			]);
			expect(await things().get("a")).toEqual({ _id: "a", size: 3, version: 3 });
		});

		it("says how much waits and for how long", async () => {
			await close();
			await open("things:relay:beforeCopy");
			await things().insert({ _id: "a", size: 1 }, say("a", 1));
			await store.stop();
			const { store: later, clock } = storeOver(engine, { collections: ["things"] });
			clock.move(5000);
			expect(await later.source.pending()).toEqual({ pending: 1, oldestSeconds: 5 });
		});
	});
}
