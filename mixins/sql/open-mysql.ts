// A service's SQL store on the server of STOA_SQL_URL. Loaded only where there is one, and with it the driver.
import type { Service } from "moleculer";
import type { Config } from "../../lib/config.ts";
import { runtimeOf } from "../../lib/runtime.ts";
import type { SqlEngine } from "./engine.ts";
import { openMysql } from "./mysql-engine.ts";
import { type MysqlSchema, prepareSchema } from "./mysql-schema.ts";
import { addressOf, driverOptions, MysqlSession } from "./mysql-session.ts";
import type { Opening } from "./open-sql.ts";
import type { Migration } from "./schema.ts";

/** The schema of a service on the server of STOA_SQL_URL. */
export const schemaOf = (config: Config, service: string, migrations: readonly Migration[]): MysqlSchema => ({
	address: addressOf(config.sqlUrl!),
	database: `${config.namespace}_${service}`,
	migrations,
});

/** Waits for the server, and brings the service's schema up to date. Throws a sentence when the server stays away or a migration fails. */
export async function openServer(service: Service, { migrations, passing }: Opening): Promise<SqlEngine> {
	const { config } = runtimeOf(service.broker);
	const schema = schemaOf(config, service.name, migrations);
	const warn = (sentence: string) => service.logger.warn(sentence);
	await prepareSchema(schema, { warn });
	const options = driverOptions(schema.address, schema.database);
	return openMysql({
		service: service.name,
		open: () => MysqlSession.open(options),
		poolMax: config.sqlPool,
		passing,
		warn,
	});
}
