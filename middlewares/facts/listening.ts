// One listening service, a "group" when several nodes run it: which producers it reads on this node, its letters, its replay.
// A producer's facts are read on one node at a time, under a lease; the inbox itself refuses what would come twice or too early.
import type { Service } from "moleculer";
import type { HeardEvent } from "../../lib/contract.ts";
import type { Effect, FactInbox, FactSource } from "../../lib/facts.ts";
import { type Leases, ownLeases, renewMs } from "../../lib/leases.ts";
import { runtimeOf } from "../../lib/runtime.ts";
import { withScope } from "../../lib/scope.ts";
import { Feed } from "./feed.ts";
import type { Following, Wire } from "./jetstream.ts";

const batchMax = 256;
// A wake-up is only a hint; this is how long a fact can lie unseen when one is lost.
const reconcileMs = 30_000;
const letterPollMs = 100;
// Letters may become due on another node, by an operator: whoever reads the producer looks now and then.
const letterLookMs = 2000;
// A node more, or one that died: only when this has lasted is work given away.
const steadyMs = 10_000;

/** Where a group finds the producers it hears. */
export interface Producers {
	/** Every service of the mesh that keeps facts. */
	names(): Iterable<string>;
	source(producer: string): Pick<FactSource, "read"> & Partial<Pick<FactSource, "onNumbered">>;
	storeId(producer: string): Promise<string>;
	/** Nodes that run a service at the moment, this one included. */
	nodesOf(service: string): number;
}

export interface ListeningGiven {
	service: Service;
	inbox: FactInbox;
	leases: Leases;
	heard: readonly HeardEvent[];
	producers: Producers;
	wire: Wire | undefined;
}

interface Reading {
	feed: Feed;
	following: Following | undefined;
}

export class Listening {
	readonly #given: ListeningGiven;
	readonly #heard: Map<string, HeardEvent>;
	readonly #any: HeardEvent | undefined;
	readonly #readings = new Map<string, Reading>();
	readonly #isShared: boolean;
	/** Leases given to other nodes, and until when they are left to them. */
	readonly #givenAway = new Map<string, number>();
	#aboveShareSince: number | undefined;
	#timers: NodeJS.Timeout[] = [];
	#ticking: Promise<void> | undefined;
	#retrying = false;
	#stopped = false;
	#hasLetters = true;
	#lookedForLetters = 0;

	constructor(given: ListeningGiven) {
		this.#given = given;
		this.#any = given.heard.find(event => event.contract.name === "**");
		this.#heard = new Map(given.heard.map(event => [event.contract.name, event]));
		this.#isShared = given.leases !== ownLeases;
	}

