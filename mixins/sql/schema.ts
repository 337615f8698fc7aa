// Tables are made by migrations, never by sync, in words that both engines understand. Umzug keeps which ran in `migrations`.
import { DataTypes, type ModelAttributeColumnOptions, type QueryInterface, type Sequelize } from "sequelize";
import type { UmzugStorage } from "umzug";

/** Column types that mean the same on every engine. Amounts and times are BIGINT: whole minor units, whole milliseconds. */
export const column = {
	/** Ids, codes, hashes: indexable everywhere. */
	key: (): ModelAttributeColumnOptions => ({ type: DataTypes.STRING(191), allowNull: false }),
	keyOrNull: (): ModelAttributeColumnOptions => ({ type: DataTypes.STRING(191), allowNull: true }),
	/** 254 characters, of which folding to lower case may make two each. */
	email: (): ModelAttributeColumnOptions => ({ type: DataTypes.STRING(508), allowNull: false }),
	integer: (): ModelAttributeColumnOptions => ({ type: DataTypes.BIGINT, allowNull: false }),
	integerOrNull: (): ModelAttributeColumnOptions => ({ type: DataTypes.BIGINT, allowNull: true }),
	text: (): ModelAttributeColumnOptions => ({ type: DataTypes.TEXT("long"), allowNull: false }),
	textOrNull: (): ModelAttributeColumnOptions => ({ type: DataTypes.TEXT("long"), allowNull: true }),
};

export interface TableIndex {
	fields: readonly string[];
	unique?: boolean;
}

/**
 * A forward step of a store's schema. `name` sorts; a migration that has shipped is never changed. It may be killed in the middle and is then run
 * again from its beginning: every step of {@link Schema} does nothing where it was done already.
 */
export interface Migration {
	name: string;
	up(schema: Schema): Promise<void>;
}

export interface Schema {
	createTable(
		name: string,
		columns: Record<string, ModelAttributeColumnOptions>,
		primaryKey: readonly string[],
		indexes?: readonly TableIndex[],
	): Promise<void>;
	addColumn(table: string, name: string, column: ModelAttributeColumnOptions): Promise<void>;
	addIndex(table: string, index: TableIndex): Promise<void>;
	/** A column that counts the rows as they come, for an engine whose rows have no number of their own (SQLite's `rowid`). */
	addSequence(table: string, name: string): Promise<void>;
}

/** Where the tables are made: keys are compared byte by byte, trailing spaces included, as SQLite does. */
export interface TableOptions {
	charset?: string;
	collate?: string;
}

// Numbers of MySQL: the table, the column, the index is there. SQLite has only its sentence.
const doneAlready = new Set([1050, 1060, 1061]);

async function unlessDone(step: Promise<unknown>): Promise<void> {
	try {
		await step;
	} catch (error) {
		const { errno, message } = (error as { original?: { errno?: number; message?: string } }).original ?? {};
		if (!doneAlready.has(errno ?? 0) && !/already exists|duplicate column name/.test(message ?? "")) throw error;
	}
}

function schemaOver(query: QueryInterface, options: TableOptions): Schema {
	const isSqlite = query.sequelize.getDialect() === "sqlite";
	const addIndex = (table: string, { fields, unique = false }: TableIndex) =>
		unlessDone(query.addIndex(table, [...fields], { unique, name: `${table}_${fields.join("_")}` }));
	// SQLite's TEXT has no sizes, and Sequelize says so aloud at every column.
	const plain = (type: ModelAttributeColumnOptions["type"]) => (isSqlite && type instanceof DataTypes.TEXT ? DataTypes.TEXT : type);
	return {
		async createTable(name, columns, primaryKey, indexes = []) {
			const keys = new Set([...primaryKey, ...indexes.flatMap(({ fields }) => fields)]);
			const wide = Object.entries(columns).find(([key, { type }]) => keys.has(key) && type instanceof DataTypes.TEXT);
			if (wide)
				throw new TypeError(`${name}.${wide[0]} is a text and cannot be a key on every engine: make it a key, or index a hash of it`);
			const attributes = Object.fromEntries(
				Object.entries(columns).map(([key, value]) => [key, { ...value, type: plain(value.type), primaryKey: primaryKey.includes(key) }]),
			);
			await query.createTable(name, attributes, options);
			for (const index of indexes) await addIndex(name, index);
		},
		addColumn: (table, name, added) => unlessDone(query.addColumn(table, name, { ...added, type: plain(added.type) })),
		addIndex,
		async addSequence(table, name) {
			if (isSqlite) return;
			// In one statement: a counting column must be the first of an index from its beginning.
			const sql = `ALTER TABLE \`${table}\` ADD COLUMN \`${name}\` BIGINT NOT NULL AUTO_INCREMENT, ADD UNIQUE INDEX \`${table}_${name}\` (\`${name}\`)`;
			await unlessDone(query.sequelize.query(sql));
		},
	};
}

/** Which migrations ran, by name. Umzug's own storage would `sync` its table, in a character set of its own. */
function journal(query: QueryInterface, options: TableOptions) {
	const made = () => query.createTable("migrations", { name: { ...column.key(), primaryKey: true } }, options);
	return {
		async executed(): Promise<string[]> {
			await made();
			const [rows] = await query.sequelize.query("SELECT name FROM migrations ORDER BY name");
			return (rows as { name: string }[]).map(({ name }) => name);
		},
		logMigration: async ({ name }) =>
			void (await query.sequelize.query("INSERT INTO migrations (name) VALUES (?)", { replacements: [name] })),
		unlogMigration: async ({ name }) =>
			void (await query.sequelize.query("DELETE FROM migrations WHERE name = ?", { replacements: [name] })),
	} satisfies UmzugStorage;
}

/** Brings a database up to date; what has run before is skipped. Answers what ran now. Throws with the name of the migration that failed. */
export async function migrate(sequelize: Sequelize, migrations: readonly Migration[], options: TableOptions = {}): Promise<string[]> {
	const query = sequelize.getQueryInterface();
	const storage = journal(query, options);
	const ran = new Set(await storage.executed());
	if (migrations.every(({ name }) => ran.has(name))) return [];
	// It brings a command line of its own, which takes longer to load than a start without it does to look.
	const { Umzug } = await import("umzug");
	const umzug = new Umzug({
		context: schemaOver(query, options),
		storage,
		logger: undefined,
		migrations: migrations.map(({ name, up }) => ({ name, up: ({ context }: { context: Schema }) => up(context) })),
	});
	return (await umzug.up()).map(({ name }) => name);
}
