/** Chance that can be thrown again: the same name gives the same throws on every machine. */
export class Dice {
	#a: number;
	#b: number;
	#c: number;
	#d = 1;

	constructor(name: string) {
		[this.#a, this.#b, this.#c] = [hashOf(name, 0x9e3779b9), hashOf(name, 0x243f6a88), hashOf(name, 0xb7e15162)];
		for (let thrown = 0; thrown < 12; thrown++) this.throw();
	}

	/** From 0 to 1, without 1. The generator is sfc32: small, fast, and integer arithmetic only. */
	throw(): number {
		const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
		this.#d = (this.#d + 1) | 0;
		this.#a = this.#b ^ (this.#b >>> 9);
		this.#b = (this.#c + (this.#c << 3)) | 0;
		this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
		return (sum >>> 0) / 2 ** 32;
	}

	chance(probability: number): boolean {
		return this.throw() < probability;
	}

	/** A whole number; both ends belong to it. */
	between(least: number, most: number): number {
		return least + Math.floor(this.throw() * (most - least + 1));
	}

	pick<Item>(items: readonly Item[]): Item {
		return items[Math.floor(this.throw() * items.length)]!;
	}

	/** Many small ones and few large ones, as people's activity and baskets are. */
	skewed(mean: number): number {
		return -Math.log(1 - this.throw()) * mean;
	}

	/** How often something happens that happens `mean` times on average. */
	count(mean: number): number {
		const floor = Math.exp(-mean);
		let happened = 0;
		for (let left = this.throw(); left > floor; left *= this.throw()) happened++;
		return happened;
	}
}

/** FNV-1a, begun at another place for each of the three words that are needed. */
function hashOf(text: string, seed: number): number {
	let hash = seed | 0;
	for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
	return hash;
}
