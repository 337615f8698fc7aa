// Facts from one store's outbox to another's inbox: each takes effect once, in the order of its key, whatever fails on the way.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import Type from "typebox";
import { readConfig } from "../lib/config.ts";
import { event, hear, tell } from "../lib/contract.ts";
import { makeRuntime } from "../lib/runtime.ts";
import { defineService } from "../lib/service.ts";
import { column, type Migration } from "../mixins/sql/schema.ts";
import { SqlTx } from "../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../mixins/sql-store.ts";
import { brokerOptions } from "./broker-options.ts";
import type { Listening } from "./facts/listening.ts";

const rang = event({
	name: "tower.rang",
	version: 1,
	key: "bell",
	delivery: "durable",
	summary: "A bell was rung.",
	payload: Type.Object({ bell: Type.String(), stroke: Type.Integer() }),
});
const silent = event({ ...rang, name: "tower.fellSilent", summary: "A bell fell silent." });

const strokes: Migration = {
	name: "0001-strokes",
	async up(schema) {
		await schema.createTable("strokes", { id: column.key(), bell: column.key(), stroke: column.integer(), heard: column.integer() }, [
			"id",
		]);
	},
};

type Tower = SqlService<SqlTx> & { listening: Listening };

describe("a durable fact", () => {
	let dataDir: string;
	let broker: ServiceBroker;
	/** What the listener throws at; a test changes it. */
	let refuses: (bell: string, stroke: number) => boolean;

	const tower = () => defineService<Tower>({ name: "tower", mixins: [sqlStore({ migrations: [], tx: SqlTx })] });
	const village = () =>
		defineService<Tower>({
			name: "village",
			mixins: [sqlStore({ migrations: [strokes], tx: SqlTx })],
			events: {
				...hear<typeof rang, Tower, SqlTx>(rang, async ({ params: { bell, stroke }, envelope, tx }) => {
					const heard = (await tx.get<{ count: number }>("SELECT COUNT(*) AS count FROM strokes"))!.count;
					// Written before it may refuse: what a refused fact wrote must not stay.
					await tx.insert("strokes", { id: envelope.id, bell, stroke, heard });
					if (refuses(bell, stroke)) throw new Error(`nobody hears ${bell}`);
				}),
			},
		});

	async function start(services = [tower(), village()]): Promise<void> {
		const config = readConfig({
			NODE_ENV: "test",
			STOA_DATA_DIR: dataDir,
			STOA_OPS_PORT: "0",
			STOA_LOG_LEVEL: "fatal",
			STOA_DURABILITY: "process",
		});
		const runtime = makeRuntime({ config, delivery: { attempts: 3, backoff: () => 1 } });
		broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
		for (const service of services) broker.createService(service);
		await broker.start();
	}
	async function restart(): Promise<void> {
		await broker.stop();
		await start();
	}
	const service = (name: string) => broker.getLocalService(name) as unknown as Tower;
	const ring = (bell: string, first: number, count = 1) =>
		service("tower").store.transaction(async tx => {
			for (let stroke = first; stroke < first + count; stroke++) await tell(tx, rang, { bell, stroke });
		});
	const heard = async (bell: string) =>
		(await service("village").store.reader.all<{ stroke: number }>("SELECT stroke FROM strokes WHERE bell = ? ORDER BY heard", [bell])).map(
			({ stroke }) => stroke,
		);
	const letters = (status?: "dead") => service("village").store.inbox.letters({ status, limit: 10 });
	async function until<T>(look: () => Promise<T>, enough: (seen: T) => boolean): Promise<T> {
		for (let looks = 0; ; looks++) {
			const seen = await look();
			if (enough(seen) || looks > 1000) return seen;
			await new Promise(resolve => setTimeout(resolve, 5));
		}
	}
	const arrived = (bell: string, count: number) =>
		until(
			() => heard(bell),
			strokesHeard => strokesHeard.length >= count,
		);
	const count = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

	beforeEach(async () => {
		dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-facts-"));
		refuses = () => false;
		await start();
	});
	afterEach(async () => {
		await broker.stop();
		fs.rmSync(dataDir, { recursive: true });
	});

	it("takes effect once in its listener, in the order in which it was told", async () => {
		await Promise.all(count(100).map(stroke => ring("noon", stroke)));
		expect((await arrived("noon", 100)).sort((a, b) => a - b)).toEqual(count(100));
		const told = await service("tower").store.facts.read(0, 1000);
		expect(await heard("noon")).toEqual(told.map(({ data }) => data.stroke));
	});

	it("is not lost behind a backlog that is longer than what is kept in memory", async () => {
		const waves = 12;
		const each = 1000;
		// Told faster than they can be heard: the listener falls thousands behind.
		for (const wave of count(waves)) await ring("feast", (wave - 1) * each + 1, each);
		expect(await arrived("feast", waves * each)).toEqual(count(waves * each));
	});

	it("is read from the outbox when its listener was not there", async () => {
		await broker.stop();
		await start([tower()]);
		await ring("dawn", 1, 300);
		await broker.stop();
		await start();
		expect(await arrived("dawn", 300)).toEqual(count(300));
	});

	it("is heard once when the process ends between its effect and the next fact", async () => {
		for (const stroke of count(5)) {
			await ring("dusk", stroke);
			await arrived("dusk", stroke);
			await restart();
		}
		expect(await heard("dusk")).toEqual(count(5));
	});

	it("that a listener throws at waits with the later ones of its key, while all others go on; they follow in order", async () => {
		let broken = true;
		refuses = (bell, stroke) => broken && bell === "cracked" && stroke === 1;
		await Promise.all([ring("cracked", 1, 3), ring("sound", 1, 3)]);
		expect(await arrived("sound", 3)).toEqual([1, 2, 3]);
		const dead = await until(
			() => letters("dead"),
			found => found.length > 0,
		);
		expect(dead).toMatchObject([{ key: "cracked", attempts: 3, error: "Error: nobody hears cracked" }]);
		expect(await heard("cracked")).toEqual([]);

		// The letters are kept: a start in between changes nothing, and a fact told now queues behind them.
		await restart();
		await ring("cracked", 4);
		await until(letters, found => found.length === 4);
		broken = false;
		expect(await service("village").store.inbox.redrive(dead[0]!.id)).toBe(true);
		service("village").listening.wake();
		expect(await arrived("cracked", 4)).toEqual([1, 2, 3, 4]);
		expect(await until(letters, found => found.length === 0)).toEqual([]);
	});

	it("is tried again by itself when its listener recovers", async () => {
		let tries = 0;
		refuses = bell => bell === "shy" && ++tries < 3;
		await ring("shy", 1, 2);
		expect(await arrived("shy", 2)).toEqual([1, 2]);
	});

	it("keeps its order and loses nothing when whole commits of its listener fail", async () => {
		const { store } = service("village");
		const real = store.transaction.bind(store);
		let turn = 0;
		// Every third transaction is rolled back after its work, as a full disk would.
		store.transaction = async <T>(work: (tx: SqlTx) => Promise<T>) => {
			const fails = ++turn % 3 === 0 && turn < 60;
			return real(async tx => {
				const done = await work(tx);
				if (fails) throw new Error("database or disk is full");
				return done;
			});
		};
		await ring("storm", 1, 40);
		expect(await arrived("storm", 40)).toEqual(count(40));
	});

	it("that nobody here hears moves the place from which a start reads on", async () => {
		await service("tower").store.transaction(async tx => {
			for (const stroke of count(600)) await tell(tx, silent, { bell: "hush", stroke });
		});
		const floor = async () => (await service("village").store.inbox.floors()).get("tower") ?? 0;
		expect(await until(floor, position => position >= 512)).toBeGreaterThanOrEqual(512);
		await ring("hush", 1);
		expect(await arrived("hush", 1)).toEqual([1]);
	});

	it("changes nothing when it is replayed", async () => {
		await ring("noon", 1, 20);
		await arrived("noon", 20);
		const { listening } = service("village");
		for (const dryRun of [true, false]) expect(await listening.replay({ dryRun })).toEqual({ considered: 20, repaired: 0 });
		await service("village").store.sweep();
		expect(await listening.replay({ dryRun: false })).toEqual({ considered: 20, repaired: 0 });
		expect(await heard("noon")).toEqual(count(20));
	});
});
