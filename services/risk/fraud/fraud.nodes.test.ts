// Risk on nodes that share MariaDB, documents and Redis: it counts, decides and tells as one process on its embedded stores does.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../../../test/support/engines/engines.ts";
import { dropNamespace } from "../../../test/support/namespace.ts";
import { until } from "../../../test/support/order-neighbours.ts";
import { anAttempt, hash, RiskFeed, seeded } from "../../../test/support/risk-feed.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { failed } from "../../commerce/payments/payments.contract.ts";
import { failed as loginFailed, succeeded } from "../../identity/authentication/authentication.contract.ts";
import { recorded } from "../../identity/interactions/interactions.contract.ts";
import * as cases from "./cases.contract.ts";
import * as fraud from "./fraud.contract.ts";
import type { Fraud } from "./fraud.service.ts";
import { putListEntry } from "./lists.contract.ts";

const minute = 60_000;
const usr = () => newId("usr", Date.now());
const fraudOf = (stoa: Stoa) => stoa.service<Fraud>("fraud");

describeWith(
	"sql",
	"mongo",
	"own redis",
)("risk on three nodes", () => {
	let redis: TestServer;
	let env: Record<string, string>;
	let clock: ReturnType<typeof handClock>;
	let nodes: Stoa[];
	let feed: RiskFeed;

	beforeAll(async () => {
		clock = handClock();
		redis = await startServer("redis");
		env = {
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_MONGO_URL: await sharedServer("mongo"),
			STOA_REDIS_URL: redis.url,
			STOA_SQL_POOL: "4",
			STOA_NAMESPACE: `r${randomBytes(6).toString("hex")}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
		};
		nodes = [];
		for (let n = 0; n < 3; n++) nodes.push(await startStoa({ services: ["risk"], env, clock }));
		feed = new RiskFeed(nodes[0]!);
	}, 120_000);
	afterAll(async () => {
		await Promise.all((nodes ?? []).map(node => node.stop()));
		const urls = { nats: "", sql: env.STOA_SQL_URL!, mongo: env.STOA_MONGO_URL! };
		await dropNamespace(urls, env.STOA_NAMESPACE!).catch(() => undefined);
		await redis?.stop();
	}, 60_000);

	const node = (n: number) => nodes[n % nodes.length]!;
	const assess = (n: number, attempt: fraud.Attempt) => ask(node(n).broker, fraud.assess, attempt);
	const told = (type: string, count: number, key: string) =>
		until(
			() => ask(node(0).broker, storeContract("fraud").readFacts, { after: 0, type, key, limit: 1000 }),
			facts => facts.length >= count,
		);

	it("counts a fact once that all of them are handed, and that is broadcast besides", async () => {
		const userId = usr();
		const facts = Array.from({ length: 100 }, () => feed.interaction(userId, clock.now()));
		const feeds = [feed, new RiskFeed(node(1)), new RiskFeed(node(2))];
		await Promise.all(feeds.map(each => each.hand(...facts)));
		for (const { data } of facts) await node(1).broker.broadcast(recorded.name, data);
		await feed.judged();
		for (const each of nodes) expect(await fraudOf(each).interactionsOf(userId)).toBe(100);
		expect(await told("fraud.userFlagged", 1, userId)).toHaveLength(1);
		const { data } = await ask(node(2).broker, cases.listCases, { userId }, { meta: node(2).as(usr(), ["risk"]) });
		expect(data).toHaveLength(1);
	});

	it("decides once on an attempt that comes to every node at once", async () => {
		const attempt = anAttempt({ deviceHash: hash("1"), addressHash: hash("1") });
		const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => assess(n, attempt)));
		expect(new Set(answers.map(({ decisionId }) => decisionId)).size).toBe(1);
		const [{ decisionId }] = answers as [fraud.Assessment];
		expect(await told("fraud.decided", 1, decisionId)).toHaveLength(1);
	});

	it("lets no more than five of sixty cards from one device through that come to every node at once", async () => {
		const attempts = Array.from({ length: 60 }, (_, n) =>
			anAttempt({ deviceHash: hash("2"), addressHash: hash("2"), instrument: `card-${n}` }),
		);
		const outcomes = await Promise.all(attempts.map((attempt, n) => assess(n, attempt)));
		expect(outcomes.filter(({ outcome }) => outcome !== "block").length).toBeLessThanOrEqual(5);
	});

	it("lets three of a hundred cards from one device through that come to two nodes at once, each from an address of its own", async () => {
		const attempts = Array.from({ length: 100 }, (_, n) =>
			anAttempt({ deviceHash: hash("6"), addressHash: `${n}`.padStart(64, "6"), instrument: `flood-${n}` }),
		);
		const outcomes = await Promise.all(attempts.map((attempt, n) => assess(n % 2, attempt)));
		const blocked = outcomes.filter(({ outcome }) => outcome === "block");
		expect(blocked).toHaveLength(97);
		// Nobody's answer has changed by what came with it.
		expect(await Promise.all(attempts.map((attempt, n) => assess(n % 2, attempt)))).toEqual(outcomes);
	});

	it("answers on, however many did not wait for its answers", async () => {
		const impatient = { timeout: 1, retries: 0 };
		const asked = await Promise.allSettled(Array.from({ length: 40 }, () => ask(node(0).broker, fraud.assess, anAttempt(), impatient)));
		expect(asked.filter(({ status }) => status === "rejected").length).toBeGreaterThan(20);
		expect(await assess(0, anAttempt({ deviceHash: hash("8"), addressHash: hash("8") }))).toMatchObject({ outcome: "allow" });
	});

	it("decides and explains as one process does", async () => {
		const alone = await startStoa({ services: ["risk"], clock });
		try {
			const together: unknown[] = [];
			const single: unknown[] = [];
			const [here, there] = [new RiskFeed(alone), feed];
			const random = seeded(11);
			const people = Array.from({ length: 4 }, usr);
			for (let step = 0; step < 50; step++) {
				clock.move(random(3 * minute));
				const userId = people[random(people.length)]!;
				const device = hash(`${3 + random(3)}`);
				const at = clock.now() - random(10 * minute);
				const origin = { addressHash: hash("9"), deviceHash: device };
				const kind = random(4);
				if (kind === 0) {
					const attempt = anAttempt({ userId, ...origin, sessionId: `ses_${userId}`, instrument: `card-${random(9)}` });
					for (const [stoa, traces] of [
						[alone, single],
						[node(step), together],
					] as const) {
						const { outcome } = await ask(stoa.broker, fraud.assess, attempt);
						if (outcome !== "block") await ask(stoa.broker, fraud.conclude, { attemptId: attempt.attemptId, outcome: "declined" });
						const meta = stoa.as(usr(), ["risk"]);
						const { data } = await ask(stoa.broker, fraud.listDecisions, { orderId: attempt.orderId }, { meta });
						const { id: _, ...decision } = data[0]!;
						traces.push(decision);
					}
					continue;
				}
				for (const each of [here, there]) {
					if (kind === 1) await each.hand(each.interaction(userId, at));
					if (kind === 2) await each.hand(each.fact(loginFailed, { emailHash: hash("e"), userId, ...origin }, at));
					if (kind === 3)
						await each.hand(each.fact(succeeded, { userId, sessionId: newId("ses", at), by: "login" as const, ...origin }, at));
					await each.judged();
				}
			}
			expect(single.length).toBeGreaterThan(5);
			expect(together).toEqual(single);
		} finally {
			await alone.stop();
		}
	}, 60_000);

	it("counts as before when Redis has lost everything, and decides on nobody by empty counters", async () => {
		const userId = usr();
		await feed.hand(...Array.from({ length: 99 }, () => feed.interaction(userId, clock.now())));
		// In the log between what is counted, and counted for nobody.
		const listing = { name: "watched", entity: { kind: "user" as const, id: userId } };
		await ask(node(1).broker, putListEntry, listing, { meta: node(1).as(usr(), ["risk"]) });
		const tried = Array.from({ length: 4 }, (_, n) =>
			anAttempt({ deviceHash: hash("7"), addressHash: hash("7"), instrument: `lost-${n}` }),
		);
		for (const { paymentId, orderId, amount, instrument, ...attempt } of tried) {
			await assess(0, { paymentId, orderId, amount, instrument, ...attempt });
			const subject = { paymentId, orderId, cartId: newId("crt", Date.now()), userId: null, provider: "sandbox", method: "card" as const };
			await feed.hand(feed.fact(failed, { ...subject, amount, fingerprint: instrument!, reason: "declined" }, clock.now()));
		}
		await feed.judged();
		await redis.restart({ wipe: true });
		await until(
			async () =>
				fraudOf(node(0))
					.interactionsOf(userId)
					.catch(() => 0),
			count => count === 99,
		);
		// Whatever is asked from now on, or was asked before, is either decided on full counters or on none.
		const blocked = await until(
			() => assess(0, anAttempt({ deviceHash: hash("7"), addressHash: hash("8"), instrument: "lost-9" })).catch((error: unknown) => error),
			answer => !serviceUnavailable.matches(answer),
		);
		expect(blocked).toMatchObject({ outcome: "block" });
		await feed.hand(feed.interaction(userId, clock.now()));
		await feed.judged();
		expect(await told("fraud.userFlagged", 1, userId)).toHaveLength(1);
	}, 60_000);

	it("decides on nobody while nobody fills what Redis has lost, however little was ever judged", async () => {
		await assess(0, anAttempt());
		await Promise.all([0, 1].map(n => fraudOf(node(n)).judge.stop()));
		await redis.restart({ wipe: true });
		// Redis answers again, and has nothing.
		await until(
			() =>
				fraudOf(node(0))
					.interactionsOf(usr())
					.catch(() => undefined),
			count => count === 0,
		);
		for (let n = 0; n < 5; n++) await expect(assess(0, anAttempt())).rejects.toMatchObject({ type: serviceUnavailable.code });
	}, 60_000);
});
