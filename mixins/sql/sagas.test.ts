// Sagas as dialogues: this step fails, these were undone in this order; the owner dies here, another goes on there.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Sequelize } from "sequelize";
import { handClock } from "../../lib/clock.ts";
import { readConfig } from "../../lib/config.ts";
import { failure, serviceUnavailable } from "../../lib/failure.ts";
import { makeRuntime, type Runtime } from "../../lib/runtime.ts";
import { crashPointsOf, GiveUp, type SagaDefinition, type Step, Wait } from "../../lib/saga.ts";
import { SqlStore } from "../sql-store.ts";
import { nodeSqlite } from "./node-sqlite-dialect.ts";
import { platformTables } from "./platform-tables.ts";
import { LeaseLost } from "./saga-drive.ts";
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
	/** Steps that hang do so until the test is over, at the latest. */
	let release: () => void;
	let held: Promise<void>;

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-saga-"));
		said = [];
		stores = [];
		held = new Promise<void>(resolve => {
			release = resolve;
		});
	});
	afterEach(async () => {
		release();
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

	it("never undoes what was decided when it began, whoever asks for it", async () => {
		let tries = 0;
		const refuseTwice = async () => {
			if (++tries < 3) throw soldOut();
		};
		const store = await node(trip([step("pay", { run: refuseTwice })], { isDecided: true, deadlineMs: 0 }));
		await store.sagas.start();
		const { id } = await store.transaction(tx => store.sagas.begin<Trip>(tx, "trip", {}));
		expect(await store.sagas.compensate(id)).toBe(false);
		store.sagas.drive(id);
		expect(await ended(store, id)).toBe("succeeded");
		expect(said).toEqual(["succeeded"]);
	});

	it("is undone past a step that is a point of no return only sometimes, when this is not such a time", async () => {
		const refuse = async () => {
			throw soldOut();
		};
		const issue: Step<Trip, SqlTx> = { name: "issue", save: async () => undefined, pointOfNoReturn: ({ seat }) => seat === "12A" };
		const steps = [step("seat"), issue, step("pay", { run: refuse })];
		const store = await node(trip(steps));
		expect((await travel(store)).saga.status).toBe("compensated");
		expect(said).toEqual(["seat", "undo pay", "undo seat", "compensated"]);
		const issued = await node(trip([step("seat", { run: async () => ({ seat: "12A" }) }), ...steps.slice(1)]));
		const { id } = await travel(issued, 100);
		expect(await sagaById(issued.reader, id)).toMatchObject({ status: "running", problem: null });
	});

	it("waits for people as long as the step says that does, whatever its own deadline", async () => {
		const clock = handClock();
		let isDecided = false;
		const review = async () => (isDecided ? {} : new Wait<Trip>(clock.now() + 3_600_000));
		const pack: Step<Trip, SqlTx> = { name: "pack", save: async () => clock.move(60_001) };
		const store = await node(trip([step("seat"), pack, step("review", { run: review, pointOfNoReturn: true, hasOwnDeadline: true })]), {
			clock,
		});
		const { id, saga } = await travel(store);
		expect(saga.status).toBe("waiting");
		isDecided = true;
		await store.transaction(tx => store.sagas.wake(tx, id));
		store.sagas.drive(id);
		expect(await ended(store, id)).toBe("succeeded");
	});

	it("hands what an undo answers to those after it, and to its end", async () => {
		const refuse = async () => {
			throw soldOut();
		};
		const seat = step("seat", { undo: async ({ state }) => void said.push(`${state.seat} is free`) });
		const store = await node(trip([seat, step("pay", { run: refuse, undo: async () => ({ seat: "12A" }) })]));
		expect((await travel(store)).saga.state).toEqual({ seat: "12A" });
		expect(said).toEqual(["seat", "12A is free", "compensated"]);
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

	it("is not overslept when it is woken in the very millisecond in which it falls asleep", async () => {
		const clock = handClock();
		let bank: "asked" | "answered" = "asked";
		const run = async () => {
			if (bank === "answered") return {};
			bank = "answered";
			// The bank's word comes after the step has asked, and before the sleep is written.
			await store.transaction(tx => store.sagas.wake(tx, "sag_1"));
			return new Wait<Trip>(clock.now() + 60_000, {});
		};
		const store = await node(trip([step("pay", { run })]), { clock });
		await store.transaction(tx => store.sagas.begin<Trip>(tx, "trip", {}, { id: "sag_1" }));
		store.sagas.drive("sag_1");
		expect(await ended(store, "sag_1")).toBe("succeeded");
	});

	it("begins no further step once its deadline is over, and gives back what it has", async () => {
		const clock = handClock();
		const slow = async () => clock.move(60_001);
		const store = await node(trip([step("seat", { run: slow }), step("pay")]), { clock });
		const { saga } = await travel(store);
		expect(said).toEqual(["undo seat", "compensated"]);
		expect(saga).toMatchObject({ status: "compensated", problem: { code: "service_unavailable" } });
	});

	it("that was taken over long after its deadline runs its step again to learn of it, then gives it back", async () => {
		const clock = handClock();
		const die = dieOnceAt("trip/seat/after");
		const store = await node(trip([step("seat"), step("pay")]), { clock, crash: die });
		const { id } = await travel(store, 50);
		clock.move(3_600_000);
		await store.sagas.start();
		expect(await ended(store, id)).toBe("compensated");
		expect(said).toEqual(["seat", "seat", "undo seat", "compensated"]);
	});

	it("past its point of no return knows no deadline", async () => {
		const clock = handClock();
		const issue: Step<Trip, SqlTx> = { name: "issue", save: async () => void clock.move(3_600_000), pointOfNoReturn: true };
		const store = await node(trip([step("seat"), issue, step("pay")]), { clock });
		expect((await travel(store)).saga.status).toBe("succeeded");
	});

	it("goes on at once where the clock was put back while it waited to be tried again", async () => {
		let tries = 0;
		const flaky = async () => {
			if (++tries < 2) throw new Error("timed out");
		};
		const definition = trip([step("pay", { run: flaky })]);
		const first = await node(definition);
		const { id } = await first.transaction(tx => first.sagas.begin<Trip>(tx, "trip", {}));
		first.sagas.drive(id);
		while (tries === 0) await new Promise(resolve => setTimeout(resolve, 1));
		await first.sagas.stop();
		const second = await node(definition, { clock: { now: () => Date.now() - 3_600_000 } });
		await second.sagas.start();
		expect(await ended(second, id)).toBe("succeeded");
	});

	it("is found among as many as a process can drive, however long those have been at it", async () => {
		const store = await node(trip([step("pay", { run: async ({ state }) => (state.seat ? held : undefined) })]));
		const begun = await store.transaction(async tx => {
			const ids: string[] = [];
			for (let n = 0; n < 255; n++) ids.push((await store.sagas.begin<Trip>(tx, "trip", { seat: String(n) })).id);
			return ids;
		});
		for (const id of begun) store.sagas.drive(id);
		const { id } = await store.transaction(tx => store.sagas.begin<Trip>(tx, "trip", {}));
		await store.sagas.start();
		expect(await ended(store, id)).toBe("succeeded");
		release();
	});

	it("ends its running step and begins no other when its service stops; the next start goes on from there", async () => {
		const seat = step("seat", {
			run: async () => {
				said.push("seat");
				await held;
			},
		});
		const store = await node(trip([seat, step("pay")]));
		const { id } = await store.transaction(tx => store.sagas.begin<Trip>(tx, "trip", {}));
		store.sagas.drive(id);
		while (said.length === 0) await new Promise(resolve => setTimeout(resolve, 1));
		const stopped = store.sagas.stop();
		release();
		await stopped;
		expect(await sagaById(store.reader, id)).toMatchObject({ status: "running", step: 1, owner: null });
		const next = await node(trip([seat, step("pay")]));
		await next.sagas.start();
		expect(await ended(next, id)).toBe("succeeded");
		expect(said).toEqual(["seat", "pay", "succeeded"]);
	});

	describe("that dies", () => {
		const steps = () => [
			step("seat"),
			step("meal"),
			{ name: "issue", save: async () => void said.push("issue"), pointOfNoReturn: true } as Step<Trip, SqlTx>,
			step("send ticket"),
		];
		const points = crashPointsOf({ kind: "trip", steps: steps() });

		it.each(points.filter(point => !point.includes("/undo/")))("at %s is ended once by whoever takes it over", async point => {
			const store = await node(trip(steps()), { crash: dieOnceAt(point) });
			await store.sagas.start();
			const { id } = await travel(store, 50);
			expect(await ended(store, id)).toBe("succeeded");
			// A step whose end was not recorded runs again; its own write and the end are never doubled.
			expect([...new Set(said)]).toEqual(["seat", "meal", "issue", "send ticket", "succeeded"]);
			expect(said.filter(word => word === "issue" || word === "succeeded")).toHaveLength(2);
		});

		it.each(points.filter(point => point.includes("/undo/") && !point.includes("send")))(
			"at %s is undone in the same order",
			async point => {
				const refusing = steps().with(2, {
					name: "issue",
					save: async () => {
						throw soldOut();
					},
					pointOfNoReturn: true,
				});
				const store = await node(trip(refusing), { crash: dieOnceAt(point) });
				await store.sagas.start();
				const { id } = await travel(store, 50);
				expect(await ended(store, id)).toBe("compensated");
				expect([...new Set(said)]).toEqual(["seat", "meal", "undo meal", "undo seat", "compensated"]);
				expect(said.filter(word => word === "compensated")).toHaveLength(1);
			},
		);
	});

	describe("that an operator steers", () => {
		const refusing = async () => {
			throw new Error("cannot now");
		};

		it("is undone when it is given up between two tries", async () => {
			const store = await node(trip([step("seat"), step("pay", { run: refusing })]));
			const { id } = await travel(store, 50);
			while (!(await store.sagas.compensate(id))) await new Promise(resolve => setTimeout(resolve, 5));
			expect(await ended(store, id)).toBe("compensated");
			expect(said).toEqual(["seat", "undo pay", "undo seat", "compensated"]);
			expect(await store.sagas.compensate(id)).toBe(false);
			expect(await store.sagas.retry(id)).toBe(false);
		});

		it("cannot be given up while a step of it runs", async () => {
			const store = await node(trip([step("pay", { run: () => held })]));
			const { id } = await travel(store, 50);
			expect(await store.sagas.compensate(id)).toBe(false);
			release();
			expect(await ended(store, id)).toBe("succeeded");
		});

		it("cannot be given up past its point of no return, and is free for any node afterwards", async () => {
			const store = await node(
				trip([{ name: "issue", save: async () => undefined, pointOfNoReturn: true }, step("pay", { run: refusing })]),
			);
			const { id } = await travel(store, 50);
			await store.sagas.stop();
			const before = await sagaById(store.reader, id);
			expect(before).toMatchObject({ step: 1, owner: null });
			expect(await store.sagas.compensate(id)).toBe(false);
			expect(await sagaById(store.reader, id)).toEqual(before);
		});
	});

	/** The process dies at the point, once: nothing more is written, and whoever looks for sagas finds this one. */
	function dieOnceAt(point: string): Runtime["crash"] {
		let died = false;
		return {
			at: passed => {
				if (died || passed !== point) return;
				died = true;
				throw new LeaseLost();
			},
		};
	}

	async function ended(store: SqlStore<SqlTx>, id: string): Promise<string | undefined> {
		for (let i = 0; i < 200; i++) {
			const saga = await store.sagas.settled(id, 100);
			if (saga && ["succeeded", "failed", "compensated"].includes(saga.status)) return saga.status;
			await new Promise(resolve => setTimeout(resolve, 25));
		}
		return undefined;
	}
});
