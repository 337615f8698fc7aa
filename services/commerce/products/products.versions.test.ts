// Two nodes that show one catalogue: what they remember together, and that neither shows what was changed, whatever becomes of Redis meanwhile.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { RedisLink } from "../../../lib/redis.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { startServer, type TestServer } from "../../../test/support/engines/engines.ts";
import { eventually } from "../../../test/support/http.ts";
import { newProduct, type ProductDocument } from "./products.domain.ts";
import { SharedReads } from "./products.reads.ts";
import { CatalogueVersions } from "./products.versions.ts";

const silent = { info: () => undefined, warn: () => undefined };
const variant = (price: number) => ({ id: "var_1", sku: "W-1", options: {}, price });
const description = { slug: "watch", name: "Watch", description: "", brand: null, category: null, tags: [], attributes: {}, media: [] };
const aWatch = (price: number, version = 1): ProductDocument => ({
	...newProduct({ ...description, variants: [variant(price)], status: "active" }, { id: "prd_1", currency: "EUR", now: 0 }),
	version,
});

/** The one store of all nodes, with a count of its reads and a gate that can hold their answers up. */
function aStore() {
	let document = aWatch(100);
	const store = {
		reads: 0,
		gate: Promise.resolve(),
		price: (price: number) => {
			document = aWatch(price, document.version + 1);
		},
		collection: undefined as unknown as Collection<ProductDocument>,
	};
	const read = async <T>(found: T): Promise<T> => {
		store.reads++;
		await store.gate;
		return found;
	};
	store.collection = {
		getMany: (ids: string[]) => read(ids.includes(document._id) ? [document] : []),
		findOne: ({ slug }: { slug: string }) => read(slug === document.slug ? document : undefined),
		find: () => read([document]),
	} as unknown as Collection<ProductDocument>;
	return store;
}

class Node {
	readonly versions: CatalogueVersions;
	readonly reads: SharedReads;
	readonly link: RedisLink | undefined;
	readonly #store: ReturnType<typeof aStore>;

	constructor(store: ReturnType<typeof aStore>, link: RedisLink | undefined, tellOthers: (parts: readonly string[]) => void) {
		this.#store = store;
		this.link = link;
		this.versions = new CatalogueVersions(link, tellOthers);
		this.reads = new SharedReads(store.collection, this.versions);
	}

	/** The price as the product, and as the list, show it. */
	async shown(): Promise<number[]> {
		const [product, list] = await Promise.all([this.reads.product("prd_1"), this.reads.page({ limit: 1 }, () => "")]);
		return [product!.product, list.data[0]!].map(({ variants }) => variants[0]!.price.amount);
	}

	write(price: number, after: () => Promise<void> = async () => undefined): Promise<void> {
		return this.reads.writing("prd_1", async () => {
			this.#store.price(price);
			await after();
		});
	}

	close(): void {
		this.versions.stop();
		this.link?.close();
	}
}

describe("a node that has no Redis", () => {
	it("asks the store each time, and hands out the same object until the product changes", async () => {
		const store = aStore();
		const node = new Node(store, undefined, () => undefined);
		const first = await node.reads.product("prd_1");
		expect(await node.reads.product("prd_1")).toBe(first);
		expect((await node.reads.page({ limit: 1 }, () => "")).data[0]).toBe(first!.product);
		expect(store.reads).toBe(3);
		// Another node's write, of which nobody tells it.
		store.price(200);
		expect(await node.shown()).toEqual([200, 200]);
	});

	it("reads products that are asked for together in one question", async () => {
		const store = aStore();
		const node = new Node(store, undefined, () => undefined);
		await Promise.all(Array.from({ length: 20 }, () => node.reads.exact("prd_1")));
		expect(store.reads).toBe(1);
	});
});

