// Gives told facts their positions where several nodes write one database: one of them at a time, under a lease, in the order in which the rows
// were written. Only rows that have no number yet are looked for: a slower transaction would be skipped by "greater than the last".
import type { Logger } from "moleculer";
import type { FactRelay } from "../../lib/facts.ts";
import { type Leases, Tenure } from "../../lib/leases.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { mustHold } from "./leases.ts";
import type { SqlTx } from "./tx.ts";

const lease = "relay";
const batchMax = 256;
// How long a fact can lie unnumbered when the word of another node that it was told gets lost.
const lookMs = 500;

interface Store {
	transaction<T>(work: (tx: SqlTx) => Promise<T>): Promise<T>;
}

export interface RelayGiven {
	store: Store;
	leases: Leases;
	runtime: Runtime;
	logger: Pick<Logger, "warn">;
	service: string;
}

/** Numbers the oldest facts without a number, without gaps. Throws when another node has become the relay. */
async function number(tx: SqlTx, owner: string): Promise<Envelope[]> {
	await mustHold(tx, lease, owner);
	const rows = await tx.all<{ id: string; envelope: string }>(
		"SELECT id, envelope FROM outbox WHERE position IS NULL ORDER BY sequence LIMIT ?",
		[batchMax],
	);
	if (rows.length === 0) return [];
	const head = (await tx.get<{ position: number }>("SELECT COALESCE(MAX(position), 0) AS position FROM outbox"))!.position;
	const ids = rows.map(({ id }) => id);
	await tx.run(
		`UPDATE outbox SET position = CASE id ${ids.map(() => "WHEN ? THEN ?").join(" ")} END WHERE id IN (${ids.map(() => "?").join(", ")})`,
		[...ids.flatMap((id, at) => [id, head + at + 1]), ...ids],
	);
	return rows.map(({ envelope }, at) => ({ ...(JSON.parse(envelope) as Envelope), position: head + at + 1 }));
}

export class SqlRelay implements FactRelay {
	readonly #given: RelayGiven;
	readonly #listeners: ((facts: Envelope[]) => void)[] = [];
	readonly #told: (() => void)[] = [];
	readonly #tenure: Tenure;
	#running: Promise<void> | undefined;
	#again = false;
	#timer: NodeJS.Timeout | undefined;
	#stopped = false;

	constructor(given: RelayGiven) {
		this.#given = given;
		this.#tenure = new Tenure(given.leases, lease);
	}

	onNumbered(listener: (facts: Envelope[]) => void): void {
		this.#listeners.push(listener);
	}

	onTold(listener: () => void): void {
		this.#told.push(listener);
	}

	/** Something was told in this process. */
	told(): void {
		void this.wake();
		if (!this.#tenure.isOurs) for (const listener of this.#told) listener();
	}

	start(): void {
		const look = async () => {
			await this.wake();
			if (!this.#stopped) this.#timer = setTimeout(look, lookMs);
		};
		void look();
	}

	/** Somebody told something. Nothing happens here when another node is the relay. */
	wake(): Promise<void> {
		this.#again = true;
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	async stop(): Promise<void> {
		clearTimeout(this.#timer);
		// What was told until now is numbered before another node would have to wait for the lease.
		await this.wake();
		this.#stopped = true;
		clearTimeout(this.#timer);
		await this.#tenure.end();
	}

	async #run(): Promise<void> {
		try {
			while (this.#again && !this.#stopped) {
				this.#again = false;
				if (!(await this.#tenure.holds())) return;
				const numbered = await this.#given.store.transaction(tx => number(tx, this.#given.runtime.instance));
				if (numbered.length === batchMax) this.#again = true;
				if (numbered.length > 0) for (const listener of this.#listeners) listener(numbered);
			}
		} catch (error) {
			this.#tenure.lost();
			if (!this.#stopped) this.#given.logger.warn(`${this.#given.service}: facts wait for their positions`, error);
		}
	}
}
