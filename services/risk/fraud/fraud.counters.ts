// Where the counters are: rows beside the log that change in its transaction, or with STOA_REDIS_URL states in Redis, brought forward under a floor of
// their own. Whoever counts need not know which.
import { serviceUnavailable } from "../../../lib/failure.ts";
import type { RedisLink } from "../../../lib/redis.ts";
import type { SqlStore } from "../../../mixins/sql-store.ts";
import { type Needs, observe } from "./counters/entity-state.ts";
import type { Change } from "./counters/entity-states.ts";
import { RedisStates } from "./counters/redis-states.ts";
import { SqlStates } from "./counters/sql-states.ts";
import { listedOf } from "./desk/lists.ts";
import { type Found, foundIn, needsOf, type States } from "./fraud.findings.ts";
import { entityKeys, entityOf, type Logged, type Observation } from "./fraud.observations.ts";
import type { RuleSets } from "./fraud.rule-sets.ts";
import type { FraudTx } from "./fraud.store.ts";

/** Attempts are kept alike whatever the rules ask for. */
const noNeeds: Needs = new Map();

type Settle = (tx: FraudTx, found: readonly Found<Logged>[]) => Promise<void>;

/** Applies to each entity the observations that concern it, in their order. */
function applying(batch: readonly Observation[], needs: Needs): Change {
	const concerned = new Map<string, Observation[]>();
	for (const observation of batch) {
		for (const key of entityKeys(observation)) {
			const known = concerned.get(key);
			if (known) known.push(observation);
			else concerned.set(key, [observation]);
		}
	}
	return (state, key) => {
		const { kind } = entityOf(key);
		for (const observation of concerned.get(key) ?? []) observe(state, kind, observation, needs);
	};
}

const keysOf = (batch: readonly Observation[]): string[] => [...new Set(batch.flatMap(entityKeys))].sort();

export class Counters {
	readonly #store: SqlStore<FraudTx>;
	readonly #redis: RedisStates | undefined;

	constructor(store: SqlStore<FraudTx>, link: RedisLink | undefined) {
		this.#store = store;
		this.#redis = link && new RedisStates(link);
	}

	close(): void {
		this.#redis?.close();
	}

	read(keys: readonly string[]): Promise<States> {
		return this.#redis ? this.#redis.read(keys) : new SqlStates(this.#store.reader).read(keys);
	}

	change(keys: readonly string[], change: Change): Promise<States> {
		if (this.#redis) return this.#redis.change(keys, change);
		return this.#store.transaction(tx => new SqlStates(tx).change(keys, change));
	}

	apply(batch: readonly Observation[], needs = noNeeds): Promise<States> {
		return this.change(keysOf(batch), applying(batch, needs));
	}

	/** The states with an attempt counted, and with them one transaction; where the counters are rows, they change in it. */
	async counting<T>(attempt: Observation, work: (tx: FraudTx, states: States) => Promise<T>): Promise<T> {
		const keys = entityKeys(attempt);
		const change = applying([attempt], noNeeds);
		if (!this.#redis) return this.#store.transaction(async tx => work(tx, await new SqlStates(tx).change(keys, change)));
		await this.#mustBeWhole();
		const states = await this.#redis.change(keys, change);
		// What they were changed in may have been lost since it was looked at.
		await this.#mustBeWhole();
		return this.#store.transaction(tx => work(tx, states));
	}

	/**
	 * Asks the rules about each observation in its place, brings the counters forward, and has written down what was found. `from`: how far the log was
	 * judged.
	 */
	async judge(batch: readonly Logged[], from: number, settle: Settle, ruleSets: RuleSets): Promise<void> {
		const keys = keysOf(batch);
		if (!this.#redis) {
			await this.#store.transaction(async tx => {
				const book = await ruleSets.current(tx);
				const states = new SqlStates(tx);
				// Locked first, so that what is found is found in what will be written.
				const before = await states.change(keys, () => undefined);
				const found = foundIn(batch, book, before, await listedOf(tx, keys, tx.now()));
				await states.change(keys, applying(batch, needsOf(book)));
				await settle(tx, found);
			});
			return;
		}
		const { reader } = this.#store;
		const book = await ruleSets.current(reader);
		const [states, listed] = await Promise.all([this.#redis.read(keys), listedOf(reader, keys, reader.now())]);
		const found = foundIn(batch, book, states, listed);
		await this.#redis.change(keys, applying(batch, needsOf(book)));
		await this.#store.transaction(tx => settle(tx, found));
		// Refused when Redis has lost something since: the next look finds the floor too low.
		await this.#redis.setFloor(batch[batch.length - 1]!.seq, from);
	}

	/**
	 * Empty or old after a loss they would let everybody pass: until the log has filled them again nobody is judged by them. The floor follows what was
	 * judged, one batch behind at most.
	 */
	async #mustBeWhole(): Promise<void> {
		const { from, to } = await this.#store.reader.lastJudged();
		const floor = await this.#redis!.floor();
		if (floor === undefined ? to > 0 : floor < from) throw serviceUnavailable({ service: "Risk" });
	}

	/** For which set of rules the counters were filled; where they are rows, for the one in force. */
	async filledFor(version: number): Promise<number> {
		return this.#redis ? this.#redis.filledFor() : version;
	}

	async setFilledFor(version: number): Promise<void> {
		await this.#redis?.setFilledFor(version);
	}

	/** Forgets sessions and addresses that nobody has seen for weeks; Redis does so by itself. */
	async forgetIdle(): Promise<void> {
		if (!this.#redis) await this.#store.transaction(tx => new SqlStates(tx).forgetIdle());
	}

	/** Up to where the log is in the counters, for the judge, given how far it was judged. */
	async floor(judged: number): Promise<number> {
		return this.#redis ? ((await this.#redis.floorToRaise()) ?? 0) : judged;
	}

	/** The log is counted again up to `seq`, from behind `from`. False: it was lost once more. */
	async reached(seq: number, from: number): Promise<boolean> {
		return this.#redis ? this.#redis.setFloor(seq, from) : true;
	}
}
