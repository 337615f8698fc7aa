// Carries facts from the documents that made them true into the outbox, where each gets its position. Single documents only:
// copy (the event's id is the `_id`, so twice is once), then take out of the document what was copied.
import type { Logger } from "moleculer";
import type { Clock } from "../../lib/clock.ts";
import type { CrashPoints } from "../../lib/crash.ts";
import type { FactQuery, FactSource } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { FactCarrier } from "./collection.ts";
import type { CollectionSpec, DocumentEngine, EngineCollection, StoredDocument, Told } from "./engine.ts";

/** `_id` is the event's id. The rows are kept: they are what was told. */
interface OutboxDocument extends StoredDocument {
	position: number;
	type: string;
	key: string;
	/** JSON text: a payload may have keys that a document must not. */
	envelope: string;
}
export const outboxSpec: CollectionSpec = {
	indexes: [
		["key", "position"],
		["type", "position"],
	],
	unique: ["position"],
};

const batchMax = 100;
// A store that cannot write now is asked again after a second; the facts are safe where they are.
const againAfterMs = 1000;
const sweepMax = 1000;

export interface RelayGiven {
	engine: DocumentEngine;
	/** The collections whose documents may carry facts. */
	collections: readonly string[];
	service: string;
	crash: CrashPoints;
	clock: Clock;
	logger: Pick<Logger, "warn">;
}

interface Load {
	collection: string;
	id: string;
	facts: Told[];
}

export class Relay implements FactSource, FactCarrier {
	readonly #given: RelayGiven;
	readonly #outbox: EngineCollection;
	readonly #listeners: ((facts: Envelope[]) => void)[] = [];
	#woken = new Map<string, { collection: string; id: string }>();
	#running: Promise<void> | undefined;
	#again: NodeJS.Timeout | undefined;
	#stopping = false;

	constructor(given: RelayGiven) {
		this.#given = given;
		this.#outbox = given.engine.collection("outbox");
	}

