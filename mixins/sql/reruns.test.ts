// Where many share a database, work is run again after a deadlock, and a commit may happen without its answer. Nobody may notice either.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Sequelize } from "sequelize";
import { readConfig } from "../../lib/config.ts";
import type { Meta } from "../../lib/contract.ts";
import { failure } from "../../lib/failure.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import type { SagaDefinition } from "../../lib/saga.ts";
import { type Mishap, restless } from "../../test/support/restless-engine.ts";
import { SqlStore } from "../sql-store.ts";
import { nodeSqlite } from "./node-sqlite-dialect.ts";
import { platformTables } from "./platform-tables.ts";
import { migrate } from "./schema.ts";
import { openSqlite } from "./sqlite-engine.ts";
import { SqlTx } from "./tx.ts";

interface Trip {
	seat?: string;
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined } as never;
const soldOut = failure("conflict", "sold_out", () => "Sold out.");

describe("over a database that many share", () => {
	let folder: string;
	let stores: SqlStore<SqlTx>[];
	let asked: string[];

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-reruns-"));
		stores = [];
		asked = [];
	});
	afterEach(async () => {
		for (const store of stores) {
			await store.sagas.stop();
			await store.close();
		}
		fs.rmSync(folder, { recursive: true });
	});

	async function open(mishapOf: (n: number) => Mishap | undefined): Promise<SqlStore<SqlTx>> {
		const file = path.join(folder, `${stores.length}.db`);
		const sequelize = new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false });
		await migrate(sequelize, [platformTables]);
		await sequelize.close();
		const runtime = makeRuntime({ config: readConfig({ NODE_ENV: "test" }) });
		const store = new SqlStore(restless(openSqlite(file, { durability: "process" }), mishapOf), SqlTx, "trips", runtime, quiet);
		stores.push(store);
		return store;
	}

	/** A row that can be written once only. */
	const noted = (name: string) => async (tx: SqlTx) => void (await tx.insert("metadata", { name, value: "1" }));
	const notesOf = async (store: SqlStore<SqlTx>) =>
		(await store.reader.all<{ name: string }>("SELECT name FROM metadata ORDER BY name")).map(({ name }) => name);

	const trip = (pay: () => Promise<void>): SagaDefinition<Trip, SqlTx> => ({
		kind: "trip",
		deadlineMs: 60_000,
		steps: [
			{
				name: "book seat",
				run: async () => ({ seat: "12A" }),
				save: noted("booked"),
				undo: async () => void asked.push("give seat back"),
			},
			{ name: "pay", run: pay, save: noted("paid") },
			{ name: "send ticket", run: async ({ state }) => void asked.push(`ticket for ${state.seat}`), save: noted("sent") },
		],
		ended: (tx, { status }) => noted(status)(tx),
	});

	async function travel(store: SqlStore<SqlTx>, pay: () => Promise<void> = async () => undefined) {
		store.sagas.define(trip(pay));
		await store.sagas.start();
		const { id } = await store.transaction(tx => store.sagas.begin<Trip>(tx, "trip", {}));
		store.sagas.drive(id);
		return store.sagas.settled(id, 8000);
	}

	describe("a saga", () => {
		it("counts, saves and ends each step once when every transaction is run twice", async () => {
			const store = await open(() => "again");
			const saga = await travel(store);
			expect(saga).toMatchObject({ status: "succeeded", step: 3, attempts: 0, state: { seat: "12A" } });
			expect(saga?.steps.map(({ status }) => status)).toEqual(["done", "done", "done"]);
			expect(asked).toEqual(["ticket for 12A"]);
			expect(await notesOf(store)).toEqual(["booked", "paid", "sent", "succeeded"]);
		});

		it("is undone once when every transaction is run twice", async () => {
			const store = await open(() => "again");
			const saga = await travel(store, async () => {
				throw soldOut();
			});
			expect(saga).toMatchObject({ status: "compensated", problem: { code: "sold_out" } });
			expect(asked).toEqual(["give seat back"]);
			expect(await notesOf(store)).toEqual(["booked", "compensated"]);
		});

		// Two begin the store and the saga, the third claims it, three save its steps.
		it.each([4, 5, 6].flatMap(n => (["lost", "unsaved"] as const).map(mishap => ({ n, mishap }))))(
			"goes on from its row when nobody knows whether a step was saved (transaction $n, $mishap)",
			async ({ n, mishap }) => {
				const store = await open(count => (count === n ? mishap : undefined));
				expect(await travel(store)).toMatchObject({ status: "succeeded", step: 3 });
				expect(await notesOf(store)).toEqual(["booked", "paid", "sent", "succeeded"]);
			},
		);
	});

	describe("a request with an Idempotency-Key", () => {
		const request = { scope: "scope", bodyHash: "body", requestId: "req_1" };

		it("answers what its last try said, not what an undone one did", async () => {
			const store = await open(() => "again");
			const ctx: { meta: Meta } = { meta: {} };
			let tries = 0;
			const answer = await store.once(ctx, request, async tx => {
				if (++tries === 1) ctx.meta.reply = { status: 201 };
				await noted("made")(tx);
				return tries;
			});
			expect({ answer, reply: ctx.meta.reply }).toEqual({ answer: 2, reply: undefined });
			expect(await notesOf(store)).toEqual(["made"]);
		});

		it("is no repeat of itself when its commit was answered to nobody", async () => {
			const store = await open(n => (n === 1 ? "committedAgain" : undefined));
			const ask = async (requestId: string) => {
				const ctx: { meta: Meta } = { meta: {} };
				const answer = await store.once(ctx, { ...request, requestId }, async tx => {
					ctx.meta.reply = { status: 201 };
					await noted("made")(tx);
					return "made";
				});
				return { answer, status: ctx.meta.reply?.status, isRepeat: ctx.meta.reply?.replayed ?? false };
			};
			expect(await ask("req_1")).toEqual({ answer: "made", status: 201, isRepeat: false });
			expect(await ask("req_2")).toEqual({ answer: "made", status: 201, isRepeat: true });
		});
	});
});
