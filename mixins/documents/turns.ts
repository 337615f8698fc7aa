/** Work under one key runs one after the other, in the order it was asked for; other keys do not wait. */
export class Turns {
	readonly #last = new Map<string, Promise<unknown>>();

	take<T>(key: string, work: () => Promise<T>): Promise<T> {
		const before = this.#last.get(key);
		const turn = before ? before.then(work, work) : work();
		this.#last.set(key, turn);
		const leave = () => {
			if (this.#last.get(key) === turn) this.#last.delete(key);
		};
		turn.then(leave, leave);
		return turn;
	}
}
