// Which rules are in force. Every decision asks the store for the version, which costs one look, so no node ever decides by yesterday's rules; only the
// compiled form is remembered.
import { tell } from "../../../lib/contract.ts";
import { keptAnyway } from "./counters/entity-state.ts";
import type { FraudTx, RuleSetRow } from "./fraud.store.ts";
import { compileRules, type RuleBook } from "./rules/rule-book.ts";
import type { SeriesNeed } from "./rules/seen.ts";
import { starterPack } from "./rules/starter-pack.ts";
import { type Rule, rulesChanged } from "./rules.contract.ts";

export class RuleSets {
	#book: RuleBook | undefined;

	/** The rules in force, as this transaction (or reader) sees them. */
	async current(tx: FraudTx): Promise<RuleBook> {
		const version = await tx.liveVersion();
		if (this.#book?.version !== version) this.#book = compileRules({ version, rules: (await tx.ruleSet(version))?.rules ?? [] });
		return this.#book;
	}

	/** The product comes with rules: the first set of a new store. */
	async install(tx: FraudTx): Promise<void> {
		const now = tx.now();
		await tx.insertRuleSet({ version: 1, rules: starterPack, publishedBy: null, createdAt: now, liveAt: now });
	}

	/**
	 * Makes the next version. It is in force at once where the counters it asks for are kept already, as exactly as it needs them; else whoever judges
	 * fills them first.
	 */
	async publish(tx: FraudTx, rules: readonly Rule[], by: string): Promise<RuleSetRow> {
		const newest = (await tx.newestRuleSet())!;
		const version = newest.version + 1;
		const now = tx.now();
		const lacks = missing((await this.current(tx)).needs, compileRules({ version, rules }).needs);
		// While an older set is still being filled, this one waits its turn behind it.
		const liveAt = lacks.length === 0 && newest.liveAt !== null ? now : null;
		const set: RuleSetRow = { version, rules, publishedBy: by, createdAt: now, liveAt };
		await tx.insertRuleSet(set);
		if (liveAt !== null) await tell(tx, rulesChanged, { version: String(version), by });
		return set;
	}
}

/** What is needed and not kept, or not exactly enough. */
export function missing(kept: readonly SeriesNeed[], needed: readonly SeriesNeed[]): SeriesNeed[] {
	const caps = new Map(kept.map(({ series, cap }) => [series, cap]));
	// What is counted whole is kept to some number whether anybody asks for it or not; a part of it only if somebody does.
	return needed.filter(
		({ series, counter, cap, where }) => cap > Math.max(caps.get(series) ?? 0, where === null ? keptAnyway(counter) : 0),
	);
}
