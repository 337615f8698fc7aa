// Tables and indexes of the embedded documents, brought in line with what the service declares each time the file is opened.
import type { DatabaseSync } from "node:sqlite";
import { type CollectionSpec, checkField } from "./engine.ts";
import { checkCollections, fieldsOf } from "./indexes.ts";
import { documentOf, valuesAlong } from "./stored-json.ts";

/** A field as SQL. An index is used only where the very same expression stands, so there is one way to write it. */
export const expressionOf = (field: string) =>
	field === "_id" || field === "version" ? field : `json_extract(doc, '$.${checkField(field)}')`;

export const arrayTable = (collection: string, field: string) => `"${collection}:array:${checkField(field)}"`;

/** The unique index over a field; SQLite names it when a value is taken. */
const uniqueName = (collection: string, field: string) => `${collection}:unique:${field}`;

/** The field whose unique index an error of SQLite names; undefined for every other error. */
export function duplicateField(error: unknown): string | undefined {
	const message = String((error as Error | undefined)?.message);
	if (!message.startsWith("UNIQUE constraint failed")) return undefined;
	return /:unique:([^']+)'/.exec(message)?.[1] ?? "_id";
}

/** Throws a TypeError for a malformed declaration, and SQLite's error for data that break a unique index. */
export function prepareSchema(database: DatabaseSync, collections: Readonly<Record<string, CollectionSpec>>): void {
	checkCollections(collections);
	for (const [name, spec] of Object.entries(collections)) {
		database.exec("BEGIN IMMEDIATE");
		try {
			database.exec(
				`CREATE TABLE IF NOT EXISTS "${name}" (_id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, doc TEXT NOT NULL, outbox TEXT)`,
			);
			prepareIndexes(database, name, spec);
			prepareArrays(database, name, spec.arrayIndexes ?? []);
			database.exec("COMMIT");
		} catch (error) {
			if (database.isTransaction) database.exec("ROLLBACK");
			throw error;
		}
	}
}

function prepareIndexes(database: DatabaseSync, collection: string, spec: CollectionSpec): void {
	const wanted = new Map([[`${collection}:facts`, `CREATE INDEX "${collection}:facts" ON "${collection}" (_id) WHERE outbox IS NOT NULL`]]);
	for (const index of spec.indexes ?? []) {
		const fields = fieldsOf(index);
		const name = `${collection}:index:${fields.join(",")}`;
		wanted.set(name, `CREATE INDEX "${name}" ON "${collection}" (${[...fields, "_id"].map(expressionOf).join(", ")})`);
	}
	for (const field of spec.unique ?? []) {
		const name = uniqueName(collection, field);
		wanted.set(name, `CREATE UNIQUE INDEX "${name}" ON "${collection}" (${expressionOf(field)})`);
	}
	const present = database
		.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL")
		.all(collection);
	for (const { name, sql } of present as { name: string; sql: string }[]) {
		if (wanted.get(name) === sql) wanted.delete(name);
		else database.exec(`DROP INDEX "${name}"`);
	}
	for (const sql of wanted.values()) database.exec(sql);
}

function prepareArrays(database: DatabaseSync, collection: string, fields: readonly string[]): void {
	const wanted = new Set(fields.map(field => arrayTable(collection, field).slice(1, -1)));
	const prefix = `${collection}:array:`;
	const present = database
		.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, ?) = ?")
		.all(prefix.length, prefix);
	for (const { name } of present as { name: string }[]) if (!wanted.delete(name)) database.exec(`DROP TABLE "${name}"`);
	for (const name of wanted) {
		database.exec(`CREATE TABLE "${name}" (value NOT NULL, _id TEXT NOT NULL, PRIMARY KEY (value, _id)) WITHOUT ROWID`);
		database.exec(`CREATE INDEX "${name}:_id" ON "${name}" (_id)`);
		fill(database, collection, name, name.slice(prefix.length));
	}
}

/** An index that is declared later finds the documents that are there already. */
function fill(database: DatabaseSync, collection: string, table: string, field: string): void {
	const insert = database.prepare(`INSERT INTO "${table}" VALUES (?, ?)`);
	for (const row of database.prepare(`SELECT _id, version, doc FROM "${collection}"`).iterate()) {
		const document = documentOf(row as { _id: string; version: number; doc: string });
		for (const value of valuesAlong(document, field)) insert.run(value, document._id);
	}
}
