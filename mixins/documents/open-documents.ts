// Where a service's documents are: in a file of its own, or with STOA_MONGO_URL in a database of its own.
import fs from "node:fs";
import path from "node:path";
import type { OpenDocuments } from "./adapter.ts";
import { SqliteDocuments } from "./sqlite-engine.ts";

export const openDocuments: OpenDocuments = (service, collections, runtime) =>
	(runtime.config.mongoUrl ? openDeployed : openEmbedded)(service, collections, runtime);

const openEmbedded: OpenDocuments = async (service, collections, { config, clock }) => {
	const file = path.join(config.dataDir, `${service}.documents.db`);
	try {
		fs.mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
		return new SqliteDocuments(file, { collections, durability: config.durability, now: clock.now() });
	} catch (error) {
		throw new Error(`${service} cannot open its documents in ${file}: ${(error as Error).message}`, { cause: error });
	}
};

const openDeployed: OpenDocuments = async (service, collections, { config, clock }) => {
	const database = `${config.namespace}_${service}`;
	try {
		const { MongoDocuments } = await import("./mongo-engine.ts");
		return await MongoDocuments.open(config.mongoUrl!, { database, collections, now: clock.now() });
	} catch (error) {
		throw new Error(`${service} cannot open its documents in the database ${database}: ${(error as Error).message}`, { cause: error });
	}
};
