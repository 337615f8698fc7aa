// One collection on MongoDB. A document's fields lie at the top, where other tools find them, with four hidden ones beside: `writeId` tells our
// write from another's when the answer was lost; `outbox`, `hasFacts` and `carried` are there only while facts wait.
import type { Told } from "../../lib/facts.ts";
import { serviceUnavailable } from "../../lib/failure.ts";
import {
	type AnyDocument,
	type CollectionSpec,
	DuplicateKey,
	type EngineCollection,
	hiddenFields,
	type Query,
	type Waiting,
} from "./engine.ts";
import { conditionsOf, type Filter } from "./filter.ts";
import { checkLimit, orderOf } from "./indexes.ts";
import { failedAt, type Json, type MongoCollection, takenIndex } from "./mongo-driver.ts";
import { both, filterOf, segmentsOf } from "./mongo-query.ts";
import { type MongoReach, Undecided } from "./mongo-reach.ts";
import { fieldsAsStored } from "./mongo-stored.ts";
import { checkUnique } from "./stored-json.ts";

/** Facts as they wait: JSON text, since a payload may have keys that a document must not. */
type Waited = { id: string; fact: string };
type Held = { _id: string; version: number; writeId?: string; outbox?: Waited[]; hasFacts?: true; carried?: number };

export interface MongoCollectionGiven {
	name: string;
	spec: CollectionSpec;
	collection: MongoCollection;
	reach: MongoReach;
	/** A name that no other write has, of any process. */
	writeId(): string;
	/** The field behind the name of a unique index. */
	uniqueField(index: string): string;
}

const shown = Object.fromEntries(hiddenFields.map(field => [field, 0]));
const standing = { version: 1, writeId: 1, outbox: 1, hasFacts: 1, carried: 1 };
/** How often facts may be carried away between a look and the write that is to keep them, before that is a fault. */
const roundsMax = 20;
const none = { hasFacts: { $exists: false } };

const waited = (facts: readonly Told[]): Waited[] => facts.map(fact => ({ id: fact.id, fact: JSON.stringify(fact) }));
const told = (outbox: readonly Waited[] = []): Told[] => outbox.map(({ fact }) => JSON.parse(fact) as Told);
/** The index over `hasFacts` is sparse: a document without facts costs it nothing. */
const carrying = (outbox: readonly Waited[]): Json => (outbox.length > 0 ? { outbox, hasFacts: true, carried: 0 } : {});

/** Of a write that no longer finds its version: whether it is ours that stands there. */
function lostOrWritten(held: Held | undefined, stored: { version: number; writeId: string }, unsure: boolean): boolean {
	if (held?.writeId === stored.writeId) return true;
	if (!unsure || held?.version === stored.version) return false;
	// Ours may have been written, and others after it.
	throw serviceUnavailable();
}

export class MongoDocumentCollection implements EngineCollection {
	readonly #given: MongoCollectionGiven;

	constructor(given: MongoCollectionGiven) {
		this.#given = given;
	}

	async get(id: string): Promise<AnyDocument | undefined> {
		const { reach, collection } = this.#given;
		return ((await reach.ask(() => collection.findOne({ _id: { $eq: id } }, { projection: shown }))) as AnyDocument | null) ?? undefined;
	}

