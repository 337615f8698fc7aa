// When a rule whose condition holds says so. The judge decides the same in one statement of its store (`fire` in fraud.store.ts).
import type { CompiledRule } from "./rule-book.ts";

/** When a rule last fired for an entity. */
export interface Fired {
	at: number;
	/** Of the rule's memory of the entity. */
	episode: number;
}

export interface Firing {
	rule: Pick<CompiledRule, "cooldownMs">;
	/** Undefined: never. */
	fired: Fired | undefined;
	/** In which the rule's memory of the entity is now. */
	episode: number;
	now: number;
}

/** Once, and then again when its cooldown is over or its memory of the entity was taken away: what was cleared begins afresh. */
export function mayFire({ rule: { cooldownMs }, fired, episode, now }: Firing): boolean {
	if (fired === undefined || fired.episode < episode) return true;
	return cooldownMs !== null && fired.at <= now - cooldownMs;
}
