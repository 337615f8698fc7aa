// What the process has of Redis: an answer soon, or none; and never a wait that many pay, an error that ends it, or a queue that grows.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { describeWith } from "../test/support/engines/describe-with.ts";
import { startServer, type TestServer } from "../test/support/engines/engines.ts";
import { startProxy, type TestProxy } from "../test/support/engines/proxy.ts";
import { eventually } from "../test/support/http.ts";
import { RedisLink, script } from "./redis.ts";

let link: RedisLink;
let said: string[];
const open = (url: string) => {
	said = [];
	const log = (message: string) => void said.push(message);
	link = new RedisLink(url, "links", { info: log, warn: log });
	return link;
};
afterEach(() => link.close());

const answering = () => eventually(async () => link.answers, Boolean);
const ping = () => link.ask(client => client.ping());

describe("a link to a Redis that is not there", () => {
	it("answers nothing at once, says why once, and does not keep a start waiting", async () => {
		open("redis://127.0.0.1:9");
		expect(await Promise.all(Array.from({ length: 100 }, ping))).toEqual(Array.from({ length: 100 }, () => undefined));
		await link.opened(100);
		expect(link.answers).toBe(false);
		await eventually(async () => said.length, Boolean);
		expect(said).toEqual([expect.stringContaining("ECONNREFUSED")]);
		expect(link.measurements()[0]!.samples).toEqual([{ value: 0 }]);
	});
});

describeWith("own redis")("a link to Redis", () => {
	let server: TestServer;
	beforeAll(async () => {
		server = await startServer("redis", { appendOnly: false });
	});
	afterAll(() => server.remove());

	it("runs scripts, also those that Redis has forgotten, and puts the mesh's name before its keys", async () => {
		open(server.url);
		await link.opened(5000);
		const add = script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
		const key = link.key("sums", "a");
		expect(key).toBe("links:sums:a");
		expect(await link.run(add, [key], [2])).toBe(2);
		await link.ask(client => client.script("FLUSH"));
		expect(await link.run(add, [key], [3])).toBe(5);
	});

	it("goes on answering after a command was refused", async () => {
		open(server.url);
		await link.opened(5000);
		await link.ask(client => client.set(link.key("text"), "text"));
		expect(await link.ask(client => client.incr(link.key("text")))).toBeUndefined();
		expect(link.answers).toBe(true);
		expect(await ping()).toBe("PONG");
	});

	it("lets only those wait who asked before anybody knew, when Redis hangs; and is back by itself", async () => {
		open(server.url);
		await link.opened(5000);
		server.pause();
		try {
			expect(await Promise.all([ping(), ping()])).toEqual([undefined, undefined]);
			expect(link.answers).toBe(false);
			// Past the second in which the connection is given up for a new one.
			const until = performance.now() + 2500;
			await eventually(async () => {
				expect(await ping()).toBeUndefined();
				return performance.now() > until;
			}, Boolean);
		} finally {
			server.resume();
		}
		await answering();
		expect(await ping()).toBe("PONG");
	});

	it("is told of each return, after a kill too, and of none when it does not listen any more", async () => {
		open(server.url);
		let returns = 0;
		const forget = link.onBack(() => {
			returns++;
		});
		await answering();
		await server.kill();
		await eventually(
			async () => link.answers,
			answers => !answers,
		);
		expect(await ping()).toBeUndefined();
		await server.restart();
		await answering();
		expect(returns).toBe(2);
		forget();
		await server.restart();
		await answering();
		expect(returns).toBe(2);
	});
});

describeWith("own redis", "toxiproxy")("a link to a slow Redis", () => {
	let server: TestServer;
	let proxy: TestProxy;
	beforeAll(async () => {
		server = await startServer("redis", { password: "pass word", appendOnly: false });
		proxy = await startProxy(server);
	});
	afterAll(async () => {
		await proxy.remove();
		await server.remove();
	});

	it("counts as away while answers take longer than anybody should wait, and comes back when they do not", async () => {
		open(proxy.through(server.url));
		await link.opened(5000);
		expect(await ping()).toBe("PONG");
		await proxy.add({ type: "latency", attributes: { latency: 600 } });
		expect(await ping()).toBeUndefined();
		expect(link.answers).toBe(false);
		await proxy.heal();
		await answering();
		expect(await ping()).toBe("PONG");
		await proxy.cut();
		await eventually(
			async () => link.answers,
			answers => !answers,
		);
		await proxy.restore();
		await answering();
	});

	it("says that its password is wrong", async () => {
		open(server.url.replace(/:[^:@]*@/, ":wrong@"));
		await eventually(
			async () => said.join(),
			heard => heard.includes("WRONGPASS"),
		);
		expect(await ping()).toBeUndefined();
	});
});
