// SQL on a MySQL or MariaDB server that many nodes share. What a single writer never sees is settled here and not in the services: deadlocks and
// lost connections run the work again, a connection lost in the middle of COMMIT is looked into, and a server that is away is told as such.
import { setTimeout as sleep } from "node:timers/promises";
import { serviceUnavailable } from "../../lib/failure.ts";
import type { Connection, Dialect, SqlEngine } from "./engine.ts";
import { type Asking, MysqlAttempt } from "./mysql-attempt.ts";
import { type FaultKind, faultOf, SqlFault } from "./mysql-fault.ts";
import { MysqlPool } from "./mysql-pool.ts";
import type { MysqlSession } from "./mysql-session.ts";

const dialect: Dialect = { name: "mysql", insertIgnore: "INSERT", forUpdate: " FOR UPDATE" };

// A caller waits at most 8 s; a storm of buyers on one shelf is through long before.
const againForMs = 8000;
const againMax: Readonly<Partial<Record<FaultKind, number>>> = { deadlock: 40, lockWait: 2, duplicate: 2, lost: 2 };
const deadlocksInParallel = 2;
// Longer than the server keeps a session that we can no longer speak to, and with it the lock that hides the answer.
const unknownForMs = 9000;
// Whoever waits for the answer will not wait for a server that stays away.
const unreachableForMs = 3000;
const lookAgainMs = 200;
// A server that is away fails every request; one line a second says so too.
const warnEveryMs = 1000;

export interface MysqlOptions {
	service: string;
	open: () => Promise<MysqlSession>;
	poolMax: number;
	/** Named crash points before and after the commit. */
	passing?: (point: "beforeCommit" | "afterCommit") => void;
	/** Told of every fault that a caller is not: which statement (without its values), and the server's code. */
	warn: (sentence: string) => void;
}

type Outcome<T> = { state: "committed"; value: T } | { state: "failed"; error: unknown } | { state: "again" | "unknown"; fault: SqlFault };

/** Longer after each try, and never twice the same: those who met once must not meet again. */
const pause = (attempt: number) => sleep(Math.random() * Math.min(10 * attempt, 200));

class MysqlEngine implements SqlEngine {
	readonly dialect = dialect;
	readonly exclusive = false;
	readonly reader: Connection;
	readonly #options: MysqlOptions;
	readonly #pool: MysqlPool;
	#turns: Promise<unknown> = Promise.resolve();
	#warnedAt = Number.NEGATIVE_INFINITY;

	constructor(options: MysqlOptions) {
		this.#options = options;
		this.#pool = new MysqlPool(options.open, options.poolMax);
		const readOnly = (): never => {
			throw new TypeError("reads go through the reader, writes through a transaction");
		};
		this.reader = {
			all: async (sql, params = []) => (await this.#read(session => this.#asking(session)(sql, params))) as never,
			run: async () => readOnly(),
			runIfAbsent: async () => readOnly(),
			savepoint: async () => readOnly(),
		};
	}

	async transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
		const until = performance.now() + againForMs;
		const met: Partial<Record<FaultKind, number>> = {};
		for (let attempt = 1; ; attempt++) {
			// A duplicate that still stands after several runs is no race.
			const once = () => this.#once(work, (met.duplicate ?? 0) >= againMax.duplicate!);
			const outcome = await ((met.deadlock ?? 0) >= deadlocksInParallel ? this.#inTurn(once) : once());
			if (outcome.state === "committed") return outcome.value;
			if (outcome.state === "failed") throw outcome.error;
			const { fault } = outcome;
			const times = (met[fault.kind] ?? 0) + 1;
			met[fault.kind] = times;
			if (outcome.state === "unknown" || times > (againMax[fault.kind] ?? 0) || performance.now() > until) throw this.#away(fault);
			await pause(attempt);
		}
	}

	async healthy(): Promise<boolean> {
		try {
			await this.#read(session => session.query("SELECT 1"));
			return true;
		} catch {
			return false;
		}
	}

	pool() {
		return this.#pool.state();
	}

	close(): Promise<void> {
		return this.#pool.close();
	}

	/** One after the other: those who deadlock again and again, on few rows, would only meet once more. */
	#inTurn<T>(once: () => Promise<T>): Promise<T> {
		const turn = this.#turns.then(once);
		this.#turns = turn.catch(() => undefined);
		return turn;
	}

