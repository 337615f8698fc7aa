// The outbox of a document store: what was told, each with its position. A fact's id is its document's, and no two share a position, so appending
// twice is once and two who append at a time leave no gap.
import type { Logger } from "moleculer";
import type { FactQuery, FactSource, Told } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { CollectionSpec, EngineCollection, StoredDocument } from "./engine.ts";

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

const factOf = ({ envelope }: OutboxDocument): Envelope => JSON.parse(envelope) as Envelope;

export interface OutboxGiven {
	outbox: EngineCollection;
	service: string;
	logger: Pick<Logger, "warn">;
}

export class DocumentOutbox implements FactSource {
	readonly #given: OutboxGiven;
	readonly #outbox: EngineCollection;
	readonly #numbered: ((facts: Envelope[]) => void)[] = [];

	constructor(given: OutboxGiven) {
		this.#given = given;
		this.#outbox = given.outbox;
	}

	async read(after: number, limit: number): Promise<Envelope[]> {
		const found = await this.#outbox.find({ filter: { position: { $gt: after } }, sort: { field: "position", order: "ascending" }, limit });
		return (found as unknown as OutboxDocument[]).map(factOf);
	}

	async find({ after = 0, newerThan, type, key, newest, limit }: FactQuery): Promise<Envelope[]> {
		const from = newerThan === undefined ? after : Math.max(after, await this.#placeOf(newerThan));
		const found = await this.#outbox.find({
			filter: { position: { $gt: from }, ...(key === undefined ? {} : { key }), ...(type === undefined ? {} : { type }) },
			sort: { field: "position", order: newest ? "descending" : "ascending" },
			limit,
		});
		const facts = (found as unknown as OutboxDocument[]).map(factOf);
		return newest ? facts.reverse() : facts;
	}

	async head(): Promise<number> {
		const [newest] = await this.#outbox.find({ sort: { field: "position", order: "descending" }, limit: 1 });
		return (newest as OutboxDocument | undefined)?.position ?? 0;
	}

	/** None: what is here has its position. */
	async pending() {
		return { pending: 0, oldestSeconds: 0 };
	}

	onNumbered(listener: (facts: Envelope[]) => void): void {
		this.#numbered.push(listener);
	}

	/** Gives these facts their positions, and hands them to whoever listens. */
	async put(facts: readonly Told[]): Promise<void> {
		this.#announce(await this.#number(facts));
	}

	/**
	 * Appends what is not known yet, without a gap: a batch stops where another writer took the position, and is numbered anew from there. Answers all
	 * of these facts with their positions, those included that an attempt before this one appended without learning that it had.
	 */
	async #number(facts: readonly Told[]): Promise<Envelope[]> {
		for (;;) {
			const known = (await this.#outbox.getMany(facts.map(({ id }) => id))) as unknown as OutboxDocument[];
			const ids = new Set(known.map(({ _id }) => _id));
			const fresh = facts.filter(({ id }) => !ids.has(id));
			const head = fresh.length > 0 ? await this.head() : 0;
			const envelopes = fresh.map((fact, index): Envelope => ({ ...fact, position: head + index + 1 }));
			const stored = fresh.length > 0 ? await this.#outbox.append(envelopes.map(documentOf)) : 0;
			if (stored === fresh.length) return [...known.map(factOf), ...envelopes].sort((a, b) => a.position - b.position);
		}
	}

	/** Listeners take what comes together for what follows on each other. */
	#announce(numbered: Envelope[]): void {
		for (const run of runsOf(numbered)) {
			for (const listener of this.#numbered) {
				try {
					listener(run);
				} catch (error) {
					this.#given.logger.warn(`${this.#given.service}: a listener of its facts failed; it will read them later`, error);
				}
			}
		}
	}

	/** The position after which facts are newer than the one of this id. */
	async #placeOf(id: string): Promise<number> {
		const [next] = (await this.#outbox.find({ filter: { _id: { $gte: id } }, limit: 1 })) as unknown as OutboxDocument[];
		if (!next) return this.head();
		return next._id === id ? next.position : next.position - 1;
	}
}

function documentOf(envelope: Envelope): Omit<OutboxDocument, "version"> {
	const { id, position, type, key } = envelope;
	return { _id: id, position, type, key, envelope: JSON.stringify(envelope) };
}

/** Parts facts where another node's lie between them. */
function runsOf(facts: readonly Envelope[]): Envelope[][] {
	const runs: Envelope[][] = [];
	for (const fact of facts) {
		const run = runs.at(-1);
		if (run && run.at(-1)!.position + 1 === fact.position) run.push(fact);
		else runs.push([fact]);
	}
	return runs;
}
