// A server that speaks MongoDB's protocol and keeps its rules for single documents. MongoDB itself: STOA_TEST_MONGO_URL.
import fs from "node:fs";
import path from "node:path";
import { enginesFolder, findProgram } from "./programs.ts";
import type { Recipe } from "./server.ts";

export interface MongoOptions {
	/** Keeps its data over `stop` and `restart`; off, all is in memory. On by default. */
	persistent?: boolean;
}

const jars = path.join(enginesFolder, "mongo");

export function missingMongo(): string | undefined {
	if (!findProgram("java")) return "no java was found to run the MongoDB stand-in";
	const there = fs.existsSync(jars) && fs.readdirSync(jars).some(name => name.startsWith("mongo-java-server-h2-backend"));
	return there ? undefined : "the MongoDB stand-in is not in .engines (scripts/test-engines.sh)";
}

export function mongoRecipe({ persistent = true }: MongoOptions = {}): Recipe {
	// Quick to start rather than quick in the long run: a suite lives for seconds.
	const java = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
	const program = path.join(import.meta.dirname, "MongoStandIn.java");
	return {
		command: ({ data, port }) => [
			findProgram("java")!,
			...java,
			...["-cp", path.join(jars, "*"), program, String(port)],
			...(persistent ? [path.join(data, "documents.mv")] : []),
		],
		url: port => `mongodb://127.0.0.1:${port}`,
		ready: {},
	};
}
