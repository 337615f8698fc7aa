// A service's schema on a MySQL or MariaDB server: made when it is absent and brought up to date by one node at a time.
import { setTimeout as sleep } from "node:timers/promises";
import { Sequelize } from "sequelize";
import { migrateOver } from "./adapter.ts";
import { faultOf } from "./mysql-fault.ts";
import { driverOptions, type MysqlAddress, MysqlSession } from "./mysql-session.ts";
import type { Migration, TableOptions } from "./schema.ts";

export interface MysqlSchema {
	address: MysqlAddress;
	/** The schema's name. */
	database: string;
	/** The service's own; those of every store run before. */
	migrations: readonly Migration[];
}

export interface Waiting {
	warn: (sentence: string) => void;
	/** How long a server that is away is waited for. */
	patienceMs?: number;
}

/** Stops the start. The sentence names the setting and never the password. */
export class DatabaseError extends Error {
	override name = "DatabaseError";
}

const tryAgainMs = 500;
// Another node may be in the middle of a long migration; one that died has let the lock go with its connection.
const lockSeconds = 120;
const longestSeconds = 3600;

/**
 * Creates the schema if need be and runs the migrations that did not run yet; answers their names. Several nodes may call it at once, and one that
 * was killed in the middle is followed by another. A server that is away is waited for. Throws {@link DatabaseError}.
 */
export async function prepareSchema(schema: MysqlSchema, { warn, patienceMs = 30_000 }: Waiting): Promise<string[]> {
	const until = performance.now() + patienceMs;
	for (let told = false; ; told = true) {
		try {
			return await prepareOnce(schema);
		} catch (error) {
			const { isAway, sentence } = problemOf(error, schema.database);
			if (!isAway || performance.now() > until) throw new DatabaseError(sentence);
			if (!told) warn(`${sentence}; it is tried again for ${Math.round(patienceMs / 1000)} s`);
			await sleep(tryAgainMs);
		}
	}
}

async function prepareOnce({ address, database, migrations }: MysqlSchema): Promise<string[]> {
	// The lock lives as long as this connection, so a node that is killed lets it go.
	const holding = await MysqlSession.connect(driverOptions(address));
	try {
		await holding.query(`SET SESSION wait_timeout = ${longestSeconds}`);
		const lock = `${database} migrations`.slice(-64);
		const patience = (lockSeconds + 5) * 1000;
		const [got] = (await holding.query("SELECT GET_LOCK(?, ?) AS held", [lock, lockSeconds], patience)) as { held: number | null }[];
		if (got?.held !== 1) throw new DatabaseError(`Another node has been migrating the schema ${database} for ${lockSeconds} s.`);
		const options = await createDatabase(holding, database);
		return await migrateOver(sequelizeOver(address, database), migrations, options);
	} finally {
		await holding.close();
	}
}

/**
 * Only when it is absent: an administrator may have made it for a user who may not. Keys are exact, so neither upper and lower case nor trailing
 * spaces are the same; the two servers have different names for that.
 */
async function createDatabase(session: MysqlSession, database: string): Promise<TableOptions> {
	const [server] = (await session.query("SELECT VERSION() AS version")) as { version: string }[];
	const collate = /mariadb/i.test(server!.version) ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
	const found = (await session.query("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", [database])) as object[];
	if (found.length === 0) await session.query(`CREATE DATABASE IF NOT EXISTS \`${database}\` CHARACTER SET utf8mb4 COLLATE ${collate}`);
	return { charset: "utf8mb4", collate };
}

function sequelizeOver({ host, port, user, password, tls }: MysqlAddress, database: string): Sequelize {
	return new Sequelize(database, user, password, {
		dialect: "mysql",
		host,
		port,
		logging: false,
		pool: { max: 1 },
		dialectOptions: { charset: "utf8mb4", connectTimeout: 5000, ...(tls ? { ssl: { rejectUnauthorized: true } } : {}) },
	});
}

/** The sentence for whoever starts the node. A refused statement is told in the server's words: they speak of our tables and hold no password. */
function problemOf(error: unknown, database: string): { isAway: boolean; sentence: string } {
	if (error instanceof DatabaseError) return { isAway: false, sentence: error.message };
	const migration = (error as { migration?: { name: string } }).migration?.name;
	const cause = innermost(error);
	const fault = faultOf(cause);
	if (fault.kind === "denied")
		return { isAway: false, sentence: `The database of STOA_SQL_URL refuses the user or its rights (${fault.reason}).` };
	if (fault.kind !== "statement") return { isAway: true, sentence: `The database of STOA_SQL_URL cannot be reached (${fault.reason})` };
	const what = migration ? `The migration ${migration} of the schema ${database} failed` : `The schema ${database} cannot be prepared`;
	return { isAway: false, sentence: `${what}: ${cause.message}` };
}

function innermost(error: unknown): Error {
	const { original, cause } = error as { original?: unknown; cause?: unknown };
	const inner = original ?? cause;
	return inner instanceof Error ? innermost(inner) : (error as Error);
}