describeWith("own redis")("two nodes with one catalogue and one Redis", () => {
	let server: TestServer;
	let store: ReturnType<typeof aStore>;
	let one: Node;
	let other: Node;
	/** Whether a broadcast between the nodes arrives. */
	let canTell: boolean;
	let made = 0;

	beforeAll(async () => {
		server = await startServer("redis");
	});
	afterAll(() => server.remove());

	const answering = (...nodes: Node[]) => eventually(async () => nodes.every(({ link }) => link!.answers), Boolean);
	beforeEach(async () => {
		store = aStore();
		canTell = true;
		const namespace = `catalogue${++made}`;
		const nodeTelling = (told: () => Node) =>
			new Node(store, new RedisLink(server.url, namespace, silent), parts => {
				if (canTell) void told().versions.raise(parts);
			});
		one = nodeTelling(() => other);
		other = nodeTelling(() => one);
		await answering(one, other);
	});
	afterEach(() => {
		one.close();
		other.close();
	});

	it("ask the store once for both, and see each other's writes at once", async () => {
		expect(await one.shown()).toEqual([100, 100]);
		// What one has loaded is on its way to Redis.
		await eventually(
			async () => (await one.link!.ask(client => client.keys("*:answer:*")))!.length,
			count => count === 2,
		);
		const { reads } = store;
		expect(await other.shown()).toEqual([100, 100]);
		expect(await one.shown()).toEqual([100, 100]);
		expect(store.reads).toBe(reads);
		for (let price = 101; price < 120; price++) {
			const [writer, reader] = price % 2 === 0 ? [one, other] : [other, one];
			await writer.write(price);
			expect([await reader.shown(), await writer.shown()]).toEqual([
				[price, price],
				[price, price],
			]);
		}
	});

	it("share one load among all who ask a node at once", async () => {
		await Promise.all(Array.from({ length: 50 }, () => one.reads.product("prd_1")));
		expect(store.reads).toBe(1);
	});

	it("forget what was read before a write and arrived after it", async () => {
		const { promise, resolve } = Promise.withResolvers<void>();
		store.gate = promise;
		const early = other.shown();
		await eventually(
			async () => store.reads,
			reads => reads === 2,
		);
		store.gate = Promise.resolve();
		await one.write(200);
		resolve();
		expect(await early).toEqual([100, 100]);
		expect([await other.shown(), await one.shown()]).toEqual([
			[200, 200],
			[200, 200],
		]);
	});

	it("remember nothing while somebody writes, so that a writer may die at any moment", async () => {
		await other.shown();
		await one.write(200, async () => {
			expect(await other.shown()).toEqual([200, 200]);
			// It never comes to the end of its write.
			one.close();
		});
		store.price(300);
		expect(await other.shown()).toEqual([300, 300]);
	});

	it("keep the mark of a write whose outcome nobody knows, and not of one that was refused", async () => {
		const marks = async () =>
			(await one.link!.ask(client => client.mget(one.link!.key("catalogue", "version", "prd_1"))))![0]?.startsWith("!") ?? false;
		await expect(one.write(200, () => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
		expect(await marks()).toBe(true);
		await one.write(300);
		expect(await marks()).toBe(false);
		expect(await other.shown()).toEqual([300, 300]);
	});

	it("leave the mark of another who still writes", async () => {
		await other.shown();
		await one.write(200, async () => {
			await other.write(300, async () => undefined);
			await one.write(250, async () => undefined);
		});
		expect([await one.shown(), await other.shown()]).toEqual([
			[250, 250],
			[250, 250],
		]);
	});

	it("show no old price when Redis forgets everything in the middle of it", async () => {
		await Promise.all([one.shown(), other.shown()]);
		await one.write(200, async () => {
			await other.link!.ask(client => client.flushall());
			await other.shown();
		});
		expect([await one.shown(), await other.shown()]).toEqual([
			[200, 200],
			[200, 200],
		]);
	});

	it("show no old price while Redis is paused, nor after it, although nobody could be told", async () => {
		canTell = false;
		await Promise.all([one.shown(), other.shown()]);
		server.pause();
		try {
			await one.write(200);
			expect(await other.shown()).toEqual([200, 200]);
			await one.write(300);
			expect([await one.shown(), await other.shown()]).toEqual([
				[300, 300],
				[300, 300],
			]);
		} finally {
			server.resume();
		}
		await answering(one, other);
		expect([await one.shown(), await other.shown()]).toEqual([
			[300, 300],
			[300, 300],
		]);
	});

	it("show no old price when Redis dies and comes back with what it had before", async () => {
		canTell = false;
		await Promise.all([one.shown(), other.shown()]);
		// What the server has kept must be there again: it writes its log once a second.
		await one.link!.ask(client => client.config("SET", "appendfsync", "always"));
		await server.kill();
		await eventually(
			async () => one.link!.answers || other.link!.answers,
			answers => !answers,
		);
		await one.write(200);
		await server.restart();
		await answering(one, other);
		expect([await one.shown(), await other.shown()]).toEqual([
			[200, 200],
			[200, 200],
		]);
	});

	it("are told of a write by a node that has lost Redis alone", async () => {
		await Promise.all([one.shown(), other.shown()]);
		one.link!.close();
		await one.write(200);
		await eventually(
			() => other.shown(),
			([price]) => price === 200,
		);
	});

	it("decide by the store alone, whatever is remembered", async () => {
		await other.shown();
		store.price(200);
		expect((await other.reads.exact("prd_1"))!.lines.get("W-1")!.price.amount).toBe(200);
	});
});
