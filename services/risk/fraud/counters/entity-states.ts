// Where states are kept. A store only loads and saves; what an observation does to a state is decided in entity-state.ts, for all stores alike.
import type { EntityState } from "./entity-state.ts";

/** Changes a state in place. A store that meets another writer calls it again, always with a fresh copy, so it must change nothing else. */
export type Change = (state: EntityState, key: string) => void;

export interface EntityStates {
	/** A state for every key, a new one where nothing was ever counted. They are for reading. */
	read(keys: readonly string[]): Promise<Map<string, EntityState>>;
	/** Changes each entity atomically, but not all together: who is told that it failed does all of it again. Answers the states as they were saved. */
	change(keys: readonly string[], change: Change): Promise<Map<string, EntityState>>;
}

/** Each key once, in the one order in which everybody takes them, a few at a time. */
export function* batches(keys: readonly string[], size: number): Generator<string[]> {
	const sorted = [...new Set(keys)].sort();
	for (let at = 0; at < sorted.length; at += size) yield sorted.slice(at, at + size);
}
