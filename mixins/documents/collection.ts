// A collection as a service sees it: documents without what the store keeps in them, every write one conditional write of one document.
import { setTimeout as sleep } from "node:timers/promises";
import { serviceUnavailable } from "../../lib/failure.ts";
import type { EngineCollection, Query, StoredDocument } from "./engine.ts";
import type { Filter } from "./filter.ts";
import type { Facts } from "./told.ts";
import { Turns } from "./turns.ts";

// Within a process changes of one document queue up; only other nodes can win a race, and twenty of them in a row mean something is wrong.
const attemptsMax = 20;
// Two nodes that keep step would lose to each other by turns, so whoever lost waits a little, each another while.
const aside = (attempt: number) => sleep(Math.random() * 2 * attempt);

/** What carries facts away once they are written, which must be done before their document may go. */
export interface FactCarrier {
	told(collection: string, id: string): void;
	/** Resolves when everything told so far was carried away, or could not be, or another node was given time to. */
	idle(): Promise<void>;
}

/** What a decision makes of a document: the new one, and the facts this makes true. The version is the store's. */
export interface Decision<T extends StoredDocument> {
	doc: Omit<T, "version">;
	facts?: Facts;
}

export class Collection<T extends StoredDocument> {
	readonly #engine: EngineCollection;
	readonly #name: string;
	readonly #carrier: FactCarrier;
	readonly #turns = new Turns();

	constructor(engine: EngineCollection, name: string, carrier: FactCarrier) {
		this.#engine = engine;
		this.#name = name;
		this.#carrier = carrier;
	}

	get(id: string): Promise<T | undefined> {
		return this.#engine.get(id) as Promise<T | undefined>;
	}

	/** Those that exist, in the order asked for. */
	getMany(ids: readonly string[]): Promise<T[]> {
		return this.#engine.getMany(ids) as Promise<T[]>;
	}

	async findOne(filter: Filter): Promise<T | undefined> {
		return (await this.find({ filter, limit: 1 }))[0];
	}

	/** Throws a TypeError for an unknown operator, or a sort that no index serves: both are defects of the caller. */
	find(query: Query): Promise<T[]> {
		return this.#engine.find(query) as Promise<unknown> as Promise<T[]>;
	}

	count(filter: Filter = {}): Promise<number> {
		return this.#engine.count(filter);
	}

	/** Stores version 1. Throws {@link DuplicateKey}. */
	async insert(doc: Omit<T, "version">, facts?: Facts): Promise<T> {
		const told = facts?.sealed ?? [];
		await this.#engine.insert(doc as Omit<T, "version"> & { _id: string }, told);
		if (told.length > 0) this.#carrier.told(this.#name, String(doc._id));
		return { ...doc, version: 1 } as unknown as T;
	}

	/** Writes only if the stored version is still the expected one, and counts it up. False: somebody was faster, or it is gone. Throws {@link DuplicateKey}. */
	async replace(doc: Omit<T, "version">, expectedVersion: number, facts?: Facts): Promise<boolean> {
		const told = facts?.sealed ?? [];
		const replaced = await this.#engine.replace(doc as Omit<T, "version"> & { _id: string }, expectedVersion, told);
		if (replaced && told.length > 0) this.#carrier.told(this.#name, String(doc._id));
		return replaced;
	}

	/** False: there is none, or not of this version. */
	async remove(id: string, expectedVersion?: number): Promise<boolean> {
		for (let attempt = 0; attempt < attemptsMax; attempt++) {
			const outcome = await this.#engine.remove(id, expectedVersion);
			if (outcome !== "factsWait") return outcome === "removed";
			this.#carrier.told(this.#name, id);
			await this.#carrier.idle();
		}
		throw serviceUnavailable();
	}

	/**
	 * Reads, decides, writes conditionally, and begins again when another write came between; `decide` may so run several times and makes its facts inside.
	 * Answers the document as it is now: unchanged when `decide` answers undefined; undefined when there is none. What `decide` throws is passed on.
	 */
	change(id: string, decide: (doc: T) => Decision<T> | undefined): Promise<T | undefined> {
		return this.#turns.take(id, async () => {
			for (let attempt = 0; attempt < attemptsMax; attempt++) {
				const doc = await this.get(id);
				if (!doc) return undefined;
				const { version } = doc;
				const decision = decide(doc);
				if (!decision) return doc;
				if ((decision.doc as { _id: unknown })._id !== id) throw new TypeError(`${id}: a change cannot give another _id`);
				if (await this.replace(decision.doc, version, decision.facts)) return { ...decision.doc, version: version + 1 } as unknown as T;
				await aside(attempt);
			}
			throw serviceUnavailable();
		});
	}
}
