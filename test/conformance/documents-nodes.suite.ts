// Several nodes over the same documents: each write is one node's alone, facts are carried by one of them at a time, and a death stops nobody.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { handClock } from "../../lib/clock.ts";
import { event, tell } from "../../lib/contract.ts";
import type { Effect } from "../../lib/facts.ts";
import { leaseMs } from "../../lib/leases.ts";
import type { DocumentStore } from "../../mixins/document-store.ts";
import type { DocumentEngine, StoredDocument } from "../../mixins/documents/engine.ts";
import { eventually } from "../support/http.ts";
import { fact } from "./documents-inbox.suite.ts";
import { type DataPlace, storeOver } from "./documents-store.ts";

const grown = event({
	name: "things.grown",
	version: 1,
	key: "thingId",
	delivery: "durable",
	summary: "A thing has another size.",
	payload: Type.Object({ thingId: Type.String(), size: Type.Integer() }),
});
interface Thing extends StoredDocument {
	size: number;
	slug: string;
}
interface Node {
	engine: DocumentEngine;
	store: DocumentStore;
	numbered: number[];
}

export function nodesConformance(fresh: () => Promise<DataPlace>): void {
	describe("several nodes", () => {
		let place: DataPlace;
		let clock: ReturnType<typeof handClock>;
		let nodes: Node[];

		const join = async ({ dieAt }: { dieAt?: string } = {}): Promise<Node> => {
			const engine = await place.open({ things: { unique: ["slug"] } });
			const { store } = storeOver(engine, { collections: ["things"], clock, dieAt });
			const node: Node = { engine, store, numbered: [] };
			store.source.onNumbered(facts => node.numbered.push(...facts.map(({ position }) => position)));
			nodes.push(node);
			return node;
		};
		/** As by `kill -9`: it renews nothing, releases nothing, and writes no more. */
		const kill = async (node: Node) => {
			nodes = nodes.filter(other => other !== node);
			await node.engine.close();
			await node.store.stop();
		};
		const things = (node: Node) => node.store.collection<Thing>("things");
		const grow = (node: Node, id: string) =>
			things(node).change(id, doc => {
				const facts = node.store.facts();
				tell(facts, grown, { thingId: id, size: doc.size + 1 });
				return { doc: { ...doc, size: doc.size + 1 }, facts };
			});
		const told = async (node: Node) =>
			(await node.store.source.read(0, 1000)).map(({ position, data }) => ({ position, id: data.thingId, size: data.size }));
		const carried = (node: Node) =>
			eventually(
				() => node.store.source.pending(),
				({ pending }) => pending === 0,
			);

		beforeEach(async () => {
			place = await fresh();
			clock = handClock();
			nodes = [];
		});
		afterEach(async () => {
			for (const { store, engine } of nodes) {
				await store.stop();
				await engine.close();
			}
			await place.remove();
		});

		it("open at once, agree on one store, and refuse what is not unique", async () => {
			const opened = await Promise.all([join(), join(), join(), join()]);
			expect(new Set(opened.map(({ store }) => store.id)).size).toBe(1);
			const claims = await Promise.allSettled(
				opened.flatMap(node =>
					Array.from({ length: 10 }, (_, n) => things(node).insert({ _id: `${opened.indexOf(node)}-${n}`, size: 0, slug: "a" })),
				),
			);
			expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
			for (const claim of claims)
				if (claim.status === "rejected") expect(claim.reason).toMatchObject({ name: "DuplicateKey", field: "slug" });
		});

		it("apply each of fifty racing changes of one document exactly once", async () => {
			const [one, other] = [await join(), await join()];
			await things(one).insert({ _id: "a", size: 0, slug: "a" });
			await Promise.all(Array.from({ length: 50 }, (_, n) => grow(n % 2 ? one : other, "a")));
			expect(await things(one).get("a")).toMatchObject({ size: 50, version: 51 });
			await one.store.start();
			await carried(one);
			expect(await told(other)).toEqual(Array.from({ length: 50 }, (_, n) => ({ position: n + 1, id: "a", size: n + 1 })));
		});

		it("carry what any of them tells on the one that has the lease, which a word of the others wakes", async () => {
			const [one, other] = [await join(), await join()];
			await one.store.start();
			await other.store.start();
			await things(other).insert({ _id: "a", size: 0, slug: "a" });
			let words = 0;
			other.store.relay!.onTold(() => {
				words++;
				one.store.relay!.wake();
			});
			await grow(other, "a");
			await carried(other);
			expect([words, one.numbered, other.numbered]).toEqual([1, [1], []]);
			await grow(one, "a");
			await carried(one);
			expect([words, one.numbered, other.numbered]).toEqual([1, [1, 2], []]);
		});

		it("find what another told though its word was lost, and before its document may go", async () => {
			const [one, other] = [await join(), await join()];
			await one.store.start();
			await other.store.start();
			await things(other).insert({ _id: "a", size: 0, slug: "a" });
			await grow(other, "a");
			expect(await things(other).remove("a")).toBe(true);
			expect(await told(other)).toEqual([{ position: 1, id: "a", size: 1 }]);
		});

		it.each(["beforeCopy", "afterCopy", "afterClear"])(
			"take over from a node that died at %s, without a gap, a double or a turn",
			async point => {
				const [one, other] = [await join({ dieAt: `things:relay:${point}` }), await join()];
				await one.store.start();
				await other.store.start();
				for (const id of ["a", "b", "c"]) await things(one).insert({ _id: id, size: 0, slug: id });
				const writes = Array.from({ length: 30 }, (_, n) => grow(n % 2 ? one : other, "abc"[n % 3]!));
				await Promise.all(writes);
				await kill(one);
				clock.move(leaseMs + 1);
				await carried(other);
				const facts = await told(other);
				expect(facts.map(({ position }) => position)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
				for (const thing of ["a", "b", "c"])
					expect(facts.filter(({ id }) => id === thing).map(({ size }) => size)).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
			},
		);

		it("give the lease to another at once when they stop, and never to two", async () => {
			const [one, other] = [await join(), await join()];
			expect([...(await one.store.leases.hold(["x", "y"]))]).toEqual([
				["x", 1],
				["y", 1],
			]);
			expect(await other.store.leases.hold(["x"])).toEqual(new Map());
			clock.move(leaseMs - 1);
			expect((await one.store.leases.hold(["x"])).get("x")).toBe(1);
			expect((await other.store.leases.hold(["x", "y"])).size).toBe(0);
			clock.move(2);
			expect([...(await other.store.leases.hold(["x", "y"]))]).toEqual([["y", 2]]);
			await one.store.leases.release(["x", "y"]);
			expect([...(await other.store.leases.hold(["x", "y"]))].sort()).toEqual([
				["x", 2],
				["y", 2],
			]);
			const racers = await Promise.all([one, other, one, other].map(({ store }) => store.leases.hold(["z"])));
			expect(new Set(racers.flatMap((held, n) => (held.size > 0 ? [n % 2] : []))).size).toBe(1);
		});

		it("number facts of both without a gap or a double, though both believe that they have the lease", async () => {
			const [one, other] = [await join(), await join()];
			for (const { engine } of [one, other]) expect(engine.exclusive).toBe(false);
			for (const id of ["a", "b", "c", "d"]) await things(one).insert({ _id: id, size: 0, slug: id });
			one.store.leases.hold = async names => new Map(names.map(name => [name, 1]));
			other.store.leases.hold = one.store.leases.hold;
			await one.store.start();
			await other.store.start();
			await Promise.all(Array.from({ length: 80 }, (_, n) => grow(n % 2 ? one : other, "abcd"[n % 4]!)));
			await Promise.all([one, other].map(({ store }) => store.relay!.wake()));
			await carried(one);
			const facts = await told(one);
			expect(facts.map(({ position }) => position)).toEqual(Array.from({ length: 80 }, (_, n) => n + 1));
			for (const thing of ["a", "b", "c", "d"])
				expect(facts.filter(({ id }) => id === thing).map(({ size }) => size)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
		});

		describe("hearing facts", () => {
			const taking =
				(took: number[]): Effect =>
				async ({ position }) =>
					void took.push(position);

			it("go on where another stopped, and a woken one takes back nothing", async () => {
				const [one, other] = [await join(), await join()];
				const took: number[] = [];
				const effect = taking(took);
				await one.store.inbox.apply([fact(1), fact(2)], effect, 0);
				expect([...(await other.store.inbox.floors())]).toEqual([["orders", 2]]);
				await other.store.inbox.apply([fact(3), fact(4)], effect, 2);
				// It was paused, and still believes that it is to go on with the third.
				expect(await one.store.inbox.apply([fact(3)], effect, 2)).toEqual(["applied"]);
				expect(await other.store.inbox.floors()).toEqual(new Map([["orders", 4]]));
				// Its own write has told it how far the others are.
				expect(await one.store.inbox.apply([fact(4), fact(5)], effect, 3)).toEqual(["known", "applied"]);
				expect(took).toEqual([1, 2, 3, 4, 3, 5]);
				expect(await other.store.inbox.knows(fact(5))).toBe(true);
				await other.store.inbox.apply([fact(6)], effect, 5);
				expect(await one.store.inbox.floors()).toEqual(new Map([["orders", 6]]));
			});

			it("let a fact wait behind a letter that another keeps, and never for nobody", async () => {
				const [one, other] = [await join(), await join()];
				const refuse: Effect = async () => {
					throw new Error("not now");
				};
				const took: number[] = [];
				await other.store.inbox.apply([fact(1, "k2")], taking(took));
				expect(await one.store.inbox.apply([fact(2)], refuse)).toEqual(["failed"]);
				expect(await other.store.inbox.apply([fact(2)], refuse)).toEqual(["known"]);
				expect(await other.store.inbox.apply([fact(3)], taking(took), 2)).toEqual(["waiting"]);
				// An operator drops the letter on one node while the next fact comes to wait for it on another.
				await Promise.all([one.store.inbox.drop(fact(2).id), other.store.inbox.apply([fact(4)], taking(took), 3)]);
				for (let round = 0; round < 3; round++)
					for (const { id } of await one.store.inbox.due(clock.now(), 10)) await other.store.inbox.retry(id, taking(took));
				expect(await one.store.inbox.letters({ limit: 10 })).toEqual([]);
				expect(took).toEqual([1, 3, 4]);
			});

			it("count a letter's failure once though two try it at once", async () => {
				const [one, other] = [await join(), await join()];
				const refuse: Effect = async () => {
					throw new Error("not now");
				};
				await one.store.inbox.apply([fact(1)], refuse);
				await Promise.all([one, other].map(({ store }) => store.inbox.retry(fact(1).id, refuse)));
				expect(await one.store.inbox.letter(fact(1).id)).toMatchObject({ attempts: 2, status: "retrying" });
			});
		});
	});
}
