// The connection of moleculer-db-adapter-mongo, waited for at the start and found again for ever after.
import { setTimeout as sleep } from "node:timers/promises";
import type { Service, ServiceBroker } from "moleculer";
import MongoDbAdapter from "moleculer-db-adapter-mongo";
import { isFault, type MongoClient } from "./mongo-driver.ts";
import { absenceMs } from "./mongo-reach.ts";

/** Resolving lost answers is ours (a retry of the driver's would need sessions); its own patience ends before that of {@link MongoReach}. */
const connection = {
	appname: "stoa",
	useUnifiedTopology: true,
	retryReads: false,
	retryWrites: false,
	serverSelectionTimeoutMS: absenceMs,
	connectTimeoutMS: 2000,
	socketTimeoutMS: 3500,
	waitQueueTimeoutMS: absenceMs,
	// A server that came back is found this soon.
	heartbeatFrequencyMS: 2000,
	poolSize: 20,
	readPreference: "primary",
};

/** Throws an Error that names STOA_MONGO_URL and shows none of its secrets. */
export async function connect(url: string, database: string, patienceMs: number): Promise<MongoClient> {
	const until = performance.now() + patienceMs;
	for (;;) {
		try {
			return await connectOnce(url, database);
		} catch (error) {
			const reason = withoutSecrets(error instanceof Error ? error.message : String(error), url);
			if (!isFault(error)) throw new Error(`STOA_MONGO_URL: MongoDB at ${hostsOf(url)} cannot be used: ${reason}`);
			if (performance.now() >= until)
				throw new Error(`STOA_MONGO_URL: no MongoDB answered at ${hostsOf(url)} within ${patienceMs / 1000} s: ${reason}`);
		}
		await sleep(250);
	}
}

async function connectOnce(url: string, database: string): Promise<MongoClient> {
	const adapter = new MongoDbAdapter(url, connection, database) as MongoDbAdapter & { client?: MongoClient };
	const quiet = () => undefined;
	// The adapter wants a service to log for, and a main collection. What it would log are its connection's ups and downs, by events that the driver
	// has deprecated with a warning on stderr: nobody who runs the shop can do anything about it, and every absence is told by those who meet it.
	adapter.init(
		{} as ServiceBroker,
		{ schema: { collection: "metadata" }, logger: { info: quiet, warn: quiet, error: quiet } } as unknown as Service,
	);
	let held: unknown;
	Object.defineProperty(adapter, "db", { get: () => held, set: db => (held = Object.assign(db, { on: quiet })) });
	try {
		await adapter.connect();
		return adapter.client!;
	} catch (error) {
		await adapter.client?.close(true);
		throw error;
	}
}

/** Where it was looked for, without who was to look. */
const hostsOf = (url: string) => url.replace(/^[a-z+]+:\/\/(?:[^/]*@)?([^/?]*).*$/s, "$1");

function withoutSecrets(text: string, url: string): string {
	const [credentials, password] = /^[a-z+]+:\/\/([^/:]*:?([^/]*))@/.exec(url)?.slice(1) ?? [];
	const secrets = [credentials, password].flatMap(secret => (secret ? [secret, safelyDecoded(secret)] : []));
	return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "***"), text);
}

function safelyDecoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
