// What becomes of those who share a commit when something goes wrong: a disk that is full, a flush that fails, a statement that undoes everything.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { Connection, SqlEngine } from "./engine.ts";
import { openSqlite } from "./sqlite-engine.ts";

describe("the embedded SQL engine", () => {
	let folder: string;
	let engine: SqlEngine;
	let passing: (point: "beforeCommit" | "afterCommit") => void;

	const open = (durability: "full" | "process") =>
		openSqlite(path.join(folder, "box.db"), { durability, passing: point => passing(point) });
	const put = (name: string) => engine.transaction(tx => tx.run("INSERT INTO box (name) VALUES (?)", [name]));
	const inside = async (connection: Connection = engine.reader) =>
		(await connection.all<{ name: string }>("SELECT name FROM box ORDER BY name")).map(({ name }) => name);
	const statusOf = (settled: PromiseSettledResult<unknown>[]) => settled.map(({ status }) => status);

	beforeEach(async () => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-engine-"));
		passing = () => undefined;
		engine = open("process");
		await engine.transaction(tx => tx.run("CREATE TABLE box (name TEXT PRIMARY KEY)"));
	});
	afterEach(async () => {
		jest.restoreAllMocks();
		await engine.close();
		fs.rmSync(folder, { recursive: true });
	});

	it("tells everyone of a commit that failed, and goes on with the next", async () => {
		passing = point => {
			if (point === "beforeCommit") throw new Error("database or disk is full");
		};
		const failed = await Promise.allSettled(["a", "b", "c"].map(put));
		passing = () => undefined;
		expect(statusOf(failed)).toEqual(["rejected", "rejected", "rejected"]);
		await put("d");
		expect(await inside()).toEqual(["d"]);
	});

	it("keeps nothing of a batch that the engine rolled back by itself, neither before nor after the statement that did it", async () => {
		await put("taken");
		const undoing = engine.transaction(tx => tx.run("INSERT OR ROLLBACK INTO box (name) VALUES ('taken')"));
		const settled = await Promise.allSettled([put("a"), undoing, put("b"), put("c")]);
		expect(statusOf(settled)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
		expect(await inside()).toEqual(["taken"]);
		await put("d");
		expect(await inside()).toEqual(["d", "taken"]);
	});

	it("lets nobody who overlooks such a rollback write on outside of a transaction", async () => {
		await put("taken");
		const careless = () =>
			engine.transaction(async tx => {
				await tx.run("INSERT INTO box (name) VALUES ('a')");
				await tx.savepoint(() => tx.run("INSERT OR ROLLBACK INTO box (name) VALUES ('taken')")).catch(() => undefined);
				await tx.run("INSERT INTO box (name) VALUES ('b')");
			});
		await expect(careless()).rejects.toThrow();
		await expect(Promise.all([careless(), put("c")])).rejects.toThrow();
		expect(await inside()).toEqual(["taken"]);
	});

	describe("that answers after the disk", () => {
		let flushes: ((error?: Error) => void)[];

		beforeEach(async () => {
			await engine.close();
			engine = open("full");
			await put("first");
			flushes = [];
			jest.spyOn(fs, "fdatasync").mockImplementation(((_: number, done: (error: Error | null) => void) => {
				flushes.push(error => done(error ?? null));
			}) as typeof fs.fdatasync);
		});
		const flushed = async (count: number) => {
			while (flushes.length < count) await new Promise(resolve => setImmediate(resolve));
		};

		it("shows a reader nothing that a power cut could still take back", async () => {
			const a = put("a");
			await flushed(1);
			const read = inside();
			const b = put("b");
			// The second commit stands by now, its flush does not: a reader who waited for the first must not see it.
			for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
			flushes[0]!();
			expect(await read).toEqual(["a", "first"]);
			await flushed(2);
			flushes[1]!();
			await Promise.all([a, b]);
			expect(await inside()).toEqual(["a", "b", "first"]);
		});

		it("answers nobody whose flush failed, and takes nothing more until it is opened again", async () => {
			const a = put("a");
			await flushed(1);
			const waiting = put("b");
			flushes[0]!(new Error("EIO"));
			await expect(a).rejects.toThrow("EIO");
			await expect(waiting).rejects.toThrow("restart it");
			await expect(put("c")).rejects.toThrow("restart it");
			await expect(inside()).rejects.toThrow("EIO");
			jest.restoreAllMocks();
			await engine.close();
			engine = open("full");
			expect(await inside()).not.toContain("b");
		});

		it("ends what was begun before it closes", async () => {
			const a = put("a");
			const closed = engine.close();
			await flushed(1);
			flushes[0]!();
			await a;
			await flushed(2);
			flushes[1]!();
			await closed;
			await expect(put("b")).rejects.toThrow("closed");
			jest.restoreAllMocks();
			engine = open("full");
			expect(await inside()).toEqual(["a", "first"]);
		});
	});
});
