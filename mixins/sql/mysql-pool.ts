// The sessions of one store on one node: opened when needed, lent one at a time, closed when unused. Every wait for one is bounded, and a server
// that failed several times in a row is left alone: callers are refused at once, and one call a second tries whether it is back.
import type { PoolState } from "./engine.ts";
import { faultOf, SqlFault } from "./mysql-fault.ts";
import { type MysqlSession, silentSeconds } from "./mysql-session.ts";

// As long as a statement may take: whoever waits longer waits behind a server that does not answer.
const waitMs = 4000;
const waitingMax = 1000;
const unusedMs = (silentSeconds * 1000) / 2;
const failuresMax = 3;
const tryAgainMs = 1000;
const busyPauseMs = 100;

class Breaker {
	#failures = 0;
	#tryAt = 0;

	get away(): boolean {
		return this.#failures >= failuresMax;
	}

	/** False: refuse. While the server is away one caller a second is let through, and its success lets all others through. */
	admits(): boolean {
		if (!this.away) return true;
		const now = performance.now();
		if (now < this.#tryAt) return false;
		this.#tryAt = now + tryAgainMs;
		return true;
	}

	succeeded(): void {
		this.#failures = 0;
	}

	failed(): void {
		this.#failures++;
		if (this.#failures === failuresMax) this.#tryAt = performance.now() + tryAgainMs;
	}
}

interface Waiter {
	resolve(session: MysqlSession): void;
	reject(fault: SqlFault): void;
	until: number;
}

interface Unused {
	session: MysqlSession;
	since: number;
}

export class MysqlPool {
	readonly #open: () => Promise<MysqlSession>;
	readonly #max: number;
	readonly #breaker = new Breaker();
	readonly #unused: Unused[] = [];
	readonly #waiting: Waiter[] = [];
	/** Lent, unused and being opened. */
	#count = 0;
	#opening = 0;
	#closed = false;
	#emptied: (() => void) | undefined;
	readonly #sweeping: NodeJS.Timeout;

	constructor(open: () => Promise<MysqlSession>, max: number) {
		this.#open = open;
		this.#max = max;
		this.#sweeping = setInterval(() => this.#sweep(), 1000).unref();
	}

	state(): PoolState {
		return { open: this.#count, idle: this.#unused.length, waiting: this.#waiting.length, away: this.#breaker.away };
	}

	/** Lends a session; it must be given back. Rejects with a {@link SqlFault}. */
	take(): Promise<MysqlSession> {
		if (this.#closed) return Promise.reject(new SqlFault("lost", "the store is closed"));
		if (!this.#breaker.admits()) return Promise.reject(new SqlFault("lost", "the server is away"));
		const ready = this.#unused.pop();
		if (ready) return Promise.resolve(ready.session);
		if (this.#waiting.length >= waitingMax) return Promise.reject(new SqlFault("timeout", "too many wait for a connection"));
		return new Promise((resolve, reject) => {
			const waiter: Waiter = {
				until: performance.now() + waitMs,
				resolve: session => end(() => resolve(session)),
				reject: fault => end(() => reject(fault)),
			};
			const timer = setTimeout(() => waiter.reject(new SqlFault("timeout", "no connection became free")), waitMs);
			const end = (act: () => void) => {
				clearTimeout(timer);
				const at = this.#waiting.indexOf(waiter);
				if (at >= 0) this.#waiting.splice(at, 1);
				act();
			};
			this.#waiting.push(waiter);
			this.#serve();
		});
	}

	/** Takes a session back. One that broke is forgotten. */
	give(session: MysqlSession): void {
		if (session.broken) return;
		const next = this.#waiting[0];
		if (next) next.resolve(session);
		else if (this.#closed) this.#drop(session);
		else this.#unused.push({ session, since: performance.now() });
	}

	/** The server answered, if only with a refusal of the statement. */
	answered(): void {
		this.#breaker.succeeded();
	}

	/** A session broke under its user. */
	failed(): void {
		this.#breaker.failed();
		if (!this.#breaker.away) return;
		for (const waiter of [...this.#waiting]) waiter.reject(new SqlFault("lost", "the server is away"));
	}

	/** Waits (a bounded time) for what is lent, then ends every session. */
	async close(): Promise<void> {
		this.#closed = true;
		clearInterval(this.#sweeping);
		for (const waiter of [...this.#waiting]) waiter.reject(new SqlFault("lost", "the store is closed"));
		for (const { session } of this.#unused.splice(0)) this.#drop(session);
		if (this.#count === 0) return;
		await new Promise<void>(resolve => {
			const timer = setTimeout(resolve, waitMs);
			this.#emptied = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	/** Opens as many sessions as there are waiters, up to the limit. */
	#serve(): void {
		const wanted = Math.min(this.#waiting.length - this.#opening, this.#max - this.#count);
		for (let at = 0; at < wanted; at++) void this.#add();
	}

	async #add(): Promise<void> {
		this.#count++;
		this.#opening++;
		try {
			const session = await this.#open();
			if (session.broken) throw new SqlFault("lost", "broken at once");
			this.#opening--;
			session.onBroken = () => this.#forget(session);
			this.#breaker.succeeded();
			this.give(session);
		} catch (error) {
			this.#opening--;
			this.#count--;
			this.#refused(faultOf(error));
		}
	}

	#refused(fault: SqlFault): void {
		this.#emptiedNow();
		if (fault.kind === "busy") {
			// The server answers but has given all its connections away: one of ours may become free, or one of another node's.
			setTimeout(() => this.#serve(), busyPauseMs).unref();
			return;
		}
		this.failed();
		this.#waiting[0]?.reject(fault);
		this.#serve();
	}

	#drop(session: MysqlSession): void {
		session.onBroken = () => undefined;
		void session.close();
		this.#count--;
		this.#emptiedNow();
	}

	#forget(session: MysqlSession): void {
		const at = this.#unused.findIndex(unused => unused.session === session);
		if (at >= 0) this.#unused.splice(at, 1);
		this.#count--;
		this.#emptiedNow();
		this.#serve();
	}

	#emptiedNow(): void {
		if (this.#count === 0) this.#emptied?.();
	}

	/** The longest unused stand first: the last to come back is the first to go out again. */
	#sweep(): void {
		const now = performance.now();
		while (this.#unused.length > 0 && now - this.#unused[0]!.since > unusedMs) this.#drop(this.#unused.shift()!.session);
	}
}
