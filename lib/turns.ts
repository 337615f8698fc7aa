// Long work in a process that has calls to answer meanwhile.
import { setImmediate as nextTurn } from "node:timers/promises";

// What one of the others may have to wait.
const turnMs = 4;
// Looking at the clock costs more than a small piece of work.
const piecesPerLook = 32;

export class Turns {
	readonly #everyMs: number;
	#pieces = 0;
	#began = performance.now();

	constructor(everyMs = turnMs) {
		this.#everyMs = everyMs;
	}

	/** Asked after each piece of the work: whether it is the others' turn. */
	isOver(): boolean {
		return ++this.#pieces % piecesPerLook === 0 && performance.now() - this.#began >= this.#everyMs;
	}

	/** Resolves when they have had it. */
	async next(): Promise<void> {
		await nextTurn();
		this.#began = performance.now();
	}
}
