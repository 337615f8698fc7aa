// Two gateways that count together in one Redis, and what is left of a limit when it stops, dies, forgets, or was never there.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { RedisLink } from "../../../lib/redis.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { startServer, type TestServer } from "../../../test/support/engines/engines.ts";
import { type GatewayUnderTest, startGateway } from "../../../test/support/gateway.ts";
import { eventually } from "../../../test/support/http.ts";
import { windowsInRedis } from "./rate-limit.redis.ts";
import { type Limit, spend, type WindowStore } from "./rate-limit.ts";

const silent = { info: () => undefined, warn: () => undefined };
const limit: Limit = { name: "test", max: 10, windowMs: 60_000 };
const start = Date.UTC(2026, 0, 5, 9);

/** How many of so many requests, one after the other, get through. */
async function through(store: WindowStore, key: string, asked: number, now = start, limits: readonly Limit[] = [limit]): Promise<number> {
	let admitted = 0;
	for (let i = 0; i < asked; i++) {
		try {
			await spend(
				store,
				limits.map(one => ({ limit: one, key })),
				now,
			);
			admitted++;
		} catch (error) {
			expect(error).toMatchObject({ type: "rate_limited" });
		}
	}
	return admitted;
}

describe("a gateway whose Redis cannot be reached", () => {
	it("limits by what it counts itself, from the first request on and without waiting", async () => {
		// Nothing listens on the discard port of this machine.
		const link = new RedisLink("redis://127.0.0.1:9", "nowhere", silent);
		try {
			const windows = windowsInRedis(link);
			const counted = windows.count([{ limit, key: "a" }], start);
			expect(counted).not.toBeInstanceOf(Promise);
			expect(await through(windows, "a", 20)).toBe(9);
			expect(await through(windows, "b", 20)).toBe(10);
			expect(await through(windows, "a", 20, start + limit.windowMs)).toBe(10);
		} finally {
			link.close();
		}
	});
});

describeWith("own redis")("two gateways with one Redis", () => {
	let server: TestServer;
	let links: RedisLink[];
	let one: WindowStore;
	let other: WindowStore;
	let made = 0;
	let key: string;

	beforeAll(async () => {
		server = await startServer("redis", { appendOnly: false });
	});
	afterAll(() => server.remove());

	beforeEach(() => {
		key = `client-${++made}`;
	});
	const answering = (link: RedisLink) => eventually(async () => link.answers, Boolean);

	async function twoGateways(): Promise<void> {
		links = [0, 1].map(() => new RedisLink(server.url, `test${made}`, silent));
		await Promise.all(links.map(answering));
		[one, other] = links.map(windowsInRedis) as [WindowStore, WindowStore];
	}
	const leave = () => {
		for (const link of links) link.close();
	};
	const within = (test: () => Promise<void>) => async () => {
		await twoGateways();
		try {
			await test();
		} finally {
			leave();
		}
	};

	it(
		"let a client through as often as one of them would",
		within(async () => {
			expect((await through(one, key, 6)) + (await through(other, key, 6))).toBe(10);
			const atOnce = await Promise.all([one, other, one, other].map(store => through(store, `${key}-at-once`, 10)));
			expect(atOnce.reduce((sum, count) => sum + count)).toBe(10);
			expect(await through(one, key, 20, start + limit.windowMs)).toBe(10);
		}),
	);

	it(
		"count a request that is above its first limit against no other",
		within(async () => {
			const wide: Limit = { name: "wide", max: 12, windowMs: 60_000 };
			expect(await through(one, key, 30, start, [limit, wide])).toBe(10);
			expect(await through(other, key, 30, start, [wide])).toBe(2);
		}),
	);

	it(
		"agree on a window although their clocks differ, and one whose clock is hours slow does not keep it open",
		within(async () => {
			expect(await through(one, key, 10)).toBe(10);
			expect(await through(other, key, 5, start + 2000)).toBe(0);
			// The faster clock ends the window two seconds early; the slower one then counts in the new window, not in one more.
			expect(await through(other, key, 5, start + 61_000)).toBe(5);
			expect(await through(one, key, 20, start + 59_000)).toBe(5);
			const [window] = await one.count([{ limit, key: `${key}-ahead` }], start + 3_600_000);
			const [seen] = await other.count([{ limit, key: `${key}-ahead` }], start);
			expect([window!.count, seen!.count]).toEqual([1, 2]);
			expect(seen!.endsAt - start).toBeLessThanOrEqual(limit.windowMs);
		}),
	);

	it(
		"go on from what they saw when Redis is paused, and bring it together afterwards",
		within(async () => {
			expect(await through(one, key, 4)).toBe(4);
			expect(await through(other, key, 3)).toBe(3);
			server.pause();
			try {
				// One saw 4 and the other 7: together they admit 9 more at the most, not 20.
				expect(await through(one, key, 4)).toBe(4);
				expect(await through(other, key, 1)).toBe(1);
				// Only the first of each waited for an answer.
				expect(links.map(link => link.answers)).toEqual([false, false]);
			} finally {
				server.resume();
			}
			await Promise.all(links.map(answering));
			expect((await through(other, key, 10)) + (await through(one, key, 10))).toBe(0);
		}),
	);

	it(
		"keep a window that Redis has forgotten",
		within(async () => {
			expect((await through(one, key, 4)) + (await through(other, key, 4))).toBe(8);
			await links[0]!.ask(client => client.flushall());
			expect((await through(other, key, 10)) + (await through(one, key, 10))).toBe(2);
		}),
	);

	it(
		"limit while Redis is dead, and take up the shared window when it is back empty",
		within(async () => {
			expect((await through(one, key, 3)) + (await through(other, key, 3))).toBe(6);
			await server.kill();
			await eventually(
				async () => links.some(link => link.answers),
				answers => !answers,
			);
			// One saw 3 and the other 6 of 10.
			expect(await through(one, key, 20)).toBe(7);
			expect(await through(other, key, 20)).toBe(4);
			expect(await through(other, "a stranger", 20)).toBe(10);
			await server.restart({ wipe: true });
			await Promise.all(links.map(answering));
			expect((await through(one, key, 10)) + (await through(other, key, 10))).toBe(0);
		}),
	);

	describe("behind their doors", () => {
		let gateways: GatewayUnderTest[];
		beforeAll(async () => {
			const env = { STOA_REDIS_URL: server.url, STOA_NAMESPACE: "doors" };
			gateways = await Promise.all([0, 1].map(() => startGateway({ contracts: {}, answers: [], env })));
		});
		afterAll(() => Promise.all(gateways.map(gateway => gateway.stop())));
		const signIns = (gateway: GatewayUnderTest, count: number) =>
			Promise.all(Array.from({ length: count }, () => gateway.send("POST", "/v1/auth/login"))).then(answers =>
				answers.map(({ status }) => status),
			);

		it("refuse the 301st sign-in of an address, whichever of them it comes to, and are ready without Redis", async () => {
			const statuses = [...(await signIns(gateways[0]!, 150)), ...(await signIns(gateways[1]!, 150))];
			expect(statuses).not.toContain(429);
			expect([...(await signIns(gateways[0]!, 1)), ...(await signIns(gateways[1]!, 1))]).toEqual([429, 429]);
			server.pause();
			try {
				expect([...(await signIns(gateways[0]!, 20)), ...(await signIns(gateways[1]!, 20))].every(status => status === 429)).toBe(true);
				for (const gateway of gateways) expect((await gateway.send("GET", "/readyz")).status).toBe(200);
			} finally {
				server.resume();
			}
		});
	});
});
