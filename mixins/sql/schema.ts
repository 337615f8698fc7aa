// Tables are made by migrations, never by sync, in words that both engines understand. Umzug keeps which ran in `migrations`.
import { DataTypes, type ModelAttributeColumnOptions, type QueryInterface, type Sequelize } from "sequelize";
import { SequelizeStorage, Umzug } from "umzug";

/** Column types that mean the same on every engine. Amounts and times are BIGINT: whole minor units, whole milliseconds. */
export const column = {
	/** Ids, codes, hashes: indexable everywhere. */
	key: (): ModelAttributeColumnOptions => ({ type: DataTypes.STRING(191), allowNull: false }),
	keyOrNull: (): ModelAttributeColumnOptions => ({ type: DataTypes.STRING(191), allowNull: true }),
	integer: (): ModelAttributeColumnOptions => ({ type: DataTypes.BIGINT, allowNull: false }),
	integerOrNull: (): ModelAttributeColumnOptions => ({ type: DataTypes.BIGINT, allowNull: true }),
	text: (): ModelAttributeColumnOptions => ({ type: DataTypes.TEXT("long"), allowNull: false }),
	textOrNull: (): ModelAttributeColumnOptions => ({ type: DataTypes.TEXT("long"), allowNull: true }),
};

export interface TableIndex {
	fields: readonly string[];
	unique?: boolean;
}

/** A forward step of a store's schema. `name` sorts; a migration that has shipped is never changed. */
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
}

function schemaOver(query: QueryInterface): Schema {
	const addIndex = async (table: string, { fields, unique = false }: TableIndex) =>
		query.addIndex(table, [...fields], { unique, name: `${table}_${fields.join("_")}` });
	// SQLite's TEXT has no sizes, and Sequelize says so aloud at every column.
	const plain = (type: ModelAttributeColumnOptions["type"]) =>
		query.sequelize.getDialect() === "sqlite" && type instanceof DataTypes.TEXT ? DataTypes.TEXT : type;
	return {
		async createTable(name, columns, primaryKey, indexes = []) {
			const attributes = Object.fromEntries(
				Object.entries(columns).map(([key, value]) => [key, { ...value, type: plain(value.type), primaryKey: primaryKey.includes(key) }]),
			);
			await query.createTable(name, attributes);
			for (const index of indexes) await addIndex(name, index);
		},
		addColumn: (table, name, added) => query.addColumn(table, name, added),
		addIndex,
	};
}

/** Brings a database up to date; what has run before is skipped. Throws with the name of the migration that failed. */
export async function migrate(sequelize: Sequelize, migrations: readonly Migration[]): Promise<void> {
	const umzug = new Umzug({
		context: schemaOver(sequelize.getQueryInterface()),
		storage: new SequelizeStorage({ sequelize, tableName: "migrations" }),
		logger: undefined,
		migrations: migrations.map(({ name, up }) => ({ name, up: ({ context }: { context: Schema }) => up(context) })),
	});
	await umzug.up();
}
