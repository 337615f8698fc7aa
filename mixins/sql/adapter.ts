// Migrations run over moleculer-db-adapter-sequelize, on a Sequelize instance that is handed to it and let go afterwards: a store's own connections
// share commits or repeat transactions, which Sequelize's would not.
import SqlAdapter from "moleculer-db-adapter-sequelize";
import type { Sequelize } from "sequelize";
import { nodeTables, platformTables } from "./platform-tables.ts";
import { type Migration, migrate, type TableOptions } from "./schema.ts";

interface AdapterConnection {
	init(broker: unknown, service: unknown): void;
	connect(): Promise<void>;
	disconnect(): Promise<void>;
}

const quiet = { info: () => undefined };
const model = { name: "metadata", define: {}, options: { timestamps: false } };

/** Brings the tables of every store, and then the service's own, up to date. Answers the names of the migrations that ran now. */
export async function migrateOver(sequelize: Sequelize, migrations: readonly Migration[], options?: TableOptions): Promise<string[]> {
	// The adapter syncs its model unless the instance itself says otherwise; our tables come from migrations alone.
	const adapter = new SqlAdapter(Object.assign(sequelize, { noSync: true })) as unknown as AdapterConnection;
	adapter.init(undefined, { logger: quiet, schema: { model } });
	try {
		await adapter.connect();
		return await migrate(sequelize, [platformTables, nodeTables, ...migrations], options);
	} finally {
		await adapter.disconnect();
	}
}
