// The way of one producer's facts into one listener's inbox: in order of position and without a gap. What comes by wake-up is a hint that saves a
// read; whatever does not follow on is read from the producer's outbox.
import type { Logger } from "moleculer";
import type { Effect, FactInbox, FactSource } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";

const batchMax = 256;
const againMs = 500;

export interface FeedGiven {
	producer: string;
	source: Pick<FactSource, "read">;
	inbox: FactInbox;
	effect: Effect;
	wants(type: string): boolean;
	/** A fact was kept as a letter. */
	kept(): void;
	logger: Pick<Logger, "warn" | "info">;
}

export class Feed {
	readonly #given: FeedGiven;
	#isOpen = false;
	/** Position up to which facts were handed to the inbox. */
	#cursor = 0;
	/** The last of them that concerned us: the next one must find it settled. */
	#handed = 0;
	/** What the inbox itself has written down. */
	#floor = 0;
	/** The newest position we were told of; unknown after a start or a fault, and then the outbox is asked. */
	#head: number | undefined;
	/** Numbered facts that came by wake-up and were not handed over yet: a run without gaps. */
	#fresh: Envelope[] = [];
	#pumping: Promise<void> | undefined;
	#again = false;
	#isWaiting = false;
	readonly #passed: ((position: number) => void)[] = [];

	constructor(given: FeedGiven) {
		this.#given = given;
	}

	get producer(): string {
		return this.#given.producer;
	}

	get source(): Pick<FactSource, "read"> {
		return this.#given.source;
	}

	get isOpen(): boolean {
		return this.#isOpen;
	}

	get cursor(): number {
		return this.#cursor;
	}

	/** Called with the position up to which facts were handed over, whenever it rises. */
	onPassed(listener: (position: number) => void): void {
		this.#passed.push(listener);
	}

	/** Begins above what is settled, wherever that was done. */
	open(floor: number): void {
		this.#cursor = floor;
		this.#handed = floor;
		this.#floor = floor;
		this.#fresh = [];
		this.#isOpen = true;
		this.look();
	}

	/** Resolves when nothing more is handed over. */
	async close(): Promise<void> {
		this.#isOpen = false;
		await this.#pumping;
	}

	/** Facts as they were numbered, in order. A gap, of facts that did not fit or came out of turn, must not be closed by later ones. */
	offer(facts: readonly Envelope[]): void {
		const first = facts[0];
		const last = facts[facts.length - 1];
		if (!this.#isOpen || !first || !last || last.position <= this.#cursor) return;
		const end = this.#fresh[this.#fresh.length - 1];
		const fits = !end || (this.#fresh.length < 10 * batchMax && first.position === end.position + 1);
		if (fits) for (const fact of facts) this.#fresh.push(fact);
		if (this.#head !== undefined) this.#head = Math.max(this.#head, last.position);
		this.#wake();
	}

	/** Asks the outbox whether there is more than we were told of. */
	look(): void {
		this.#head = undefined;
		this.#wake();
	}

	/** Writes down how far it came through facts that do not concern us, once there are `worth` of them, so that nobody looks at them again. */
	async mark(worth: number): Promise<void> {
		if (!this.#isOpen || this.#pumping || this.#cursor - this.#floor < worth) return;
		const cursor = this.#cursor;
		await this.#given.inbox.skipTo(this.producer, cursor);
		this.#floor = cursor;
		this.#handed = Math.max(this.#handed, cursor);
	}

	#wake(): void {
		this.#again = true;
		if (!this.#isOpen || this.#isWaiting) return;
		this.#pumping ??= this.#pump().finally(() => {
			this.#pumping = undefined;
			if (this.#again) this.#wake();
		});
	}

	async #pump(): Promise<void> {
		try {
			while (this.#again && this.#isOpen) {
				this.#again = false;
				while (this.#isOpen && (await this.#handOver()));
			}
			this.#again = false;
		} catch (error) {
			this.#head = undefined;
			this.#fresh = [];
			this.#again = false;
			if (!this.#isOpen) return;
			this.#given.logger.warn(`facts of ${this.producer} wait: they could not be settled`, error);
			this.#isWaiting = true;
			setTimeout(() => {
				this.#isWaiting = false;
				this.#wake();
			}, againMs).unref();
		}
	}

	/** Hands the next facts to the inbox, in order; false when there are none. */
	async #handOver(): Promise<boolean> {
		const facts = await this.#next();
		const last = facts[facts.length - 1];
		if (!last) return false;
		const wanted = facts.filter(fact => this.#given.wants(fact.type));
		const lastWanted = wanted[wanted.length - 1];
		if (lastWanted) {
			const settled = await this.#given.inbox.apply(wanted, this.#given.effect, this.#handed);
			this.#handed = lastWanted.position;
			this.#floor = lastWanted.position;
			if (settled.includes("failed") || settled.includes("waiting")) this.#given.kept();
		}
		this.#cursor = last.position;
		for (const listener of this.#passed) listener(this.#cursor);
		return true;
	}

	async #next(): Promise<Envelope[]> {
		while (this.#fresh[0] && this.#fresh[0].position <= this.#cursor) this.#fresh.shift();
		if (this.#fresh[0]?.position === this.#cursor + 1) return this.#fresh.splice(0, batchMax);
		this.#fresh = [];
		if (this.#head !== undefined && this.#head <= this.#cursor) return [];
		const facts = await this.#given.source.read(this.#cursor, batchMax);
		if (facts.length < batchMax) this.#head = Math.max(this.#head ?? 0, facts[facts.length - 1]?.position ?? this.#cursor);
		return facts;
	}
}
