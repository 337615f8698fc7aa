// What several nodes remember of the catalogue together. Every part of it (a product, all lists, a taxonomy) has a version in Redis, and an answer is
// remembered, here and in Redis, under the version that stood before it was loaded. Who writes a part takes its version away, so that nobody asks for
// what was remembered under it any more. Versions are random, never counted: a Redis that lost its data cannot give an old one out again.
//
// Before the write a mark takes the version's place: while it stands, readers go to the store and remember nothing. A writer that dies between its
// commit and the end of its mark thus leaves a slow half minute behind, not a wrong one.
// Without Redis nothing is remembered. Whoever was without it starts a new epoch when it is back, because what was written meanwhile raised no version;
// and a writer that could not raise one tells the other nodes, one of which may still reach Redis. Should all of that be lost (the writer killed as
// well), a version still ends after half a minute. Money never comes from here: quotes are read from the store.
import { randomUUID } from "node:crypto";
import { isDefinite } from "../../../lib/failure.ts";
import { type RedisLink, script } from "../../../lib/redis.ts";
import { DuplicateKey } from "../../../mixins/documents/engine.ts";
import type { Remembered } from "./products.cache.ts";

const versionMs = 30_000;
/** Longer than any write takes that is going to succeed. */
const markMs = 30_000;

/** An outage does not end for every node at once: one that is still without Redis writes without a mark. So long nothing is remembered. */
const restMs = 2000;

/** KEYS: epoch, version. ARGV: what to call those that are missing, how long a version lasts. Empty while somebody writes. */
const versionOf = script(`
local epoch, version = redis.call("GET", KEYS[1]), redis.call("GET", KEYS[2])
if not epoch then
	epoch = ARGV[1]
	redis.call("SET", KEYS[1], epoch)
end
if not version then
	version = ARGV[1]
	redis.call("SET", KEYS[2], version, "PX", ARGV[2])
end
if string.sub(version, 1, 1) == "!" then return "" end
return epoch .. "." .. version`);

const markAll = script(`
for _, key in ipairs(KEYS) do redis.call("SET", key, ARGV[1], "PX", ARGV[2]) end
return 1`);

/** Takes away versions and one's own mark; the mark of another who is still writing stays. */
const raiseAll = script(`
for _, key in ipairs(KEYS) do
	local version = redis.call("GET", key)
	if version and (version == ARGV[1] or string.sub(version, 1, 1) ~= "!") then redis.call("DEL", key) end
end
return 1`);

export interface Load<Value, Kept> {
	/** The part of the catalogue that the answer is made of. */
	part: string;
	/** Tells answers made of the same part apart. */
	key: string;
	/** From the store. What it answers is kept in Redis as JSON. */
	load(): Promise<Value | undefined>;
	/** What the process keeps and hands out. */
	make(value: Value): Promise<Kept> | Kept;
	held: Remembered<Kept & object>;
}

export class CatalogueVersions {
	readonly #redis: RedisLink | undefined;
	readonly #tellOthers: (parts: readonly string[]) => void;
	readonly #leave: () => void;
	#restsUntil = 0;
	#hadRedis: boolean;

	/** `tellOthers`: parts were written, and this node could not say so in Redis. */
	constructor(redis: RedisLink | undefined, tellOthers: (parts: readonly string[]) => void) {
		this.#redis = redis;
		this.#tellOthers = tellOthers;
		this.#hadRedis = redis?.answers ?? false;
		const epoch = redis?.key("catalogue", "epoch");
		// The link sends this before anything that asks for a version.
		this.#leave =
			redis?.onBack(() => {
				if (this.#hadRedis) this.#restsUntil = performance.now() + restMs;
				this.#hadRedis = true;
				void redis.ask(client => client.set(epoch!, randomUUID()));
			}) ?? (() => undefined);
	}

	/** An answer from memory, from Redis, or from the store; those who ask at once for the same version share one load. */
	async of<Value, Kept>({ part, key, load, make, held }: Load<Value, Kept>): Promise<Kept | undefined> {
		const made = async (value: Value | undefined) => (value === undefined ? undefined : await make(value));
		const version = await this.#versionOf(part);
		if (!version) return made(await load());
		return held.of(`${key} ${version}`, async () => (await made(await this.#shared(`${key}:${version}`, load))) as Kept & object);
	}

	/** A write of these parts. Whoever asks for one after it has ended, on any node, gets nothing from before. */
	async writing<T>(parts: readonly string[], write: () => Promise<T>): Promise<T> {
		const redis = this.#redis;
		if (!redis) return write();
		const keys = this.#keysOf(redis, parts);
		const mark = `!${randomUUID()}`;
		await redis.run(markAll, keys, [mark, markMs]);
		const raise = async () => {
			if ((await redis.run(raiseAll, keys, [mark])) === undefined) this.#tellOthers(parts);
		};
		try {
			const written = await write();
			await raise();
			return written;
		} catch (error) {
			// A write whose outcome nobody knows may yet come true: its mark stays until it cannot any more.
			if (isDefinite(error) || error instanceof DuplicateKey) await raise();
			throw error;
		}
	}

	/** Another node wrote these parts and could not say so itself. */
	async raise(parts: readonly string[]): Promise<void> {
		await this.#redis?.run(raiseAll, this.#keysOf(this.#redis, parts), [""]);
	}

	stop(): void {
		this.#leave();
	}

	#keysOf(redis: RedisLink, parts: readonly string[]): string[] {
		return parts.map(part => redis.key("catalogue", "version", part));
	}

	async #versionOf(part: string): Promise<string | undefined> {
		const redis = this.#redis;
		if (!redis || performance.now() < this.#restsUntil) return undefined;
		return redis.run<string>(versionOf, [redis.key("catalogue", "epoch"), ...this.#keysOf(redis, [part])], [randomUUID(), versionMs]);
	}

	async #shared<Value>(name: string, load: () => Promise<Value | undefined>): Promise<Value | undefined> {
		const redis = this.#redis!;
		const key = redis.key("catalogue", "answer", name);
		const kept = await redis.ask(client => client.get(key));
		if (kept) return JSON.parse(kept) as Value;
		const value = await load();
		// Nobody waits for it, and a link that is away keeps it to itself.
		if (value !== undefined) void redis.ask(client => client.set(key, JSON.stringify(value), "PX", versionMs));
		return value;
	}
}
