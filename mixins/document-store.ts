// Gives a service its document store: open before the service starts, closed after its last write and the last fact that could be carried.
// Its facts are kept by the documents themselves, or beside a SQL store by that one (decision 8).
import type { Logger, Service, ServiceSchema } from "moleculer";
import DbService from "moleculer-db";
import type { FactInbox, FactRelay, FactSource, Told } from "../lib/facts.ts";
import { type Leases, ownLeases } from "../lib/leases.ts";
import { type Runtime, runtimeOf } from "../lib/runtime.ts";
import type { Beside } from "./both-stores.ts";
import { DocumentAdapter } from "./documents/adapter.ts";
import { Collection } from "./documents/collection.ts";
import type { CollectionSpec, DocumentEngine, StoredDocument } from "./documents/engine.ts";
import { DocumentInbox, type FloorDocument, floorsSpec } from "./documents/fact-inbox.ts";
import { type LetterDocument, lettersSpec } from "./documents/fact-letters.ts";
import { DocumentLeases, leasesSpec } from "./documents/leases.ts";
import { openDocuments } from "./documents/open-documents.ts";
import { DocumentOutbox, outboxSpec } from "./documents/outbox.ts";
import { Relay } from "./documents/relay.ts";
import { Facts } from "./documents/told.ts";
import { type OperableStore, storeActions } from "./store-actions.ts";

/** What a store that keeps its facts itself has beside its service's collections. */
export const storeCollections: Readonly<Record<string, CollectionSpec>> = {
	outbox: outboxSpec,
	floors: floorsSpec,
	letters: lettersSpec,
	leases: leasesSpec,
};
const reserved = [...Object.keys(storeCollections), "metadata"];

/** The store that keeps a service's facts where its documents do not. */
export interface FactKeeper {
	readonly facts: FactSource;
	readonly inbox: FactInbox;
	readonly leases: Leases;
	/** Keeps each of these facts once, however often it is brought. */
	adopt(facts: readonly Told[]): Promise<void>;
}

export interface DocumentStoreGiven {
	engine: DocumentEngine;
	/** The service's own collections. */
	collections: readonly string[];
	service: string;
	runtime: Runtime;
	logger: Pick<Logger, "warn">;
	/** Absent: the documents keep them. */
	keeper?: FactKeeper;
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
		const { engine, collections, service, runtime, logger, keeper } = given;
		this.#given = given;
		this.id = engine.storeId;
		const { clock, crash, instance } = runtime;
		this.leases = keeper?.leases ?? (engine.exclusive ? ownLeases : new DocumentLeases(engine.collection("leases"), instance, clock));
		const outbox = keeper ? undefined : new DocumentOutbox({ outbox: engine.collection("outbox"), service, logger });
		const put = (facts: readonly Told[]) => (keeper ? keeper.adopt(facts) : outbox!.put(facts));
		this.#relay = new Relay({ engine, leases: carrying(engine, this.leases, keeper), put, collections, service, crash, clock, logger });
		this.source = sourceOver(keeper?.facts ?? outbox!, this.#relay);
		this.#collections = new Map(collections.map(name => [name, new Collection(engine.collection(name), name, this.#relay)]));
		this.inbox = keeper?.inbox ?? this.#ownInbox();
	}

