// One suite for every place where states are kept: the same stream leaves the same states, and two writers lose nothing.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../../lib/clock.ts";
import { codeOf } from "../../../../lib/failure.ts";
import type { RedisLink } from "../../../../lib/redis.ts";
import { Random } from "../../../../test/chaos/program/random.ts";
import { describeWith } from "../../../../test/support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../../../../test/support/engines/engines.ts";
import { eventually } from "../../../../test/support/http.ts";
import { type AttemptEnd, entityKeys, type Logged, type Observation } from "../fraud.observations.ts";
import type { EntityKind } from "../rules.contract.ts";
import { type Needs, observe } from "./entity-state.ts";
import type { Change, EntityStates } from "./entity-states.ts";
import { textOf } from "./entity-text.ts";
import { MemoryStates } from "./memory-states.ts";
import { anAttempt, day, hour, logged, minute, start } from "./observed.ts";
import { RedisStates } from "./redis-states.ts";
import { SqlStates } from "./sql-states.ts";
import { aFile, inMemory, inMysql, inRedis, inSqlite, type RedisPlace, type StatesPlace, txOver } from "./states-places.ts";

const ends: AttemptEnd[] = ["authorized", "declined", "failed", "unavailable", "blocked"];

const sums: Needs = new Map([
	["orderAmount", { series: "orderAmount", counter: "orderAmount", where: null, cap: 1 }],
	[`refundAmount@${hour}`, { series: `refundAmount@${hour}`, counter: "refundAmount", where: null, cap: 61, windowMs: hour }],
]);
const money = (random: Random) => ({ amount: random.whole(1, 90_000), currency: "EUR" });

/** Everything that can be observed, of a few entities, some of it late or out of order. */
function aStream(length: number): Logged[] {
	const random = new Random("states");
	return Array.from({ length }, (_, place): Logged => {
		const entities = {
			user: `usr_${random.whole(1, 9)}`,
			device: `dev_${random.whole(1, 5)}`,
			address: `adr_${random.whole(1, 3)}`,
			session: `ses_${random.whole(1, 20)}`,
		};
		const at = start + place * minute - random.whole(0, 10 * minute);
		const about = { id: `opr_${random.whole(1, 40)}`, instrument: `card_${random.whole(1, 9)}` };
		const what = random.pick<Partial<Observation>>([
			{ kind: "interaction", fields: { kind: "like" } },
			{ kind: "login" },
			{ kind: "loginFailed", value: `usr_${random.whole(1, 30)}` },
			{ kind: "order", fields: money(random) },
			{ kind: "refund", fields: money(random), value: `ord_${random.whole(1, 30)}` },
			{ kind: "attempt", attempt: about },
			{ kind: "attemptOutcome", attempt: { ...about, end: random.pick(ends) } },
			{ kind: "cleared", rules: ["one", "two"] },
		]);
		return logged(place + 1, { entities, at, ...(random.chance(0.05) && { isLate: true }), ...what });
	});
}

const counting =
	(batch: readonly Observation[]): Change =>
	(state, key) => {
		const kind = key.slice(0, key.indexOf(":")) as EntityKind;
		for (const one of batch) if (entityKeys(one).includes(key)) observe(state, kind, one, sums);
	};
const apply = (states: EntityStates, batch: readonly Observation[]) => states.change(batch.flatMap(entityKeys), counting(batch));
const textsOf = async (states: EntityStates, keys: readonly string[]) =>
	Object.fromEntries([...(await states.read(keys))].map(([key, state]) => [key, textOf(state)]));

