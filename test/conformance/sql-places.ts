// Where the SQL suites keep their data: a SQLite file, or a schema of their own on a MariaDB server.
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { Sequelize } from "sequelize";
import { migrateOver } from "../../mixins/sql/adapter.ts";
import type { SqlEngine } from "../../mixins/sql/engine.ts";
import { openMysql } from "../../mixins/sql/mysql-engine.ts";
import { prepareSchema } from "../../mixins/sql/mysql-schema.ts";
import { addressOf, driverOptions, MysqlSession } from "../../mixins/sql/mysql-session.ts";
import { nodeSqlite } from "../../mixins/sql/node-sqlite-dialect.ts";
import { column, type Migration } from "../../mixins/sql/schema.ts";
import { openSqlite } from "../../mixins/sql/sqlite-engine.ts";

/** A place where an engine keeps data: opened (also several times at once, where engines share data), closed and opened again. */
export interface SqlPlace {
	open(): Promise<SqlEngine>;
	remove(): Promise<void>;
}

const boxes: Migration = {
	name: "0001-boxes",
	async up(schema) {
		await schema.createTable("boxes", { name: column.key(), amount: column.integer(), lines: column.textOrNull() }, ["name"]);
	},
};

export function sqlitePlace(durability: "full" | "process"): SqlPlace {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-sql-"));
	const file = path.join(folder, "counting.db");
	return {
		async open() {
			await migrateOver(new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false }), [boxes]);
			return openSqlite(file, { durability });
		},
		remove: async () => fs.rmSync(folder, { recursive: true }),
	};
}

export interface MysqlPlace extends SqlPlace {
	readonly database: string;
	/** The same data by another way: through a proxy, with a pool of another size. */
	openBy(url: string, options?: { poolMax?: number; warn?: (sentence: string) => void }): SqlEngine;
}

export const aDatabase = () => `stoa_suite_${randomBytes(6).toString("hex")}`;

export async function dropDatabase(url: string, database: string): Promise<void> {
	const { host, port, user, password } = addressOf(url);
	const connection = await createConnection({ host, port, user, password });
	await connection.query(`DROP DATABASE IF EXISTS \`${database}\``);
	await connection.end();
}

export function mysqlPlace(url: string): MysqlPlace {
	const database = aDatabase();
	const quiet = () => undefined;
	const openBy: MysqlPlace["openBy"] = (by, { poolMax = 8, warn = quiet } = {}) =>
		openMysql({ service: "counting", open: () => MysqlSession.open(driverOptions(addressOf(by), database)), poolMax, warn });
	return {
		database,
		openBy,
		async open() {
			await prepareSchema({ address: addressOf(url), database, migrations: [boxes] }, { warn: quiet });
			return openBy(url);
		},
		remove: () => dropDatabase(url, database),
	};
}
