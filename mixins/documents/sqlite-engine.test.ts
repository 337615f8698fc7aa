import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { AnyDocument, CollectionSpec } from "./engine.ts";
import { SqliteDocuments } from "./sqlite-engine.ts";

describe("the embedded document file", () => {
	let folder: string;
	const opened: SqliteDocuments[] = [];
	const file = () => path.join(folder, "things.db");
	const open = (things: CollectionSpec, options: { durability?: "full" | "process" } = {}) => {
		const engine = new SqliteDocuments(file(), { collections: { things }, durability: "full", now: 0, ...options });
		opened.push(engine);
		return engine;
	};
	const reopen = async (things: CollectionSpec) => {
		await opened.at(-1)!.close();
		return open(things).collection("things");
	};

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-sqlite-"));
	});
	afterEach(async () => {
		for (const engine of opened.splice(0)) await engine.close();
		fs.rmSync(folder, { recursive: true });
	});

	it("indexes what is there when an index is declared later, and forgets one that no longer is", async () => {
		const things = open({}).collection("things");
		await things.append([
			{ _id: "a", version: 0, size: 2, tags: ["x", "y"] },
			{ _id: "b", version: 0, size: 1, tags: ["y"] },
		] as AnyDocument[]);
		const sorted = { sort: { field: "size", order: "ascending" as const }, limit: 5 };
		await expect(things.find(sorted)).rejects.toThrow("no index to sort by size");
		const indexed = await reopen({ indexes: ["size"], arrayIndexes: ["tags"] });
		expect((await indexed.find({ ...sorted, filter: { tags: "y" } })).map(({ _id }) => _id)).toEqual(["b", "a"]);
		const bare = await reopen({});
		await bare.insert({ _id: "c", tags: ["y"] } as { _id: string }, []);
		const again = await reopen({ arrayIndexes: ["tags"] });
		expect(await again.count({ tags: "y" })).toBe(3);
	});

	it("refuses to open when what is there breaks a unique index, and leaves it as it was", async () => {
		const things = open({}).collection("things");
		await things.append([
			{ _id: "a", version: 0, slug: "same" },
			{ _id: "b", version: 0, slug: "same" },
		] as AnyDocument[]);
		await expect(reopen({ unique: ["slug"] })).rejects.toThrow("UNIQUE");
		expect(await open({}).collection("things").count({})).toBe(2);
	});

	it.each([
		["a collection with a name of another form", { "things; DROP": {} }],
		["two collections whose names differ by case alone", { someThings: {}, somethings: {} }],
		["an index over a field of another form", { things: { indexes: ["size') --"] } }],
		["an array index over a field of another form", { things: { arrayIndexes: ['tags"'] } }],
	])("refuses %s", (_, collections) => {
		expect(() => new SqliteDocuments(file(), { collections, durability: "full", now: 0 })).toThrow(TypeError);
	});

	it("refuses a file that is no database", () => {
		fs.writeFileSync(file(), "these are not the pages of a database".repeat(100));
		expect(() => open({})).toThrow("not a database");
	});

	it("answers the same page along the order and through a condition that leaves few", async () => {
		const things = open({ indexes: ["size", "kind"], arrayIndexes: ["tags"] }).collection("things");
		const documents = Array.from({ length: 2000 }, (_, n) => ({
			_id: `t${String(n).padStart(5, "0")}`,
			size: (n * 7919) % 500,
			kind: n % 100 === 0 ? "rare" : "common",
			tags: [n % 2 ? "odd" : "even"],
		}));
		await things.append(documents);
		const sort = { field: "size", order: "descending" as const };
		for (const [kind, tag] of ["rare", "common"].flatMap(kind => ["odd", "even"].map(tag => [kind, tag] as const))) {
			const wanted = documents.filter(document => document.kind === kind && document.tags.includes(tag));
			wanted.sort((a, b) => b.size - a.size || (a._id < b._id ? 1 : -1));
			const page = await things.find({ filter: { kind, tags: tag }, sort, limit: 10 });
			expect(page.map(({ _id }) => _id)).toEqual(wanted.slice(0, 10).map(({ _id }) => _id));
			const last = page.at(-1) as unknown as { size: number; _id: string } | undefined;
			if (!last) continue;
			const next = await things.find({ filter: { kind, tags: tag }, sort, after: { value: last.size, id: last._id }, limit: 10 });
			expect(next.map(({ _id }) => _id)).toEqual(wanted.slice(10, 20).map(({ _id }) => _id));
		}
	});

	it("answers every write that was asked for before it closes, and none after", async () => {
		const engine = open({});
		const writes = Array.from({ length: 600 }, (_, n) => engine.collection("things").insert({ _id: `t${n}` }, []));
		await engine.close();
		await Promise.all(writes);
		expect(await engine.healthy()).toBe(false);
		await expect(engine.collection("things").insert({ _id: "late" }, [])).rejects.toThrow("closed");
		expect(await open({}).collection("things").count({})).toBe(600);
	});

	it("answers nobody whose flush failed, nor who waited for it, and takes nothing more until it is opened again", async () => {
		const engine = open({});
		const things = engine.collection("things");
		await things.insert({ _id: "a" }, []);
		let fail: (error: Error) => void = () => undefined;
		const flushing = new Promise<void>(resolve => {
			jest.spyOn(fs, "fdatasync").mockImplementation(((_: number, done: (error: Error) => void) => {
				fail = done;
				resolve();
			}) as typeof fs.fdatasync);
		});
		const lost = things.insert({ _id: "b" }, []);
		await flushing;
		const waiting = things.insert({ _id: "c" }, []);
		fail(new Error("EIO"));
		await expect(lost).rejects.toThrow("EIO");
		await expect(waiting).rejects.toThrow("restart it");
		await expect(things.insert({ _id: "d" }, [])).rejects.toThrow("restart it");
		jest.restoreAllMocks();
		const again = await reopen({});
		expect([await again.get("a"), await again.get("c"), await again.get("d")]).toEqual([{ _id: "a", version: 1 }, undefined, undefined]);
	});

	it("fails every write of a commit that cannot be made, and goes on when it can", async () => {
		const engine = open({});
		const things = engine.collection("things");
		await things.insert({ _id: "a" }, []);
		const other = new DatabaseSync(file());
		other.exec("DROP TABLE things");
		const lost = await Promise.allSettled([things.insert({ _id: "b" }, []), things.replace({ _id: "a" }, 1, [])]);
		expect(lost.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
		other.exec("CREATE TABLE things (_id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, doc TEXT NOT NULL, outbox TEXT)");
		other.close();
		await things.insert({ _id: "c" }, []);
		expect(await things.get("c")).toEqual({ _id: "c", version: 1 });
	});
});
