// Opens the SQL store of a service on the engine that the environment chose, its schema up to date: a SQLite file, or a schema on a shared server.
import fs from "node:fs";
import path from "node:path";
import type { Service } from "moleculer";
import { Sequelize } from "sequelize";
import { runtimeOf } from "../../lib/runtime.ts";
import { migrateOver } from "./adapter.ts";
import type { SqlEngine } from "./engine.ts";
import { nodeSqlite } from "./node-sqlite-dialect.ts";
import type { Migration } from "./schema.ts";
import { openSqlite } from "./sqlite-engine.ts";

type Passing = (point: "beforeCommit" | "afterCommit") => void;

export interface Opening {
	migrations: readonly Migration[];
	/** Told of every commit, for crash points. */
	passing: Passing;
}

/** The engine of the service's store. Throws a sentence when the server stays away or a migration fails. */
export async function openSql(service: Service, migrations: readonly Migration[]): Promise<SqlEngine> {
	const { config, crash } = runtimeOf(service.broker);
	const passing: Passing = point => crash.at(`${service.name}/${point}`);
	if (!config.sqlUrl) return openFile(service, { migrations, passing });
	const { openServer } = await import("./open-mysql.ts");
	return openServer(service, { migrations, passing });
}

async function openFile(service: Service, { migrations, passing }: Opening): Promise<SqlEngine> {
	const { dataDir, durability } = runtimeOf(service.broker).config;
	fs.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
	const file = path.join(dataDir, `${service.name}.db`);
	const sequelize = new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false });
	const held = new nodeSqlite.Database(file);
	try {
		await migrateOver(sequelize, migrations);
	} finally {
		held.close();
	}
	return openSqlite(file, { durability, passing });
}

// --- which migrations a service has, for whoever has its schema but does not start it

const declared = new WeakMap<object, readonly Migration[]>();

/** Remembers the migrations of a store's mixin. */
export function declareMigrations<Mixin extends object>(mixin: Mixin, migrations: readonly Migration[]): Mixin {
	declared.set(mixin, migrations);
	return mixin;
}

/** The migrations of a service that has a SQL store; undefined for one that has none. */
export function migrationsOf(schema: { mixins?: unknown }): readonly Migration[] | undefined {
	const mixins = (Array.isArray(schema.mixins) ? schema.mixins : [schema.mixins]) as (object | undefined)[];
	const found = mixins.find(mixin => mixin && declared.has(mixin));
	return found && declared.get(found);
}
