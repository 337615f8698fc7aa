import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { storeCollections } from "../../mixins/document-store.ts";
import { SqliteDocuments } from "../../mixins/documents/sqlite-engine.ts";
import { documentEngineConformance } from "./documents.suite.ts";
import type { DataPlace } from "./documents-store.ts";

async function embedded(durability: "full" | "process"): Promise<DataPlace> {
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

documentEngineConformance("embedded SQLite", () => embedded("full"));
documentEngineConformance("embedded SQLite, durable for the process", () => embedded("process"));
