// Places that keep the documents of one test each: a folder, or a database on a server.
import { randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { storeCollections } from "../../mixins/document-store.ts";
import { connect } from "../../mixins/documents/mongo-connection.ts";
import type { MongoClient } from "../../mixins/documents/mongo-driver.ts";
import { MongoDocuments } from "../../mixins/documents/mongo-engine.ts";
import { SqliteDocuments } from "../../mixins/documents/sqlite-engine.ts";
import type { DataPlace } from "./documents-store.ts";

export async function inFolder(durability: "full" | "process"): Promise<DataPlace> {
	const folder = await fs.mkdtemp(path.join(os.tmpdir(), "stoa-documents-"));
	return {
		open: async collections =>
			new SqliteDocuments(path.join(folder, "things.documents.db"), {
				collections: { ...collections, ...storeCollections },
				durability,
				now: 0,
			}),
		remove: () => fs.rm(folder, { recursive: true }),
	};
}

export interface MongoPlace extends DataPlace {
	database: string;
	/** The engine of one more node, by another way to the server if one is given. */
	open(collections: Parameters<DataPlace["open"]>[0], through?: string): Promise<MongoDocuments>;
}

export async function onServer(url: string): Promise<MongoPlace> {
	const database = `stoa_test_${randomBytes(6).toString("hex")}`;
	return {
		database,
		open: (collections, through = url) =>
			MongoDocuments.open(through, { database, collections: { ...collections, ...storeCollections }, now: 0 }),
		remove: async () => void (await onMongo(url, client => client.db(database).dropDatabase())),
	};
}

/** The way of another tool to the server, past the store. */
export async function onMongo<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
	const client = await connect(url, "metadata", 0);
	try {
		return await work(client);
	} finally {
		await client.close(true);
	}
}
