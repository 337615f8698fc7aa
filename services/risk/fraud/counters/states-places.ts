// Where the suites keep states: in memory, a SQLite file, a schema of their own on a MariaDB server, a namespace of their own in Redis.
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Sequelize } from "sequelize";
import { systemClock } from "../../../../lib/clock.ts";
import { RedisLink } from "../../../../lib/redis.ts";
import { migrateOver } from "../../../../mixins/sql/adapter.ts";
import type { SqlEngine } from "../../../../mixins/sql/engine.ts";
import { openMysql } from "../../../../mixins/sql/mysql-engine.ts";
import { prepareSchema } from "../../../../mixins/sql/mysql-schema.ts";
import { addressOf, driverOptions, MysqlSession } from "../../../../mixins/sql/mysql-session.ts";
import { nodeSqlite } from "../../../../mixins/sql/node-sqlite-dialect.ts";
import { openSqlite } from "../../../../mixins/sql/sqlite-engine.ts";
import { SqlTx } from "../../../../mixins/sql/tx.ts";
import { aDatabase, dropDatabase } from "../../../../test/conformance/sql-places.ts";
import { entities } from "../migrations/0001-entities.ts";
import type { EntityStates } from "./entity-states.ts";
import { MemoryStates } from "./memory-states.ts";
import { RedisStates } from "./redis-states.ts";
import { SqlStates } from "./sql-states.ts";

/** States that may be asked for by several who know nothing of each other. */
export interface StatesPlace {
	another(): Promise<EntityStates>;
	remove(): Promise<void>;
}

export function inMemory(): StatesPlace {
	const states = new MemoryStates();
	return { another: async () => states, remove: async () => undefined };
}

export const txOver = (engine: SqlEngine, connection: SqlEngine["reader"], writable: boolean, clock = systemClock) =>
	new SqlTx({
		connection,
		dialect: engine.dialect,
		service: "fraud",
		clock,
		scope: undefined,
		exclusive: engine.exclusive,
		writable,
	});

/** Every change in a transaction of its own. */
const overEngine = (engine: SqlEngine): EntityStates => ({
	read: keys => new SqlStates(txOver(engine, engine.reader, false)).read(keys),
	change: (keys, change) => engine.transaction(connection => new SqlStates(txOver(engine, connection, true)).change(keys, change)),
});

/** A SQLite file with the table of states. */
export async function aFile(): Promise<{ engine: SqlEngine; remove(): Promise<void> }> {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-states-"));
	const file = path.join(folder, "fraud.db");
	await migrateOver(new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false }), [entities]);
	const engine = openSqlite(file, { durability: "process" });
	const remove = async () => {
		await engine.close();
		fs.rmSync(folder, { recursive: true });
	};
	return { engine, remove };
}

export async function inSqlite(): Promise<StatesPlace> {
	const { engine, remove } = await aFile();
	return { another: async () => overEngine(engine), remove };
}

export async function inMysql(url: string): Promise<StatesPlace> {
	const database = aDatabase();
	const warn = () => undefined;
	await prepareSchema({ address: addressOf(url), database, migrations: [entities] }, { warn });
	const engines: SqlEngine[] = [];
	return {
		async another() {
			const open = () => MysqlSession.open(driverOptions(addressOf(url), database));
			const engine = openMysql({ service: "fraud", open, poolMax: 8, warn });
			engines.push(engine);
			return overEngine(engine);
		},
		async remove() {
			for (const engine of engines) await engine.close();
			await dropDatabase(url, database);
		},
	};
}

const silent = { info: () => undefined, warn: () => undefined };

export interface RedisPlace extends StatesPlace {
	another(): Promise<RedisStates>;
	link(): Promise<RedisLink>;
}

export function inRedis(url: string): RedisPlace {
	const namespace = `states-${randomBytes(6).toString("hex")}`;
	const links: RedisLink[] = [];
	async function link(): Promise<RedisLink> {
		const opened = new RedisLink(url, namespace, silent);
		links.push(opened);
		await opened.opened(5000);
		return opened;
	}
	return {
		link,
		another: async () => new RedisStates(await link()),
		async remove() {
			for (const opened of links) opened.close();
		},
	};
}