function statesSuite(name: string, fresh: () => Promise<StatesPlace> | StatesPlace): void {
	describe(`states ${name}`, () => {
		let place: StatesPlace;
		beforeEach(async () => {
			place = await fresh();
		});
		afterEach(() => place.remove());

		it("are the ones that a count in this process leaves, whatever comes twice", async () => {
			const stream = aStream(600);
			const keys = stream.flatMap(entityKeys);
			const truth = new MemoryStates();
			for (const one of stream) await apply(truth, [one]);
			const states = await place.another();
			for (let from = 0; from < stream.length; from += 50) {
				const batch = stream.slice(from, from + 70);
				await apply(states, batch);
				await apply(states, batch.slice(0, 20));
			}
			expect(await textsOf(states, keys)).toEqual(await textsOf(truth, keys));
			expect(await textsOf(await place.another(), keys)).toEqual(await textsOf(truth, keys));
		});

		it("are new where nothing was counted, and answered as they were saved", async () => {
			const states = await place.another();
			expect((await states.read(["user:a"])).get("user:a")?.seq).toBe(0);
			const changed = await states.change(["user:b", "user:a", "user:b"], state => {
				state.attemptCount++;
			});
			expect([...changed].map(([key, { attemptCount }]) => [key, attemptCount]).sort()).toEqual([
				["user:a", 1],
				["user:b", 1],
			]);
			expect((await states.read(["user:b"])).get("user:b")?.attemptCount).toBe(1);
		});

		it("lose nothing of what two writers do to one entity at a time, in whatever order they name it", async () => {
			const writers = [await place.another(), await place.another()];
			const attempt = (number: number) => {
				const one = {
					...anAttempt(`opr_${number}`, `card_${number}`, start + number),
					entities: { device: "hot", user: `usr_${number % 3}` },
				};
				return apply(writers[number % 2]!, [one]);
			};
			await Promise.all(Array.from({ length: 60 }, (_, number) => attempt(number)));
			const states = await writers[0]!.read(["device:hot", "user:usr_0", "user:usr_1", "user:usr_2"]);
			expect([...states.values()].map(({ attemptCount }) => attemptCount)).toEqual([60, 20, 20, 20]);
			expect(states.get("device:hot")?.attempts.map(({ id }) => id)).toEqual(Array.from({ length: 60 }, (_, number) => `opr_${number}`));
		});

		it("count the same attempt once when it comes twenty times at once", async () => {
			const writers = [await place.another(), await place.another()];
			const same = { ...anAttempt("opr_1", "card_1"), entities: { device: "hot" } };
			await Promise.all(Array.from({ length: 20 }, (_, number) => apply(writers[number % 2]!, [same])));
			expect((await writers[1]!.read(["device:hot"])).get("device:hot")?.attemptCount).toBe(1);
		});
	});
}

statesSuite("in memory", inMemory);
statesSuite("in SQLite", inSqlite);
describeWith("sql")("over a server", () => statesSuite("in MariaDB", async () => inMysql(await sharedServer("sql"))));
describeWith("redis")("over a server", () => statesSuite("in Redis", async () => inRedis(await sharedServer("redis"))));

describeWith("redis")("changes of one entity in Redis that come together", () => {
	let place: RedisPlace;
	beforeEach(async () => {
		place = inRedis(await sharedServer("redis"));
	});
	afterEach(() => place.remove());

	/** States over a link that counts what is asked of Redis. */
	async function counted(count: () => void): Promise<RedisStates> {
		const link = await place.link();
		return new RedisStates({
			key: (...parts: string[]) => link.key(...parts),
			onBack: listener => link.onBack(listener),
			ask: question => {
				count();
				return link.ask(question);
			},
			run: (...call) => {
				count();
				return link.run(...call);
			},
		} as Pick<RedisLink, "key" | "ask" | "onBack" | "run"> as RedisLink);
	}

	it("travel together, from each of two nodes, and each sees what it left itself", async () => {
		let trips = 0;
		const nodes = [await counted(() => trips++), await counted(() => trips++)];
		const attempts = Array.from({ length: 100 }, (_, n) => ({
			...anAttempt(`opr_${n}`, `card_${n}`),
			entities: { device: "hot", user: `usr_${n}` },
		}));
		const left = await Promise.all(attempts.map((attempt, n) => apply(nodes[n % 2]!, [attempt])));
		const counts = left.map(states => states.get("device:hot")!.attemptCount).sort((one, other) => one - other);
		expect(counts).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
		// Each user's state is loaded and saved alone; the device's hundred changes add no more than some turns of the two nodes.
		expect(trips).toBeLessThan(2 * 100 + 60);
	});

	it("fare each as if it were alone: whoever refuses leaves nothing, and the others are counted", async () => {
		const states = await place.another();
		const adding = (count: number, refuses = false) =>
			states.change(["device:hot"], state => {
				state.attemptCount += count;
				if (refuses) throw new Error("not so");
			});
		const outcomes = await Promise.allSettled([adding(1), adding(10, true), adding(100)]);
		expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
		expect((await states.read(["device:hot"])).get("device:hot")!.attemptCount).toBe(101);
		await adding(1000);
		expect((await states.read(["device:hot"])).get("device:hot")!.attemptCount).toBe(1101);
	});
});

