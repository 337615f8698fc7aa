// Risk on two nodes that are killed by turns while people are busy. When it is over everybody was counted exactly, and flagged once.
// The whole of it, 50,000 events: STOA_TEST_FRAUD_EVENTS=50000 npm test -- test/chaos/fraud-kills
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ask } from "../../lib/contract.ts";
import { newId } from "../../lib/ids.ts";
import type { Mesh } from "../../lib/operator-socket.ts";
import type { Role } from "../../lib/principal.ts";
import { RedisLink } from "../../lib/redis.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import { storeContract } from "../../lib/store-contract.ts";
import { tokensOf } from "../../lib/tokens.ts";
import type { Case } from "../../services/risk/fraud/cases.contract.ts";
import { RedisStates } from "../../services/risk/fraud/counters/redis-states.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer } from "../support/engines/engines.ts";
import { eventually, granted, request } from "../support/http.ts";

const events = Number(process.env.STOA_TEST_FRAUD_EVENTS ?? 6000);
const kills = 10;
const batch = 50;
/** Half of the people do just too little to be flagged. */
const perPerson = [99, 101, 120, 80];
const wholeMs = 120_000 + events * 10;

const silent = { info: () => undefined, warn: () => undefined };

describeWith(
	"nats",
	"sql",
	"mongo",
	"redis",
)("risk on two nodes that are killed by turns", () => {
	let cluster: Cluster;
	let mesh: Mesh;
	let link: RedisLink;

	beforeAll(async () => {
		const [nats, sql, mongo, redis] = await Promise.all((["nats", "sql", "mongo", "redis"] as const).map(sharedServer));
		cluster = await startCluster({
			urls: { nats: nats!, sql: sql!, mongo: mongo!, redis: redis! },
			nodes: [
				{ name: "people", services: "edge,identity" },
				{ name: "risk-1", services: "risk" },
				{ name: "risk-2", services: "risk" },
			],
		});
		mesh = await cluster.mesh();
		link = new RedisLink(redis!, cluster.namespace, silent);
		await link.opened(5000);
	}, 120_000);
	afterAll(async () => {
		link?.close();
		await cluster?.remove({ dropNamespace: true });
	}, 60_000);

	const tokenOf = (userId: string, roles: readonly Role[] = ["customer"]) =>
		tokensOf(makeRuntime({ env: cluster.env })).sign({ userId, sessionId: `ses_${userId}`, roles, roleVersion: Number.MAX_SAFE_INTEGER });

	/** Everybody a batch after the other, four people at a time; an answer that got lost is asked for again under its key. */
	async function everybodyIsBusy(people: ReadonlyMap<string, number>): Promise<void> {
		const waiting = [...people];
		const busy = async () => {
			for (let next = waiting.pop(); next; next = waiting.pop()) {
				const [userId, count] = next;
				const token = tokenOf(userId);
				for (let from = 0; from < count; from += batch) {
					const items = Array.from({ length: Math.min(batch, count - from) }, (_, n) => ({ kind: "visit", target: `/page/${from + n}` }));
					const send = () => request(cluster, "POST", "/v1/interactions/batch", { token, body: { items }, key: `${userId}-${from}` });
					await eventually(send, ({ status }) => status === 201);
				}
			}
		};
		await Promise.all(Array.from({ length: 4 }, busy));
	}

	it(
		"counts every event of everybody once, flags whom it must, and tells and files each of them once",
		async () => {
			const people = new Map<string, number>();
			for (let left = events, n = 0; left > 0; n++) {
				const count = Math.min(left, perPerson[n % perPerson.length]!);
				people.set(newId("usr", Date.now()), count);
				left -= count;
			}
			let isOver = false;
			const working = everybodyIsBusy(people).finally(() => {
				isOver = true;
			});
			for (let n = 0; n < kills; n++) {
				// A killed node is given up after some seconds: both nodes get their turn at judging.
				await sleep(isOver ? 1500 : 1000);
				const node = cluster.node(`risk-${1 + (n % 2)}`);
				await node.kill();
				await sleep(n % 3 === 0 ? 4000 : 300);
				await node.launch();
			}
			await working;
			await Promise.all(cluster.nodes.map(node => node.ready()));

			const keys = [...people.keys()].map(userId => `user:${userId}`);
			const counted = async () => {
				const states = await new RedisStates(link).read(keys);
				return new Map(
					[...people.keys()].map(userId => {
						const series = states.get(`user:${userId}`)?.series.interactions;
						return [userId, series && "n" in series ? series.n : 0];
					}),
				);
			};
			const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);
			const counts = await eventually(counted, seen => total(seen) >= events, wholeMs);
			expect(counts).toEqual(people);

			const flagged = [...people].filter(([, count]) => count >= 100).map(([userId]) => userId);
			const told = () => ask(mesh, storeContract("fraud").readFacts, { after: 0, type: "fraud.userFlagged", limit: 1000 });
			const facts = await eventually(told, seen => seen.length >= flagged.length, 60_000);
			expect(facts.map(({ key }) => key).sort()).toEqual(flagged.sort());

			const analyst = tokenOf(newId("usr", Date.now()), ["risk"]);
			const cases: Case[] = [];
			for (let cursor: string | null = ""; cursor !== null; ) {
				const path = `/v1/fraud/cases?limit=100${cursor ? `&cursor=${cursor}` : ""}`;
				const page: { data: Case[]; nextCursor: string | null } = await granted(200, request(cluster, "GET", path, { token: analyst }));
				cases.push(...page.data);
				cursor = page.nextCursor;
			}
			expect(cases.map(({ entity }) => entity.id).sort()).toEqual(flagged);
		},
		wholeMs + 120_000,
	);
});
