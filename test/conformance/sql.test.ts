import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Sequelize } from "sequelize";
import { nodeSqlite } from "../../mixins/sql/node-sqlite-dialect.ts";
import { platformTables } from "../../mixins/sql/platform-tables.ts";
import { migrate } from "../../mixins/sql/schema.ts";
import { openSqlite } from "../../mixins/sql/sqlite-engine.ts";
import { sqlEngineConformance } from "./sql.suite.ts";

for (const durability of ["full", "process"] as const) {
	sqlEngineConformance(`SQLite, ${durability}`, async () => {
		const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-sql-"));
		const file = path.join(folder, "counting.db");
		return {
			async open() {
				const sequelize = new Sequelize({ dialect: "sqlite", dialectModule: nodeSqlite, storage: file, logging: false });
				await migrate(sequelize, [platformTables]);
				await sequelize.close();
				return openSqlite(file, { durability });
			},
			remove: async () => fs.rmSync(folder, { recursive: true }),
		};
	});
}
