// Rows and queries of risk beside its log: attempts and their decisions, which rules fired, the sets of rules.
import type { PayloadOf } from "../../../lib/contract.ts";
import type { Value } from "../../../mixins/sql/engine.ts";
import type { unassessed } from "../../commerce/orders/orders.contract.ts";
import type { Match } from "./desk/match.ts";
import type { Attempt, Decision, TracedRule } from "./fraud.contract.ts";
import { LogTx } from "./fraud.log.ts";
import type { CompiledRule } from "./rules/rule-book.ts";
import type { Outcome, Rule } from "./rules.contract.ts";

/** An attempt as it is kept: who and what was in it. */
export interface AttemptRow {
	id: string;
	orderId: string;
	paymentId: string;
	userId: string | null;
	sessionId: string;
	deviceHash: string | null;
	addressHash: string;
	instrument: string | null;
	isShared: number;
	at: number;
}

export interface DecisionRow {
	attemptId: string;
	id: string;
	orderId: string;
	userId: string | null;
	outcome: Outcome;
	score: number;
	version: number;
	rules: TracedRule[];
	at: number;
}

export interface RuleSetRow {
	version: number;
	rules: readonly Rule[];
	publishedBy: string | null;
	createdAt: number;
	liveAt: number | null;
}

/** What the desk is to do: open a case, or close one that nobody needs to judge any more (an order's id). */
export type Errand = { match: Omit<Match, "seq"> } | { withdraw: string };

type Stored<Row, Field extends keyof Row> = Omit<Row, Field> & Record<Field, string>;

const attemptColumns = "id, orderId, paymentId, userId, sessionId, deviceHash, addressHash, instrument, isShared, at";

const decisionOf = ({ rules, ...row }: Stored<DecisionRow, "rules">): DecisionRow => ({ ...row, rules: JSON.parse(rules) as TracedRule[] });
const ruleSetOf = ({ rules, ...row }: Stored<RuleSetRow, "rules">): RuleSetRow => ({ ...row, rules: JSON.parse(rules) as Rule[] });

export class FraudTx extends LogTx {
	// --- attempts and decisions

	/** False when the attempt is known. */
	async insertAttempt(attempt: Attempt, at: number, unassessed: string | null = null): Promise<boolean> {
		const { attemptId: id, orderId, paymentId, userId, sessionId, deviceHash, addressHash, instrument, isShared } = attempt;
		const row = { id, orderId, paymentId, userId, sessionId, deviceHash, addressHash, instrument, isShared: isShared ? 1 : 0, at };
		return (await this.insertIfAbsent("attempts", { ...row, unassessed, awaits: unassessed === null ? null : id })) > 0;
	}

	attemptById(id: string): Promise<AttemptRow | undefined> {
		return this.get<AttemptRow>(`SELECT ${attemptColumns} FROM attempts WHERE id = ?`, [id]);
	}

	attemptOfPayment(paymentId: string): Promise<AttemptRow | undefined> {
		return this.get<AttemptRow>(`SELECT ${attemptColumns} FROM attempts WHERE paymentId = ?`, [paymentId]);
	}

	attemptOfOrder(orderId: string): Promise<AttemptRow | undefined> {
		return this.get<AttemptRow>(`SELECT ${attemptColumns} FROM attempts WHERE orderId = ?`, [orderId]);
	}

	/** What was in the attempts of a user, an order or an entity, the newest first. */
	attemptsOf(where: { userId?: string; orderId?: string; entityKey?: string }): Promise<AttemptRow[]> {
		const [kind = "", ...rest] = (where.entityKey ?? "").split(":");
		const columns = { user: "userId", device: "deviceHash", address: "addressHash", instrument: "instrument", session: "sessionId" };
		const conditions: [string, Value | undefined][] = [
			["userId = ?", where.userId],
			["orderId = ?", where.orderId],
			[`${columns[kind as keyof typeof columns]} = ?`, where.entityKey && rest.join(":")],
		];
		const given = conditions.filter((entry): entry is [string, Value] => entry[1] !== undefined);
		if (given.length === 0) return Promise.resolve([]);
		const matched = given.map(([condition]) => condition).join(" AND ");
		return this.all<AttemptRow>(
			`SELECT ${attemptColumns} FROM attempts WHERE ${matched} ORDER BY id DESC LIMIT 500`,
			given.map(([, value]) => value),
		);
	}

