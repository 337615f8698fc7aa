// Each server is what the suites take it for: it keeps its data and its port over a kill, stands still when paused, and forgets when wiped.
import { createRequire } from "node:module";
import { afterEach, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import { connect as connectNats } from "nats";
import { describeWith } from "./describe-with.ts";
import { sharedServer, startServer, type TestServer } from "./engines.ts";
import { startProxy } from "./proxy.ts";

/** What the suite uses of the driver that the document stores ride on; it brings no types. */
interface Shelf {
	insertOne(document: { _id: string }): Promise<unknown>;
	countDocuments(): Promise<number>;
}
interface MongoDriver {
	MongoClient: {
		connect(
			url: string,
			options: object,
		): Promise<{ db(name: string): { collection(name: string): Shelf }; close(force: boolean): Promise<void> }>;
	};
}
const { MongoClient } = createRequire(import.meta.url)("mongodb") as MongoDriver;

const servers: TestServer[] = [];
afterEach(async () => {
	await Promise.all(servers.splice(0).map(server => server.remove()));
});
const own = async (...given: Parameters<typeof startServer>) => {
	const server = await startServer(...given);
	servers.push(server);
	return server;
};

describeWith("own sql")("MariaDB", () => {
	const query = async (server: { url: string }, sql: string) => {
		const connection = await mysql.createConnection({ uri: server.url, connectTimeout: 1_000 });
		try {
			const [rows] = await connection.query(sql);
			return rows;
		} finally {
			connection.destroy();
		}
	};

	it("keeps its rows over a kill, and forgets them when wiped", async () => {
		const server = await own("sql");
		const { port } = server;
		await query(server, "create database shop");
		await query(server, "create table shop.kept (id int primary key)");
		await query(server, "insert into shop.kept values (7)");
		await server.kill();
		expect(server.pid).toBeUndefined();
		await expect(query(server, "select 1")).rejects.toThrow();
		await server.restart();
		expect(server.port).toBe(port);
		expect(await query(server, "select id from shop.kept")).toEqual([{ id: 7 }]);
		await server.restart({ wipe: true });
		expect(await query(server, "show databases like 'shop'")).toEqual([]);
	});

	it("stands still while it is paused", async () => {
		const server = await own("sql");
		server.pause();
		await expect(query(server, "select 1")).rejects.toThrow();
		server.resume();
		expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
	});
});

describeWith("own nats")("NATS", () => {
	const speak = async <T>(server: TestServer, work: (nats: Awaited<ReturnType<typeof connectNats>>) => Promise<T>, options = {}) => {
		const nats = await connectNats({ servers: server.url, reconnect: false, timeout: 1_000, ...options });
		try {
			return await work(nats);
		} finally {
			await nats.close();
		}
	};
	const messages = (server: TestServer) =>
		speak(server, async nats => {
			const streams = await (await nats.jetstreamManager()).streams.list().next();
			return streams.map(stream => stream.state.messages);
		});

	it("keeps what JetStream acknowledged over a kill, and forgets it when wiped", async () => {
		const server = await own("nats");
		await speak(server, async nats => {
			await (await nats.jetstreamManager()).streams.add({ name: "facts", subjects: ["facts.>"] });
			for (let n = 1; n <= 3; n++) await nats.jetstream().publish("facts.told", String(n));
		});
		await server.kill();
		await server.restart();
		expect(await messages(server)).toEqual([3]);
		await server.restart({ wipe: true });
		expect(await messages(server)).toEqual([]);
	});

	it("stands still while it is paused", async () => {
		const server = await own("nats");
		await speak(server, async nats => {
			server.pause();
			await expect(nats.jetstreamManager({ timeout: 300 })).rejects.toThrow();
			server.resume();
			await nats.jetstreamManager();
		});
	});

	it("lets nobody in without the password it was given", async () => {
		const server = await own("nats", { user: "stoa", password: 'a "quoted" word' });
		await expect(speak(server, nats => nats.flush())).rejects.toThrow();
		await speak(server, nats => nats.flush(), { user: "stoa", pass: 'a "quoted" word' });
	});

	describeWith("openssl")("with TLS", () => {
		it("shows a certificate that its own authority signed", async () => {
			const server = await own("nats", { tls: true });
			expect(server.url).toMatch(/^tls:/);
			await expect(speak(server, nats => nats.flush(), { tls: {} })).rejects.toThrow();
			await speak(server, nats => nats.flush(), { tls: { caFile: server.caFile } });
		});
	});
});

describeWith("own redis")("Redis", () => {
	const speak = async <T>(server: TestServer, work: (redis: Redis) => Promise<T>) => {
		const redis = new Redis(server.url, { commandTimeout: 500, retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true });
		redis.on("error", () => undefined);
		try {
			return await work(redis);
		} finally {
			redis.disconnect();
		}
	};
	const read = (server: TestServer) => speak(server, redis => redis.get("kept"));

	it("keeps its keys over a kill, and forgets them when wiped", async () => {
		const server = await own("redis");
		await speak(server, redis => redis.set("kept", "7"));
		await server.kill();
		await expect(read(server)).rejects.toThrow();
		await server.restart();
		expect(await read(server)).toBe("7");
		await server.restart({ wipe: true });
		expect(await read(server)).toBeNull();
	});

	it("stands still while it is paused, and can be stopped so", async () => {
		const server = await own("redis", { password: "s3cret/?" });
		server.pause();
		await expect(read(server)).rejects.toThrow();
		server.resume();
		expect(await read(server)).toBeNull();
		server.pause();
		await server.stop();
		await server.restart();
		expect(await read(server)).toBeNull();
	});
});

describeWith("own mongo")("the MongoDB stand-in", () => {
	const documents = async <T>(server: TestServer, work: (shop: Shelf) => Promise<T>) => {
		const client = await MongoClient.connect(server.url, {
			useUnifiedTopology: true,
			serverSelectionTimeoutMS: 2_000,
			socketTimeoutMS: 2_000,
		});
		try {
			return await work(client.db("shop").collection("kept"));
		} finally {
			await client.close(true);
		}
	};
	const count = (server: TestServer) => documents(server, kept => kept.countDocuments());

	it("keeps its documents over a stop, starts after a kill, and forgets when wiped", async () => {
		const server = await own("mongo");
		await documents(server, kept => kept.insertOne({ _id: "seven" }));
		await server.restart();
		expect(await count(server)).toBe(1);
		await server.kill();
		await server.restart();
		expect(await count(server)).toBe(1);
		await server.restart({ wipe: true });
		expect(await count(server)).toBe(0);
	});

	it("stands still while it is paused", async () => {
		const server = await own("mongo", { persistent: false });
		await documents(server, async kept => {
			server.pause();
			const answer = kept.insertOne({ _id: "eight" });
			const first = await Promise.race([answer.then(() => "answered"), new Promise(resolve => setTimeout(resolve, 300, "silent"))]);
			server.resume();
			await answer;
			expect(first).toBe("silent");
		});
	});
});

describeWith("own redis", "toxiproxy")("a proxy before a server", () => {
	const client = (url: string) => {
		const redis = new Redis(url, { commandTimeout: 400, retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true });
		redis.on("error", () => undefined);
		return redis;
	};

	it("cuts, holds back and half-answers what goes through it, and heals", async () => {
		const server = await own("redis", { password: "s3cret" });
		const proxy = await startProxy(server);
		const ask = async () => {
			const redis = client(proxy.through(server.url));
			return await redis.set("known", "yes").finally(() => redis.disconnect());
		};
		expect(await ask()).toBe("OK");
		await proxy.cut();
		await expect(ask()).rejects.toThrow();
		await proxy.restore();
		expect(await ask()).toBe("OK");
		const takeAway = await proxy.add({ type: "timeout", attributes: { timeout: 0 } });
		await expect(ask()).rejects.toThrow();
		await takeAway();
		expect(await ask()).toBe("OK");
		await proxy.add({ type: "limit_data", attributes: { bytes: 3 } });
		await expect(ask()).rejects.toThrow();
		await proxy.heal();
		expect(await ask()).toBe("OK");
		await proxy.remove();
		await expect(ask()).rejects.toThrow();
	});
});

describeWith("own stripeMock")("Stripe's mock of requests", () => {
	it("refuses a parameter that the published API does not know", async () => {
		const server = await own("stripeMock");
		const headers = { Authorization: "Bearer sk_test_123", "Content-Type": "application/x-www-form-urlencoded" };
		const ask = async (body: string) => (await fetch(`${server.url}/v1/payment_intents`, { method: "POST", headers, body })).status;
		expect(await ask("amount=1200&currency=eur")).toBe(200);
		expect(await ask("amount=1200&currency=eur&colour=red")).toBe(400);
	});
});

describeWith("own localstripe")("Stripe's life of a payment", () => {
	it("holds a payment until it is captured", async () => {
		const server = await own("localstripe");
		const post = async (path: string, body: Record<string, string>) => {
			const headers = { Authorization: "Bearer sk_test_12345" };
			const answer = await fetch(`${server.url}/v1/${path}`, { method: "POST", headers, body: new URLSearchParams(body) });
			return (await answer.json()) as { id: string; status: string };
		};
		const card = { "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123" };
		const method = await post("payment_methods", { type: "card", ...card });
		const held = { amount: "1200", currency: "eur", capture_method: "manual", confirm: "true", payment_method: method.id };
		const intent = await post("payment_intents", held);
		expect(intent.status).toBe("requires_capture");
		expect((await post(`payment_intents/${intent.id}/capture`, {})).status).toBe("succeeded");
	});
});

describeWith("redis")("the server that a run shares", () => {
	it("is the same for everybody who asks", async () => {
		const url = await sharedServer("redis");
		expect(await sharedServer("redis")).toBe(url);
		const redis = new Redis(url);
		expect(await redis.ping()).toBe("PONG");
		redis.disconnect();
	});
});
