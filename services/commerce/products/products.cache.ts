// Answers that are asked for often and change seldom, within one process.

/**
 * Keeps what was loaded, the least recently used going first. Several who ask for the same at once share one load; whoever asks after `forget` gets
 * nothing that was loaded, or began to be, before it.
 */
export class Remembered<Value extends object> {
	readonly #held = new Map<string, Promise<Value | undefined>>();
	readonly #max: number;

	constructor(max: number) {
		this.#max = max;
	}

	/** What could not be found, or loaded, is not remembered. */
	of(key: string, load: () => Promise<Value | undefined>): Promise<Value | undefined> {
		const held = this.#held.get(key);
		if (held) {
			this.#held.delete(key);
			this.#held.set(key, held);
			return held;
		}
		const loading = load();
		this.#held.set(key, loading);
		if (this.#held.size > this.#max) this.#held.delete(this.#held.keys().next().value!);
		const release = () => {
			if (this.#held.get(key) === loading) this.#held.delete(key);
		};
		loading.then(value => value ?? release(), release);
		return loading;
	}

	forget(key: string): void {
		this.#held.delete(key);
	}

	forgetAll(): void {
		this.#held.clear();
	}
}

/** Where a thing was last seen under another name. Whoever follows a hint looks whether it is still true, so it may be as old as it likes. */
export class Hints {
	readonly #ids = new Map<string, string>();
	readonly #max: number;

	constructor(max: number) {
		this.#max = max;
	}

	get(name: string): string | undefined {
		return this.#ids.get(name);
	}

	set(name: string, id: string): void {
		if (this.#ids.size >= this.#max && !this.#ids.has(name)) this.#ids.clear();
		this.#ids.set(name, id);
	}
}

/** Does once, a little later, what is asked for again and again. */
export class Soon {
	readonly #ms: number;
	readonly #work: () => unknown;
	#isAsked = false;

	constructor(ms: number, work: () => unknown) {
		this.#ms = ms;
		this.#work = work;
	}

	ask(): void {
		if (this.#isAsked) return;
		this.#isAsked = true;
		setTimeout(() => {
			this.#isAsked = false;
			this.#work();
		}, this.#ms).unref();
	}
}

/** The same object is handed to everybody, so nobody may change it. */
export function frozen<Value>(value: Value): Value {
	if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
		for (const held of Object.values(value)) frozen(held);
		Object.freeze(value);
	}
	return value;
}
