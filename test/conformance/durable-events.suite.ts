// Facts from one store's outbox to another's inbox: each takes effect once, in the order of its key, whatever fails on the way. Run over the
// dispatcher of one process and over JetStream between nodes.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ServiceSchema } from "moleculer";
import Type from "typebox";
import { event, hear, tell } from "../../lib/contract.ts";
import { defineService } from "../../lib/service.ts";
import type { Listening } from "../../middlewares/facts/listening.ts";
import { column, type Migration } from "../../mixins/sql/schema.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";

export const rang = event({
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

export type Tower = SqlService<SqlTx> & { listening: Listening };

export const tower = () => defineService<Tower>({ name: "tower", mixins: [sqlStore({ migrations: [], tx: SqlTx })] });

/** Writes down every stroke it hears; `refuses` says at which it throws. */
export const village = (refuses: (bell: string, stroke: number) => boolean = () => false) =>
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

/** Services that run, all in one process or each on a node. */
export interface Running {
	service(name: string): Tower;
	stop(): Promise<void>;
}

/** A place whose data outlives what runs there. A fact is tried three times, at once. */
export interface Setting {
	/** Facts that are some seconds' work here. */
	readonly manyFacts: number;
	start(services: readonly ServiceSchema[]): Promise<Running>;
	remove(): Promise<void>;
}

export const ringAt = (service: Tower, bell: string, first: number, count = 1) =>
	service.store.transaction(async tx => {
		for (let stroke = first; stroke < first + count; stroke++) await tell(tx, rang, { bell, stroke });
	});

export const heardAt = async (service: Tower, bell: string) =>
	(await service.store.reader.all<{ stroke: number }>("SELECT stroke FROM strokes WHERE bell = ? ORDER BY heard", [bell])).map(
		({ stroke }) => stroke,
	);

export const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

/** Looks until it has seen enough; what it has seen by `withinMs` otherwise. */
export async function until<T>(look: () => Promise<T>, enough: (seen: T) => boolean, withinMs = 15_000): Promise<T> {
	const end = performance.now() + withinMs;
	for (;;) {
		const seen = await look();
		if (enough(seen) || performance.now() > end) return seen;
		await new Promise(resolve => setTimeout(resolve, 10));
	}
}

/** Runs the suite over one form of transport. */
export function durableEventsConformance(name: string, fresh: () => Promise<Setting>): void {
	describe(`a durable fact ${name}`, () => {
		let setting: Setting;
		let running: Running;
		/** What the listener throws at; a test changes it. */
		let refuses: (bell: string, stroke: number) => boolean;

		const start = async (services = [tower(), village((bell, stroke) => refuses(bell, stroke))]) => {
			running = await setting.start(services);
		};
		const restart = async () => {
			await running.stop();
			await start();
		};
		const service = (which: string) => running.service(which);
		const ring = (bell: string, first: number, count = 1) => ringAt(service("tower"), bell, first, count);
		const heard = (bell: string) => heardAt(service("village"), bell);
		const letters = (status?: "dead") => service("village").store.inbox.letters({ status, limit: 10 });
		const arrived = (bell: string, count: number) =>
			until(
				() => heard(bell),
				strokesHeard => strokesHeard.length >= count,
			);

		beforeEach(async () => {
			setting = await fresh();
			refuses = () => false;
			await start();
		});
		afterEach(async () => {
			await running.stop();
			await setting.remove();
		});

		it("takes effect once in its listener, in the order in which it was told", async () => {
			await Promise.all(upTo(100).map(stroke => ring("noon", stroke)));
			expect((await arrived("noon", 100)).sort((a, b) => a - b)).toEqual(upTo(100));
			const told = await service("tower").store.facts.read(0, 1000);
			expect(await heard("noon")).toEqual(told.map(({ data }) => data.stroke));
		});

		it("is not lost behind a backlog that is longer than what is kept in memory", async () => {
			const waves = 12;
			const each = setting.manyFacts / waves;
			// Told faster than they can be heard: the listener falls far behind.
			for (const wave of upTo(waves)) await ring("feast", (wave - 1) * each + 1, each);
			expect(await arrived("feast", waves * each)).toEqual(upTo(waves * each));
		});

		it("is read from the outbox when its listener was not there", async () => {
			await running.stop();
			await start([tower()]);
			await ring("dawn", 1, 300);
			await running.stop();
			await start();
			expect(await arrived("dawn", 300)).toEqual(upTo(300));
		});

		it("is heard once when the process ends between its effect and the next fact", async () => {
			for (const stroke of upTo(5)) {
				await ring("dusk", stroke);
				await arrived("dusk", stroke);
				await restart();
			}
			expect(await heard("dusk")).toEqual(upTo(5));
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
			expect(await arrived("storm", 40)).toEqual(upTo(40));
		});

		it("that nobody here hears moves the place from which a start reads on", async () => {
			await service("tower").store.transaction(async tx => {
				for (const stroke of upTo(600)) await tell(tx, silent, { bell: "hush", stroke });
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
			expect(await heard("noon")).toEqual(upTo(20));
		});
	});
}
