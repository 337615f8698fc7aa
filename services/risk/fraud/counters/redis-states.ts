// States in Redis, where several nodes change them. Redis counts nothing itself: a state is loaded, changed here, and written by one Lua call that does
// so only where nobody else has written since. Redis may lose its last second or everything; the floor beside the states says from where the log must be
// applied again, and it moves only over a connection that has stood all the time since it was read.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { serviceUnavailable } from "../../../../lib/failure.ts";
import { type RedisLink, script } from "../../../../lib/redis.ts";
import { type EntityState, newState } from "./entity-state.ts";
import { batches, type Change, type EntityStates } from "./entity-states.ts";
import { stateOf, textOf } from "./entity-text.ts";

// What is loaded and written at once must pass within the link's patience, and a checkout waits behind it.
const batchSize = 64;

// Writers of one node never meet. Of as many nodes as there may be one gets through each time.
const triesMax = 30;
// Whoever came first does not wait until everybody behind them is counted too.
const togetherMax = 64;
const pauseMsMax = 4;

// Sessions and addresses come and go; somebody who was away for so long is somebody else.
const idleMs = 35 * 24 * 3_600_000;
const isPassing = (key: string) => key.startsWith("session:") || key.startsWith("address:");

/**
 * KEYS: the entity. ARGV: the version that was read, the next one, the state, how long it is kept (0: for ever). Answers whether it was written.
 * Versions are random: a number would come again after Redis has lost some, and hide that it did.
 */
const save = script(`
if (redis.call("HGET", KEYS[1], "version") or "") ~= ARGV[1] then return 0 end
redis.call("HSET", KEYS[1], "version", ARGV[2], "state", ARGV[3])
if ARGV[4] ~= "0" then redis.call("PEXPIRE", KEYS[1], ARGV[4]) end
return 1`);

/** KEYS: the floor. ARGV: where it is to be, and where the caller began. It never sinks. Answers whether what lies below it is still there. */
const raise = script(`
local floor = tonumber(redis.call("GET", KEYS[1]) or "0")
if floor < tonumber(ARGV[2]) then return 0 end
if floor < tonumber(ARGV[1]) then redis.call("SET", KEYS[1], ARGV[1]) end
return 1`);

interface Loaded {
	text: string;
	version: string;
}

/** A change of one entity that waits for its turn. */
interface Waiting {
	change: Change;
	done(state: EntityState): void;
	failed(error: unknown): void;
}

/** What became of it: the state as it left it, or why it refused. */
type Changed = { state: EntityState } | { error: unknown };

const nothing = textOf(newState());

export class RedisStates implements EntityStates {
	readonly #redis: RedisLink;
	readonly #waiting = new Map<string, Waiting[]>();
	/** Entities that are being loaded, changed and written. */
	readonly #underWay = new Set<string>();
	readonly #forgetReturns: () => void;
	/** How often Redis came back, and when the floor was read last: in between it may have lost what was written above the floor. */
	#returns = 0;
	#floorReadAfter = -1;

