// Carries durable facts from outboxes to listeners. Embedded form: every store of the process hands its numbered rows to the listening
// services, in order, each through its own inbox; what a wake-up misses is read from the outbox. JetStream takes this place between nodes.
import type { Middleware, Service, ServiceBroker } from "moleculer";
import type { HeardEvent } from "../lib/contract.ts";
import type { Effect, FactInbox, FactSource } from "../lib/facts.ts";
import { runtimeOf } from "../lib/runtime.ts";
import { withScope } from "../lib/scope.ts";
import type { Envelope } from "../lib/vocabulary.ts";
import type { OperableStore } from "../mixins/store-actions.ts";

const batchMax = 256;
// A wake-up is only a hint; this is how long a fact can lie unseen when one is lost.
const reconcileMs = 30_000;
const letterPollMs = 100;

type StoreService = Service & { operable?: () => OperableStore; listening?: Listening };

interface Feed {
	producer: string;
	source: FactSource;
	/** Position up to which facts were handed to the inbox. */
	cursor: number;
	/** The last of them that concerned us: the next one must find it settled. */
	handed: number;
	/** The newest position we were told of; unknown after a start or a fault, and then the outbox is asked. */
	head: number | undefined;
	/** Numbered facts that came by wake-up and were not handed over yet: a run without gaps. What does not fit is read from the outbox. */
	fresh: Envelope[];
	pumping: boolean;
	again: boolean;
}

/** Keeps what follows on what is kept. A gap, of facts that did not fit or came out of turn, must not be closed by later ones. */
function keepFresh({ fresh }: Feed, facts: readonly Envelope[]): void {
	const last = fresh[fresh.length - 1];
	const fits = !last || (fresh.length < 10 * batchMax && facts[0]!.position === last.position + 1);
	if (fits) for (const fact of facts) fresh.push(fact);
}

/** One listening service: its feeds, its letters, its replay. */
export class Listening {
	readonly #service: StoreService;
	readonly #inbox: FactInbox;
	readonly #heard: Map<string, HeardEvent>;
	readonly #any: HeardEvent | undefined;
	readonly #feeds = new Map<string, Feed>();
	#timers: NodeJS.Timeout[] = [];
	#retrying = false;
	#stopped = false;
	#hasLetters = true;

	constructor(service: StoreService, inbox: FactInbox, heard: readonly HeardEvent[]) {
		this.#service = service;
		this.#inbox = inbox;
		this.#any = heard.find(event => event.contract.name === "**");
		this.#heard = new Map(heard.map(event => [event.contract.name, event]));
	}

