// What every SQL engine must do: transactions that share a commit, facts numbered without gaps, an inbox that settles once, keys that answer once.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { handClock } from "../../lib/clock.ts";
import { readConfig } from "../../lib/config.ts";
import { event, type Meta, tell } from "../../lib/contract.ts";
import type { DeliveryPolicy } from "../../lib/facts.ts";
import { failure } from "../../lib/failure.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import { withScope } from "../../lib/scope.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { SqlStore } from "../../mixins/sql-store.ts";
import type { SqlPlace } from "./sql-places.ts";

const counted = event({
	name: "counting.counted",
	version: 1,
	key: "name",
	delivery: "durable",
	summary: "Something was counted.",
	payload: Type.Object({ name: Type.String(), count: Type.Integer() }),
});
const tooMany = failure<{ most: number }>("conflict", "too_many", ({ most }) => `${most} at most.`);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined } as never;
const policy: DeliveryPolicy = { attempts: 3, backoff: attempt => 100 * attempt };

/** Runs the suite over one engine. */
export function sqlStoreSuite(name: string, fresh: () => Promise<SqlPlace>): void {
	describe(`SQL store on ${name}`, () => {
		const clock = handClock();
		let place: SqlPlace;
		let store: SqlStore<SqlTx>;

		const open = async () => {
			const runtime = makeRuntime({ config: readConfig({ NODE_ENV: "test" }), clock, delivery: policy });
			store = new SqlStore(await place.open(), SqlTx, "counting", runtime, quiet);
		};
		const reopen = async () => {
			await store.close();
			await open();
		};
		const count = (key: string) =>
			store.transaction(async tx => {
				const row = await tx.get<{ value: string }>(`SELECT value FROM metadata WHERE name = ?${tx.forUpdate}`, [key]);
				const next = Number(row?.value ?? 0) + 1;
				if (row) await tx.update("metadata", { value: String(next) }, { name: key });
				else await tx.insert("metadata", { name: key, value: "1" });
				await tell(tx, counted, { name: key, count: next });
				return next;
			});
		const countOf = async (key: string) =>
			Number((await store.reader.get<{ value: string }>("SELECT value FROM metadata WHERE name = ?", [key]))?.value ?? 0);
		/** A fact of a neighbour, as it would be handed over. */
		const fact = (position: number, key = "k"): Envelope => ({
			id: `evt_${position}`,
			type: "neighbour.told",
			version: 1,
			key,
			producer: "neighbour",
			position,
			occurredAt: new Date(clock.now()).toISOString(),
			requestId: null,
			traceparent: null,
			actor: null,
			data: {},
		});
		const applyTo = async (seen: string[], envelope: Envelope) =>
			(await store.inbox.apply([envelope], async ({ id }) => void seen.push(id)))[0];
		/** Once every fact told until now has its number, whoever gives it. */
		const factsAfter = async (position: number, limit: number) => {
			await store.relay?.wake();
			return store.facts.read(position, limit);
		};
		const failing = async () => {
			throw new Error("cannot");
		};

		beforeEach(async () => {
			place = await fresh();
			await open();
		});
		afterEach(async () => {
			await store.close();
			await place.remove();
		});

		describe("transactions", () => {
			it("count every one of 200 that come at once", async () => {
				await Promise.all(Array.from({ length: 200 }, () => count("a")));
				expect(await countOf("a")).toBe(200);
			});

			it("write nothing when the work throws, and leave those beside it whole", async () => {
				const wrecked = store.transaction(async tx => {
					await tx.insert("metadata", { name: "wrecked", value: "1" });
					await tell(tx, counted, { name: "wrecked", count: 1 });
					throw new Error("wrecked");
				});
				const [, failed] = await Promise.allSettled([count("a"), wrecked, count("b")]);
				expect(failed).toMatchObject({ status: "rejected", reason: { message: "wrecked" } });
				expect([await countOf("a"), await countOf("wrecked"), await countOf("b")]).toEqual([1, 0, 1]);
				const facts = await factsAfter(0, 10);
				expect(facts.map(({ position }) => position)).toEqual([1, 2]);
				expect(facts.map(({ key }) => key).sort()).toEqual(["a", "b"]);
			});

			it("undo a savepoint and what it told, and keep the rest", async () => {
				await store.transaction(async tx => {
					await tell(tx, counted, { name: "kept", count: 1 });
					await tx.savepoint(() => Promise.resolve(tell(tx, counted, { name: "undone", count: 1 })).then(failing)).catch(() => undefined);
				});
				expect((await factsAfter(0, 10)).map(({ key }) => key)).toEqual(["kept"]);
			});

			it("keep whole numbers exact up to the largest safe one", async () => {
				const large = Number.MAX_SAFE_INTEGER;
				await store.transaction(tx => tx.insert("floors", { producer: "large", position: large }));
				expect((await store.inbox.floors()).get("large")).toBe(large);
			});

			it("keep everything over closing and opening", async () => {
				await count("a");
				await reopen();
				expect(await count("a")).toBe(2);
			});

			it("refuse a write through the reader", async () => {
				await expect(async () => store.reader.insert("metadata", { name: "x", value: "1" })).rejects.toThrow(TypeError);
			});
		});

		describe("facts", () => {
			it("are numbered from 1 without gaps and handed on in order", async () => {
				const told: number[] = [];
				store.facts.onNumbered(facts => told.push(...facts.map(({ position }) => position)));
				await Promise.all(["a", "b", "c", "a"].map(count));
				expect((await factsAfter(0, 10)).map(({ position }) => position)).toEqual([1, 2, 3, 4]);
				expect((await factsAfter(2, 1)).map(({ position }) => position)).toEqual([3]);
				expect(await store.facts.head()).toBe(4);
				expect(told).toEqual([1, 2, 3, 4]);
			});

			it("name the request and the actor they come from", async () => {
				await withScope({ requestId: "req-1", traceparent: null, actor: { kind: "user", id: "usr_1" } }, () => count("a"));
				expect((await factsAfter(0, 1))[0]).toMatchObject({
					requestId: "req-1",
					actor: { kind: "user", id: "usr_1" },
					producer: "counting",
					key: "a",
				});
			});

			it("are refused at their producer when the payload is not what the event declares", async () => {
				const wrong = store.transaction(async tx => tell(tx, counted, { name: "a", count: 1.5 } as never));
				await expect(wrong).rejects.toThrow(/counting.counted/);
			});
		});

		describe("the inbox", () => {
			it("applies a fact once, however often it comes, also after closing and opening", async () => {
				const seen: string[] = [];
				expect(await applyTo(seen, fact(1))).toBe("applied");
				expect(await applyTo(seen, fact(1))).toBe("known");
				await reopen();
				expect(await applyTo(seen, fact(1))).toBe("known");
				expect(seen).toEqual(["evt_1"]);
				expect(await store.inbox.floors()).toEqual(new Map([["neighbour", 1]]));
			});

			it("still knows a fact when its row was swept", async () => {
				await applyTo([], fact(1));
				await store.sweep();
				expect(await store.inbox.knows(fact(1))).toBe(true);
				expect(await applyTo([], fact(1))).toBe("known");
			});

			it("keeps what cannot be applied, undoes its writes, lets later facts of its key wait and all others go on", async () => {
				const seen: string[] = [];
				const effect = async (envelope: Envelope, tx: unknown) => {
					await (tx as SqlTx).insert("metadata", { name: envelope.id, value: "1" });
					if (envelope.id === "evt_1") throw new Error("cannot");
					seen.push(envelope.id);
				};
				const settled = await store.inbox.apply([fact(1, "a"), fact(2, "a"), fact(3, "b")], effect);
				expect(settled).toEqual(["failed", "waiting", "applied"]);
				expect(seen).toEqual(["evt_3"]);
				expect(await countOf("evt_1")).toBe(0);
				expect((await store.inbox.letters({ limit: 10 })).map(({ id, status, attempts }) => [id, status, attempts])).toEqual([
					["evt_2", "waiting", 0],
					["evt_1", "retrying", 1],
				]);
			});

			it("tries again when its time has come, then goes on with those that waited, in order", async () => {
				const seen: string[] = [];
				await store.inbox.apply([fact(1)], failing);
				await applyTo(seen, fact(2));
				await applyTo(seen, fact(3));
				expect(await store.inbox.due(clock.now(), 10)).toEqual([]);
				clock.move(100);
				for (let due = await store.inbox.due(clock.now(), 10); due.length > 0; due = await store.inbox.due(clock.now(), 10))
					for (const { id } of due) await store.inbox.retry(id, async envelope => void seen.push(envelope.id));
				expect(seen).toEqual(["evt_1", "evt_2", "evt_3"]);
				expect(await store.inbox.letters({ limit: 10 })).toEqual([]);
			});

			it("tries a fact again at once when the clock was put back, instead of waiting for the old time to come", async () => {
				await store.inbox.apply([fact(1)], failing);
				clock.move(-3_600_000);
				expect((await store.inbox.due(clock.now(), 10)).map(({ id }) => id)).toEqual(["evt_1"]);
			});

			it("lets no fact pass one that could not be settled: the floor would hide it for ever", async () => {
				const seen: string[] = [];
				const apply = async (position: number, after: number) =>
					(await store.inbox.apply([fact(position)], async ({ id }) => void seen.push(id), after))[0];
				await apply(1, 0);
				// Nothing of the second is kept, not even as a letter: its whole transaction is lost.
				const lost = store.transaction(async () => {
					throw new Error("database or disk is full");
				});
				const third = apply(3, 2);
				await expect(lost).rejects.toThrow("full");
				await expect(third).rejects.toThrow("not settled");
				expect([await apply(2, 1), await apply(3, 2), await apply(7, 3)]).toEqual(["applied", "applied", "applied"]);
				expect(await apply(3, 2)).toBe("known");
				expect(seen).toEqual(["evt_1", "evt_2", "evt_3", "evt_7"]);
			});

			it("gives a fact up after its tries; redriving it starts them anew, dropping it frees its key", async () => {
				await store.inbox.apply([fact(1)], failing);
				await applyTo([], fact(2));
				for (let attempt = 1; attempt < policy.attempts; attempt++) {
					clock.move(1000);
					expect(await store.inbox.retry("evt_1", failing)).toBe("failed");
				}
				expect(await store.inbox.letter("evt_1")).toMatchObject({ status: "dead", attempts: 3, error: "Error: cannot" });
				clock.move(60_000);
				expect(await store.inbox.due(clock.now(), 10)).toEqual([]);
				expect(await store.inbox.redrive("evt_2")).toBe(false);
				expect(await store.inbox.redrive("evt_1")).toBe(true);
				expect(await store.inbox.letter("evt_1")).toMatchObject({ status: "retrying", attempts: 0 });
				expect(await store.inbox.drop("evt_1")).toBe(true);
				expect((await store.inbox.due(clock.now(), 10)).map(({ id }) => id)).toEqual(["evt_2"]);
			});
		});

		describe("idempotency keys", () => {
			const request = { scope: "s1", bodyHash: "b1", requestId: "req-1" };
			const ask = (given: typeof request, work: (tx: SqlTx) => Promise<unknown>) => {
				const ctx: { meta: Meta } = { meta: {} };
				return store.once(ctx, given, work).then(result => ({ result, reply: ctx.meta.reply }));
			};
			const add = async (tx: SqlTx) => {
				await tx.insert("metadata", { name: `row-${Math.random()}`, value: "1" });
				return { made: 1 };
			};
			const rows = async () => (await store.reader.all("SELECT name FROM metadata WHERE name LIKE 'row-%'")).length;

			it("do the work once for ten that come together, and answer all of them alike", async () => {
				const answers = await Promise.all(Array.from({ length: 10 }, () => ask(request, add)));
				expect(await rows()).toBe(1);
				expect(answers.filter(({ reply }) => reply?.replayed)).toHaveLength(9);
				expect(new Set(answers.map(({ result }) => JSON.stringify(result))).size).toBe(1);
			});

			it("keep a refusal of the business and undo what came before it", async () => {
				const refuse = async (tx: SqlTx) => {
					await add(tx);
					throw tooMany({ most: 1 });
				};
				await expect(ask(request, refuse)).rejects.toMatchObject({ type: "too_many" });
				await expect(ask(request, add)).rejects.toMatchObject({ type: "too_many", code: 409 });
				expect(await rows()).toBe(0);
			});

			it("keep nothing of a defect: a repeat tries anew", async () => {
				await expect(ask(request, failing)).rejects.toThrow("cannot");
				expect((await ask(request, add)).result).toEqual({ made: 1 });
			});

			it("refuse another body, and forget after a day", async () => {
				await ask(request, add);
				await expect(ask({ ...request, bodyHash: "b2" }, add)).rejects.toMatchObject({ type: "idempotency_key_reused" });
				clock.move(25 * 3_600_000);
				await ask({ ...request, bodyHash: "b2" }, add);
				expect(await rows()).toBe(2);
			});
		});
	});
}
