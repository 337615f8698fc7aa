// What only a server that others share can do to us: answers lost at the worst moment, a server that is paused, ended or not there at all.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { event, tell } from "../../lib/contract.ts";
import { serviceUnavailable } from "../../lib/failure.ts";
import type { DocumentStore } from "../../mixins/document-store.ts";
import type { CollectionSpec, StoredDocument } from "../../mixins/documents/engine.ts";
import { MongoDocuments } from "../../mixins/documents/mongo-engine.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../support/engines/engines.ts";
import { eventually } from "../support/http.ts";
import { type MongoPlace, onMongo, onServer } from "./documents-place.ts";
import { storeOver } from "./documents-store.ts";
import { type StatementCutter, startCutter } from "./statement-cutter.ts";

const grown = event({
	name: "things.grown",
	version: 1,
	key: "thingId",
	delivery: "durable",
	summary: "A thing has another size.",
	payload: Type.Object({ thingId: Type.String(), size: Type.Integer() }),
});
interface Thing extends StoredDocument {
	slug: string;
	size: number;
}
const collections: Record<string, CollectionSpec> = { things: { unique: ["slug"] } };
const unavailable = expect.objectContaining({ code: 503, type: serviceUnavailable.code });
const thing = (_id: string, size = 0) => ({ _id, slug: _id, size });
const things = (engine: MongoDocuments) => engine.collection("things");

describeWith("mongo")("an answer of the server that is lost", () => {
	let url: string;
	let place: MongoPlace;
	let cutter: StatementCutter;
	/** Directly, and through what cuts. */
	let direct: MongoDocuments;
	let cut: MongoDocuments;

	beforeEach(async () => {
		url = await sharedServer("mongo");
		place = await onServer(url);
		const { hostname, port } = new URL(url);
		cutter = await startCutter({ host: hostname, port: Number(port || 27017) });
		const through = new URL(url);
		through.host = `127.0.0.1:${cutter.port}`;
		through.searchParams.set("directConnection", "true");
		direct = await place.open(collections);
		cut = await place.open(collections, through.href);
	});
	afterEach(async () => {
		await cut.close();
		await cutter.close();
		await direct.close();
		await place.remove();
	});

	describe.each(["before", "after", "held"] as const)("%s the write", moment => {
		it("leaves an insert done once", async () => {
			cutter.cutAt(/insert.*things/s, moment);
			await things(cut).insert(thing("a"), []);
			cutter.letGo();
			expect([cutter.cuts, await things(direct).get("a")]).toEqual([1, { ...thing("a"), version: 1 }]);
		});

		it("leaves a change done once, facts that waited and its own included", async () => {
			const { store } = storeOver(cut, { collections: ["things"] });
			const say = (size: number) => {
				const facts = store.facts();
				tell(facts, grown, { thingId: "a", size });
				return facts;
			};
			await things(direct).insert(thing("a"), say(0).sealed);
			cutter.cutAt(/update.*things.*carried/s, moment);
			expect(await things(cut).replace(thing("a", 1), 1, say(1).sealed)).toBe(true);
			cutter.letGo();
			expect([cutter.cuts, await things(direct).get("a")]).toEqual([1, { ...thing("a", 1), version: 2 }]);
			const [waiting] = await things(direct).factsOf(["a"]);
			expect(waiting!.facts.map(({ data }) => data.size)).toEqual([0, 1]);
		});

		it("leaves a document removed", async () => {
			await things(direct).insert(thing("a"), []);
			cutter.cutAt(/delete.*things/s, moment);
			expect(await things(cut).remove("a")).toBe("removed");
			expect([cutter.cuts, await things(direct).get("a")]).toEqual([1, undefined]);
		});

		it("leaves what was told numbered without a gap, each fact once, and told to those who listen", async () => {
			const { store } = storeOver(cut, { collections: ["things"] });
			await store.start();
			const numbered: number[] = [];
			store.source.onNumbered(facts => numbered.push(...facts.map(({ position }) => position)));
			cutter.cutAt(/insert.*outbox.*position/s, moment);
			await growTogether(store, 10);
			await eventually(
				() => store.source.pending(),
				({ pending }) => pending === 0,
			);
			cutter.letGo();
			const facts = await store.source.read(0, 100);
			expect(facts.map(({ position }) => position)).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
			expect(new Set(facts.map(({ id }) => id)).size).toBe(10);
			expect([cutter.cuts, [...numbered].sort((a, b) => a - b)]).toEqual([1, facts.map(({ position }) => position)]);
			await store.stop();
		});
	});

	const growTogether = (store: DocumentStore, count: number) =>
		Promise.all(
			Array.from({ length: count }, (_, n) => {
				const facts = store.facts();
				tell(facts, grown, { thingId: `t${n}`, size: 1 });
				return store.collection<Thing>("things").insert(thing(`t${n}`, 1), facts);
			}),
		);

	it("is no refusal of a claim, but another's claim is", async () => {
		await things(direct).insert(thing("a"), []);
		cutter.cutAt(/insert.*things/s, "before");
		await expect(things(cut).insert(thing("a"), [])).rejects.toMatchObject({ name: "DuplicateKey", field: "_id" });
		cutter.cutAt(/insert.*things/s, "after");
		await expect(things(cut).insert({ ...thing("b"), slug: "a" } as never, [])).rejects.toMatchObject({
			name: "DuplicateKey",
			field: "slug",
		});
		expect(await things(direct).get("b")).toBeUndefined();
	});

	it("is a lost race when another wrote that version", async () => {
		await things(direct).insert(thing("a"), []);
		await things(direct).replace(thing("a", 1), 1, []);
		cutter.cutAt(/update.*things/s, "before");
		expect(await things(cut).replace(thing("a", 2), 1, [])).toBe(false);
		expect([cutter.cuts, (await things(direct).get("a"))!.size]).toEqual([1, 1]);
	});

	it("is no answer where nobody can tell any more what became of the write", async () => {
		await things(direct).insert(thing("a"), []);
		for (const version of [1, 2]) await things(direct).replace(thing("a", version), version, []);
		cutter.cutAt(/update.*things/s, "after");
		await expect(things(cut).replace(thing("a", 9), 1, [])).rejects.toEqual(unavailable);
		await things(direct).remove("a");
		cutter.cutAt(/delete.*things/s, "after");
		await expect(things(cut).remove("a", 3)).rejects.toEqual(unavailable);
	});

	it("in a storm of changes leaves each done exactly once", async () => {
		const { store } = storeOver(cut, { collections: ["things"] });
		const collection = store.collection<Thing>("things");
		await collection.insert(thing("a"));
		const change = () => collection.change("a", doc => ({ doc: { ...doc, size: doc.size + 1 } }));
		for (let n = 0; n < 10; n++) {
			cutter.cutAt(/update.*things/s, (["before", "after", "held"] as const)[n % 3]!);
			await change();
			cutter.letGo();
		}
		expect([cutter.cuts, await things(direct).get("a")]).toEqual([10, { ...thing("a", 10), version: 11 }]);
	});
});

