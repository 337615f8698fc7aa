// A document store on any engine, for the conformance suites: with a clock that is moved by hand, and a crash point that throws once instead of killing.
import { afterEach, beforeEach } from "@jest/globals";
import { type Clock, handClock } from "../../lib/clock.ts";
import type { DeliveryPolicy } from "../../lib/facts.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import { DocumentStore } from "../../mixins/document-store.ts";
import type { Collection } from "../../mixins/documents/collection.ts";
import type { CollectionSpec, DocumentEngine, StoredDocument } from "../../mixins/documents/engine.ts";

/** One place that keeps data, and may be opened again after it was closed. */
export interface DataPlace {
	open(collections: Readonly<Record<string, CollectionSpec>>): Promise<DocumentEngine>;
	remove(): Promise<void>;
}

const policy: DeliveryPolicy = { attempts: 3, backoff: attempt => attempt * 1000 };

export function storeOver(
	engine: DocumentEngine,
	given: { collections: readonly string[]; dieAt?: string; clock?: Clock & { move(ms: number): void } },
) {
	const clock = given.clock ?? handClock();
	let dieAt = given.dieAt;
	const crash = {
		at(point: string) {
			if (point !== dieAt) return;
			dieAt = undefined;
			throw new Error(`died at ${point}`);
		},
	};
	const runtime = makeRuntime({ env: { NODE_ENV: "test" }, clock, crash, delivery: policy });
	const warnings: unknown[][] = [];
	const logger = { warn: (...args: unknown[]) => void warnings.push(args) };
	const store = new DocumentStore({ engine, collections: given.collections, service: "things", runtime, logger });
	return { store, clock, warnings };
}

export interface Product extends StoredDocument {
	slug: string;
	price?: number | null;
	brand?: string | null;
	active?: boolean;
	tags?: string[];
	variants?: { sku: string }[];
	details?: { origin?: string };
}

/** Opens a store of products around each test of the describe it is called in. */
export function aShop(fresh: () => Promise<DataPlace>) {
	let place: DataPlace;
	let engine: DocumentEngine;
	const collections = {
		products: {
			indexes: ["price", "brand", "details.origin", ["active", "price"]],
			arrayIndexes: ["tags", "variants.sku"],
			unique: ["slug"],
		},
	};
	const shop = {
		store: undefined as unknown as DocumentStore,
		products: undefined as unknown as Collection<Product>,
		/** A product whose slug is its id, unless it is given another. */
		add: (_id: string, fields: Omit<Partial<Product>, "_id" | "version"> = {}) => shop.products.insert({ slug: _id, ...fields, _id }),
		async open() {
			engine = await place.open(collections);
			shop.store = storeOver(engine, { collections: ["products"] }).store;
			shop.products = shop.store.collection<Product>("products");
		},
		async close() {
			await shop.store.stop();
			await engine.close();
		},
	};
	beforeEach(async () => {
		place = await fresh();
		await shop.open();
	});
	afterEach(async () => {
		await shop.close();
		await place.remove();
	});
	return shop;
}
