// The adapter interface of moleculer-db over a document engine: it owns the connection and opens the main collection to the framework's own methods.
// Services go through the store; these know nothing of facts.
import type { Service, ServiceBroker } from "moleculer";
import type { CountOptions, CursorOptions, DbAdapter, FilterOptions } from "moleculer-db";
import { type Runtime, runtimeOf } from "../../lib/runtime.ts";
import type { AnyDocument, CollectionSpec, DocumentEngine, EngineCollection, Query } from "./engine.ts";
import type { Filter } from "./filter.ts";

const limitMax = 1000;

/** Opens the data of the service of this name. Throws an Error that says what could not be opened, and where. */
export type OpenDocuments = (
	service: string,
	collections: Readonly<Record<string, CollectionSpec>>,
	runtime: Runtime,
) => Promise<DocumentEngine>;

export class DocumentAdapter implements DbAdapter {
	readonly #collections: Readonly<Record<string, CollectionSpec>>;
	readonly #main: string;
	readonly #openDocuments: OpenDocuments;
	#service: Service | undefined;
	#engine: DocumentEngine | undefined;

	constructor(collections: Readonly<Record<string, CollectionSpec>>, main: string, openDocuments: OpenDocuments) {
		this.#collections = collections;
		this.#main = main;
		this.#openDocuments = openDocuments;
	}

	/** Defined while connected. */
	get engine(): DocumentEngine | undefined {
		return this.#engine;
	}

	init(_broker: ServiceBroker, service: Service): void {
		this.#service = service;
	}

	async connect(): Promise<void> {
		const service = this.#service!;
		this.#engine = await this.#openDocuments(service.name, this.#collections, runtimeOf(service.broker));
	}

	async disconnect(): Promise<void> {
		await this.#engine?.close();
		this.#engine = undefined;
	}

	async find(options: FilterOptions & CursorOptions): Promise<AnyDocument[]> {
		if (options.search) throw new TypeError("the documents have no full text search");
		const offset = Number(options.offset ?? 0);
		const limit = Math.min(Number(options.limit ?? limitMax), limitMax);
		const found = await this.#open().find({ filter: (options.query ?? {}) as Filter, ...sortOf(options.sort), limit: offset + limit });
		return found.slice(offset);
	}

	async findOne<Q>(query: Q): Promise<AnyDocument> {
		return (await this.#open().find({ filter: query as Filter, limit: 1 }))[0] as AnyDocument;
	}

	async findById(id: unknown): Promise<AnyDocument> {
		return (await this.#open().get(String(id))) as AnyDocument;
	}

	findByIds(ids: (string | number)[]): Promise<AnyDocument[]> {
		return this.#open().getMany(ids.map(String));
	}

	count(options: CountOptions = {}): Promise<number> {
		return this.#open().count((options.query ?? {}) as Filter);
	}

	async insert(entity: object): Promise<AnyDocument> {
		await this.#open().insert(entity as { _id: string }, []);
		return { ...entity, version: 1 } as AnyDocument;
	}

	insertMany(...entities: object[]): Promise<AnyDocument[]> {
		return Promise.all(entities.flat().map(entity => this.insert(entity)));
	}

	async updateMany<Q>(query: Q, update: object): Promise<number> {
		const found = await this.find({ query: query as Filter });
		const updated = await Promise.all(found.map(({ _id }) => this.updateById(_id, update)));
		return updated.filter(document => document !== undefined).length;
	}

	/** Knows `{ $set }` of top-level fields. Tries again when another write comes between. */
	async updateById(id: string | number, update: object): Promise<AnyDocument> {
		const { $set, ...unknown } = update as { $set?: object };
		if (!$set || Object.keys(unknown).length > 0) throw new TypeError("an update is { $set: fields }");
		for (;;) {
			const document = await this.#open().get(String(id));
			if (!document) return undefined as unknown as AnyDocument;
			const changed = { ...document, ...$set, _id: document._id };
			if (await this.#open().replace(changed, document.version, [])) return { ...changed, version: document.version + 1 };
		}
	}

	async removeMany(query: object): Promise<number> {
		let removed = 0;
		for (;;) {
			const found = await this.#open().find({ filter: query as Filter, limit: limitMax });
			const outcomes = await Promise.all(found.map(({ _id }) => this.#open().remove(_id)));
			const gone = outcomes.filter(outcome => outcome === "removed").length;
			removed += gone;
			if (gone === 0) return removed;
		}
	}

	async removeById(id: number | string): Promise<AnyDocument | undefined> {
		const document = await this.#open().get(String(id));
		return document && (await this.#open().remove(document._id)) === "removed" ? document : undefined;
	}

	async clear(): Promise<void> {
		await this.removeMany({});
	}

	entityToObject(entity: object): object {
		return entity;
	}

	createCursor(options: CursorOptions): Promise<AnyDocument[]> {
		return this.find(options);
	}

	beforeSaveTransformID(entity: object, idField: string): object {
		if (idField === "_id" || !(idField in entity)) return { ...entity };
		const { [idField]: _id, ...fields } = entity as Record<string, unknown>;
		return { _id, ...fields };
	}

	afterRetrieveTransformID(entity: object, idField: string): object {
		if (idField === "_id") return entity;
		const { _id, ...fields } = entity as Record<string, unknown>;
		return { [idField]: _id, ...fields };
	}

	#open(): EngineCollection {
		if (!this.#engine) throw new Error("the documents are not open");
		return this.#engine.collection(this.#main);
	}
}

function sortOf(sort: string | string[] | undefined): Pick<Query, "sort"> {
	const [field, ...more] = typeof sort === "string" ? sort.split(/[,\s]+/) : (sort ?? []);
	if (more.length > 0) throw new TypeError("the documents sort by one field");
	if (!field) return {};
	return { sort: field.startsWith("-") ? { field: field.slice(1), order: "descending" } : { field, order: "ascending" } };
}
