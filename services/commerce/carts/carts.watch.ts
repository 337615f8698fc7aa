// Looks after carts that nobody touches: ends those whose time is over, and tells of those that were left with something in them. One node looks,
// under a lease; that nothing is ended or told twice is the write's to guard, which holds only while the cart is as it was found.
import type { Logger } from "moleculer";
import { tell } from "../../../lib/contract.ts";
import { renewMs } from "../../../lib/leases.ts";
import type { SqlStore } from "../../../mixins/sql-store.ts";
import * as carts from "./carts.contract.ts";
import { expired, isAbandoned } from "./carts.domain.ts";
import { factOf } from "./carts.facts.ts";
import type { CartsTx } from "./carts.store.ts";

const lease = "abandonment";
// Few enough to leave connections to the requests.
const atATime = 10;
const lookEveryMsMax = 60_000;
// Shorter times are a test's; looking more often than this would cost more than it tells.
const lookEveryMsMin = 50;

export interface WatchGiven {
	store: SqlStore<CartsTx>;
	abandonedAfterMs: number;
	expiresAfterMs: number;
	logger: Pick<Logger, "warn">;
}

export class CartWatch {
	readonly #given: WatchGiven;
	readonly #lookEveryMs: number;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#timer: NodeJS.Timeout | undefined;
	#looking: Promise<void> | undefined;
	#stopped = false;

	constructor(given: WatchGiven) {
		this.#given = given;
		const quarter = Math.min(given.abandonedAfterMs, given.expiresAfterMs) / 4;
		this.#lookEveryMs = Math.max(lookEveryMsMin, Math.min(lookEveryMsMax, quarter));
	}

	start(): void {
		this.#timer = setInterval(() => this.#tick(), Math.min(renewMs, this.#lookEveryMs)).unref();
	}

	/** Resolves when a look under way has ended; another node need not wait for our lease to run out. */
	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#timer);
		await this.#looking;
		await this.#given.store.leases.release([lease]).catch(() => undefined);
	}

	/** Ends and tells of everything that is due now. Rejects when something could not be written. */
	async look(): Promise<void> {
		const { store, abandonedAfterMs } = this.#given;
		try {
			await this.#through(
				now => store.reader.over(now, atATime),
				(tx, id) => this.#expire(tx, id),
			);
		} finally {
			await this.#through(
				now => store.reader.idle(now - abandonedAfterMs, atATime),
				(tx, id) => this.#abandon(tx, id),
			);
		}
	}

	#tick(): void {
		this.#looking ??= this.#lookIfDue()
			.catch(error => {
				if (!this.#stopped) this.#given.logger.warn("carts could not be looked through; the next look comes soon", error);
			})
			.finally(() => {
				this.#looking = undefined;
			});
	}

	/** Holds on to the lease in between, so that it stays one node that looks. */
	async #lookIfDue(): Promise<void> {
		if (!(await this.#holds()) || performance.now() - this.#lookedAt < this.#lookEveryMs) return;
		this.#lookedAt = performance.now();
		await this.look();
	}

	async #holds(): Promise<boolean> {
		return (await this.#given.store.leases.hold([lease])).has(lease);
	}

	/** Page after page, each cart in a transaction of its own, for as long as there is a full page and something of it could be settled. */
	async #through(due: (now: number) => Promise<string[]>, settle: (tx: CartsTx, id: string) => Promise<boolean>): Promise<void> {
		const { store } = this.#given;
		for (;;) {
			const ids = await due(store.reader.now());
			const outcomes = await Promise.allSettled(ids.map(id => store.transaction(tx => settle(tx, id))));
			for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
			const isMore = ids.length === atATime && outcomes.some(outcome => outcome.status === "fulfilled" && outcome.value);
			if (!isMore || this.#stopped || !(await this.#holds())) return;
		}
	}

	async #expire(tx: CartsTx, id: string): Promise<boolean> {
		const cart = await tx.lockCart(id);
		const after = cart && expired(cart, tx.now());
		if (after) await tx.endCart(after);
		return after !== undefined;
	}

	/** False when it was touched, taken or told of since it was found. */
	async #abandon(tx: CartsTx, id: string): Promise<boolean> {
		const cart = await tx.lockCart(id);
		if (!cart || !isAbandoned(cart, tx.now(), this.#given.abandonedAfterMs) || !(await tx.toldOf(cart))) return false;
		await tell(tx, carts.abandoned, factOf(cart));
		return true;
	}
}
