import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import Type from "typebox";
import { action, answer, event, tell } from "../lib/contract.ts";
import { newId } from "../lib/ids.ts";
import { makeRuntime, setRuntime } from "../lib/runtime.ts";
import { defineService } from "../lib/service.ts";
import { onMongo } from "../test/conformance/documents-place.ts";
import { describeWith } from "../test/support/engines/describe-with.ts";
import { sharedServer } from "../test/support/engines/engines.ts";
import { eventually } from "../test/support/http.ts";
import { type DocumentService, documentStore } from "./document-store.ts";
import type { StoredDocument } from "./documents/engine.ts";
import type { OperableStore } from "./store-actions.ts";

interface Note extends StoredDocument {
	text: string;
}
const written = event({
	name: "notes.written",
	version: 1,
	key: "noteId",
	delivery: "durable",
	summary: "A note was written.",
	payload: Type.Object({ noteId: Type.String() }),
});

const getNote = action({
	name: "notes.get",
	summary: "A note, or null.",
	allow: "internal",
	params: Type.Object({ id: Type.String() }),
	returns: Type.Union([Type.Object({ _id: Type.String(), version: Type.Integer(), text: Type.String() }), Type.Null()]),
});

// One schema for every broker, as a service file exports it once.
const notes = defineService<DocumentService>({
	name: "notes",
	mixins: [documentStore({ collections: { notes: { indexes: ["text"] }, drafts: {} } })],
	actions: {
		get: answer(getNote, async function (this: DocumentService, ctx) {
			return (await this.documents.collection<Note>("notes").get(ctx.params.id)) ?? null;
		}),
	},
	async started() {
		this.metadata.openAtStart = await this.documents.healthy();
	},
});

let brokers: ServiceBroker[];

async function startNotes(env: Record<string, string>) {
	const broker = new ServiceBroker({ logger: false });
	setRuntime(broker, makeRuntime({ env: { NODE_ENV: "test", ...env } }));
	const service = broker.createService(notes) as unknown as DocumentService & {
		operable(): OperableStore;
		adapter: Record<string, (...args: unknown[]) => Promise<unknown>>;
	};
	await broker.start();
	brokers.push(broker);
	return { broker, service, collection: service.documents.collection<Note>("notes") };
}
type Started = Awaited<ReturnType<typeof startNotes>>;

const say = ({ service }: Started, noteId: string) => {
	const facts = service.documents.facts();
	tell(facts, written, { noteId });
	return facts;
};

/** What the framework's own methods do, over whatever engine. */
async function speaksAdapterInterface({ service, collection }: Started): Promise<void> {
	const { adapter } = service;
	await adapter.insertMany!([
		{ _id: "a", text: "x" },
		{ _id: "b", text: "y" },
		{ _id: "c", text: "z" },
	]);
	expect(await adapter.find!({ query: { text: { $gt: "x" } }, sort: "-text", limit: 1, offset: 1 })).toEqual([
		{ _id: "b", text: "y", version: 1 },
	]);
	expect(await adapter.findOne!({ text: "x" })).toMatchObject({ _id: "a" });
	expect(await adapter.findByIds!(["c", "a"])).toMatchObject([{ _id: "c" }, { _id: "a" }]);
	expect(await adapter.count!({ query: {} })).toBe(3);
	expect(await adapter.updateById!("a", { $set: { text: "changed" } })).toEqual({ _id: "a", text: "changed", version: 2 });
	expect(await adapter.updateById!("absent", { $set: {} })).toBeUndefined();
	await expect(adapter.updateById!("a", { $inc: { n: 1 } })).rejects.toThrow(TypeError);
	expect(await adapter.updateMany!({ text: { $in: ["y", "z"] } }, { $set: { text: "both" } })).toBe(2);
	expect(await adapter.removeById!("a")).toMatchObject({ _id: "a", text: "changed" });
	expect(await adapter.removeMany!({ text: "both" })).toBe(2);
	expect(await collection.count()).toBe(0);
}

