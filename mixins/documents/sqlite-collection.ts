// One collection of embedded documents: a row each, with the facts that wait in a column beside it and array values in side tables.
import type { SQLInputValue } from "node:sqlite";
import type { Told } from "../../lib/facts.ts";
import { type AnyDocument, type CollectionSpec, DuplicateKey, type EngineCollection, type Query, type Waiting } from "./engine.ts";
import { conditionsOf, type Filter } from "./filter.ts";
import { checkLimit } from "./indexes.ts";
import type { SqliteAccess } from "./sqlite-engine.ts";
import { clauseOf, type Sql, segmentsOf, wayOf } from "./sqlite-query.ts";
import { arrayTable, duplicateField } from "./sqlite-schema.ts";
import { bodyOf, checkUnique, documentOf, valuesAlong } from "./stored-json.ts";

type Row = { _id: string; version: number; doc: string };
const and = (clauses: readonly Sql[]): Sql => ({
	text: clauses.map(({ text }) => `(${text})`).join(" AND ") || "TRUE",
	values: clauses.flatMap(({ values }) => values),
});

export class SqliteCollection implements EngineCollection {
	readonly #access: SqliteAccess;
	readonly #name: string;
	readonly #spec: CollectionSpec;

	constructor(access: SqliteAccess, name: string, spec: CollectionSpec) {
		this.#access = access;
		this.#name = name;
		this.#spec = spec;
	}

	async get(id: string): Promise<AnyDocument | undefined> {
		const row = this.#access.prepare(`SELECT _id, version, doc FROM "${this.#name}" WHERE _id = ?`).get(id);
		await this.#access.durable();
		return row && documentOf(row as Row);
	}

	async getMany(ids: readonly string[]): Promise<AnyDocument[]> {
		const sql = `SELECT document._id, version, doc FROM json_each(?) AS wanted JOIN "${this.#name}" AS document ON document._id = wanted.value ORDER BY wanted.id`;
		const found = this.#all(sql, [JSON.stringify([...new Set(ids)])]);
		await this.#access.durable();
		return found;
	}

	async find(query: Query): Promise<AnyDocument[]> {
		checkLimit(query);
		const conditions = conditionsOf(query.filter ?? {});
		const way = wayOf(this.#name, this.#spec, conditions, query, from => this.#count(from));
		const where = conditions.map(condition => clauseOf(this.#name, this.#spec, condition, way.drives(condition)));
		const found: AnyDocument[] = [];
		for (const segment of segmentsOf(this.#spec, query, way)) {
			if (found.length >= query.limit) break;
			const { text, values } = and([...where, segment]);
			const sql = `SELECT _id, version, doc FROM "${this.#name}" AS document WHERE ${text} ORDER BY ${segment.order} LIMIT ?`;
			found.push(...this.#all(sql, [...values, query.limit - found.length]));
		}
		await this.#access.durable();
		return found;
	}

	async count(filter: Filter): Promise<number> {
		const where = and(conditionsOf(filter).map(condition => clauseOf(this.#name, this.#spec, condition, true)));
		const count = this.#count({ text: `"${this.#name}" AS document WHERE ${where.text}`, values: where.values });
		await this.#access.durable();
		return count;
	}

	async insert(document: { _id: string }, facts: readonly Told[]): Promise<void> {
		const row = this.#rowOf(document, facts);
		await this.#access.write(() => this.#insert(row));
	}

	async append(documents: readonly { _id: string }[]): Promise<number> {
		const rows = documents.map(document => this.#rowOf(document, []));
		return this.#access.write(() => {
			for (const [index, row] of rows.entries()) {
				try {
					this.#insert(row);
				} catch (error) {
					if (error instanceof DuplicateKey) return index;
					throw error;
				}
			}
			return rows.length;
		});
	}

	async replace(document: { _id: string }, expectedVersion: number, facts: readonly Told[]): Promise<boolean> {
		const row = this.#rowOf(document, facts);
		return this.#access.write(() => {
			const changed = this.#refusingDuplicates(() =>
				row.outbox
					? // Both are JSON arrays that are not empty: the second goes on where the first ends.
						this.#run(
							`UPDATE "${this.#name}" SET version = version + 1, doc = ?,
							outbox = CASE WHEN outbox IS NULL THEN ? ELSE substr(outbox, 1, length(outbox) - 1) || ',' || substr(?, 2) END
							WHERE _id = ? AND version = ?`,
							[row.doc, row.outbox, row.outbox, row.id, expectedVersion],
						)
					: this.#run(`UPDATE "${this.#name}" SET version = version + 1, doc = ? WHERE _id = ? AND version = ?`, [
							row.doc,
							row.id,
							expectedVersion,
						]),
			);
			if (changed === 0) return false;
			for (const [field, values] of row.arrays) this.#writeArray(row.id, field, values);
			return true;
		});
	}

	async remove(id: string, expectedVersion?: number): Promise<"removed" | "unmatched" | "factsWait"> {
		return this.#access.write(() => {
			const row = this.#access.prepare(`SELECT version, outbox FROM "${this.#name}" WHERE _id = ?`).get(id);
			if (!row || (expectedVersion !== undefined && row.version !== expectedVersion)) return "unmatched";
			if (row.outbox !== null) return "factsWait";
			this.#run(`DELETE FROM "${this.#name}" WHERE _id = ?`, [id]);
			for (const field of this.#spec.arrayIndexes ?? []) this.#run(`DELETE FROM ${arrayTable(this.#name, field)} WHERE _id = ?`, [id]);
			return "removed";
		});
	}