	#ownInbox(): FactInbox {
		const { engine, runtime } = this.#given;
		return new DocumentInbox({
			floors: new Collection<FloorDocument>(engine.collection("floors"), "floors", this.#relay),
			letters: new Collection<LetterDocument>(engine.collection("letters"), "letters", this.#relay),
			exclusive: engine.exclusive,
			clock: runtime.clock,
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

// Whoever numbers the keeper's facts carries these as well, so that one word from a node that told something wakes both. The keeper lets go of that
// lease when it stops itself, which is after its documents did.
const carrying = ({ exclusive }: DocumentEngine, leases: Leases, keeper: FactKeeper | undefined): Leases => {
	if (exclusive) return ownLeases;
	return keeper ? { hold: names => leases.hold(names), release: async () => undefined } : leases;
};

/** The facts of an outbox, and those that are on their way into it. */
const sourceOver = (outbox: FactSource, relay: Relay): FactSource => ({
	read: (after, limit) => outbox.read(after, limit),
	find: query => outbox.find(query),
	head: () => outbox.head(),
	onNumbered: listener => outbox.onNumbered(listener),
	async pending() {
		// In the order of their way: one that moves on meanwhile is counted twice, but never left out.
		const carried = await relay.pending();
		const numbered = await outbox.pending();
		return {
			pending: carried.pending + numbered.pending,
			oldestSeconds: Math.max(carried.oldestSeconds, numbered.oldestSeconds),
		};
	},
});

export interface DocumentStoreOptions {
	/** The first is the main one, the one moleculer-db knows. */
	collections: Readonly<Record<string, CollectionSpec>>;
	/** `sql` beside a SQL store, whose outbox is then the service's only one: facts of documents are carried there. */
	outbox?: "own" | "sql";
}

/** What the mixin adds to a service's `this`. */
export type DocumentService = Service & { documents: DocumentStore; runtime: Runtime };

type AdaptedService = DocumentService & {
	adapter: DocumentAdapter;
	schema: { adapter: DocumentAdapter; factKeeper?: "sql" };
	/** The SQL store, where there is one. */
	store?: FactKeeper;
	connect(): Promise<void>;
	disconnect(): Promise<void>;
};
type Mixin = Partial<ServiceSchema<object, object, object, AdaptedService>>;

// As a schema, which is what the package exports; its types show only the class.
const framework = DbService as unknown as ServiceSchema;

/** The service's own collections. Throws a TypeError for none, or one that the store has. */
function namesOf(collections: DocumentStoreOptions["collections"]): [main: string, ...others: string[]] {
	const [main, ...others] = Object.keys(collections);
	if (!main) throw new TypeError("a document store needs a collection");
	const taken = [main, ...others].find(name => reserved.includes(name));
	if (taken) throw new TypeError(`the collection "${taken}" belongs to the store`);
	return [main, ...others];
}

/**
 * The mixin. The store is open before the service's own `started` runs; beside a SQL store it is opened after that one and closed before it, in
 * whichever order the two are named. Throws a TypeError for a malformed declaration.
 */
export function documentStore({ collections, outbox = "own" }: DocumentStoreOptions): Partial<ServiceSchema> {
	const names = namesOf(collections);
	const isBeside = outbox === "sql";
	const opened = isBeside ? collections : { ...collections, ...storeCollections };

	async function open(this: AdaptedService): Promise<void> {
		await this.connect();
		const { name: service, runtime, logger } = this;
		const keeper = isBeside ? this.store! : undefined;
		this.documents = new DocumentStore({ engine: this.adapter.engine!, collections: names, service, runtime, logger, keeper });
		// Other nodes compare it: one service must have one truth, and of two stores both must be the same.
		const metadata = this.metadata as { storeId?: string };
		metadata.storeId = isBeside ? `${metadata.storeId}+${this.documents.id}` : this.documents.id;
		await this.documents.start();
	}
	async function close(this: AdaptedService): Promise<void> {
		await this.documents?.stop();
		await this.disconnect();
	}
	function operable(this: AdaptedService): OperableStore {
		const { source, inbox, leases, relay, id } = this.documents;
		return { facts: source, inbox, leases, relay, storeId: async () => id };
	}

	const mixin: Mixin = {
		mixins: [
			// Its own `started` tries for ever to connect; a service without its data must not start.
			{ ...framework, started: undefined, stopped: undefined },
			{
				created() {
					this.schema.adapter = new DocumentAdapter(opened, names[0], openDocuments);
				},
			} as Mixin as Partial<ServiceSchema>,
		],
		// The generated actions leak hidden fields and accept whatever they are sent: none of them exists.
		actions: { ...Object.fromEntries(Object.keys(framework.actions!).map(name => [name, false])), ...storeActions() },
		methods: isBeside ? ({ openBeside: open, closeBeside: close } satisfies Beside) : { operable },
		created() {
			if ((this.schema.factKeeper === "sql") !== isBeside)
				throw new TypeError(
					isBeside
						? `${this.name} has no SQL store that could keep the facts of its documents`
						: `${this.name} has a SQL store, which keeps all its facts: its documents need outbox: "sql"`,
				);
			this.runtime = runtimeOf(this.broker);
		},
		...(isBeside ? {} : { started: open, stopped: close }),
	};
	return mixin as Partial<ServiceSchema>;
}
