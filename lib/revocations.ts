import type { Principal } from "./principal.ts";
import { type RedisLink, script } from "./redis.ts";
import { accessTokenSeconds } from "./tokens.ts";

/** What a node knows of sessions that ended and roles that changed, for as long as an access token from before could still be valid. */
export class Revocations {
	static readonly rememberedMs = (accessTokenSeconds + 60) * 1000;
	readonly #ended = new Map<string, number>();
	readonly #roleVersions = new Map<string, { version: number; at: number }>();

	end(sessionId: string, now: number): void {
		this.#ended.set(sessionId, now);
		this.#forget(now);
	}

	raise(userId: string, version: number, now: number): void {
		const known = this.#roleVersions.get(userId);
		if (!known || known.version < version) this.#roleVersions.set(userId, { version, at: now });
		this.#forget(now);
	}

	isEnded(sessionId: string): boolean {
		return this.#ended.has(sessionId);
	}

	hasOlderRoles({ userId, roleVersion }: Principal): boolean {
		return roleVersion < (this.#roleVersions.get(userId)?.version ?? 0);
	}

	/** Insertion order is age: the oldest stand first. */
	#forget(now: number): void {
		for (const [id, at] of this.#ended) {
			if (now - at <= Revocations.rememberedMs) break;
			this.#ended.delete(id);
		}
		for (const [id, { at }] of this.#roleVersions) {
			if (now - at <= Revocations.rememberedMs) break;
			this.#roleVersions.delete(id);
		}
	}
}

// A change that is told late must not hide a newer one.
const raiseTo = script(`
if tonumber(redis.call("GET", KEYS[1]) or "0") < tonumber(ARGV[1]) then redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2]) end
return 1`);

/**
 * The same in Redis, where whoever ended a session writes it before its caller is answered, and every first hop looks: a broadcast may still be on its
 * way to a node that is asked next. What Redis does not say proves nothing; it may have been emptied.
 */
export class SharedRevocations {
	readonly #redis: RedisLink;

	constructor(redis: RedisLink) {
		this.#redis = redis;
	}

	async end(sessionId: string): Promise<void> {
		await this.#redis.ask(client => client.set(this.#ofSession(sessionId), "1", "PX", Revocations.rememberedMs));
	}

	async raise(userId: string, version: number): Promise<void> {
		await this.#redis.run(raiseTo, [this.#ofUser(userId)], [version, Revocations.rememberedMs]);
	}

	/** Tells this node what Redis knows of a principal. Waits no longer than the link does. */
	async learn({ sessionId, userId }: Principal, into: Revocations, now: number): Promise<void> {
		const [ended, version] = (await this.#redis.ask(client => client.mget(this.#ofSession(sessionId), this.#ofUser(userId)))) ?? [];
		if (ended) into.end(sessionId, now);
		if (version) into.raise(userId, Number(version), now);
	}

	#ofSession(sessionId: string): string {
		return this.#redis.key("sessions", "ended", sessionId);
	}

	#ofUser(userId: string): string {
		return this.#redis.key("roles", "version", userId);
	}
}