	async factsOf(ids: readonly string[]): Promise<Waiting[]> {
		const waiting = ids.map(id => ({ id, facts: this.#waiting(id) })).filter(({ facts }) => facts.length > 0);
		await this.#access.durable();
		return waiting;
	}

	async withFacts(limit: number): Promise<Waiting[]> {
		const rows = this.#access.prepare(`SELECT _id, outbox FROM "${this.#name}" WHERE outbox IS NOT NULL ORDER BY _id LIMIT ?`).all(limit);
		await this.#access.durable();
		return rows.map(row => ({ id: String(row._id), facts: factsIn(row) }));
	}

	async takeOut(taken: readonly { id: string; factIds: readonly string[] }[]): Promise<void> {
		if (taken.length === 0) return;
		await this.#access.write(() => {
			for (const { id, factIds } of taken) {
				const facts = this.#waiting(id);
				const left = facts.filter(fact => !factIds.includes(fact.id));
				if (left.length < facts.length)
					this.#run(`UPDATE "${this.#name}" SET outbox = ? WHERE _id = ?`, [left.length > 0 ? JSON.stringify(left) : null, id]);
			}
		});
	}

	#rowOf(document: { _id: string }, facts: readonly Told[]) {
		checkUnique(document, this.#name, this.#spec);
		return {
			id: document._id,
			doc: bodyOf(document),
			outbox: facts.length > 0 ? JSON.stringify(facts) : null,
			arrays: (this.#spec.arrayIndexes ?? []).map(field => [field, valuesAlong(document, field)] as const),
		};
	}

	#insert(row: { id: string; doc: string; outbox: string | null; arrays: readonly (readonly [string, Set<string | number>])[] }): void {
		this.#refusingDuplicates(() =>
			this.#run(`INSERT INTO "${this.#name}" (_id, version, doc, outbox) VALUES (?, 1, ?, ?)`, [row.id, row.doc, row.outbox]),
		);
		for (const [field, values] of row.arrays) this.#writeArray(row.id, field, values);
	}

	/** Writes only what differs: a changed price does not touch the forty words a product is found by. */
	#writeArray(id: string, field: string, values: ReadonlySet<string | number>): void {
		const table = arrayTable(this.#name, field);
		const held = this.#access.prepare(`SELECT value FROM ${table} WHERE _id = ?`).all(id);
		const kept = new Set<unknown>();
		for (const { value } of held) {
			if (values.has(value as string | number)) kept.add(value);
			else this.#run(`DELETE FROM ${table} WHERE value = ? AND _id = ?`, [value!, id]);
		}
		for (const value of values) if (!kept.has(value)) this.#run(`INSERT INTO ${table} (value, _id) VALUES (?, ?)`, [value, id]);
	}

	#refusingDuplicates<T>(write: () => T): T {
		try {
			return write();
		} catch (error) {
			const field = duplicateField(error);
			throw field ? new DuplicateKey(this.#name, field) : error;
		}
	}

	#waiting(id: string): Told[] {
		return factsIn(this.#access.prepare(`SELECT outbox FROM "${this.#name}" WHERE _id = ?`).get(id));
	}

	#count({ text, values }: Sql): number {
		return Number(this.#access.prepare(`SELECT count(*) AS rows FROM ${text}`).get(...values)!.rows);
	}

	#all(sql: string, values: readonly SQLInputValue[]): AnyDocument[] {
		return this.#access
			.prepare(sql)
			.all(...values)
			.map(row => documentOf(row as Row));
	}

	#run(sql: string, values: readonly SQLInputValue[]): number {
		return Number(this.#access.prepare(sql).run(...values).changes);
	}
}

const factsIn = (row: Record<string, unknown> | undefined): Told[] =>
	typeof row?.outbox === "string" ? (JSON.parse(row.outbox) as Told[]) : [];