	async #once<T>(work: (connection: Connection) => Promise<T>, believesDuplicates: boolean): Promise<Outcome<T>> {
		const session = await this.#take();
		return this.#try(new MysqlAttempt(this.#asking(session), believesDuplicates), session, work);
	}

	async #try<T>(attempt: MysqlAttempt, session: MysqlSession, work: (connection: Connection) => Promise<T>): Promise<Outcome<T>> {
		const passing = this.#options.passing ?? (() => undefined);
		let value: T;
		try {
			await this.#noting(session.query("START TRANSACTION"));
			try {
				value = await this.#noting(work(attempt), attempt);
			} finally {
				attempt.finish();
			}
			if (attempt.ended) throw attempt.ended;
			// Broken while the work was busy elsewhere: nothing was sent, so nothing is unknown.
			if (session.broken) throw session.broken;
			passing("beforeCommit");
		} catch (error) {
			await this.#undo(session);
			// What the work made of it does not count: it may have taken the fault for its own failure.
			const fault = attempt.ended ?? (error instanceof SqlFault && error.breaks ? error : undefined);
			return fault ? { state: "again", fault } : { state: "failed", error };
		}
		try {
			await this.#noting(session.query("COMMIT"));
		} catch (error) {
			const fault = faultOf(error);
			if (fault.breaks) return this.#lookInto(attempt, fault, value);
			await this.#undo(session);
			return { state: "again", fault };
		}
		this.#pool.give(session);
		passing("afterCommit");
		return { state: "committed", value };
	}

	/**
	 * The connection was lost in the middle of COMMIT. The old session may still hold the witness uncommitted, and its commit may still be on its
	 * way: a locking read waits for it, so neither "found" nor "not found" is concluded too early.
	 */
	async #lookInto<T>({ witnessed, repeats }: MysqlAttempt, fault: SqlFault, value: T): Promise<Outcome<T>> {
		if (!witnessed) return repeats ? { state: "again", fault: new SqlFault("lost", fault.reason) } : { state: "unknown", fault };
		const began = performance.now();
		for (;;) {
			try {
				const found = (await this.#borrow(session => session.query(witnessed.sql, witnessed.params))) as object[];
				return found.length > 0 ? { state: "committed", value } : { state: "again", fault: new SqlFault("lost", fault.reason) };
			} catch (error) {
				const hidden = error instanceof SqlFault && error.kind === "lockWait";
				if (performance.now() - began > (hidden ? unknownForMs : unreachableForMs)) return { state: "unknown", fault };
				await sleep(lookAgainMs);
			}
		}
	}

	/** Ends what a try began and gives its session back; a session that cannot even do this is given up, which ends it as well. */
	async #undo(session: MysqlSession): Promise<void> {
		try {
			if (!session.broken) await session.query("ROLLBACK");
		} catch (error) {
			session.break(faultOf(error));
		}
		this.#pool.give(session);
	}

	/** Asks, and notes which statement the server refused: whoever asked hears of it without the statement. */
	#asking(session: MysqlSession): Asking {
		return async (sql, params) => {
			try {
				return await session.query(sql, params);
			} catch (error) {
				if (error instanceof SqlFault && error.kind === "statement") this.#options.warn(`the database refused (${error.reason}): ${sql}`);
				throw error;
			}
		};
	}

	/** A read changes nothing, so one whose connection is lost is asked again. */
	async #read<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#borrow(work);
			} catch (error) {
				if (!(error instanceof SqlFault) || error.kind === "statement") throw error;
				if (error.kind !== "lost" || attempt > againMax.lost! || this.#pool.state().away) throw this.#away(error);
				await pause(attempt);
			}
		}
	}

	async #borrow<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
		const session = await this.#pool.take();
		try {
			return await this.#noting(work(session));
		} finally {
			this.#pool.give(session);
		}
	}

	async #take(): Promise<MysqlSession> {
		try {
			return await this.#pool.take();
		} catch (error) {
			throw this.#away(faultOf(error));
		}
	}

	/** Lets the pool know whether the server answered. */
	async #noting<T>(asked: Promise<T>, attempt?: MysqlAttempt): Promise<T> {
		try {
			const answer = await asked;
			if (!attempt?.ended) this.#pool.answered();
			return answer;
		} catch (error) {
			const fault = attempt?.ended ?? error;
			if (fault instanceof SqlFault && fault.breaks) this.#pool.failed();
			throw error;
		}
	}

	#away(fault: SqlFault) {
		const now = performance.now();
		if (now - this.#warnedAt > warnEveryMs) {
			this.#warnedAt = now;
			this.#options.warn(`the database did not do its work: ${fault.kind} (${fault.reason})`);
		}
		return serviceUnavailable({ service: this.#options.service, retryAfterSeconds: 1 });
	}
}

/** The engine over an address whose schema is up to date. Nothing is connected before the first statement. */
export const openMysql = (options: MysqlOptions): SqlEngine => new MysqlEngine(options);
