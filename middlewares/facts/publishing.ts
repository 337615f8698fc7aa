// Hands the numbered facts of one store to JetStream, on the node that is the store's relay. Where to go on is asked of the stream itself: what it
// has not confirmed is published again, after a crash, an outage, or the loss of everything it had.
import type { Logger } from "moleculer";
import type { FactSource } from "../../lib/facts.ts";
import { type Leases, Tenure } from "../../lib/leases.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Origin, Wire } from "./jetstream.ts";

const lease = "relay";
const batchMax = 256;
const lookMs = 1000;
const againMs = 500;
// A stream that lost everything is given this much again; listeners read what is older from the outbox themselves.
const backlogMax = 10_000;

export interface PublishingGiven {
	origin: Origin;
	source: FactSource;
	leases: Leases;
	wire: Wire;
	logger: Pick<Logger, "warn">;
}

export class Publishing {
	readonly #given: PublishingGiven;
	readonly #tenure: Tenure;
	/** Confirmed up to here; unknown after a start or a fault. */
	#confirmed: number | undefined;
	#fresh: Envelope[] = [];
	#running: Promise<void> | undefined;
	#again = false;
	#timer: NodeJS.Timeout | undefined;
	#stopped = false;

	constructor(given: PublishingGiven) {
		this.#given = given;
		this.#tenure = new Tenure(given.leases, lease);
		given.source.onNumbered(facts => {
			const last = this.#fresh[this.#fresh.length - 1];
			if (this.#fresh.length < 4 * batchMax && (!last || facts[0]!.position === last.position + 1)) this.#fresh.push(...facts);
			this.wake();
		});
	}

	start(): void {
		this.wake();
		this.#timer = setInterval(() => this.wake(), lookMs).unref();
		// The server may have come back without what it had.
		this.#given.wire.onBack(() => {
			this.#confirmed = undefined;
			this.wake();
		});
	}

	wake(): void {
		this.#again = true;
		if (!this.#stopped)
			this.#running ??= this.#run().finally(() => {
				this.#running = undefined;
			});
	}

	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await this.#running;
		this.#stopped = true;
	}

	async #run(): Promise<void> {
		const { origin, wire, logger } = this.#given;
		try {
			while (this.#again && !this.#stopped) {
				this.#again = false;
				if (!(await this.#tenure.holds())) {
					this.#confirmed = undefined;
					this.#fresh = [];
					return;
				}
				this.#confirmed ??= await this.#whereToGoOn();
				for (let facts = await this.#next(); facts.length > 0 && !this.#stopped; facts = await this.#next()) {
					await wire.publish(origin, facts);
					this.#confirmed = facts[facts.length - 1]!.position;
				}
			}
		} catch (error) {
			this.#tenure.lost();
			this.#confirmed = undefined;
			this.#fresh = [];
			logger.warn(`facts of ${origin.producer} wait in their outbox: ${(error as Error).message}`);
			await new Promise(resolve => setTimeout(resolve, againMs));
		}
	}

	async #whereToGoOn(): Promise<number> {
		const { origin, source, wire } = this.#given;
		const confirmed = await wire.confirmed(origin);
		return confirmed > 0 ? confirmed : Math.max(0, (await source.head()) - backlogMax);
	}

	async #next(): Promise<Envelope[]> {
		const from = this.#confirmed!;
		while (this.#fresh[0] && this.#fresh[0].position <= from) this.#fresh.shift();
		if (this.#fresh[0]?.position === from + 1) return this.#fresh.splice(0, batchMax);
		this.#fresh = [];
		return this.#given.source.read(from, batchMax);
	}
}
