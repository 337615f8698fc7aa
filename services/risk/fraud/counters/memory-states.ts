// States of a backtest: in this process, and gone with it.

import { type EntityState, newState } from "./entity-state.ts";
import type { Change, EntityStates } from "./entity-states.ts";

export class MemoryStates implements EntityStates {
	readonly #states = new Map<string, EntityState>();

	/** The state itself, to be read and changed at once: half a million events have no time for promises. */
	of(key: string): EntityState {
		let state = this.#states.get(key);
		if (!state) {
			state = newState();
			this.#states.set(key, state);
		}
		return state;
	}

	/** Of everybody who was ever asked for. */
	all(): ReadonlyMap<string, EntityState> {
		return this.#states;
	}

	async read(keys: readonly string[]): Promise<Map<string, EntityState>> {
		return new Map(keys.map(key => [key, this.#states.get(key) ?? newState()]));
	}

	async change(keys: readonly string[], change: Change): Promise<Map<string, EntityState>> {
		const changed = new Map(keys.map(key => [key, this.of(key)]));
		for (const [key, state] of changed) change(state, key);
		return changed;
	}
}