describe("sessions and addresses in SQL", () => {
	it("are forgotten after five weeks, everybody else is not", async () => {
		const { engine, remove } = await aFile();
		try {
			const clock = handClock();
			const inTx = <T>(work: (states: SqlStates) => Promise<T>) =>
				engine.transaction(connection => work(new SqlStates(txOver(engine, connection, true, clock))));
			const all = ["address:a", "session:s", "session:used", "user:u"];
			const touch = (keys: readonly string[]) =>
				inTx(states =>
					states.change(keys, state => {
						state.attemptCount++;
					}),
				);
			await touch(all);
			clock.move(20 * day);
			await touch(["session:used"]);
			clock.move(16 * day);
			expect(await inTx(states => states.forgetIdle())).toBe(2);
			const left = await inTx(states => states.read(all));
			expect([...left].map(([key, { attemptCount }]) => [key, attemptCount])).toEqual([
				["address:a", 0],
				["session:s", 0],
				["session:used", 2],
				["user:u", 1],
			]);
		} finally {
			await remove();
		}
	});
});

describeWith("own redis")("states in a Redis that may lose them", () => {
	let server: TestServer;
	let place: RedisPlace;
	let link: RedisLink;
	let states: RedisStates;
	beforeAll(async () => {
		server = await startServer("redis", { appendOnly: false });
	});
	afterAll(() => server.remove());
	beforeEach(async () => {
		place = inRedis(server.url);
		link = await place.link();
		states = await place.another();
	});
	afterEach(() => place.remove());

	it("keep sessions and addresses for five weeks, everybody else for ever", async () => {
		const keys = ["address:a", "device:d", "instrument:i", "session:s", "user:u"];
		await states.change(keys, state => {
			state.seq++;
		});
		const left = await Promise.all(keys.map(key => link.ask(client => client.pttl(link.key("risk", `{${key}}`)))));
		expect(left.map(ms => ms! > 34 * day)).toEqual([true, false, false, true, false]);
	});

	it("have a floor that never sinks, and rises only from where it stands", async () => {
		expect(await states.floorToRaise()).toBeUndefined();
		expect(await states.setFloor(10, 0)).toBe(true);
		expect(await states.setFloor(5, 0)).toBe(true);
		expect(await states.floorToRaise()).toBe(10);
		expect(await states.setFloor(30, 20)).toBe(false);
		expect(await states.floorToRaise()).toBe(10);
		expect(await states.setFloor(20, 10)).toBe(true);
		expect(await states.floorToRaise()).toBe(20);
	});

	it("have no floor after a loss, and none may be set by whoever counted before it", async () => {
		await states.floorToRaise();
		await apply(states, [logged(1)]);
		expect(await states.setFloor(1, 0)).toBe(true);
		expect(await states.setFilledFor(3)).toBe(true);
		expect(await states.filledFor()).toBe(3);
		await server.kill();
		await eventually(
			async () => link.answers,
			answers => !answers,
		);
		await expect(apply(states, [logged(2)])).rejects.toMatchObject({ type: "service_unavailable" });
		expect(codeOf(await states.floorToRaise().catch((error: unknown) => error))).toBe("service_unavailable");
		await server.restart({ wipe: true });
		await eventually(
			() =>
				states.read(["user:usr_a"]).then(
					() => true,
					() => false,
				),
			Boolean,
		);
		expect(await states.setFloor(2, 0)).toBe(false);
		expect(await states.setFilledFor(4)).toBe(false);
		expect(await states.floorToRaise()).toBeUndefined();
		expect(await states.filledFor()).toBe(0);
		await apply(states, [logged(1), logged(2)]);
		expect(await states.setFloor(2, 0)).toBe(true);
	});

	it("are not overwritten by what was read before a loss, though just as much was written since", async () => {
		await apply(states, [logged(1)]);
		let meanwhile: Promise<unknown> | undefined;
		// Between our reading and our writing Redis loses everything, and another node counts again.
		const slow = new RedisStates({
			key: (...parts: string[]) => link.key(...parts),
			ask: question => link.ask(question),
			onBack: listener => link.onBack(listener),
			async run(...call) {
				meanwhile ??= link.ask(client => client.flushall()).then(() => apply(states, [logged(2)]));
				await meanwhile;
				return link.run(...call);
			},
		} as Pick<RedisLink, "key" | "ask" | "onBack" | "run"> as RedisLink);
		await apply(slow, [logged(1), logged(3)]);
		const state = (await states.read(["user:usr_a"])).get("user:usr_a")!;
		expect(state.seq).toBe(3);
		expect(state.series.interactions).toMatchObject({ n: 2 });
	});
});
