// The process's one connection to Redis, for what may be lost without harm: counted windows, word of ended sessions, remembered answers. Nothing here
// waits long or throws because Redis is down, slow or empty: every question is answered by Redis soon, or not at all, and its asker goes on without.
import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import type { ServiceBroker } from "moleculer";
import type { Measurement } from "./measurement.ts";
import { runtimeOf } from "./runtime.ts";

// In one data centre an answer takes half a millisecond; what comes much later was this process being busy, not Redis. A longer patience would be paid
// by everybody who is under way when Redis stops.
const patienceMs = 200;
// After one question went unanswered nobody else asks: a ping of our own looks whether it is over, so that no request pays for finding out.
const probeEveryMs = 200;
// A connection that says nothing for a second may be to a machine that is gone; a new one finds the machine that took its place.
const probesPerConnection = 5;
const connectWithinMs = 1000;
const reconnectMsMax = 1000;

/** A script that Redis knows by its hash once it was sent whole. It must name every key it touches in KEYS. */
export interface Script {
	readonly lua: string;
	readonly hash: string;
}

export const script = (lua: string): Script => ({ lua, hash: createHash("sha1").update(lua).digest("hex") });

interface Log {
	info(message: string): void;
	warn(message: string): void;
}

export class RedisLink {
	readonly #client: Redis;
	readonly #namespace: string;
	readonly #log: Log;
	readonly #whenBack = new Set<() => void>();
	#answers = false;
	#isClosed = false;
	/** What was said last of why, so that the log says it once. */
	#trouble = "";
	#unanswered = 0;
	#probing: NodeJS.Timeout | undefined;

	constructor(url: string, namespace: string, log: Log) {
		this.#namespace = namespace;
		this.#log = log;
		this.#client = new Redis(url, {
			connectionName: namespace,
			connectTimeout: connectWithinMs,
			commandTimeout: patienceMs,
			keepAlive: 5000,
			// A connection that is given up need not wait for a farewell from a server that hangs.
			disconnectTimeout: 100,
			disableClientInfo: true,
			// What cannot be asked now is not asked later: nothing queues up behind an outage, and nothing is counted twice after it.
			enableOfflineQueue: false,
			autoResendUnfulfilledCommands: false,
			maxRetriesPerRequest: 0,
			retryStrategy: attempts => Math.min(50 * attempts, reconnectMsMax),
			// After a failover the old master answers, but refuses to write.
			reconnectOnError: error => error.message.startsWith("READONLY"),
		});
		this.#client.on("ready", () => this.#isBack());
		this.#client.on("close", () => this.#isAway("the connection was lost"));
		// The client reconnects by itself, for ever; a wrong password or address shows only here.
		this.#client.on("error", (error: Error) => this.#complain(error.message || error.name));
	}

	/** Whether it is worth asking: connected, and the last question was answered in time. */
	get answers(): boolean {
		return this.#answers;
	}

	/** A key of this mesh: `stoa:limits:address:192.0.2.1`. */
	key(...parts: readonly string[]): string {
		return [this.#namespace, ...parts].join(":");
	}

	/** What Redis answers; undefined when it does not. Then it may still have done, or do later, what it was asked. Never rejects. */
	async ask<T>(question: (client: Redis) => Promise<T>): Promise<T | undefined> {
		if (!this.#answers) return undefined;
		try {
			return await question(this.#client);
		} catch (error) {
			const { name, message } = error as Error;
			// A refusal (out of memory, no right to a command) came at once: it says nothing of the next question.
			if (name === "ReplyError") this.#complain(message);
			else this.#fell(message);
			return undefined;
		}
	}

	/** Runs a script; answers as {@link ask} does. */
	run<T>({ lua, hash }: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<T | undefined> {
		return this.ask(client =>
			client.evalsha(hash, keys.length, ...keys, ...args).catch((error: Error) => {
				if (!error.message.startsWith("NOSCRIPT")) throw error;
				return client.eval(lua, keys.length, ...keys, ...args);
			}),
		) as Promise<T | undefined>;
	}

	/** Calls back each time Redis answers again after it did not. Answers how to stop that. */
	onBack(listener: () => void): () => void {
		this.#whenBack.add(listener);
		return () => this.#whenBack.delete(listener);
	}

	/** Resolves when Redis answers, or when the time is over: a start need not begin as an outage, and must not wait for one to end. */
	opened(withinMs: number): Promise<void> {
		if (this.#answers) return Promise.resolve();
		return new Promise(resolve => {
			const done = () => {
				clearTimeout(timer);
				forget();
				resolve();
			};
			const forget = this.onBack(done);
			const timer = setTimeout(done, withinMs);
		});
	}

	measurements(): Measurement[] {
		const value = this.#answers ? 1 : 0;
		return [
			{ name: "stoa_redis_up", type: "gauge", help: "Whether Redis answers this node; without it the node goes on.", samples: [{ value }] },
		];
	}

	close(): void {
		this.#isClosed = true;
		this.#answers = false;
		clearTimeout(this.#probing);
		this.#client.disconnect();
	}

	#isBack(): void {
		if (this.#answers || this.#isClosed) return;
		this.#answers = true;
		this.#trouble = "";
		this.#unanswered = 0;
		clearTimeout(this.#probing);
		this.#log.info("Redis answers");
		for (const listener of [...this.#whenBack]) listener();
	}

	#isAway(trouble: string): void {
		if (!this.#answers || this.#isClosed) return;
		this.#answers = false;
		this.#complain(trouble);
	}

	#complain(trouble: string): void {
		if (trouble === this.#trouble || this.#isClosed) return;
		this.#trouble = trouble;
		this.#log.warn(`going on without Redis: ${trouble}`);
	}

	#fell(trouble: string): void {
		if (!this.#answers) return;
		this.#isAway(trouble);
		this.#probeSoon();
	}

	/** Only while the connection stands: when it breaks, the client makes another and says when that is ready. */
	#probeSoon(): void {
		clearTimeout(this.#probing);
		this.#probing = setTimeout(async () => {
			if (this.#isClosed || this.#answers || this.#client.status !== "ready") return;
			try {
				await this.#client.ping();
				this.#isBack();
			} catch {
				if (++this.#unanswered % probesPerConnection === 0) this.#client.disconnect(true);
				else this.#probeSoon();
			}
		}, probeEveryMs).unref();
	}
}

const links = new WeakMap<ServiceBroker, RedisLink>();

/** The link of this process, opened at first use; undefined when no Redis was set, and everything stays in the process. */
export function redisOf(broker: ServiceBroker): RedisLink | undefined {
	const { redisUrl, namespace } = runtimeOf(broker).config;
	if (!redisUrl) return undefined;
	let link = links.get(broker);
	if (!link) {
		link = new RedisLink(redisUrl, namespace, broker.getLogger("redis"));
		links.set(broker, link);
	}
	return link;
}

/** Ends the link when nobody of this process needs it any more; asked again, another is opened. */
export function closeRedis(broker: ServiceBroker): void {
	links.get(broker)?.close();
	links.delete(broker);
}
