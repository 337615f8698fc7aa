// The one interface every document engine offers: conditional writes on single documents and nothing more, so that what holds embedded
// holds on MongoDB. Facts ride inside the document that made them true; an engine keeps them apart from its fields and never returns them.
import type { Told } from "../../lib/facts.ts";
import type { Filter } from "./filter.ts";

/** What every document has. `version` counts its writes from 1; only the store changes it. */
export interface StoredDocument {
	_id: string;
	version: number;
}
export type AnyDocument = StoredDocument & Record<string, unknown>;

/** The facts that wait in one document. */
export interface Waiting {
	id: string;
	facts: Told[];
}

export interface CollectionSpec {
	/** What is filtered and sorted by: dotted paths to scalars. Several in one entry: equality on all but the last, which may be sorted by. */
	indexes?: readonly (string | readonly string[])[];
	/** Dotted paths to arrays of scalars, or through arrays of objects (`variants.sku`): "contains" is then an equality. */
	arrayIndexes?: readonly string[];
	/** Scalar fields that every document has and no two share. */
	unique?: readonly string[];
}

/** One page in the order of one indexed field, with `_id` to tell equals apart. `after` is the last document of the page before. */
export interface Query {
	filter?: Filter;
	/** Default: by `_id`, ascending. */
	sort?: { field: string; order: "ascending" | "descending" };
	after?: { value: string | number | boolean | null; id: string };
	limit: number;
}

/**
 * Reads answer what is durable, writes resolve once it is. An engine on another machine throws `service_unavailable` when it cannot be reached, or when
 * nobody can find out any more whether a write took place: never an answer that it is not sure of.
 */
export interface EngineCollection {
	get(id: string): Promise<AnyDocument | undefined>;
	/** Those that exist, in the order asked for. */
	getMany(ids: readonly string[]): Promise<AnyDocument[]>;
	find(query: Query): Promise<AnyDocument[]>;
	count(filter: Filter): Promise<number>;
	/** Stores version 1. Throws {@link DuplicateKey}. */
	insert(document: { _id: string }, facts: readonly Told[]): Promise<void>;
	/** Inserts one after the other and stops at the first that is a duplicate. Answers how many, from the first, were stored. */
	append(documents: readonly { _id: string }[]): Promise<number>;
	/** One write on `{ _id, version }`; facts that wait stay in the document and these join them. Throws {@link DuplicateKey}. */
	replace(document: { _id: string }, expectedVersion: number, facts: readonly Told[]): Promise<boolean>;
	/** A document whose facts still wait is not removed: they would be lost with it. */
	remove(id: string, expectedVersion?: number): Promise<"removed" | "unmatched" | "factsWait">;
	/** The facts that wait in these documents, of each the oldest first. A document without facts is left out. */
	factsOf(ids: readonly string[]): Promise<Waiting[]>;
	/** Documents in which facts wait. */
	withFacts(limit: number): Promise<Waiting[]>;
	/** Takes out just these facts. The version stays: nothing that a reader can see has changed. */
	takeOut(taken: readonly { id: string; factIds: readonly string[] }[]): Promise<void>;
}

export interface DocumentEngine {
	/** Made once with the data: two stores that should be one can tell that they are two. */
	readonly storeId: string;
	/** One process owns the data: what it remembers of them is true. */
	readonly exclusive: boolean;
	collection(name: string): EngineCollection;
	healthy(): Promise<boolean>;
	/** Ends after the writes that were asked for. */
	close(): Promise<void>;
}

/** Another document has this `_id`, or this value in a unique field. */
export class DuplicateKey extends Error {
	override name = "DuplicateKey";
	readonly collection: string;
	readonly field: string;

	constructor(collection: string, field: string) {
		super(`${collection} has a document with this ${field}`);
		this.collection = collection;
		this.field = field;
	}
}

const fieldPattern = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/** The fields an engine keeps beside the document's own. */
export const hiddenFields: readonly string[] = ["outbox", "hasFacts", "carried", "writeId"];

/** Field names reach the engine's language unquoted, so anything but plain dotted names is refused. */
export function checkField(field: string): string {
	if (!fieldPattern.test(field) || hiddenFields.includes(field.split(".", 1)[0]!))
		throw new TypeError(`"${field}" is not a field that can be asked for`);
	return field;
}