	/** Attempts that went on while nobody could decide on them. */
	async unassessed(limit: number): Promise<{ order: PayloadOf<typeof unassessed>; at: number }[]> {
		const rows = await this.all<{ unassessed: string; at: number }>(
			"SELECT unassessed, at FROM attempts WHERE awaits IS NOT NULL ORDER BY awaits LIMIT ?",
			[limit],
		);
		return rows.map(row => ({ order: JSON.parse(row.unassessed) as PayloadOf<typeof unassessed>, at: row.at }));
	}

	settleUnassessed(attemptId: string): Promise<number> {
		return this.update("attempts", { unassessed: null, awaits: null }, { id: attemptId });
	}

	async decisionOf(attemptId: string): Promise<DecisionRow | undefined> {
		const row = await this.get<Stored<DecisionRow, "rules">>("SELECT * FROM decisions WHERE attemptId = ?", [attemptId]);
		return row && decisionOf(row);
	}

	async decisionOfOrder(orderId: string): Promise<DecisionRow | undefined> {
		const row = await this.get<Stored<DecisionRow, "rules">>("SELECT * FROM decisions WHERE orderId = ? ORDER BY id DESC LIMIT 1", [
			orderId,
		]);
		return row && decisionOf(row);
	}

	/** False when the attempt was decided already. */
	async insertDecision(decision: DecisionRow): Promise<boolean> {
		return (await this.insertIfAbsent("decisions", { ...decision, rules: JSON.stringify(decision.rules) })) > 0;
	}

	async decisions(query: { orderId?: string; userId?: string; before?: string; limit: number }): Promise<DecisionRow[]> {
		const asked: [string, Value | undefined][] = [
			["orderId = ?", query.orderId],
			["userId = ?", query.userId],
			["id < ?", query.before],
		];
		const given = asked.filter((entry): entry is [string, Value] => entry[1] !== undefined);
		const where = given.length > 0 ? `WHERE ${given.map(([condition]) => condition).join(" AND ")}` : "";
		const rows = await this.all<Stored<DecisionRow, "rules">>(`SELECT * FROM decisions ${where} ORDER BY id DESC LIMIT ?`, [
			...given.map(([, value]) => value),
			query.limit,
		]);
		return rows.map(decisionOf);
	}

	// --- what rules did

	/**
	 * Notes that a rule matched for an entity. False: it did already in this episode, or its cooldown (null: the whole episode) is not over. What it did
	 * as a shadow is another matter: once live, it has said nothing yet.
	 */
	async fire(
		{ id: ruleId, isLive, cooldownMs }: Pick<CompiledRule, "id" | "isLive" | "cooldownMs">,
		entityKey: string,
		{ at, episode }: { at: number; episode: number },
	): Promise<boolean> {
		const table = isLive ? "fires" : "shadowFires";
		// Without a lock first: most have fired, and in a flood all who find one rule on one device would wait, and die, for the same row.
		const known = await this.get<{ episode: number; firedAt: number }>(
			`SELECT episode, firedAt FROM ${table} WHERE ruleId = ? AND entityKey = ?`,
			[ruleId, entityKey],
		);
		if (known && known.episode >= episode && (cooldownMs === null || known.firedAt > at - cooldownMs)) return false;
		if (!known && (await this.insertIfAbsent(table, { ruleId, entityKey, episode, firedAt: at })) > 0) return true;
		const isOver = cooldownMs === null ? "" : "OR firedAt <= ?";
		const values = [at, episode, ruleId, entityKey, episode, ...(cooldownMs === null ? [] : [at - cooldownMs])];
		const changed = await this.run(
			`UPDATE ${table} SET firedAt = ?, episode = ? WHERE ruleId = ? AND entityKey = ? AND (episode < ? ${isOver})`,
			values,
		);
		return changed > 0;
	}

	/** The rules that ever matched for an entity while they were live. */
	async firedFor(entityKey: string): Promise<string[]> {
		const rows = await this.all<{ ruleId: string }>("SELECT ruleId FROM fires WHERE entityKey = ?", [entityKey]);
		return rows.map(({ ruleId }) => ruleId);
	}

	async countMatches(counts: ReadonlyMap<string, { count: number; lastAt: number }>): Promise<void> {
		// In one order everywhere: two that count the same rules must not wait for each other.
		for (const [ruleId, { count, lastAt }] of [...counts].sort(([one], [other]) => (one < other ? -1 : 1))) {
			await this.insertIfAbsent("ruleMatches", { ruleId, count: 0, lastAt });
			await this.run("UPDATE ruleMatches SET count = count + ?, lastAt = CASE WHEN lastAt < ? THEN ? ELSE lastAt END WHERE ruleId = ?", [
				count,
				lastAt,
				lastAt,
				ruleId,
			]);
		}
	}

