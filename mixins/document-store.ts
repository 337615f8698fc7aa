// Gives a service its document store: open before the service starts, closed after its last write and the last fact that could be carried.
import type { Logger, Service, ServiceSchema } from "moleculer";
import DbService from "moleculer-db";
import type { FactInbox, FactRelay, FactSource } from "../lib/facts.ts";
import { type Leases, ownLeases } from "../lib/leases.ts";
import { type Runtime, runtimeOf } from "../lib/runtime.ts";
import { DocumentAdapter } from "./documents/adapter.ts";
import { Collection } from "./documents/collection.ts";
import type { CollectionSpec, DocumentEngine, StoredDocument } from "./documents/engine.ts";
import { DocumentInbox, type FloorDocument, floorsSpec } from "./documents/fact-inbox.ts";
import { type LetterDocument, lettersSpec } from "./documents/fact-letters.ts";
import { DocumentLeases, leasesSpec } from "./documents/leases.ts";
import { openDocuments } from "./documents/open-documents.ts";
import { outboxSpec } from "./documents/outbox.ts";
import { Relay } from "./documents/relay.ts";
import { Facts } from "./documents/told.ts";
import { type OperableStore, storeActions } from "./store-actions.ts";

/** What every store keeps beside its service's collections. */
export const storeCollections: Readonly<Record<string, CollectionSpec>> = {
	outbox: outboxSpec,
	floors: floorsSpec,
	letters: lettersSpec,
	leases: leasesSpec,
};
const reserved = [...Object.keys(storeCollections), "metadata"];

export interface DocumentStoreGiven {
	engine: DocumentEngine;
	/** The service's own collections. */
	collections: readonly string[];
	service: string;
	runtime: Runtime;
	logger: Pick<Logger, "warn">;
}

export class DocumentStore {
	/** What this service told. */
	readonly source: FactSource;
	/** What it heard. */
	readonly inbox: FactInbox;
	/** Which node does what, where several run this service. */
	readonly leases: Leases;
	/** Made once with the data. */
	readonly id: string;
	readonly #given: DocumentStoreGiven;
	readonly #relay: Relay;
	// biome-ignore lint/suspicious/noExplicitAny: collections of every kind of document; collection() gives each its type.
	readonly #collections: ReadonlyMap<string, Collection<any>>;

	constructor(given: DocumentStoreGiven) {
		const { engine, collections, service, runtime, logger } = given;
		this.#given = given;
		this.id = engine.storeId;
		const { clock, crash, instance } = runtime;
		this.leases = engine.exclusive ? ownLeases : new DocumentLeases(engine.collection("leases"), instance, clock);
		this.#relay = new Relay({ engine, leases: this.leases, collections, service, crash, clock, logger });
		this.source = this.#relay;
		this.#collections = new Map(collections.map(name => [name, new Collection(engine.collection(name), name, this.#relay)]));
		this.inbox = new DocumentInbox({
			floors: new Collection<FloorDocument>(engine.collection("floors"), "floors", this.#relay),
			letters: new Collection<LetterDocument>(engine.collection("letters"), "letters", this.#relay),
			exclusive: engine.exclusive,
			clock,
			policy: runtime.delivery,
		});
	}

	/** What numbers told facts, where several nodes write the same data. */
	get relay(): FactRelay | undefined {
		return this.#given.engine.exclusive ? undefined : this.#relay;
	}

	/** Throws a TypeError for a collection that was not declared. */
	collection<T extends StoredDocument>(name: string): Collection<T> {
		const collection = this.#collections.get(name);
		if (!collection) throw new TypeError(`${this.#given.service} declares no collection "${name}"`);
		return collection;
	}

	/** Facts for one write: `tell(facts, event, payload)`, then hand them over with the document. */
	facts(): Facts {
		return new Facts(this.#given.service, this.#given.runtime.clock);
	}

	healthy(): Promise<boolean> {
		return this.#given.engine.healthy();
	}

	/** Carries the facts that an earlier process left, and stands by to carry those of a node that dies. */
	start(): Promise<void> {
		return this.#relay.start();
	}

	/** The engine stays open: whoever opened it closes it. */
	stop(): Promise<void> {
		return this.#relay.stop();
	}
}

export interface DocumentStoreOptions {
	/** The first is the main one, the one moleculer-db knows. */
	collections: Readonly<Record<string, CollectionSpec>>;
}

/** What the mixin adds to a service's `this`. */
export type DocumentService = Service & { documents: DocumentStore; runtime: Runtime };

type AdaptedService = DocumentService & { adapter: DocumentAdapter; schema: { adapter: DocumentAdapter }; connect(): Promise<void> };
type Mixin = Partial<ServiceSchema<object, object, object, AdaptedService>>;

// As a schema, which is what the package exports; its types show only the class.
const framework = DbService as unknown as ServiceSchema;

/** The mixin. The store is open before the service's own `started` runs. Throws a TypeError for a malformed declaration. */
export function documentStore({ collections }: DocumentStoreOptions): Partial<ServiceSchema> {
	const names = Object.keys(collections);
	const main = names[0];
	if (!main) throw new TypeError("a document store needs a collection");
	const taken = names.find(name => reserved.includes(name));
	if (taken) throw new TypeError(`the collection "${taken}" belongs to the store`);
	const mixin: Mixin = {
		mixins: [
			// Its own `started` tries for ever to connect; a service without its data must not start.
			{ ...framework, started: undefined },
			{
				created() {
					this.schema.adapter = new DocumentAdapter({ ...collections, ...storeCollections }, main, openDocuments);
				},
			} as Mixin as Partial<ServiceSchema>,
		],
		// The generated actions leak hidden fields and accept whatever they are sent: none of them exists.
		actions: { ...Object.fromEntries(Object.keys(framework.actions!).map(name => [name, false])), ...storeActions() },
		methods: {
			operable(this: AdaptedService): OperableStore {
				const { source, inbox, leases, relay, id } = this.documents;
				return { facts: source, inbox, leases, relay, storeId: async () => id };
			},
		},
		created() {
			this.runtime = runtimeOf(this.broker);
		},
		async started() {
			await this.connect();
			this.documents = new DocumentStore({
				engine: this.adapter.engine!,
				collections: names,
				service: this.name,
				runtime: this.runtime,
				logger: this.logger,
			});
			// Other nodes compare it: one service must have one truth.
			(this.metadata as { storeId?: string }).storeId = this.documents.id;
			await this.documents.start();
		},
		// moleculer-db disconnects after this.
		async stopped() {
			await this.documents?.stop();
		},
	};
	return mixin as Partial<ServiceSchema>;
}