	async getMany(ids: readonly string[]): Promise<AnyDocument[]> {
		if (ids.length === 0) return [];
		const wanted = [...new Set(ids)];
		const found = new Map((await this.#read({ _id: { $in: wanted } }, wanted.length)).map(document => [document._id, document]));
		return wanted.flatMap(id => found.get(id) ?? []);
	}

	async find(query: Query): Promise<AnyDocument[]> {
		const { name, spec } = this.#given;
		checkLimit(query);
		const conditions = conditionsOf(query.filter ?? {});
		orderOf(name, spec, conditions, query);
		const filter = filterOf(name, spec, conditions);
		const found: AnyDocument[] = [];
		for (const segment of segmentsOf(query)) {
			if (found.length >= query.limit) break;
			found.push(...(await this.#read(both(filter, segment.filter), query.limit - found.length, segment.sort)));
		}
		return found;
	}

	async count(filter: Filter): Promise<number> {
		const { name, spec, reach, collection } = this.#given;
		const asked = filterOf(name, spec, conditionsOf(filter));
		return reach.ask(() => collection.countDocuments(asked));
	}

	async insert(document: { _id: string }, facts: readonly Told[]): Promise<void> {
		const { reach, collection } = this.#given;
		const stored = this.#stored(document, 1, waited(facts));
		await reach.ask(async unsure => {
			try {
				await collection.insertOne(stored);
			} catch (error) {
				const taken = this.#takenBy(error);
				if (!taken) throw error;
				if (!unsure) throw taken;
				const held = await this.#standing(document._id);
				// Our own first attempt may be what stands in our way; others may even have written after it.
				if (held?.writeId === stored.writeId) return;
				if (held && held.version > 1) throw serviceUnavailable();
				if (!held && taken.field === "_id") throw new Undecided();
				throw taken;
			}
		});
	}

	async append(documents: readonly { _id: string }[]): Promise<number> {
		const { reach, collection } = this.#given;
		if (documents.length === 0) return 0;
		const stored = documents.map(document => this.#stored(document, 1, []));
		const ours = new Set(stored.map(({ writeId }) => writeId));
		let count = 0;
		return reach.ask(async unsure => {
			if (unsure) {
				const held = await this.#ids({ _id: { $in: stored.map(({ _id }) => _id) }, writeId: { $in: [...ours] } });
				count = stored.findIndex(({ _id }) => !held.has(_id));
				if (count < 0) return stored.length;
			}
			try {
				await collection.insertMany(stored.slice(count), { ordered: true });
				return stored.length;
			} catch (error) {
				if (takenIndex(error) === undefined) throw error;
				count += failedAt(error);
			}
			// What stands there may have come by our own earlier attempt, in which case the rest is still to do.
			if (unsure && (await this.#ids({ _id: stored[count]!._id, writeId: stored[count]!.writeId })).size > 0) throw new Undecided();
			return count;
		});
	}

	async replace(document: { _id: string }, expectedVersion: number, facts: readonly Told[]): Promise<boolean> {
		const { reach, collection } = this.#given;
		const joining = waited(facts);
		const stored = this.#stored(document, expectedVersion + 1, joining);
		const at = { _id: stored._id, version: { $eq: expectedVersion } };
		const write = async (condition: Json, replacement: Json) => {
			try {
				return (await collection.replaceOne({ ...at, ...condition }, replacement)).matchedCount > 0;
			} catch (error) {
				throw this.#takenBy(error) ?? error;
			}
		};
		return reach.ask(async unsure => {
			for (let round = 0; round < roundsMax; round++) {
				if (await write(none, stored)) return true;
				const held = await this.#standing(document._id);
				if (held?.version !== expectedVersion) return lostOrWritten(held, stored, unsure);
				// Facts wait in it, and go on waiting in what comes after it; unless some were carried away meanwhile.
				if (!held.hasFacts) continue;
				const outbox = [...(held.outbox ?? []), ...joining];
				const condition = { carried: { $eq: held.carried } };
				if (await write(condition, this.#stored(document, expectedVersion + 1, outbox, stored.writeId))) return true;
			}
			throw new Undecided();
		});
	}

	async remove(id: string, expectedVersion?: number): Promise<"removed" | "unmatched" | "factsWait"> {
		const { reach, collection } = this.#given;
		const at = { _id: { $eq: id }, ...(expectedVersion === undefined ? {} : { version: { $eq: expectedVersion } }) };
		return reach.ask(async unsure => {
			if ((await collection.deleteOne({ ...at, ...none })).deletedCount > 0) return "removed";
			const held = await this.#standing(id);
			if (!held) {
				if (!unsure) return "unmatched";
				if (expectedVersion === undefined) return "removed";
				// Removed by us, or by another who had changed it before: nobody can tell any more.
				throw serviceUnavailable();
			}
			if (expectedVersion !== undefined && held.version !== expectedVersion) return "unmatched";
			if (held.hasFacts) return "factsWait";
			throw new Undecided();
		});
	}

	factsOf(ids: readonly string[]): Promise<Waiting[]> {
		return this.#waiting({ _id: { $in: ids }, hasFacts: true }, Math.max(1, ids.length));
	}

	withFacts(limit: number): Promise<Waiting[]> {
		return this.#waiting({ hasFacts: true }, limit);
	}

	async takeOut(taken: readonly { id: string; factIds: readonly string[] }[]): Promise<void> {
		const { reach, collection } = this.#given;
		if (taken.length === 0) return;
		const operations = taken.flatMap(({ id, factIds }) => [
			{ filter: { _id: id, hasFacts: true }, update: { $pull: { outbox: { id: { $in: factIds } } }, $inc: { carried: 1 } } },
			// By itself it says whether the last fact has gone: another may have joined since.
			{ filter: { _id: id, outbox: { $size: 0 } }, update: { $unset: { outbox: "", hasFacts: "", carried: "" } } },
		]);
		await reach.ask(() =>
			collection.bulkWrite(
				operations.map(updateOne => ({ updateOne })),
				{ ordered: true },
			),
		);
	}

	/** As it is written: with the name of this one write. Throws a TypeError for what cannot be kept. */
	#stored(document: { _id: string }, version: number, outbox: readonly Waited[], writeId = this.#given.writeId()) {
		checkUnique(document, this.#given.name, this.#given.spec);
		return { _id: document._id, version, ...fieldsAsStored(document), writeId, ...carrying(outbox) };
	}

	#read(filter: Json, limit: number, sort?: Readonly<Record<string, 1 | -1>>): Promise<AnyDocument[]> {
		const { reach, collection } = this.#given;
		return reach.ask(() => {
			const cursor = collection.find(filter, { projection: shown, batchSize: limit }).limit(limit);
			return (sort ? cursor.sort(sort) : cursor).toArray() as Promise<unknown> as Promise<AnyDocument[]>;
		});
	}

	/** Inside of an attempt: what a document is now, without what it holds. */
	async #standing(id: string): Promise<Held | undefined> {
		const held = await this.#given.collection.findOne({ _id: { $eq: id } }, { projection: standing });
		return (held as Held | null) ?? undefined;
	}

	async #ids(filter: Json): Promise<Set<unknown>> {
		const found = await this.#given.collection.find(filter, { projection: { _id: 1 } }).toArray();
		return new Set(found.map(({ _id }) => _id));
	}

	async #waiting(filter: Json, limit: number): Promise<Waiting[]> {
		const { reach, collection } = this.#given;
		const options = { projection: { outbox: 1 }, batchSize: limit };
		const found = await reach.ask(() => collection.find(filter, options).sort({ _id: 1 }).limit(limit).toArray());
		return (found as Held[]).map(({ _id, outbox }) => ({ id: _id, facts: told(outbox) }));
	}

	#takenBy(error: unknown): DuplicateKey | undefined {
		const index = takenIndex(error);
		return index === undefined ? undefined : new DuplicateKey(this.#given.name, this.#given.uniqueField(index));
	}
}
