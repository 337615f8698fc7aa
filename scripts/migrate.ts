// Brings the schema of every service up to date and ends: for a job that runs before the nodes of a new version start.
import path from "node:path";
import { parseArgs } from "node:util";
import type { ServiceSchema } from "moleculer";
import { ConfigError, readConfig } from "../lib/config.ts";
import { serviceFiles } from "../lib/service-files.ts";
import { prepareSchema } from "../mixins/sql/mysql-schema.ts";
import { schemaOf } from "../mixins/sql/open-mysql.ts";
import { migrationsOf } from "../mixins/sql/open-sql.ts";

const usage = `Creates the schemas on the server of STOA_SQL_URL and runs the migrations that did not run yet, then ends.

  STOA_SQL_URL=mysql://user:password@db.example:3306 node scripts/migrate.ts
  SERVICES=commerce,identity/users node scripts/migrate.ts    only these folders under services/

Safe to run several times, from several places at once, and again after it was killed. Nodes do the same when they start.`;

async function migrateAll(): Promise<void> {
	const config = readConfig(process.env);
	if (!config.sqlUrl) throw new ConfigError("STOA_SQL_URL is not set; the embedded files are migrated by the process that opens them.");
	const files = serviceFiles(path.resolve(import.meta.dirname, ".."), config.services);
	for (const file of files) {
		const { default: service } = (await import(file)) as { default: ServiceSchema };
		const migrations = migrationsOf(service);
		if (!migrations) continue;
		const schema = schemaOf(config, service.name, migrations);
		const ran = await prepareSchema(schema, { warn: sentence => console.error(sentence) });
		console.log(`${schema.database}: ${ran.length > 0 ? ran.join(", ") : "up to date"}`);
	}
}

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
if (values.help) console.log(usage);
else {
	try {
		await migrateAll();
	} catch (error) {
		const told = error instanceof Error && (error.name === "ConfigError" || error.name === "DatabaseError");
		console.error(told ? `Nothing more is migrated: ${error.message}` : error);
		process.exitCode = 1;
	}
}
