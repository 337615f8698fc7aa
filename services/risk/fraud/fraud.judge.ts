// Judges what was observed: one node at a time takes the log in order, brings the counters of everybody concerned up to date, asks the rules, and hands
// what matched to the desk. Where it stands is written with what it found, so a killed judge begins again where the last one ended.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "moleculer";
import { tell } from "../../../lib/contract.ts";
import { Tenure } from "../../../lib/leases.ts";
import { within } from "../../../lib/within.ts";
import type { SqlStore } from "../../../mixins/sql-store.ts";
import { fillSeries, takeOver } from "./counters/filling.ts";
import type { Desk } from "./desk/desk.ts";
import type { Counters } from "./fraud.counters.ts";
import { type Found, needsOf } from "./fraud.findings.ts";
import { noteFound } from "./fraud.matching.ts";
import type { Logged } from "./fraud.observations.ts";
import { missing, type RuleSets } from "./fraud.rule-sets.ts";
import type { FraudTx } from "./fraud.store.ts";
import { compileRules, type RuleBook } from "./rules/rule-book.ts";
import { rulesChanged } from "./rules.contract.ts";

const lease = "judge";
const batchMax = 256;
// In a flood of facts the log is never empty, and what was found in it must reach the desk all the same.
const judgeMs = 200;
// Whoever waits for a place in the log must not wait for all that is before it to be judged.
const numberedPerJudged = 4;
// Whose counters are filled in one transaction.
const entitiesMax = 200;
// Facts are heard on other nodes too, and nobody tells this one: a look costs an index seek. Alone, it is told of everything, and only errands that
// could not be run have to be looked for.
const lookMs = 100;
const lookAloneMs = 500;
// Long enough for the transaction that is writing it, and for what comes with it.
const soonMs = 5;
// What comes just before a purchase and decides on it. Attempts count where they are asked, and of visits one more or less does not.
const urgent = ["login", "loginFailed", "password", "refund", "cleared"] as const;
// Of the 50 ms in which a purchase is to be decided on.
const catchUpMs = 20;
const forgetEveryMs = 3_600_000;

const orderOf = ({ withdraw }: { withdraw: string }) => [{ kind: "order", id: withdraw }, "The order was cancelled."] as const;

export interface JudgeGiven {
	store: SqlStore<FraudTx>;
	counters: Counters;
	ruleSets: RuleSets;
	desk: Desk;
	/** Decides on attempts that went on without a decision. */
	reassess(): Promise<void>;
	/** Says at once on every node that a set of rules went live. */
	announce(version: number, by: string | null): void;
	logger: Pick<Logger, "warn">;
}

export class Judge {
	readonly #given: JudgeGiven;
	readonly #tenure: Tenure;
	#timer: NodeJS.Timeout | undefined;
	#soon: NodeJS.Timeout | undefined;
	#turn: Promise<void> | undefined;
	#again = false;
	#stopped = false;
	#forgotAt = 0;
	#trouble = "";

	constructor(given: JudgeGiven) {
		this.#given = given;
		this.#tenure = new Tenure(given.store.leases, lease);
	}

	start(): void {
		this.#timer = setInterval(() => void this.wake(), this.#given.store.exclusive ? lookAloneMs : lookMs).unref();
	}

