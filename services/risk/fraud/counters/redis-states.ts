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

const nothing = textOf(newState());

export class RedisStates implements EntityStates {
	readonly #redis: RedisLink;
	readonly #turns = new Map<string, Promise<unknown>>();
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

	/** Throws `service_unavailable` when Redis does not answer; some of it may then have been written, or may yet be. */
	async change(keys: readonly string[], change: Change): Promise<Map<string, EntityState>> {
		const states = new Map<string, EntityState>();
		for (const batch of batches(keys, batchSize)) {
			await this.#inTurn(batch, () => this.#changeAll(batch, change, states));
		}
		return states;
	}

	/** How far the log is applied without a gap; undefined when Redis is empty. Throws `service_unavailable` when it does not answer. */
	async floor(): Promise<number | undefined> {
		const returns = this.#returns;
		const floor = await this.#ask(this.#redis.ask(async client => ({ text: await client.get(this.#floorKey) })));
		this.#floorReadAfter = returns;
		return floor.text === null ? undefined : Number(floor.text);
	}

	/**
	 * The log is applied up to `seq`, by whoever began behind `from` after reading the floor. False: Redis has lost something since, so the floor must be
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

	/** One change of an entity at a time in this process: two would only meet in Redis, and one of them would have to come again. */
	async #inTurn(keys: readonly string[], work: () => Promise<void>): Promise<void> {
		const mine = Promise.all(keys.map(key => this.#turns.get(key))).then(work);
		const over = mine.catch(() => undefined);
		for (const key of keys) this.#turns.set(key, over);
		try {
			await mine;
		} finally {
			for (const key of keys) if (this.#turns.get(key) === over) this.#turns.delete(key);
		}
	}

	async #changeAll(keys: readonly string[], change: Change, states: Map<string, EntityState>): Promise<void> {
		let left = keys;
		for (let tries = 1; left.length > 0; tries++) {
			if (tries > triesMax) throw serviceUnavailable({ service: "fraud" });
			// Longer after each try, and never twice the same: those who met once must not meet again.
			if (tries > 1) await sleep(Math.random() * Math.min(tries - 1, pauseMsMax));
			const loaded = await this.#load(left);
			const saved = await Promise.all(
				[...loaded].map(async ([key, before]) => {
					const state = stateOf(before.text);
					change(state, key);
					const isSaved = await this.#save(key, before, textOf(state));
					if (isSaved) states.set(key, state);
					return isSaved;
				}),
			);
			left = left.filter((_, place) => !saved[place]);
		}
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
