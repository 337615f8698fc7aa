// Rules as analysts see and replace them, and what they would have done.
import { requireMatch } from "../../../../lib/canonical.ts";
import { rfc3339 } from "../../../../lib/clock.ts";
import { answer, type ParamsOf } from "../../../../lib/contract.ts";
import { numberOfCursor, pageOf } from "../../../../lib/cursor.ts";
import { validationFailed } from "../../../../lib/failure.ts";
import { runBacktest } from "../backtest/backtest.ts";
import { labelsOf } from "../desk/lists.ts";
import type { Fraud } from "../fraud.service.ts";
import type { FraudTx, RuleSetRow } from "../fraud.store.ts";
import { checkRules } from "../rules/check-rules.ts";
import { compileTrial } from "../rules/rule-book.ts";
import * as contract from "../rules.contract.ts";

// Long enough to fill counters from a log of some hundred thousand events; a set that takes longer goes live by itself.
const liveWithinMs = 4000;

/** A rule that is sent back as it was read brings its count, which is not the analyst's to set. */
const withoutMatches = (rules: readonly (contract.Rule & { matches?: unknown })[]): contract.Rule[] =>
	rules.map(({ matches: _, ...rule }) => rule);

async function shown(reader: FraudTx, { version, rules }: RuleSetRow) {
	const counts = await reader.matchCounts();
	const counted = rules.map(rule => {
		const matched = counts.get(rule.id);
		return { ...rule, matches: matched ? { count: matched.count, lastAt: rfc3339(matched.lastAt) } : { count: 0 } };
	});
	return { version, rules: counted };
}

export const getRules = answer(contract.getRules, async function (this: Fraud) {
	return shown(this.store.reader, (await this.store.reader.newestRuleSet())!);
});

export const putRules = answer(contract.putRules, async function (this: Fraud, ctx) {
	const rules = checkRules(withoutMatches(ctx.params.rules));
	const { userId } = ctx.locals.principal!;
	const set = await this.store.transaction(async tx => {
		requireMatch(ctx.meta.request?.ifMatch, await shown(tx, (await tx.newestRuleSet())!));
		return this.ruleSets.publish(tx, rules, userId);
	});
	if (set.liveAt === null) await untilLive(this, set.version);
	this.announceRules(set.version, userId);
	return shown(this.store.reader, set);
});

async function untilLive(service: Fraud, version: number): Promise<void> {
	const until = performance.now() + liveWithinMs;
	while ((await service.store.reader.liveVersion()) < version && performance.now() < until) {
		service.judge.soon();
		await new Promise(resolve => setTimeout(resolve, 50));
	}
}

export const listVersions = answer(contract.listVersions, async function (this: Fraud, ctx) {
	const { limit = 20, cursor } = ctx.params;
	const sets = await this.store.reader.ruleSets(cursor === undefined ? undefined : numberOfCursor(cursor), limit + 1);
	const page = pageOf(sets, limit, set => [set.version]);
	const data = page.data.map(({ version, rules, publishedBy, createdAt, liveAt }) => ({
		version,
		rules: [...rules],
		by: publishedBy,
		createdAt: rfc3339(createdAt),
		liveAt: liveAt === null ? null : rfc3339(liveAt),
	}));
	return { ...page, data };
});

export const backtest = answer(contract.backtest, function (this: Fraud, ctx) {
	return replayRules(this, ctx.params);
});

/** Runs the log through a set of rules. `progress` hears now and then how much of it was read. */
export async function replayRules(service: Fraud, asked: ParamsOf<typeof contract.backtest>, progress?: (read: number) => void) {
	const rules = checkRules(withoutMatches(asked.rules));
	const { from, to } = asked;
	if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to))
		throw validationFailed({ errors: [{ pointer: "/to", code: "invalid", detail: "is not after from" }] });
	const { reader } = service.store;
	return runBacktest({
		log: reader.pages(),
		rules: compileTrial(rules),
		labels: await labelsOf(reader),
		...(from === undefined ? {} : { from: Date.parse(from) }),
		...(to === undefined ? {} : { to: Date.parse(to) }),
		...(progress ? { progress } : {}),
	});
}