	/** Something was heard or decided in this process, and will be in the log in a moment. */
	soon(): void {
		this.#soon ??= setTimeout(() => {
			this.#soon = undefined;
			void this.wake();
		}, soonMs).unref();
	}

	/** Brings the counters up to what was heard, if this node judges and it does not take long: whoever asks now should be judged by it. */
	async catchUp(): Promise<void> {
		if (!this.#tenure.isOurs || !(await this.#given.store.reader.hasUnnumbered(urgent))) return;
		await within(catchUpMs, this.wake());
	}

	/** Looks now; resolves when it has looked. */
	wake(): Promise<void> {
		this.#again = true;
		this.#turn ??= this.#run().finally(() => {
			this.#turn = undefined;
		});
		return this.#turn;
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#timer);
		clearTimeout(this.#soon);
		await this.#turn;
		await this.#tenure.end();
	}

	async #run(): Promise<void> {
		while (this.#again && !this.#stopped) {
			this.#again = false;
			const isOurs = await this.#tenure.holds().catch(() => false);
			if (!isOurs) return;
			// The desk's documents may be away while the counters are there, and the other way round.
			const isJudged = await this.#try("observations wait to be judged", async () => {
				await this.#judgeAll();
				await this.#fill();
				await this.#forgetIdle();
			});
			const isCarried = await this.#try("what rules found waits for the desk", async () => {
				await this.#given.reassess();
				await this.#carry();
			});
			if (isJudged && isCarried) this.#trouble = "";
		}
	}

	/** False when it did not succeed: the next look tries again, and asks first whether this node still judges. */
	async #try(otherwise: string, work: () => Promise<void>): Promise<boolean> {
		try {
			await work();
			return true;
		} catch (error) {
			this.#tenure.lost();
			this.#complain(otherwise, error);
			return false;
		}
	}

	/** For as long as others may wait for what comes after it. */
	async #judgeAll(): Promise<void> {
		const { store, counters } = this.#given;
		const until = performance.now() + judgeMs;
		while (!this.#stopped && (await this.#tenure.holds())) {
			for (let n = 0; n < numberedPerJudged && (await store.reader.hasUnnumbered()); n++)
				await store.transaction(tx => tx.numberLog(batchMax));
			const from = await store.reader.judged();
			await this.#rebuild(from);
			const batch = await store.reader.logAfter(from, batchMax);
			if (batch.length === 0) return;
			await counters.judge(batch, from, (tx, found) => this.#settle(tx, from, batch, found), this.#given.ruleSets);
			await nextTurn();
			if (performance.now() > until) {
				this.#again = true;
				return;
			}
		}
	}

	/** In one transaction: what matched, how often, and how far we have come. */
	async #settle(tx: FraudTx, from: number, batch: readonly Logged[], found: readonly Found[]): Promise<void> {
		if (!(await tx.moveJudged(from, batch[batch.length - 1]!.seq))) throw new Error("another node has judged meanwhile");
		await noteFound(tx, found);
	}

	/**
	 * Runs the errands to the desk, the oldest first, and all cases before any flag: whoever clears somebody as soon as they are seen flagged closes all
	 * that led to it. One errand that cannot be run keeps no other.
	 */
	async #carry(): Promise<void> {
		const { store, desk } = this.#given;
		for (;;) {
			const waiting = await store.reader.errands(50);
			if (waiting.length === 0) return;
			const troubles: unknown[] = [];
			const laid: typeof waiting = [];
			for (const errand of waiting) {
				if (this.#stopped) return;
				const opened = "match" in errand ? desk.cases.open({ ...errand.match, seq: errand.seq }) : desk.withdrawCase(...orderOf(errand));
				await opened.then(
					() => laid.push(errand),
					error => troubles.push(error),
				);
			}
			for (const errand of laid) {
				const flagged = "match" in errand ? desk.flag({ ...errand.match, seq: errand.seq }) : Promise.resolve();
				await flagged.then(
					() => store.transaction(tx => tx.errandDone(errand.id)),
					error => troubles.push(error),
				);
			}
			if (troubles.length > 0) throw troubles[0];
		}
	}

	/** Counters that lie elsewhere may have lost what they were told last, or everything: the log says it again. Nothing is judged twice. */
	async #rebuild(judged: number): Promise<void> {
		const { store, counters, ruleSets } = this.#given;
		for (let floor = await counters.floor(judged); floor < judged; ) {
			if (this.#stopped || !(await this.#tenure.holds())) throw new Error("stopped while the counters were counted again");
			const batch = (await store.reader.logAfter(floor, batchMax)).filter(({ seq }) => seq <= judged);
			await counters.apply(batch, needsOf(await ruleSets.current(store.reader)));
			const reached = batch[batch.length - 1]!.seq;
			floor = (await counters.reached(reached, floor)) ? reached : await counters.floor(judged);
		}
	}

	/** What the rules in force ask for is filled again where it was lost. A set that waits goes live when the log has filled what it asks for. */
	async #fill(): Promise<void> {
		const { store, counters, ruleSets, announce } = this.#given;
		const live = await ruleSets.current(store.reader);
		await this.#fillFor(live, await counters.filledFor(live.version));
		const next = await store.reader.nextRuleSet();
		if (!next) return;
		await this.#fillFor(compileRules(next), live.version);
		await store.transaction(async tx => {
			if ((await tx.goLive(next.version)) > 0) await tell(tx, rulesChanged, { version: String(next.version), by: next.publishedBy });
		});
		announce(next.version, next.publishedBy);
		this.#again = true;
	}

	/** Nothing else is judged meanwhile, so the states stand where the log was counted to. */
	async #fillFor({ version, needs }: RuleBook, kept: number): Promise<void> {
		if (kept === version) return;
		const { store, counters } = this.#given;
		const before = compileRules({ version: kept, rules: (await store.reader.ruleSet(kept))?.rules ?? [] });
		const lacks = missing(before.needs, needs);
		if (lacks.length > 0) {
			const counted = await fillSeries(store.reader.pages(await store.reader.judged()), needs);
			const keys = [...counted.keys()];
			// Killed in between, it is begun again: a state takes over the same twice.
			for (let from = 0; from < keys.length; from += entitiesMax) {
				await counters.change(keys.slice(from, from + entitiesMax), (state, key) => takeOver(state, counted.get(key)!, lacks));
				await nextTurn();
			}
		}
		await counters.setFilledFor(version);
	}

	async #forgetIdle(): Promise<void> {
		const now = performance.now();
		if (now - this.#forgotAt < forgetEveryMs) return;
		this.#forgotAt = now;
		await this.#given.counters.forgetIdle();
	}

	#complain(sentence: string, error: unknown): void {
		const why = error instanceof Error ? error.message : String(error);
		// Said once: a store that is away is away for many looks.
		if (this.#stopped || why === this.#trouble) return;
		this.#trouble = why;
		this.#given.logger.warn(sentence, error);
	}
}