	async start(): Promise<void> {
		await this.#tick();
		const look = () => {
			for (const { feed } of this.#readings.values()) feed.look();
		};
		this.#given.wire?.onBack(look);
		// Without a wire nobody tells us what other processes wrote.
		const lookMs = this.#isShared && !this.#given.wire ? renewMs : reconcileMs;
		this.#timers = [
			setInterval(() => void this.#tick(), renewMs).unref(),
			setInterval(look, lookMs).unref(),
			setInterval(() => void this.#tryLetters(), letterPollMs).unref(),
		];
	}

	/** Ends what is being settled, and lets another node go on at once. */
	async stop(): Promise<void> {
		this.#stopped = true;
		for (const timer of this.#timers) clearInterval(timer);
		await this.#ticking;
		const open = [...this.#readings.values()].filter(({ feed }) => feed.isOpen);
		await Promise.all(open.map(reading => close(reading)));
		while (this.#retrying) await new Promise(resolve => setTimeout(resolve, 5));
		await this.#given.leases.release(open.map(({ feed }) => leaseOf(feed.producer))).catch(() => undefined);
	}

	/** How far this group has come with each producer: what another node reads is known by its floor. */
	async cursors(): Promise<Record<string, number>> {
		const floors = this.#isShared ? await this.#given.inbox.floors() : new Map<string, number>();
		const feeds = [...this.#readings.values()].map(({ feed }) => feed);
		return Object.fromEntries(feeds.map(feed => [feed.producer, Math.max(feed.isOpen ? feed.cursor : 0, floors.get(feed.producer) ?? 0)]));
	}

	/** Looks at the letters now: one was made due by an operator. */
	wake(): void {
		this.#hasLetters = true;
		void this.#tryLetters();
	}

	/** Hears all facts of the time again through the inbox. `dryRun` only counts. */
	async replay({ from, to, dryRun }: { from?: string; to?: string; dryRun: boolean }): Promise<{ considered: number; repaired: number }> {
		const { inbox } = this.#given;
		const counted = { considered: 0, repaired: 0 };
		for (const [producer, end] of Object.entries(await this.cursors())) {
			// Only what was handed over can be missing: the rest is on its way.
			for (let after = 0; after < end; ) {
				const facts = await this.#readings.get(producer)!.feed.source.read(after, batchMax);
				if (facts.length === 0) break;
				after = facts[facts.length - 1]!.position;
				for (const fact of facts) {
					if (!this.#handlerOf(fact.type) || fact.position > end) continue;
					if ((from && fact.occurredAt < from) || (to && fact.occurredAt >= to)) continue;
					counted.considered++;
					if (await inbox.knows(fact)) continue;
					counted.repaired++;
					if (!dryRun) await inbox.apply([fact], this.#effect);
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
		await withScope(scope, async () =>
			heard.hear.call(this.#given.service, { params: envelope.data as never, envelope: envelope as never, tx }),
		);
	};

	#tick(): Promise<void> {
		this.#ticking ??= this.#arrange()
			.catch(error => {
				if (!this.#stopped) this.#given.service.logger.warn("which facts are read here could not be settled", error);
			})
			.finally(() => {
				this.#ticking = undefined;
			});
		return this.#ticking;
	}

	/** Reads what nobody else reads, and gives away what is more than this node's share. */
	async #arrange(): Promise<void> {
		for (const producer of this.#given.producers.names())
			if (this.#listensTo(producer) && !this.#readings.has(producer)) this.#readings.set(producer, this.#readingOf(producer));
		const now = performance.now();
		const wanted = [...this.#readings.keys()].filter(producer => (this.#givenAway.get(producer) ?? 0) <= now);
		const held = await this.#given.leases.hold(wanted.map(leaseOf));
		const taken: Reading[] = [];
		for (const [producer, reading] of this.#readings) {
			const isOurs = held.has(leaseOf(producer));
			if (isOurs && !reading.feed.isOpen) taken.push(reading);
			if (!isOurs && reading.feed.isOpen) await close(reading);
		}
		if (taken.length > 0) await this.#open(taken);
		// Other nodes know how far we came by what is written alone; within one process it only spares a start some reading.
		await Promise.all([...this.#readings.values()].map(({ feed }) => feed.mark(this.#isShared ? 1 : batchMax)));
		if (this.#isShared) await this.#giveAway(now);
	}

	async #open(taken: readonly Reading[]): Promise<void> {
		const floors = await this.#given.inbox.floors();
		for (const reading of taken) {
			reading.feed.open(floors.get(reading.feed.producer) ?? 0);
			reading.following = this.#follow(reading.feed);
		}
		this.#hasLetters = true;
	}

	#follow(feed: Feed): Following | undefined {
		const { wire, service, producers } = this.#given;
		return wire?.follow({
			group: service.name,
			producer: feed.producer,
			storeId: () => producers.storeId(feed.producer),
			heard: fact => feed.offer([fact]),
			joined: () => feed.look(),
		});
	}

	async #giveAway(now: number): Promise<void> {
		const open = [...this.#readings.values()].filter(({ feed }) => feed.isOpen);
		const share = Math.ceil(this.#readings.size / this.#given.producers.nodesOf(this.#given.service.name));
		if (open.length <= share) {
			this.#aboveShareSince = undefined;
			return;
		}
		this.#aboveShareSince ??= now;
		if (now - this.#aboveShareSince < steadyMs) return;
		const given = open.slice(share);
		await Promise.all(given.map(reading => close(reading)));
		for (const { feed } of given) this.#givenAway.set(feed.producer, now + steadyMs);
		await this.#given.leases.release(given.map(({ feed }) => leaseOf(feed.producer)));
	}

	#readingOf(producer: string): Reading {
		const { inbox, producers, service } = this.#given;
		const source = producers.source(producer);
		const feed = new Feed({
			producer,
			source,
			inbox,
			effect: this.#effect,
			wants: type => this.#handlerOf(type) !== undefined,
			kept: () => {
				this.#hasLetters = true;
			},
			logger: service.logger,
		});
		const reading: Reading = { feed, following: undefined };
		feed.onPassed(position => reading.following?.passed(position));
		source.onNumbered?.(facts => feed.offer(facts));
		return reading;
	}

	async #tryLetters(): Promise<void> {
		const { inbox, service } = this.#given;
		const now = performance.now();
		if (this.#isShared && now - this.#lookedForLetters >= letterLookMs) {
			this.#hasLetters = true;
			this.#lookedForLetters = now;
		}
		if (this.#retrying || this.#stopped || !this.#hasLetters) return;
		this.#retrying = true;
		try {
			for (;;) {
				const due = await inbox.due(runtimeOf(service.broker).clock.now(), 50);
				// Those of other producers are for the nodes that read these.
				const ours = due.filter(({ producer }) => this.#readings.get(producer)?.feed.isOpen);
				for (const letter of ours) {
					const settled = await inbox.retry(letter.id, this.#effect);
					if (settled === "failed") service.logger.warn(`${letter.type} ${letter.id} could not be applied again`);
				}
				if (this.#stopped) return;
				if (ours.length === 0) break;
			}
			// Taken back before the look, so that a letter which comes during it is not overlooked.
			this.#hasLetters = false;
			if ((await inbox.letters({ status: "retrying", limit: 1 })).length > 0) this.#hasLetters = true;
		} catch (error) {
			this.#hasLetters = true;
			if (!this.#stopped) service.logger.warn("letters could not be tried", error);
		} finally {
			this.#retrying = false;
		}
	}
}

const leaseOf = (producer: string) => `facts/${producer}`;

async function close(reading: Reading): Promise<void> {
	const { following } = reading;
	reading.following = undefined;
	await Promise.all([reading.feed.close(), following?.stop()]);
}