describe("a service with a document store", () => {
	let folder: string;

	const start = (dataDir = folder) => startNotes({ STOA_DATA_DIR: dataDir });

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-notes-"));
		brokers = [];
	});
	afterEach(async () => {
		for (const broker of brokers) await broker.stop();
		fs.rmSync(folder, { recursive: true });
	});

	it("has its documents open before its own start", async () => {
		const { service } = await start();
		expect(service.metadata.openAtStart).toBe(true);
		expect(fs.existsSync(path.join(folder, "notes.documents.db"))).toBe(true);
	});

	it("offers its own actions and the operators' internal ones, and nothing that was generated", async () => {
		const { broker } = await start();
		const actions = broker.registry.getActionList({ onlyLocal: true, skipInternal: true, withEndpoints: false } as never) as {
			name: string;
		}[];
		const names = actions.map(({ name }) => name.replace("notes.", ""));
		for (const generated of ["find", "count", "list", "create", "insert", "update", "remove"]) expect(names).not.toContain(generated);
		expect(names).toEqual(expect.arrayContaining(["get", "readFacts", "listLetters"]));
		await expect(broker.call("notes.create", { text: "x", version: 9 })).rejects.toMatchObject({ type: "SERVICE_NOT_FOUND" });
		// Its own `get` brings nothing along from the generated one of that name.
		expect(await broker.call("notes.get", { id: "absent", fields: ["outbox"] })).toBeNull();
	});

	it("keeps documents and facts over a restart, and is asked for them by the operators' actions", async () => {
		const first = await start();
		await first.collection.insert({ _id: "n1", text: "kept" }, say(first, "n1"));
		await first.broker.stop();
		brokers.pop();
		const { broker, service } = await start();
		expect(await broker.call("notes.get", { id: "n1" })).toEqual({ _id: "n1", version: 1, text: "kept" });
		expect(await broker.call("notes.readFacts", { after: 0, limit: 10 })).toMatchObject([
			{ position: 1, type: "notes.written", data: { noteId: "n1" } },
		]);
		expect(await broker.call("notes.storeState")).toMatchObject({
			service: "notes",
			head: 1,
			pending: 0,
			hasSagas: false,
			storeId: service.documents.id,
		});
	});

	it("gives each broker of a process its own connection", async () => {
		const other = fs.mkdtempSync(path.join(folder, "other-"));
		const [one, two] = [await start(), await start(other)];
		await one.collection.insert({ _id: "n1", text: "one" });
		expect(await two.collection.get("n1")).toBeUndefined();
		expect(one.service.documents.id).not.toBe(two.service.documents.id);
	});

	it("does not start without its data, and says which file it could not open", async () => {
		fs.writeFileSync(path.join(folder, "notes.documents.db"), "not a database at all".repeat(100));
		await expect(start()).rejects.toThrow(/notes cannot open its documents in .*notes\.documents\.db: file is not a database/);
	});

	it("refuses a declaration without collections, or with one of the store's own", () => {
		expect(() => documentStore({ collections: {} })).toThrow(TypeError);
		expect(() => documentStore({ collections: { outbox: {} } })).toThrow("belongs to the store");
	});

	it("speaks the adapter interface of moleculer-db over its main collection", async () => speaksAdapterInterface(await start()));
});

describeWith("mongo")("a service whose documents are on a server", () => {
	let namespace: string;
	let url: string;

	const start = () => startNotes({ STOA_MONGO_URL: url, STOA_NAMESPACE: namespace });

	beforeEach(async () => {
		url = await sharedServer("mongo");
		namespace = newId("test", Date.now()).slice(0, 31);
		brokers = [];
	});
	afterEach(async () => {
		for (const broker of brokers) await broker.stop();
		await onMongo(url, client => client.db(`${namespace}_notes`).dropDatabase());
	});

	it("is one service on several nodes: one store, one relay, one row of facts", async () => {
		const [one, other] = [await start(), await start()];
		expect(one.service.documents.id).toBe(other.service.documents.id);
		await one.collection.insert({ _id: "n1", text: "one" }, say(one, "n1"));
		await other.collection.insert({ _id: "n2", text: "other" }, say(other, "n2"));
		expect(await other.broker.call("notes.get", { id: "n1" })).toEqual({ _id: "n1", version: 1, text: "one" });
		await eventually(
			() => other.broker.call("notes.storeState"),
			state => (state as { head: number }).head === 2,
		);
		expect(await one.broker.call("notes.readFacts", { after: 0, limit: 10 })).toMatchObject([{ position: 1 }, { position: 2 }]);
		expect(one.service.operable()).toMatchObject({ leases: one.service.documents.leases, relay: one.service.documents.relay });
	});

	it("carries what was told after a node has left", async () => {
		const [one, other] = [await start(), await start()];
		await one.broker.stop();
		brokers.shift();
		await other.collection.insert({ _id: "n1", text: "x" }, say(other, "n1"));
		await eventually(
			() => other.service.documents.source.pending(),
			({ pending }) => pending === 0,
		);
		expect(await other.service.documents.source.head()).toBe(1);
	});

	it("speaks the adapter interface of moleculer-db over its main collection", async () => speaksAdapterInterface(await start()));
});
