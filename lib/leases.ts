// Work that one node does at a time: a relay, the reading of a producer's facts, a sweep. A lease only spares the others the work; what must never
// happen twice is guarded where it is written (a position that rises, a fencing number).

/** Long enough for any pause of a healthy process, short enough that another node goes on within 5 s of a death. */
export const leaseMs = 3000;
/** An owner renews so often, and whoever waits looks so often. */
export const renewMs = 1000;

export interface Leases {
	/** Takes those of the names that are free or expired, renews those held already. Answers which are held now, each with its fencing number. */
	hold(names: readonly string[]): Promise<Map<string, number>>;
	/** Lets them go, so that another node need not wait for their end. */
	release(names: readonly string[]): Promise<void>;
}

/** Of an engine that one process owns: nobody else can want them. */
export const ownLeases: Leases = {
	hold: async names => new Map(names.map(name => [name, 1])),
	release: async () => undefined,
};

/** One lease of this process, for work that asks at every turn whether it is still its own: the store is asked once in {@link renewMs}. */
export class Tenure {
	readonly #leases: Leases;
	readonly #name: string;
	#isOurs = false;
	#renewedAt = 0;

	constructor(leases: Leases, name: string) {
		this.#leases = leases;
		this.#name = name;
	}

	/** As the store said last. */
	get isOurs(): boolean {
		return this.#isOurs;
	}

	/** Takes or keeps it. Rejects with the store's error; what was held is then held no more once {@link lost} is called. */
	async holds(): Promise<boolean> {
		const now = performance.now();
		if (this.#isOurs && now - this.#renewedAt < renewMs) return true;
		this.#isOurs = (await this.#leases.hold([this.#name])).has(this.#name);
		this.#renewedAt = now;
		return this.#isOurs;
	}

	/** Asked of the store again before anything else is done. */
	lost(): void {
		this.#isOurs = false;
	}

	/** Lets it go, so that another node need not wait. */
	async end(): Promise<void> {
		if (this.#isOurs) await this.#leases.release([this.#name]).catch(() => undefined);
		this.#isOurs = false;
	}
}
