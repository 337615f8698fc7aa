// One try of a transaction's work on one session. A fault that ends the try (deadlock, a lock that nobody gives, a lost connection) answers every
// further statement too: whatever the work catches meanwhile, it cannot go on beside what was undone, and the commit is never reached.
import type { Connection, Value } from "./engine.ts";
import { SqlFault } from "./mysql-fault.ts";

/** Rows, or what a write did. */
export type Asking = (sql: string, params: readonly Value[]) => Promise<unknown>;

export interface Witness {
	sql: string;
	params: readonly Value[];
}

const rowsOf = (sql: string, result: unknown): object[] => {
	if (!Array.isArray(result)) throw new TypeError(`a statement that answers no rows was read: ${sql}`);
	return result;
};
const matchedBy = (result: unknown) => (result as { affectedRows?: number }).affectedRows ?? 0;

export class MysqlAttempt implements Connection {
	readonly #asking: Asking;
	/** A duplicate key may have come between our reading and our writing: run again, the work will see it. Believed when it is there again. */
	readonly #believesDuplicates: boolean;
	#depth = 0;
	#over = false;
	/** What ended this try. */
	ended: SqlFault | undefined;
	witnessed: Witness | undefined;
	repeats = false;

	constructor(asking: Asking, believesDuplicates: boolean) {
		this.#asking = asking;
		this.#believesDuplicates = believesDuplicates;
	}

	async all<R extends object>(sql: string, params: readonly Value[] = []): Promise<R[]> {
		return rowsOf(sql, await this.#ask(sql, params)) as R[];
	}

	async run(sql: string, params: readonly Value[] = []): Promise<number> {
		try {
			return matchedBy(await this.#ask(sql, params));
		} catch (error) {
			if (!this.#believesDuplicates && error instanceof SqlFault && error.kind === "duplicate") this.ended ??= error;
			throw error;
		}
	}

	/** Not INSERT IGNORE: that would also swallow a value that is too long. */
	async runIfAbsent(sql: string, params: readonly Value[] = []): Promise<number> {
		try {
			return matchedBy(await this.#ask(sql, params));
		} catch (error) {
			if (error instanceof SqlFault && error.kind === "duplicate") return 0;
			throw error;
		}
	}

	async savepoint<T>(work: () => Promise<T>): Promise<T> {
		const name = `s${this.#depth++}`;
		const before = { witnessed: this.witnessed, repeats: this.repeats };
		// Never released: the server drops an older one of the same name, and all of them at the end.
		await this.#ask(`SAVEPOINT ${name}`);
		try {
			const result = await work();
			if (this.ended) throw this.ended;
			return result;
		} catch (error) {
			// The outcome of a failed savepoint is the caller's to judge, but a try that ended is not.
			await this.#ask(`ROLLBACK TO SAVEPOINT ${name}`);
			this.witnessed = before.witnessed;
			this.repeats = before.repeats;
			throw error;
		} finally {
			this.#depth--;
		}
	}

	witness(sql: string, params: readonly Value[]): void {
		this.witnessed ??= { sql, params };
	}

	repeatable(): void {
		this.repeats = true;
	}

	/** The work is done: what it left running must not write on a session that serves somebody else. */
	finish(): void {
		this.#over = true;
	}

	async #ask(sql: string, params: readonly Value[] = []): Promise<unknown> {
		if (this.ended) throw this.ended;
		if (this.#over) throw new Error("the transaction is over, nothing can be written in it");
		try {
			return await this.#asking(sql, params);
		} catch (error) {
			if (error instanceof SqlFault && (error.breaks || error.kind === "deadlock" || error.kind === "lockWait")) this.ended ??= error;
			throw this.ended ?? error;
		}
	}
}
