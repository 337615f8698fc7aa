// One process owns a data folder. The lock is one that the operating system drops with the process, so a killed one leaves none behind.
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Middleware, ServiceBroker } from "moleculer";
import { type Config, ConfigError } from "../lib/config.ts";
import { runtimeOf } from "../lib/runtime.ts";

const held = new WeakMap<object, () => void>();

/** A node whose stores are all on servers keeps nothing in the folder but secrets, and these several nodes may share: nobody owns it then. */
export const ownsDataFolder = ({ sqlUrl, mongoUrl }: Pick<Config, "sqlUrl" | "mongoUrl">) => !(sqlUrl && mongoUrl);

/** Takes the folder or throws a ConfigError that names it. Returns what gives it back. */
export function lockDataFolder(dataDir: string): () => void {
	fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
	const lock = new DatabaseSync(path.join(dataDir, "lock.db"));
	try {
		lock.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
	} catch {
		lock.close();
		throw new ConfigError(
			`The data folder ${dataDir} is in use by another process. Stop that one, or set STOA_DATA_DIR to another folder.`,
		);
	}
	return () => lock.close();
}

export const dataFolder: Middleware = {
	name: "DataFolder",
	created(broker: ServiceBroker) {
		const { config } = runtimeOf(broker);
		if (ownsDataFolder(config)) held.set(broker, lockDataFolder(config.dataDir));
	},
	async stopped(broker: ServiceBroker) {
		held.get(broker)?.();
		held.delete(broker);
	},
};
