import type { Principal } from "./principal.ts";
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