describeWith("own mongo")("a server that is away", () => {
	let server: TestServer;
	let place: MongoPlace;
	let engine: MongoDocuments;

	beforeAll(async () => {
		server = await startServer("mongo");
	});
	beforeEach(async () => {
		place = await onServer(server.url);
		engine = await place.open(collections);
	});
	afterEach(async () => {
		server.resume();
		await engine.close();
		await place.remove();
	});
	afterAll(() => server.remove());
	/** The signal takes its time. */
	const pause = async () => {
		server.pause();
		await eventually(
			() => engine.healthy(),
			healthy => !healthy,
		);
	};

	it("is told as such of every question while it is paused, and found again when it goes on", async () => {
		await things(engine).insert(thing("a"), []);
		await pause();
		const asked = await Promise.allSettled([
			things(engine).get("a"),
			things(engine).find({ limit: 1 }),
			things(engine).replace(thing("a", 1), 1, []),
			things(engine).insert(thing("b"), []),
		]);
		expect(asked).toEqual(asked.map(() => ({ status: "rejected", reason: unavailable })));
		expect(await engine.healthy()).toBe(false);
		server.resume();
		await eventually(
			() => engine.healthy(),
			healthy => healthy,
		);
		// What was asked for may have been done, or may yet be: each once at most.
		await sleep(200);
		expect([1, 2]).toContain((await things(engine).get("a"))!.version);
		await eventually(
			() =>
				things(engine)
					.insert(thing("c"), [])
					.then(
						() => true,
						error => !serviceUnavailable.matches(error),
					),
			done => done,
		);
	});

	it("is found again after it was ended, however often, without anybody's help", async () => {
		for (const id of ["a", "b"]) {
			await server.stop();
			await expect(things(engine).insert(thing(id), [])).rejects.toEqual(unavailable);
			await server.restart();
			await eventually(
				() => engine.healthy(),
				healthy => healthy,
			);
			await things(engine).insert(thing(`${id}2`), []);
			expect(await things(engine).get(id)).toBeUndefined();
		}
	});

	it("is waited for by a node that starts", async () => {
		await pause();
		const opening = place.open(collections);
		await sleep(300);
		server.resume();
		const late = await opening;
		expect(late.storeId).toBe(engine.storeId);
		await late.close();
	});

	it("keeps documents where other tools find them, and nothing but their version and the writer beside them", async () => {
		await things(engine).insert({ ...thing("a"), tags: ["x"] } as never, []);
		const seen = await onMongo(server.url, client => {
			const concerns = { readConcern: {}, writeConcern: {} };
			return client.db(place.database).collection("things", concerns).findOne({ slug: "a" });
		});
		expect(seen).toEqual({ ...thing("a"), tags: ["x"], version: 1, writeId: expect.any(String) });
	});

	it("stops the start when two documents share what must be unique", async () => {
		for (const id of ["a", "b"]) await things(engine).insert(thing(id, 7), []);
		await expect(place.open({ things: { unique: ["slug", "size"] } })).rejects.toThrow("two documents of things have the same size");
	});
});

describe("a server that does not answer at the start", () => {
	it.each(["mongodb://stoa:pass%2Bword@127.0.0.1:9", "mongodb://127.0.0.1:9/?authSource=admin"])(
		"is named, without who asked it: %s",
		async url => {
			const opening = MongoDocuments.open(url, { database: "stoa_test", collections: {}, now: 0, startWithinMs: 0 });
			const problem = (await opening.catch(error => error)) as Error;
			expect(problem.message).toMatch(/^STOA_MONGO_URL: no MongoDB answered at 127\.0\.0\.1:9 within 0 s: /);
			expect(problem.message).not.toMatch(/pass|word|stoa:/);
		},
	);

	it("is not waited for when its URL says nothing that the driver knows", async () => {
		const url = "mongodb://stoa:secret@127.0.0.1:9/?readConcernLevel=strange&w=x&authMechanism=nonsense";
		const problem = (await MongoDocuments.open(url, { database: "stoa_test", collections: {}, now: 0 }).catch(error => error)) as Error;
		expect(problem.message).toContain("STOA_MONGO_URL: MongoDB at 127.0.0.1:9 cannot be used");
		expect(problem.message).not.toContain("secret");
	});
});