	async start(producers: ReadonlyMap<string, FactSource>): Promise<void> {
		const floors = await this.#inbox.floors();
		for (const [producer, source] of producers) {
			if (!this.#listensTo(producer)) continue;
			const floor = floors.get(producer) ?? 0;
			const feed: Feed = { producer, source, cursor: floor, handed: floor, head: undefined, fresh: [], pumping: false, again: false };
			this.#feeds.set(producer, feed);
			source.onNumbered(facts => {
				keepFresh(feed, facts);
				if (feed.head !== undefined) feed.head = Math.max(feed.head, facts[facts.length - 1]!.position);
				void this.#pump(feed);
			});
			void this.#pump(feed);
		}
		const reconcile = () => {
			for (const feed of this.#feeds.values()) {
				feed.head = undefined;
				void this.#pump(feed);
			}
		};
		this.#timers = [setInterval(reconcile, reconcileMs).unref(), setInterval(() => void this.#tryLetters(), letterPollMs).unref()];
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		for (const timer of this.#timers) clearInterval(timer);
		while (this.#retrying || [...this.#feeds.values()].some(feed => feed.pumping)) await new Promise(resolve => setTimeout(resolve, 5));
	}

	cursors(): Record<string, number> {
		return Object.fromEntries([...this.#feeds.values()].map(feed => [feed.producer, feed.cursor]));
	}

	/** Looks at the letters now: one was made due by an operator. */
	wake(): void {
		this.#hasLetters = true;
		void this.#tryLetters();
	}

	/** Hears all facts of the time again through the inbox. `dryRun` only counts. */
	async replay({ from, to, dryRun }: { from?: string; to?: string; dryRun: boolean }): Promise<{ considered: number; repaired: number }> {
		const counted = { considered: 0, repaired: 0 };
		for (const feed of this.#feeds.values()) {
			// Only what was handed over can be missing: the rest is on its way.
			for (let after = 0; after < feed.cursor; ) {
				const facts = await feed.source.read(after, batchMax);
				if (facts.length === 0) break;
				after = facts[facts.length - 1]!.position;
				for (const fact of facts) {
					if (!this.#handlerOf(fact.type) || fact.position > feed.cursor) continue;
					if ((from && fact.occurredAt < from) || (to && fact.occurredAt >= to)) continue;
					counted.considered++;
					if (await this.#inbox.knows(fact)) continue;
					counted.repaired++;
					if (!dryRun) await this.#inbox.apply(fact, this.#effect);
				}
			}
		}
		return counted;
	}

	#listensTo(producer: string): boolean {
		if (this.#any) return true;
		return [...this.#heard.keys()].some(type => type.startsWith(`${producer}.`));
	}

	#handlerOf(type: string): HeardEvent | undefined {
		return this.#heard.get(type) ?? this.#any;
	}

	readonly #effect: Effect = async (envelope, tx) => {
		const heard = this.#handlerOf(envelope.type)!;
		const scope = { requestId: envelope.requestId, traceparent: envelope.traceparent, actor: envelope.actor };
		await withScope(scope, async () => heard.hear.call(this.#service, { params: envelope.data as never, envelope: envelope as never, tx }));
	};

	async #pump(feed: Feed): Promise<void> {
		if (feed.pumping) {
			feed.again = true;
			return;
		}
		feed.pumping = true;
		try {
			do {
				feed.again = false;
				while (!this.#stopped && (await this.#handOver(feed)));
			} while (feed.again && !this.#stopped);
		} catch (error) {
			if (!this.#stopped) {
				feed.head = undefined;
				this.#service.logger.warn(`facts of ${feed.producer} wait: they could not be settled`, error);
				setTimeout(() => void this.#pump(feed), 500).unref();
			}
		} finally {
			feed.pumping = false;
		}
	}

	/** Hands the next facts to the inbox, in order; false when there are none. */
	async #handOver(feed: Feed): Promise<boolean> {
		const facts = await this.#next(feed);
		const last = facts[facts.length - 1];
		if (!last) return false;
		const wanted = facts.filter(fact => this.#handlerOf(fact.type));
		// Handed over together, settled one after the other: in SQL stores they share a commit.
		const settled = await Promise.all(
			wanted.map((fact, index) => this.#inbox.apply(fact, this.#effect, wanted[index - 1]?.position ?? feed.handed)),
		);
		feed.handed = wanted[wanted.length - 1]?.position ?? feed.handed;
		if (settled.includes("failed") || settled.includes("waiting")) this.#hasLetters = true;
		// Facts that do not concern us cost no write each; after a restart they are merely looked at again.
		if (wanted.length === 0 && facts.length === batchMax) await this.#inbox.skipTo(feed.producer, last.position);
		feed.cursor = last.position;
		return true;
	}

	async #next(feed: Feed): Promise<Envelope[]> {
		while (feed.fresh[0] && feed.fresh[0].position <= feed.cursor) feed.fresh.shift();
		if (feed.fresh[0]?.position === feed.cursor + 1) return feed.fresh.splice(0, batchMax);
		feed.fresh = [];
		if (feed.head !== undefined && feed.head <= feed.cursor) return [];
		const facts = await feed.source.read(feed.cursor, batchMax);
		if (facts.length < batchMax) feed.head = Math.max(feed.head ?? 0, facts[facts.length - 1]?.position ?? feed.cursor);
		return facts;
	}

	async #tryLetters(): Promise<void> {
		if (this.#retrying || this.#stopped || !this.#hasLetters) return;
		this.#retrying = true;
		try {
			for (;;) {
				const due = await this.#inbox.due(runtimeOf(this.#service.broker).clock.now(), 50);
				if (due.length === 0) break;
				for (const letter of due) {
					const settled = await this.#inbox.retry(letter.id, this.#effect);
					if (settled === "failed") this.#service.logger.warn(`${letter.type} ${letter.id} could not be applied again`);
				}
				if (this.#stopped) return;
			}
			// Taken back before the look, so that a letter which comes during it is not overlooked.
			this.#hasLetters = false;
			if ((await this.#inbox.letters({ status: "retrying", limit: 1 })).length > 0) this.#hasLetters = true;
		} catch (error) {
			this.#hasLetters = true;
			if (!this.#stopped) this.#service.logger.warn("letters could not be tried", error);
		} finally {
			this.#retrying = false;
		}
	}
}

/** A new middleware per broker. */
export function durableEvents(): Middleware {
	const groups: Listening[] = [];
	return {
		name: "DurableEvents",

		async started(broker: ServiceBroker) {
			const stores = (broker.services as StoreService[]).filter(service => service.operable);
			const producers = new Map(stores.map(service => [service.name, service.operable!().facts]));
			for (const service of stores) {
				const heard = Object.values(service.schema.events ?? {}).filter(
					(event): event is HeardEvent => (event as HeardEvent).contract?.delivery === "durable",
				);
				if (heard.length === 0) continue;
				const group = new Listening(service, service.operable!().inbox, heard);
				service.listening = group;
				groups.push(group);
				await group.start(producers);
			}
		},

		// Facts stop flowing before any store closes; what is left over waits in its outbox.
		async stopping() {
			await Promise.all(groups.map(group => group.stop()));
		},
	};
}
