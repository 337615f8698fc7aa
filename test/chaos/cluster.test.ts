// Two gateways and two nodes for each domain over servers of their own, with buyers in the shop, while one after the other is broken. What must hold in
// the end is asked once, after all of it.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { RowDataPacket } from "mysql2/promise";
import { describeWith } from "../support/engines/describe-with.ts";
import { aGuestCart, anAddress, eventually, guestEmail, newKey } from "../support/http.ts";
import { Arena, type Outcome } from "./program/arena.ts";
import { openSql } from "./program/evidence.ts";
import { Keyed } from "./program/memory.ts";
import type { PlannedFault } from "./program/schedule.ts";
import { answeredWithinMs } from "./program/tally.ts";

const seed = 4;
/** In all of the shop, its servers and its buyers two cores have this much to give. */
const rate = 20;
/** No phase takes as long where nothing else runs; one that is cut short would overlap with the next. */
const phaseMs = 240_000;
/** Buyers who were under way when something broke get their answers. */
const afterwardsMs = 1500;

let arena: Arena;
const told: string[] = [];

/** Breaks what is named while buyers come, and answers what they met. */
async function breaking(...faults: Omit<PlannedFault, "atMs">[]) {
	const { tally } = arena;
	const before = { wrong: tally.wrong.length, failures: tally.failures.length };
	await arena.trade(async () => {
		for (const fault of faults) {
			await sleep(500);
			await arena.faults.inflict({ ...fault, atMs: 0 });
			await sleep(afterwardsMs);
		}
	});
	const line = tally.lines().find(({ weather }) => weather === faults[0]!.kind)!;
	expect(line.requests).toBeGreaterThan(0);
	return { ...line, wrong: tally.wrong.slice(before.wrong), failures: tally.failures.slice(before.failures) };
}

const soFarRight = { wrong: [], failures: [] };

beforeAll(async () => {
	arena = await Arena.open({ seed, rate, nodes: 2, namespace: "chaostest", say: line => told.push(line) });
}, 150_000);
afterAll(async () => arena?.close(), 60_000);

describeWith(
	"own nats",
	"own sql",
	"own mongo",
	"own redis",
)("a shop on two gateways and two nodes for each domain", () => {
	it(
		"answers everybody rightly and every reader at once while a node of any domain is killed",
		async () => {
			const kill = (target: string) => ({ kind: "kill" as const, way: "kill" as const, target, forMs: 1000 });
			const met = await breaking(kill("edge-2"), kill("commerce-1"), kill("identity-2"));
			expect(met).toMatchObject({ ...soFarRight, failedReads: 0 });
			expect(met.slowestMs).toBeLessThan(answeredWithinMs);
		},
		phaseMs,
	);

	it(
		"lets nobody notice that nodes of every domain are stopped and started in turn",
		async () => {
			const nodes = ["edge-1", "identity-1", "commerce-2", "notification-1", "platform-1"];
			const met = await breaking(...nodes.map(target => ({ kind: "term" as const, way: "stop" as const, target, forMs: 0 })));
			expect(met).toMatchObject({ ...soFarRight, failed: 0, failedReads: 0 });
		},
		phaseMs,
	);

	it(
		"says 503 while NATS is stopped, killed again and again, and without its data, and says nothing wrong",
		async () => {
			const nats = { kind: "nats" as const, target: "nats" };
			const met = await breaking(
				{ ...nats, way: "stop", forMs: 5000 },
				{ ...nats, way: "kills", forMs: 3000 },
				{ ...nats, way: "wipe", forMs: 500 },
			);
			expect(met).toMatchObject(soFarRight);
		},
		phaseMs,
	);

	it(
		"says 503 and is not ready, but alive, while MariaDB is stopped, and recovers by itself",
		async () => {
			const { sql } = arena.engines!.servers;
			const node = arena.cluster.node("commerce-1");
			const statusOf = async (path: string) => (await fetch(`${node.opsUrl}${path}`, { signal: AbortSignal.timeout(5000) })).status;
			await sql.stop();
			await eventually(
				() => statusOf("/readyz"),
				status => status === 503,
			);
			expect(await statusOf("/healthz")).toBe(200);
			await sql.restart();
			expect(await arena.faults.untilReady()).toBe(true);
			const met = await breaking({ kind: "sql", way: "kill", target: "sql", forMs: 3000 });
			expect(met).toMatchObject(soFarRight);
		},
		phaseMs,
	);

	it(
		"is slower, never wrong, while Redis is killed, hangs and is emptied",
		async () => {
			const redis = { kind: "redis" as const, target: "redis" };
			const met = await breaking(
				{ ...redis, way: "kill", forMs: 2000 },
				{ ...redis, way: "pause", forMs: 2000 },
				{ ...redis, way: "flush", forMs: 0 },
			);
			expect(met).toMatchObject(soFarRight);
		},
		phaseMs,
	);
});