	constructor(redis: RedisLink) {
		this.#redis = redis;
		this.#forgetReturns = redis.onBack(() => {
			this.#returns++;
		});
	}

	/** Throws `service_unavailable` when Redis does not answer. */
	async read(keys: readonly string[]): Promise<Map<string, EntityState>> {
		const states = new Map<string, EntityState>();
		for (const batch of batches(keys, batchSize)) {
			for (const [key, { text }] of await this.#load(batch)) states.set(key, stateOf(text));
		}
		return states;
	}

	/**
	 * Changes of one entity that come together are made on one state in their order and written once: in a flood the last is not as late as all before it
	 * took together. Each is answered the state as it left it itself. Throws `service_unavailable` when Redis does not answer; some of it may then have
	 * been written, or may yet be.
	 */
	async change(keys: readonly string[], change: Change): Promise<Map<string, EntityState>> {
		const states = new Map<string, EntityState>();
		for (const batch of batches(keys, batchSize)) {
			const changed = Promise.all(batch.map(async key => states.set(key, await this.#inTurn(key, change))));
			this.#depart(batch);
			await changed;
		}
		return states;
	}

	/** How far the log is applied without a gap; undefined when Redis is empty. Throws `service_unavailable` when it does not answer. */
	async floor(): Promise<number | undefined> {
		const { text } = await this.#ask(this.#redis.ask(async client => ({ text: await client.get(this.#floorKey) })));
		return text === null ? undefined : Number(text);
	}

	/** The floor, for whoever alone applies the log from there and then raises it. */
	async floorToRaise(): Promise<number | undefined> {
		const returns = this.#returns;
		const floor = await this.floor();
		this.#floorReadAfter = returns;
		return floor;
	}

	/**
	 * The log is applied up to `seq`, by whoever began behind `from` after {@link floorToRaise}. False: Redis has lost something since, so the floor must be
	 * read again. Throws `service_unavailable` when Redis does not answer.
	 */
	async setFloor(seq: number, from: number): Promise<boolean> {
		if (this.#floorReadAfter !== this.#returns) return false;
		return (await this.#ask(this.#redis.run<number>(raise, [this.#floorKey], [seq, from]))) === 1;
	}

	/** The version of the rules whose counters were filled last; 0 after a loss that may have taken them. Throws `service_unavailable`. */
	async filledFor(): Promise<number> {
		return Number((await this.#ask(this.#redis.ask(async client => ({ text: await client.get(this.#filledKey) })))).text ?? "0");
	}

	/** Written after what was filled, so it cannot outlive it. False as {@link setFloor} answers it: it must be filled again. */
	async setFilledFor(version: number): Promise<boolean> {
		if (this.#floorReadAfter !== this.#returns) return false;
		await this.#ask(this.#redis.ask(client => client.set(this.#filledKey, version)));
		return true;
	}

	/** The link stays open: it is the process's. */
	close(): void {
		this.#forgetReturns();
	}

	get #floorKey(): string {
		return this.#redis.key("risk", "floor");
	}

	get #filledKey(): string {
		return this.#redis.key("risk", "filled");
	}

	/** One hash and one hash tag for each entity, so that they may be spread over machines. */
	#keyOf(key: string): string {
		return this.#redis.key("risk", `{${key}}`);
	}

	#inTurn(key: string, change: Change): Promise<EntityState> {
		return new Promise((done, failed) => {
			const waiting = { change, done, failed };
			const others = this.#waiting.get(key);
			if (others) others.push(waiting);
			else this.#waiting.set(key, [waiting]);
		});
	}

	/** One write of an entity at a time in this process: two would only meet in Redis, and one of them would have to come again. */
	#depart(keys: readonly string[]): void {
		const ready = keys.filter(key => this.#waiting.has(key) && !this.#underWay.has(key));
		if (ready.length === 0) return;
		for (const key of ready) this.#underWay.add(key);
		void this.#changeAll(ready);
	}

	/** Each goes as soon as it is written, with those that waited for it. */
	#arrive(key: string): void {
		this.#underWay.delete(key);
		this.#depart([key]);
	}

	async #changeAll(keys: readonly string[]): Promise<void> {
		let left = keys;
		try {
			for (let tries = 1; left.length > 0; tries++) {
				if (tries > triesMax) throw serviceUnavailable({ service: "fraud" });
				// Longer after each try, and never twice the same: those who met once must not meet again.
				if (tries > 1) await sleep(Math.random() * Math.min(tries - 1, pauseMsMax));
				const loaded = await this.#load(left);
				const isOver = await Promise.all(
					[...loaded].map(([key, before]) => this.#changeOne(key, before).catch(error => this.#refuse(key, error))),
				);
				left = left.filter((_, place) => !isOver[place]);
			}
		} catch (error) {
			for (const key of left) this.#refuse(key, error);
		}
	}

	/** False when somebody else has written meanwhile: all of it is done again then, and with it what came since. */
	async #changeOne(key: string, before: Loaded): Promise<boolean> {
		const together = this.#waiting.get(key)!.slice(0, togetherMax);
		const { text, changed } = changedBy(together, key, before.text);
		if (!(await this.#save(key, before, text))) return false;
		this.#taken(key, together.length);
		for (const [place, { done, failed }] of together.entries()) {
			const what = changed[place]!;
			if ("state" in what) done(what.state);
			else failed(what.error);
		}
		this.#arrive(key);
		return true;
	}

	/** Whoever waits for this entity would fare no better. Answers that it is over. */
	#refuse(key: string, error: unknown): true {
		for (const { failed } of this.#taken(key, Number.POSITIVE_INFINITY)) failed(error);
		this.#arrive(key);
		return true;
	}

	/** The first that wait for an entity, who then do so no more. */
	#taken(key: string, count: number): Waiting[] {
		const waiting = this.#waiting.get(key) ?? [];
		const taken = waiting.splice(0, count);
		if (waiting.length === 0) this.#waiting.delete(key);
		return taken;
	}

	/** In the order of the keys. */
	async #load(keys: readonly string[]): Promise<Map<string, Loaded>> {
		const rows = await this.#ask(
			this.#redis.ask(async client => {
				const pipeline = client.pipeline();
				for (const key of keys) pipeline.hmget(this.#keyOf(key), "state", "version");
				const answers = (await pipeline.exec()) ?? [];
				return answers.map(([error, row]) => {
					if (error) throw error;
					return row as [state: string | null, version: string | null];
				});
			}),
		);
		return new Map(keys.map((key, place) => [key, { text: rows[place]![0] ?? nothing, version: rows[place]![1] ?? "" }]));
	}

	/** All writes of a batch are asked for in one go, so they travel together. */
	async #save(key: string, { text, version }: Loaded, next: string): Promise<boolean> {
		if (next === text) return true;
		const args = [version, randomUUID(), next, isPassing(key) ? idleMs : 0];
		return (await this.#ask(this.#redis.run<number>(save, [this.#keyOf(key)], args))) === 1;
	}

	async #ask<T>(answer: Promise<T | undefined>): Promise<T> {
		const answered = await answer;
		if (answered === undefined) throw serviceUnavailable({ service: "fraud" });
		return answered;
	}
}

/** Everybody has a state of their own, for the next one changes it again; whoever refuses leaves it as it was. */
function changedBy(together: readonly Waiting[], key: string, before: string): { text: string; changed: Changed[] } {
	let text = before;
	const changed = together.map(({ change }): Changed => {
		const state = stateOf(text);
		try {
			change(state, key);
			text = textOf(state);
			return { state };
		} catch (error) {
			return { error };
		}
	});
	return { text, changed };
}
