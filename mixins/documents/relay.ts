// Carries facts from the documents that made them true into the service's outbox. Single documents only: copy (an outbox knows a fact by its id, so
// twice is once), then take out of the document what was copied. Where several nodes write the same data one of them carries, under a lease; that
// merely spares the others the work, since an outbox takes nothing twice and leaves no gap whoever appends.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "moleculer";
import type { Clock } from "../../lib/clock.ts";
import type { CrashPoints } from "../../lib/crash.ts";
import type { FactRelay, Told } from "../../lib/facts.ts";
import { type Leases, Tenure } from "../../lib/leases.ts";
import type { FactCarrier } from "./collection.ts";
import type { DocumentEngine } from "./engine.ts";

const lease = "relay";
const batchMax = 100;
// A store that cannot write now is asked again after a second; the facts are safe where they are.
const againAfterMs = 1000;
const sweepMax = 1000;
// How long a fact can lie in its document when the word of another node that it was told gets lost.
const lookMs = 500;
// How long the node that carries is given to fetch what somebody waits for here.
const elsewhereMs = 250;

export interface RelayGiven {
	engine: DocumentEngine;
	leases: Leases;
	/** The outbox: keeps each of these facts once, however often it is brought. Resolves when all are safe there; rejects when that is not known. */
	put(facts: readonly Told[]): Promise<void>;
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
}
const keyOf = ({ collection, id }: Load) => `${collection}/${id}`;

export class Relay implements FactCarrier, FactRelay {
	readonly #given: RelayGiven;
	readonly #toldElsewhere: (() => void)[] = [];
	#woken = new Map<string, Load>();
	#running: Promise<void> | undefined;
	#looking: Promise<void> | undefined;
	#lookAgain = false;
	#again: NodeJS.Timeout | undefined;
	#timer: NodeJS.Timeout | undefined;
	readonly #tenure: Tenure;
	#stopping = false;

	constructor(given: RelayGiven) {
		this.#given = given;
		this.#tenure = new Tenure(given.leases, lease);
	}

	/** Takes up what an earlier process left in its documents, unless another node does, and stands by to take over from that one. */
	async start(): Promise<void> {
		if (this.#given.engine.exclusive) return this.#sweep();
		const look = async () => {
			await this.wake();
			if (!this.#stopping) this.#timer = setTimeout(look, lookMs).unref();
		};
		await look();
	}

	/** A document of this process carries facts now. */
	told(collection: string, id: string): void {
		if (this.#isOurs()) this.#carrySoon({ collection, id });
		else for (const listener of this.#toldElsewhere) listener();
	}

	onTold(listener: () => void): void {
		this.#toldElsewhere.push(listener);
	}

	/** Another node may have told something. Nothing happens here when it is not this one that carries. */
	wake(): Promise<void> {
		this.#lookAgain = true;
		this.#looking ??= this.#look().finally(() => {
			this.#looking = undefined;
		});
		return this.#looking;
	}

	async idle(): Promise<void> {
		if (this.#isOurs()) await this.#running;
		else await sleep(elsewhereMs);
	}

	/** Ends after what was told so far. What cannot be carried stays in its document until the next start, or for another node. */
	async stop(): Promise<void> {
		clearTimeout(this.#timer);
		if (!this.#given.engine.exclusive && !this.#again) await this.wake();
		await this.#running;
		this.#stopping = true;
		clearTimeout(this.#timer);
		clearTimeout(this.#again);
		await this.#tenure.end();
	}

	/** Facts that wait in their documents, and how long the oldest has. */
	async pending(): Promise<{ pending: number; oldestSeconds: number }> {
		const waiting = (await this.#waiting()).flatMap(({ facts }) => facts);
		const oldest = Math.min(...waiting.map(({ occurredAt }) => Date.parse(occurredAt)));
		return { pending: waiting.length, oldestSeconds: waiting.length === 0 ? 0 : Math.max(0, (this.#given.clock.now() - oldest) / 1000) };
	}

	async #look(): Promise<void> {
		try {
			while (this.#lookAgain && !this.#stopping) {
				this.#lookAgain = false;
				if (await this.#tenure.holds()) await this.#sweep();
			}
		} catch (error) {
			this.#lost(error);
		}
	}

	/** Carries whatever waits, in the order in which it was told. */
	async #sweep(): Promise<void> {
		for (;;) {
			const waiting = await this.#waiting();
			waiting.sort((a, b) => ((a.facts[0]?.id ?? "") < (b.facts[0]?.id ?? "") ? -1 : 1));
			for (const { collection, id } of waiting) this.#carrySoon({ collection, id });
			await this.#running;
			if (waiting.length < sweepMax || this.#again) return;
		}
	}

	async #waiting() {
		const { engine, collections } = this.#given;
		const found = await Promise.all(
			collections.map(async collection =>
				(await engine.collection(collection).withFacts(sweepMax)).map(waiting => ({ collection, ...waiting })),
			),
		);
		return found.flat();
	}

	/** Where one process owns the data nobody else can carry. */
	#isOurs(): boolean {
		return this.#given.engine.exclusive || this.#tenure.isOurs;
	}

	#lost(error: unknown): void {
		this.#tenure.lost();
		if (!this.#stopping) this.#given.logger.warn(`${this.#given.service}: facts wait in their documents`, error);
	}

	#carrySoon(load: Load): void {
		this.#woken.set(keyOf(load), load);
		if (!this.#again && !this.#stopping) this.#running ??= this.#run();
	}

	async #run(): Promise<void> {
		// Writes that shared a commit wake within one turn of the event loop, and share the next two as well.
		await new Promise(resolve => setImmediate(resolve));
		while (this.#woken.size > 0) {
			const batch = [...this.#woken].slice(0, batchMax);
			for (const [key] of batch) this.#woken.delete(key);
			try {
				if (await this.#tenure.holds()) await this.#carry(batch.map(([, woken]) => woken));
				else this.#leaveToOther();
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

	/** They lie in their documents, where the node that carries now will find them. */
	#leaveToOther(): void {
		this.#woken.clear();
		for (const listener of this.#toldElsewhere) listener();
	}

	#tryAgain(): void {
		this.#again = undefined;
		this.#running ??= this.#run();
	}

	async #carry(batch: readonly Load[]): Promise<void> {
		const { engine, crash, service } = this.#given;
		const byCollection = Map.groupBy(batch, ({ collection }) => collection);
		const loads = await Promise.all(
			[...byCollection].map(async ([collection, loads]) => ({
				collection,
				waiting: await engine.collection(collection).factsOf(loads.map(({ id }) => id)),
			})),
		);
		const facts = new Map(loads.flatMap(({ collection, waiting }) => waiting.map(({ id, facts }) => [keyOf({ collection, id }), facts])));
		crash.at(`${service}:relay:beforeCopy`);
		const told = batch.flatMap(load => facts.get(keyOf(load)) ?? []);
		if (told.length > 0) await this.#given.put(told);
		crash.at(`${service}:relay:afterCopy`);
		await Promise.all(
			loads.map(({ collection, waiting }) =>
				engine.collection(collection).takeOut(waiting.map(({ id, facts }) => ({ id, factIds: facts.map(fact => fact.id) }))),
			),
		);
		crash.at(`${service}:relay:afterClear`);
	}
}