	async matchCounts(): Promise<Map<string, { count: number; lastAt: number }>> {
		const rows = await this.all<{ ruleId: string; count: number; lastAt: number }>("SELECT ruleId, count, lastAt FROM ruleMatches");
		return new Map(rows.map(({ ruleId, ...row }) => [ruleId, row]));
	}

	/** Something for the desk; it goes there when what it rests on has its place in the log. */
	async insertErrand(observationId: string, errand: Errand): Promise<void> {
		const id = "match" in errand ? errand.match.id : `withdraw/${errand.withdraw}`;
		const orderId = "match" in errand ? errand.match.orderId : errand.withdraw;
		await this.insertIfAbsent("errands", { id, observationId, orderId, body: JSON.stringify(errand), carried: 0 });
	}

	/** Errands that were not run yet, in the order of what they rest on. */
	async errands(limit: number): Promise<(Errand & { id: string; seq: number })[]> {
		const rows = await this.all<{ id: string; body: string; seq: number }>(
			`SELECT errands.id, errands.body, observations.seq FROM errands JOIN observations ON observations.id = errands.observationId
			WHERE errands.carried = 0 AND observations.seq IS NOT NULL ORDER BY observations.seq LIMIT ?`,
			[limit],
		);
		return rows.map(({ id, body, seq }) => ({ ...(JSON.parse(body) as Errand), id, seq }));
	}

	errandDone(id: string): Promise<number> {
		return this.update("errands", { carried: 1 }, { id });
	}

	/** Whether the desk has, or will get, a case of this order. */
	async hasCaseOfOrder(orderId: string): Promise<boolean> {
		return (await this.get("SELECT 1 FROM errands WHERE orderId = ? LIMIT 1", [orderId])) !== undefined;
	}

	// --- sets of rules

	/** The newest set that is in force, whatever is being prepared. */
	async liveVersion(): Promise<number> {
		return (
			(await this.get<{ version: number | null }>("SELECT MAX(version) AS version FROM ruleSets WHERE liveAt IS NOT NULL"))?.version ?? 0
		);
	}

	async ruleSet(version: number): Promise<RuleSetRow | undefined> {
		const row = await this.get<Stored<RuleSetRow, "rules">>("SELECT * FROM ruleSets WHERE version = ?", [version]);
		return row && ruleSetOf(row);
	}

	async newestRuleSet(): Promise<RuleSetRow | undefined> {
		const row = await this.get<Stored<RuleSetRow, "rules">>(
			`SELECT * FROM ruleSets ORDER BY version DESC LIMIT 1${this.forUpdateIfWriting}`,
		);
		return row && ruleSetOf(row);
	}

	/** The oldest set that waits to go live. */
	async nextRuleSet(): Promise<RuleSetRow | undefined> {
		const row = await this.get<Stored<RuleSetRow, "rules">>("SELECT * FROM ruleSets WHERE liveAt IS NULL ORDER BY version LIMIT 1");
		return row && ruleSetOf(row);
	}

	async ruleSets(before: number | undefined, limit: number): Promise<RuleSetRow[]> {
		const rows = await this.all<Stored<RuleSetRow, "rules">>(
			`SELECT * FROM ruleSets ${before === undefined ? "" : "WHERE version < ?"} ORDER BY version DESC LIMIT ?`,
			[...(before === undefined ? [] : [before]), limit],
		);
		return rows.map(ruleSetOf);
	}

	async insertRuleSet(set: RuleSetRow): Promise<boolean> {
		return (await this.insertIfAbsent("ruleSets", { ...set, rules: JSON.stringify(set.rules) })) > 0;
	}

	goLive(version: number): Promise<number> {
		return this.run("UPDATE ruleSets SET liveAt = ? WHERE version = ? AND liveAt IS NULL", [this.now(), version]);
	}

	/** Nothing is locked by a mere reader. */
	private get forUpdateIfWriting(): string {
		return this.given.writable ? this.forUpdate : "";
	}
}

/** As analysts see it. */
export const shownDecision = ({ id, orderId, userId, outcome, score, version, rules, at }: DecisionRow): Decision => ({
	id,
	orderId,
	...(userId === null ? {} : { userId }),
	outcome,
	score,
	version,
	rules,
	at: new Date(at).toISOString(),
});