	/** Takes up what an earlier process left in its documents, in the order in which it was told. */
	async start(): Promise<void> {
		const left: Load[] = [];
		for (const collection of this.#given.collections) left.push(...(await this.#waitingIn(collection, sweepMax)));
		left.sort((a, b) => (a.facts[0]!.id < b.facts[0]!.id ? -1 : 1));
		for (const { collection, id } of left) this.wake(collection, id);
		await this.idle();
		if (left.length >= sweepMax && !this.#again) await this.start();
	}

	wake(collection: string, id: string): void {
		this.#woken.set(`${collection}/${id}`, { collection, id });
		if (!this.#again && !this.#stopping) this.#running ??= this.#run();
	}

	async idle(): Promise<void> {
		await this.#running;
	}

	/** Ends after what was woken so far. What cannot be carried stays in its document until the next start. */
	async stop(): Promise<void> {
		await this.idle();
		this.#stopping = true;
		clearTimeout(this.#again);
	}

	async read(after: number, limit: number): Promise<Envelope[]> {
		const found = await this.#outbox.find({ filter: { position: { $gt: after } }, sort: { field: "position", order: "ascending" }, limit });
		return (found as unknown as OutboxDocument[]).map(({ envelope }) => JSON.parse(envelope) as Envelope);
	}

	async find({ after = 0, newerThan, type, key, newest, limit }: FactQuery): Promise<Envelope[]> {
		const from = newerThan === undefined ? after : Math.max(after, await this.#placeOf(newerThan));
		const found = await this.#outbox.find({
			filter: { position: { $gt: from }, ...(key === undefined ? {} : { key }), ...(type === undefined ? {} : { type }) },
			sort: { field: "position", order: newest ? "descending" : "ascending" },
			limit,
		});
		const facts = (found as unknown as OutboxDocument[]).map(({ envelope }) => JSON.parse(envelope) as Envelope);
		return newest ? facts.reverse() : facts;
	}

	async head(): Promise<number> {
		const [newest] = await this.#outbox.find({ sort: { field: "position", order: "descending" }, limit: 1 });
		return (newest as OutboxDocument | undefined)?.position ?? 0;
	}

	async pending(): Promise<{ pending: number; oldestSeconds: number }> {
		let pending = 0;
		let oldest = Number.POSITIVE_INFINITY;
		for (const collection of this.#given.collections) {
			for (const { facts } of await this.#given.engine.collection(collection).withFacts(sweepMax)) {
				pending += facts.length;
				oldest = Math.min(oldest, Date.parse(facts[0]!.occurredAt));
			}
		}
		return { pending, oldestSeconds: pending === 0 ? 0 : Math.max(0, (this.#given.clock.now() - oldest) / 1000) };
	}

	onNumbered(listener: (facts: Envelope[]) => void): void {
		this.#listeners.push(listener);
	}

	/** The position after which facts are newer than the one of this id. */
	async #placeOf(id: string): Promise<number> {
		const [next] = (await this.#outbox.find({ filter: { _id: { $gte: id } }, limit: 1 })) as unknown as OutboxDocument[];
		if (!next) return this.head();
		return next._id === id ? next.position : next.position - 1;
	}

	async #waitingIn(collection: string, limit: number): Promise<Load[]> {
		const waiting = await this.#given.engine.collection(collection).withFacts(limit);
		return waiting.map(({ id, facts }) => ({ collection, id, facts }));
	}

	async #run(): Promise<void> {
		// Writes that shared a commit wake within one turn of the event loop, and share the next two as well.
		await new Promise(resolve => setImmediate(resolve));
		while (this.#woken.size > 0) {
			const batch = [...this.#woken].slice(0, batchMax);
			for (const [key] of batch) this.#woken.delete(key);
			try {
				await this.#carry(batch.map(([, woken]) => woken));
			} catch (error) {
				// Before those that woke meanwhile: of one document the older facts come first anyway, and no other waits longer than it must.
				this.#woken = new Map([...batch, ...this.#woken]);
				this.#given.logger.warn(`${this.#given.service}: facts could not be carried to the outbox, trying again`, error);
				if (!this.#stopping) this.#again = setTimeout(() => this.#tryAgain(), againAfterMs);
				break;
			}
		}
		this.#running = undefined;
	}

	#tryAgain(): void {
		this.#again = undefined;
		this.#running ??= this.#run();
	}

	async #carry(batch: readonly { collection: string; id: string }[]): Promise<void> {
		const { engine, crash, service } = this.#given;
		const loads: Load[] = [];
		for (const { collection, id } of batch) loads.push({ collection, id, facts: await engine.collection(collection).factsOf(id) });
		crash.at(`${service}:relay:beforeCopy`);
		const numbered = await this.#number(loads.flatMap(({ facts }) => facts));
		crash.at(`${service}:relay:afterCopy`);
		this.#announce(numbered);
		await Promise.all(
			loads.map(({ collection, id, facts }) =>
				engine.collection(collection).takeOut(
					id,
					facts.map(fact => fact.id),
				),
			),
		);
		crash.at(`${service}:relay:afterClear`);
	}

	/** Appends what the outbox does not know, without a gap: a batch stops where another writer took the position, and is numbered anew from there. */
	async #number(facts: readonly Told[]): Promise<Envelope[]> {
		const numbered: Envelope[] = [];
		for (;;) {
			const known = new Set((await this.#outbox.getMany(facts.map(fact => fact.id))).map(({ _id }) => _id));
			const fresh = facts.filter(fact => !known.has(fact.id));
			if (fresh.length === 0) return numbered;
			const head = await this.head();
			const envelopes = fresh.map((fact, index): Envelope => ({ ...fact, position: head + index + 1 }));
			const stored = await this.#outbox.append(
				envelopes.map(envelope => {
					const { id, position, type, key } = envelope;
					return { _id: id, position, type, key, envelope: JSON.stringify(envelope) };
				}),
			);
			numbered.push(...envelopes.slice(0, stored));
		}
	}

	#announce(numbered: Envelope[]): void {
		if (numbered.length === 0) return;
		for (const listener of this.#listeners) {
			try {
				listener(numbered);
			} catch (error) {
				this.#given.logger.warn(`${this.#given.service}: a listener of its facts failed; it will read them later`, error);
			}
		}
	}
}
