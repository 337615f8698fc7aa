// What rules found, written down in the transaction that found it: that they fired, how often, and what the analysts shall see.
import { type Found, matchesOf } from "./fraud.findings.ts";
import type { FraudTx } from "./fraud.store.ts";

/** A rule that has fired for the entity already, and is in its cooldown, does nothing. */
export async function noteFound(tx: FraudTx, found: readonly Found[]): Promise<void> {
	const counts = new Map<string, { count: number; lastAt: number }>();
	for (const one of found) {
		const { rule, entityKey, observation, episode } = one;
		if (!(await tx.fire(rule, entityKey, { at: observation.at, episode }))) continue;
		const counted = counts.get(rule.id);
		counts.set(rule.id, { count: (counted?.count ?? 0) + 1, lastAt: Math.max(counted?.lastAt ?? 0, observation.at) });
		if (!rule.isLive) continue;
		for (const match of matchesOf(one)) await tx.insertErrand(observation.id, { match });
	}
	await tx.countMatches(counts);
}
