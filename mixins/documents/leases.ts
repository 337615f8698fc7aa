// Leases as documents: taken, kept and let go by conditional writes of one document each.
import type { Clock } from "../../lib/clock.ts";
import { type Leases, leaseMs } from "../../lib/leases.ts";
import { type CollectionSpec, DuplicateKey, type EngineCollection, type StoredDocument } from "./engine.ts";

/** `_id` is the lease's name. */
interface LeaseDocument extends StoredDocument {
	owner: string;
	until: number;
	/** Rises with every taking. */
	fence: number;
}

export const leasesSpec: CollectionSpec = {};

export class DocumentLeases implements Leases {
	readonly #leases: EngineCollection;
	readonly #owner: string;
	readonly #clock: Clock;

	constructor(leases: EngineCollection, owner: string, clock: Clock) {
		this.#leases = leases;
		this.#owner = owner;
		this.#clock = clock;
	}

	async hold(names: readonly string[]): Promise<Map<string, number>> {
		const known = await this.#known(names);
		const held = await Promise.all(names.map(async name => [name, await this.#holdOne(name, known.get(name))] as const));
		return new Map(held.filter((entry): entry is [string, number] => entry[1] !== undefined));
	}

	async release(names: readonly string[]): Promise<void> {
		const known = await this.#known(names);
		const own = [...known.values()].filter(({ owner }) => owner === this.#owner);
		await Promise.all(own.map(lease => this.#write({ ...lease, until: 0 }, lease.version)));
	}

	async #known(names: readonly string[]): Promise<Map<string, LeaseDocument>> {
		const found = (await this.#leases.getMany(names)) as unknown as LeaseDocument[];
		return new Map(found.map(lease => [lease._id, lease]));
	}

	/** Its fencing number; undefined when another has it, or was faster. */
	async #holdOne(name: string, known: LeaseDocument | undefined): Promise<number | undefined> {
		const now = this.#clock.now();
		const until = now + leaseMs;
		if (!known) return (await this.#insert({ _id: name, owner: this.#owner, until, fence: 1 })) ? 1 : undefined;
		// An end that far away was written by a clock that is wrong; to wait for it would be to wait for ever.
		const isHeld = known.until > now && known.until <= now + 2 * leaseMs;
		if (isHeld && known.owner !== this.#owner) return undefined;
		const fence = isHeld ? known.fence : known.fence + 1;
		return (await this.#write({ _id: name, owner: this.#owner, until, fence }, known.version)) ? fence : undefined;
	}

	async #insert(lease: Omit<LeaseDocument, "version">): Promise<boolean> {
		try {
			await this.#leases.insert(lease, []);
			return true;
		} catch (error) {
			if (error instanceof DuplicateKey) return false;
			throw error;
		}
	}

	#write(lease: Omit<LeaseDocument, "version">, version: number): Promise<boolean> {
		return this.#leases.replace(lease, version, []);
	}
}
