// Documents on MongoDB, one database per service, over the connection of moleculer-db-adapter-mongo. Every node of the service has its own engine;
// what keeps them from each other's way are the conditions of single writes, nothing in memory.
import { randomBytes } from "node:crypto";
import { serviceUnavailable } from "../../lib/failure.ts";
import { newId } from "../../lib/ids.ts";
import type { CollectionSpec, DocumentEngine, EngineCollection } from "./engine.ts";
import { checkCollections, fieldsOf } from "./indexes.ts";
import { MongoDocumentCollection } from "./mongo-collection.ts";
import { connect } from "./mongo-connection.ts";
import { type MongoClient, type MongoCollection, type MongoDatabase, takenIndex } from "./mongo-driver.ts";
import { MongoReach, within } from "./mongo-reach.ts";

// Servers start together with the nodes that need them; whoever is not there after this is not coming.
const startWithinMs = 30_000;
// Readiness is asked for with 2 s of patience.
const healthyWithinMs = 1500;

/**
 * Acknowledged is what a majority holds in its journal, and only that is read: a fact read from a document that a failing primary takes back
 * would be told though it never was true. On one server both mean its own journal.
 */
const concerns = { readConcern: { level: "majority" }, writeConcern: { w: "majority", j: true, wtimeout: 3000 } };

export interface MongoDocumentsOptions {
	database: string;
	collections: Readonly<Record<string, CollectionSpec>>;
	/** Milliseconds, for the store's id. */
	now: number;
	/** How long the server is waited for; 30 s. */
	startWithinMs?: number;
}

export class MongoDocuments implements DocumentEngine {
	readonly storeId: string;
	readonly exclusive = false;
	readonly #client: MongoClient;
	readonly #database: MongoDatabase;
	readonly #reach: MongoReach;
	readonly #collections: ReadonlyMap<string, EngineCollection>;

	private constructor(opened: {
		client: MongoClient;
		database: MongoDatabase;
		reach: MongoReach;
		storeId: string;
		collections: Readonly<Record<string, CollectionSpec>>;
	}) {
		this.#client = opened.client;
		this.#database = opened.database;
		this.#reach = opened.reach;
		this.storeId = opened.storeId;
		this.#collections = new Map(
			Object.entries(opened.collections).map(([name, spec]) => [name, collectionOf(opened.database, opened.reach, name, spec)]),
		);
	}

	/** Waits for the server, and brings the indexes in line with what is declared. Throws an Error that names STOA_MONGO_URL and shows none of its secrets. */
	static async open(url: string, options: MongoDocumentsOptions): Promise<MongoDocuments> {
		checkCollections(options.collections);
		const patienceMs = options.startWithinMs ?? startWithinMs;
		const until = performance.now() + patienceMs;
		const client = await connect(url, options.database, patienceMs);
		try {
			const database = client.db(options.database);
			const reach = new MongoReach();
			const prepare = async () => {
				for (const [name, spec] of Object.entries(options.collections))
					await prepareIndexes(reach, database.collection(name, concerns), name, spec);
				return storeIdOf(reach, database.collection("metadata", concerns), options.now);
			};
			const storeId = await patiently(until, prepare);
			return new MongoDocuments({ client, database, reach, storeId, collections: options.collections });
		} catch (error) {
			await client.close(true);
			throw error;
		}
	}

	collection(name: string): EngineCollection {
		const collection = this.#collections.get(name);
		if (!collection) throw new TypeError(`there is no collection "${name}"`);
		return collection;
	}

	async healthy(): Promise<boolean> {
		try {
			await within(healthyWithinMs, this.#database.command({ ping: 1 }));
			return true;
		} catch {
			return false;
		}
	}

	async close(): Promise<void> {
		await this.#reach.close();
		await this.#client.close(true);
	}
}

function collectionOf(database: MongoDatabase, reach: MongoReach, name: string, spec: CollectionSpec): EngineCollection {
	const unique = new Map((spec.unique ?? []).map(field => [uniqueName(field), field]));
	return new MongoDocumentCollection({
		name,
		spec,
		collection: database.collection(name, concerns),
		reach,
		writeId,
		uniqueField: index => unique.get(index) ?? "_id",
	});
}

const origin = randomBytes(9).toString("base64url");
let writes = 0;
const writeId = () => `${origin}${(writes++).toString(36)}`;

const uniqueName = (field: string) => `unique:${field}`;

/** Made by whichever node comes first. Those that are no longer declared stay: a node of the version before may still need them. */
async function prepareIndexes(reach: MongoReach, collection: MongoCollection, name: string, spec: CollectionSpec): Promise<void> {
	const ascending = (fields: readonly string[]) => Object.fromEntries(fields.map(field => [field, 1]));
	// Of this field alone: a sparse index over two holds every document that has one of them.
	await reach.ask(() => collection.createIndex(ascending(["hasFacts"]), { name: "facts", sparse: true }));
	for (const index of spec.indexes ?? []) {
		const fields = fieldsOf(index);
		await reach.ask(() => collection.createIndex(ascending([...fields, "_id"]), { name: `index:${fields.join(",")}` }));
	}
	for (const field of spec.arrayIndexes ?? [])
		await reach.ask(() => collection.createIndex(ascending([field]), { name: `array:${field}` }));
	for (const field of spec.unique ?? []) {
		try {
			await reach.ask(() => collection.createIndex(ascending([field]), { name: uniqueName(field), unique: true }));
		} catch (error) {
			if (takenIndex(error) === undefined) throw error;
			throw new Error(`two documents of ${name} have the same ${field}, which must be unique`, { cause: error });
		}
	}
}

/** Nodes that come at once agree on the first that was written. */
async function storeIdOf(reach: MongoReach, metadata: MongoCollection, now: number): Promise<string> {
	const own = newId("sto", now);
	return reach.ask(async () => {
		for (;;) {
			const held = await metadata.findOne({ _id: "storeId" });
			if (held) return String(held.value);
			try {
				await metadata.insertOne({ _id: "storeId", value: own });
			} catch (error) {
				if (takenIndex(error) === undefined) throw error;
			}
		}
	});
}

/** A large index takes longer than one answer may, and goes on being built: asked for again, it stands in the end. */
async function patiently<T>(until: number, work: () => Promise<T>): Promise<T> {
	for (;;) {
		try {
			return await work();
		} catch (error) {
			if (!serviceUnavailable.matches(error) || performance.now() >= until) throw error;
		}
	}
}
