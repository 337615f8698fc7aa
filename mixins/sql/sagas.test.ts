// Sagas as dialogues: this step fails, these were undone in this order; the owner dies here, another goes on there.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Sequelize } from "sequelize";
import { readConfig } from "../../lib/config.ts";
import { failure, serviceUnavailable } from "../../lib/failure.ts";
import { makeRuntime, type Runtime } from "../../lib/runtime.ts";
import { GiveUp, type SagaDefinition, type Step, Wait } from "../../lib/saga.ts";
import { SqlStore } from "../sql-store.ts";
import { nodeSqlite } from "./node-sqlite-dialect.ts";
import { platformTables } from "./platform-tables.ts";
import { sagaById } from "./saga-rows.ts";
import { migrate } from "./schema.ts";
import { openSqlite } from "./sqlite-engine.ts";
import { SqlTx } from "./tx.ts";

interface Trip {
	seat?: string;
}
const soldOut = failure("conflict", "sold_out", () => "Sold out.");
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined } as never;

describe("a saga", () => {
	let folder: string;
	let said: string[];
	let stores: SqlStore<SqlTx>[];

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-saga-"));
		said = [];
		stores = [];
	});
	afterEach(async () => {
		for (const store of stores) {
			await store.sagas.stop();
			await store.close();
		}
		fs.rmSync(folder, { recursive: true });
	});

	const step = (name: string, more: Partial<Step<Trip, SqlTx>> = {}): Step<Trip, SqlTx> => ({
		name,
		run: async () => void said.push(name),
		undo: async () => void said.push(`undo ${name}`),
		...more,
	});
	const trip = (steps: Step<Trip, SqlTx>[], more: Partial<SagaDefinition<Trip, SqlTx>> = {}): SagaDefinition<Trip, SqlTx> => ({
		kind: "trip",
		deadlineMs: 60_000,
		steps,
		ended: async (_tx, { status }) => void said.push(status),
		...more,
	});

	/** A node of the service; several over one file are several nodes. */
	async function node(definition: SagaDefinition<Trip, SqlTx>, given: Partial<Runtime> = {}): Promise<SqlStore<SqlTx>> {
		const file = path.join(folder, "trips.db");
		const sequelize = new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false });
		await migrate(sequelize, [platformTables]);
		await sequelize.close();
		const runtime = makeRuntime({ config: readConfig({ NODE_ENV: "test" }), ...given });
		const store = new SqlStore(openSqlite(file, { durability: "process" }), SqlTx, "trips", runtime, quiet);
		store.sagas.define(definition);
		stores.push(store);
		return store;
	}
	async function travel(store: SqlStore<SqlTx>, ms = 5000) {
		const { id } = await store.transaction(tx => store.sagas.begin<Trip>(tx, "trip", {}));
		store.sagas.drive(id);
		return { id, saga: (await store.sagas.settled(id, ms))! };
	}

	it("takes its steps in order and hands on what they answer", async () => {
		const store = await node(
			trip([
				step("book seat", { run: async () => ({ seat: "12A" }) }),
				step("pay", { run: async ({ state }) => void said.push(`pay for ${state.seat}`) }),
			]),
		);
		const { saga } = await travel(store);
		expect(saga.status).toBe("succeeded");
		expect(said).toEqual(["pay for 12A", "succeeded"]);
	});

	it("undoes in reverse after a refusal, the refused step too, because it may have happened", async () => {
		const refuse = async () => {
			throw soldOut();
		};
		const store = await node(trip([step("seat"), step("meal"), step("pay", { run: refuse }), step("send ticket")]));
		const { saga } = await travel(store);
		expect(said).toEqual(["seat", "meal", "undo pay", "undo meal", "undo seat", "compensated"]);
		expect(saga).toMatchObject({ status: "compensated", problem: { code: "sold_out" } });
		expect(saga.steps.map(({ status }) => status)).toEqual(["undone", "undone", "undone", "pending"]);
	});

	it("is called failed when the first step refused and nothing was held", async () => {
		const refuse = async () => {
			throw soldOut();
		};
		const store = await node(trip([step("seat", { run: refuse })]));
		expect((await travel(store)).saga.status).toBe("failed");
	});

	it("tries a step whose outcome nobody knows again, under the same id", async () => {
		let tries = 0;
		const flaky = async () => {
			if (++tries < 3) throw new Error("timed out");
		};
		const store = await node(trip([step("pay", { run: flaky })]));
		expect((await travel(store)).saga.status).toBe("succeeded");
		expect(tries).toBe(3);
	});

	it("gives up at once what a provider that is away was asked for, and undoes", async () => {
		const away = async () => {
			throw new GiveUp(serviceUnavailable({ service: "bank" }));
		};
		const store = await node(trip([step("seat"), step("pay", { run: away })]));
		const { saga } = await travel(store);
		expect(saga).toMatchObject({ status: "compensated", problem: { code: "service_unavailable" } });
	});

	it("undoes once its deadline is over and it is not past its point of no return", async () => {
		const never = async () => {
			throw new Error("timed out");
		};
		const store = await node(trip([step("seat"), step("pay", { run: never })], { deadlineMs: 300 }));
		await store.sagas.start();
		const { id } = await travel(store, 100);
		expect(await ended(store, id)).toBe("compensated");
	});

	it("never undoes past its point of no return: it tries again until it works", async () => {
		let tries = 0;
		const refuseTwice = async () => {
			if (++tries < 3) throw soldOut();
		};
		const store = await node(
			trip([step("seat"), { name: "issue", save: async () => undefined, pointOfNoReturn: true }, step("pay", { run: refuseTwice })]),
		);
		await store.sagas.start();
		const { id } = await travel(store, 100);
		expect(await ended(store, id)).toBe("succeeded");
		expect(said).not.toContain("undo seat");
	});

	it("records an undo that fails and tries it again", async () => {
		let tries = 0;
		const undo = async () => {
			if (++tries < 3) throw new Error("cannot now");
		};
		const refuse = async () => {
			throw soldOut();
		};
		const store = await node(trip([step("seat", { undo }), step("pay", { run: refuse })]));
		await store.sagas.start();
		const { id } = await travel(store, 50);
		expect(await ended(store, id)).toBe("compensated");
		expect(tries).toBe(3);
	});

	it("sleeps while the buyer's bank is asked and goes on when it is woken", async () => {
		let answered = false;
		const run = async () => (answered ? {} : new Wait<Trip>(Date.now() + 60_000, {}));
		const store = await node(trip([step("pay", { run })]));
		const { id, saga } = await travel(store);
		expect(saga.status).toBe("waiting");
		answered = true;
		await store.transaction(tx => store.sagas.wake(tx, id));
		store.sagas.drive(id);
		expect(await ended(store, id)).toBe("succeeded");
	});

	it("is taken up by another node when its owner's lease runs out, and the late owner's writes are refused", async () => {
		let release: () => void = () => undefined;
		const held = new Promise<void>(resolve => {
			release = resolve;
		});
		const slow = trip([step("seat"), step("pay", { run: () => held })]);
		const first = await node(slow, { clock: { now: () => Date.now() - 60_000 } });
		const { id } = await first.transaction(tx => first.sagas.begin<Trip>(tx, "trip", {}));
		first.sagas.drive(id);
		const second = await node(trip([step("seat"), step("pay", { run: async () => void said.push("paid by the second") })]));
		while ((await sagaById(first.reader, id))?.step !== 1) await new Promise(resolve => setTimeout(resolve, 5));
		second.sagas.drive(id);
		expect((await second.sagas.settled(id, 5000))?.status).toBe("succeeded");
		release();
		await first.sagas.stop();
		expect(said.filter(word => word === "succeeded")).toHaveLength(1);
		expect((await sagaById(second.reader, id))?.status).toBe("succeeded");
	});

	async function ended(store: SqlStore<SqlTx>, id: string): Promise<string | undefined> {
		for (let i = 0; i < 200; i++) {
			const saga = await store.sagas.settled(id, 100);
			if (saga && ["succeeded", "failed", "compensated"].includes(saga.status)) return saga.status;
			await new Promise(resolve => setTimeout(resolve, 25));
		}
		return undefined;
	}
});
