// Facts heard by a service whose effects are documents: each settled once, in order per key, and none forgotten.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Clock } from "../../lib/clock.ts";
import type { Effect, FactInbox } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { DocumentEngine, EngineCollection } from "../../mixins/documents/engine.ts";
import { type DataPlace, storeOver } from "./documents-store.ts";

export const fact = (position: number, key = "k1", producer = "orders"): Envelope => ({
	id: `evt_${producer}${String(position).padStart(6, "0")}`,
	type: "orders.placed",
	version: 1,
	key,
	producer,
	position,
	occurredAt: "2026-01-05T09:00:00.000Z",
	requestId: null,
	traceparent: null,
	actor: null,
	// A key that no document may have: a letter must keep it all the same.
	data: { orderId: key, "$attributes.odd": position },
});

export function inboxConformance(fresh: () => Promise<DataPlace>): void {
	describe("hearing facts", () => {
		let place: DataPlace;
		let engine: DocumentEngine;
		let inbox: FactInbox;
		let clock: Clock & { move(ms: number): void };
		let took: number[];
		let failing: Set<number>;

		const open = async () => {
			engine = await place.open({ things: {} });
			const opened = storeOver(engine, { collections: ["things"] });
			inbox = opened.store.inbox;
			clock = opened.clock;
		};
		const effect: Effect = async envelope => {
			await new Promise(resolve => setImmediate(resolve));
			if (failing.has(envelope.position)) throw new Error(`cannot take ${envelope.position}`);
			took.push(envelope.position);
		};
		const apply = async (envelope: Envelope) => (await inbox.apply([envelope], effect))[0];
		const statuses = async () => (await inbox.letters({ limit: 100 })).reverse().map(({ position, status }) => `${position} ${status}`);
		const retryDue = async () => {
			const outcomes = [];
			for (const letter of await inbox.due(clock.now(), 100)) outcomes.push(await inbox.retry(letter.id, effect));
			return outcomes;
		};

		beforeEach(async () => {
			took = [];
			failing = new Set();
			place = await fresh();
			await open();
		});
		afterEach(async () => {
			await engine.close();
			await place.remove();
		});

		it("applies each once and in order, however calls overlap, and remembers over a restart", async () => {
			const facts = Array.from({ length: 50 }, (_, n) => fact(n + 1, `k${n % 3}`));
			expect(new Set(await Promise.all([...facts, ...facts].map(apply)))).toEqual(new Set(["applied", "known"]));
			expect(took).toEqual(facts.map(({ position }) => position));
			expect(await inbox.floors()).toEqual(new Map([["orders", 50]]));
			await engine.close();
			await open();
			expect(await inbox.floors()).toEqual(new Map([["orders", 50]]));
			expect(await inbox.knows(fact(50))).toBe(true);
			expect(await inbox.knows(fact(51))).toBe(false);
			expect(await apply(fact(50))).toBe("known");
		});

		it("settles what is handed over together one after the other, and knows what it settled before", async () => {
			failing.add(2);
			await apply(fact(1));
			const handed = [fact(1), fact(2), fact(3, "k2"), fact(4)];
			expect(await inbox.apply(handed, effect)).toEqual(["known", "failed", "applied", "waiting"]);
			expect(await inbox.floors()).toEqual(new Map([["orders", 4]]));
			expect(await inbox.apply([], effect)).toEqual([]);
		});

		it("lets no fact go before the one it comes after is settled", async () => {
			await expect(inbox.apply([fact(3)], effect, 2)).rejects.toThrow("position 2 of orders is not settled yet");
			expect(await inbox.floors()).toEqual(new Map());
			await apply(fact(2));
			expect(await inbox.apply([fact(3)], effect, 2)).toEqual(["applied"]);
			expect(took).toEqual([2, 3]);
		});

		it("keeps producers apart, and skips what does not concern it", async () => {
			expect(await Promise.all([apply(fact(3)), apply(fact(1, "k1", "payments"))])).toEqual(["applied", "applied"]);
			await inbox.skipTo("orders", 7);
			await inbox.skipTo("orders", 5);
			expect(await inbox.floors()).toEqual(
				new Map([
					["orders", 7],
					["payments", 1],
				]),
			);
			expect(await apply(fact(6))).toBe("known");
			expect(await apply(fact(9))).toBe("applied");
		});

		it("keeps what fails as a letter with the whole fact, lets later facts of its key wait and all others pass", async () => {
			failing.add(1);
			expect(await Promise.all([fact(1), fact(2), fact(3, "k2")].map(apply))).toEqual(["failed", "waiting", "applied"]);
			expect(await statuses()).toEqual(["1 retrying", "2 waiting"]);
			const now = clock.now();
			expect(await inbox.letter(fact(1).id)).toEqual({
				id: fact(1).id,
				producer: "orders",
				position: 1,
				key: "k1",
				type: "orders.placed",
				status: "retrying",
				attempts: 1,
				error: "Error: cannot take 1",
				nextAt: now + 1000,
				firstFailedAt: now,
				lastFailedAt: now,
				envelope: fact(1),
			});
			expect(await inbox.knows(fact(2))).toBe(true);
			expect(await inbox.letters({ status: "waiting", limit: 5 })).toHaveLength(1);
			expect(await inbox.letters({ before: fact(2).id, limit: 5 })).toEqual([await inbox.letter(fact(1).id)]);
			expect(await apply(fact(1))).toBe("known");
		});

		it("tries a letter when its time has come, and lets those behind it follow in order", async () => {
			failing.add(1);
			await Promise.all([fact(1), fact(2), fact(3)].map(apply));
			expect(await retryDue()).toEqual([]);
			clock.move(1000);
			failing.clear();
			expect(await retryDue()).toEqual(["applied"]);
			expect(await retryDue()).toEqual(["applied"]);
			expect(await retryDue()).toEqual(["applied"]);
			expect(took).toEqual([1, 2, 3]);
			expect(await statuses()).toEqual([]);
			expect(await apply(fact(4))).toBe("applied");
		});

		it("gives a letter up after the policy's tries, and tries no more", async () => {
			failing.add(1);
			await apply(fact(1));
			clock.move(1000);
			expect(await retryDue()).toEqual(["failed"]);
			expect(await retryDue()).toEqual([]);
			clock.move(2000);
			expect(await retryDue()).toEqual(["failed"]);
			expect(await statuses()).toEqual(["1 dead"]);
			clock.move(1_000_000);
			expect(await retryDue()).toEqual([]);
			expect(await apply(fact(2))).toBe("waiting");
		});

		it("redrives what is dead with all its tries, and nothing that waits behind another", async () => {
			failing.add(1);
			await Promise.all([fact(1), fact(2)].map(apply));
			for (const ms of [1000, 2000]) {
				clock.move(ms);
				await retryDue();
			}
			expect(await inbox.redrive(fact(2).id)).toBe(false);
			expect(await inbox.redrive("evt_unknown")).toBe(false);
			expect(await inbox.redrive(fact(1).id)).toBe(true);
			expect(await inbox.letter(fact(1).id)).toMatchObject({ status: "retrying", attempts: 0, nextAt: clock.now() });
			failing.clear();
			expect(await retryDue()).toEqual(["applied"]);
			expect(await retryDue()).toEqual(["applied"]);
			expect(took).toEqual([1, 2]);
		});

		it("drops a letter for good and lets the next of its key go on", async () => {
			failing.add(1);
			await Promise.all([fact(1), fact(2), fact(3)].map(apply));
			expect(await inbox.drop(fact(3).id)).toBe(true);
			expect(await statuses()).toEqual(["1 retrying", "2 waiting"]);
			expect(await inbox.drop(fact(1).id)).toBe(true);
			expect(await inbox.drop(fact(1).id)).toBe(false);
			expect(await retryDue()).toEqual(["applied"]);
			expect(took).toEqual([2]);
		});

		it("never lets a later fact overtake one whose letter is being tried", async () => {
			failing.add(1);
			await apply(fact(1));
			clock.move(1000);
			failing.clear();
			const [retried] = await Promise.all([inbox.retry(fact(1).id, effect), apply(fact(2))]);
			expect(retried).toBe("applied");
			await retryDue();
			expect(await statuses()).toEqual([]);
			expect(took).toEqual([1, 2]);
		});

		it("puts a letter back behind the one before it when a death left both due", async () => {
			failing.add(1);
			await Promise.all([fact(1), fact(2)].map(apply));
			const letters = engine.collection("letters");
			const second = (await letters.get(fact(2).id))!;
			await letters.replace({ ...second, status: "retrying", nextAt: 0 } as typeof second, second.version, []);
			expect(await inbox.retry(fact(2).id, effect)).toBe("waiting");
			expect(await statuses()).toEqual(["1 retrying", "2 waiting"]);
			expect(took).toEqual([]);
		});

		it("lets nothing pass a fact that could neither be applied nor kept", async () => {
			const letters = engine.collection("letters") as EngineCollection;
			const insert = letters.insert.bind(letters);
			letters.insert = async () => {
				throw new Error("the disk is full");
			};
			failing.add(1);
			const [first, second] = await Promise.allSettled([apply(fact(1)), apply(fact(2, "k2"))]);
			expect([first!.status, second!.status]).toEqual(["rejected", "rejected"]);
			await expect(inbox.skipTo("orders", 5)).rejects.toThrow();
			expect(await inbox.floors()).toEqual(new Map());
			letters.insert = insert;
			expect(await Promise.all([fact(1), fact(2, "k2")].map(apply))).toEqual(["failed", "applied"]);
			expect(await inbox.floors()).toEqual(new Map([["orders", 2]]));
		});
	});
}
