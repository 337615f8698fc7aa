// Chance that can be repeated: everything drawn follows from the seed and the words beside it, whatever was drawn elsewhere before.
import { createHash } from "node:crypto";

export class Random {
	#state: number;

	constructor(...seeds: readonly (string | number)[]) {
		this.#state = createHash("sha256").update(seeds.join("/")).digest().readUInt32LE();
	}

	/** From 0 up to, not including, 1. mulberry32: small, even, and the same on every machine. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}

	/** Both ends included. */
	whole(from: number, to: number): number {
		return from + Math.floor(this.next() * (to - from + 1));
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	pick<T>(from: readonly T[]): T {
		return from[this.whole(0, from.length - 1)]!;
	}

	/** A name, as often as its weight says. */
	weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
		const entries = Object.entries(weights) as [Name, number][];
		let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
		for (const [name, weight] of entries) {
			left -= weight;
			if (left < 0) return name;
		}
		return entries[entries.length - 1]![0];
	}

	shuffled<T>(list: readonly T[]): T[] {
		const mixed = [...list];
		for (let last = mixed.length - 1; last > 0; last--) {
			const at = this.whole(0, last);
			[mixed[last], mixed[at]] = [mixed[at]!, mixed[last]!];
		}
		return mixed;
	}
}