interface SagaRow {
	id: string;
	status: string;
	owner: string | null;
	fence: number;
	updatedAt: number;
}

/** The checkouts that began after this one, as they are kept. */
async function checkoutsAfter(id: string): Promise<SagaRow[]> {
	const sql = await openSql(arena.engines!.urls.sql);
	try {
		const query = `SELECT id, status, owner, fence, updatedAt FROM \`${arena.cluster.namespace}_orders\`.sagas WHERE kind = 'checkout' AND id > ?`;
		const [rows] = await sql.query<RowDataPacket[]>(`${query} ORDER BY id`, [id]);
		return rows as unknown as SagaRow[];
	} finally {
		await sql.end();
	}
}

interface SlowCheckouts {
	begun: SagaRow[];
	ended(): Promise<SagaRow[]>;
	/** The statuses of their last words. */
	answers(): Promise<(number | undefined)[]>;
}

/** Six checkouts whose bank takes its time, so that both nodes have some under way; and what ends them. */
async function slowCheckouts(): Promise<SlowCheckouts> {
	const last = (await checkoutsAfter("")).at(-1)?.id ?? "";
	const { client, memory } = arena.street;
	const { sku } = memory.goods[0]!;
	const carts = await Promise.all(Array.from({ length: 6 }, () => aGuestCart({ url: arena.cluster.url }, [{ sku, quantity: 1 }])));
	const checkouts = carts.map(({ id, cartToken }) => {
		const body = { email: guestEmail, shippingAddress: anAddress, payment: { method: "card", token: "tok_slow" } };
		const path = `/v1/carts/${id}/checkout`;
		const keyed = memory.keep(new Keyed("checkout", { method: "POST", path, cartToken, key: newKey(), body, allowed: [201, 202] }));
		memory.purchases.push({ cartId: id, cartToken, card: "slow", by: undefined, checkouts: [keyed] });
		return keyed;
	});
	const send = () => Promise.all(checkouts.map(keyed => keyed.send(client, memory)));
	const asked = send();
	const begun = await eventually(
		() => checkoutsAfter(last),
		rows => rows.length === checkouts.length && rows.every(({ owner }) => owner !== null),
	);
	const ended = () =>
		eventually(
			() => checkoutsAfter(last),
			rows => rows.every(({ status }) => status === "succeeded"),
			30_000,
		);
	const answers = async () => {
		await asked;
		await send();
		return checkouts.map(({ final }) => final?.status);
	};
	if (new Set(begun.map(({ owner }) => owner)).size === 2) return { begun, ended, answers };
	// The gateways do not know yet that the other node is back.
	await asked;
	return slowCheckouts();
}

const takenOver = (before: readonly SagaRow[], after: readonly SagaRow[]) =>
	after.filter(({ fence }, index) => fence > before[index]!.fence);

describeWith(
	"own nats",
	"own sql",
	"own mongo",
	"own redis",
)("a checkout whose node is gone", () => {
	it(
		"is brought to its end by the other node when its own was killed",
		async () => {
			const { begun, ended, answers } = await slowCheckouts();
			// Its own comes back only after the other has had the time.
			const killed = arena.faults.inflict({ atMs: 0, kind: "kill", way: "kill", target: "commerce-2", forMs: 10_000 });
			expect(takenOver(begun, await ended()).length).toBeGreaterThan(0);
			await killed;
			expect(await answers()).toEqual(begun.map(() => 201));
		},
		phaseMs,
	);

	it(
		"is brought to its end by the other node when its own sleeps, which changes nothing any more when it wakes",
		async () => {
			const { begun, ended, answers } = await slowCheckouts();
			const slept = arena.faults.inflict({ atMs: 0, kind: "pause", way: "pause", target: "commerce-1", forMs: 14_000 });
			const done = await ended();
			expect(takenOver(begun, done).length).toBeGreaterThan(0);
			await slept;
			expect(await answers()).toEqual(begun.map(() => 201));
			expect(await ended()).toEqual(done);
		},
		phaseMs,
	);
});

describeWith(
	"own nats",
	"own sql",
	"own mongo",
	"own redis",
)("after all that", () => {
	let outcome: Outcome;
	beforeAll(async () => {
		outcome = await arena.judge();
		if (outcome.verdicts.some(({ breaches }) => breaches.length > 0)) console.log(`${told.join("\n")}\n${arena.keepLogs()}`);
	}, 120_000);

	it("everything comes to rest by itself within a minute", () => {
		expect(outcome.quiet.restless).toEqual([]);
	});

	it("nothing was lost, doubled or invented", () => {
		expect(outcome.verdicts.filter(({ breaches }) => breaches.length > 0)).toEqual([]);
	});
});
