// What rules find in a run of observations. Pure: states and lists are handed in, and the states are brought forward on the way.
import { sha256 } from "../../../lib/crypto.ts";
import { type EntityState, episodeOf, isSnoozed, type Needs, observe } from "./counters/entity-state.ts";
import type { Match } from "./desk/match.ts";
import type { Traced } from "./fraud.contract.ts";
import { entityKey, entityOf, type Observation, triggersAt } from "./fraud.observations.ts";
import { confirmedFraud } from "./lists.contract.ts";
import { type CompiledRule, isExempt, type RuleBook } from "./rules/rule-book.ts";
import { Snapshot } from "./rules/snapshot.ts";
import type { CounterFact, EntityKind } from "./rules.contract.ts";

export type States = ReadonlyMap<string, EntityState>;
/** The lists on which entities are. */
export type Listed = ReadonlyMap<string, ReadonlySet<string>>;

/** A rule whose condition holds. */
export interface Found<Seen extends Observation = Observation> {
	rule: CompiledRule;
	/** Of the rule's scope. */
	entityKey: string;
	/** Of the rule's memory of this entity: a new one begins when an analyst clears it. */
	episode: number;
	observation: Seen;
	conditions: Traced[];
}

const nothing: ReadonlySet<string> = new Set();

/** Brings the states of everybody concerned forward. */
export function applyTo(states: States, observation: Observation, needs: Needs): void {
	for (const [kind, id] of Object.entries(observation.entities)) {
		const state = states.get(entityKey(kind as EntityKind, id));
		if (state) observe(state, kind as EntityKind, observation, needs);
	}
}

/** Which rules hold at this observation, the snoozed and the exempt left out. */
export function foundAt<Seen extends Observation>(observation: Seen, book: RuleBook, states: States, listed: Listed): Found<Seen>[] {
	const snapshot = snapshotOf(observation, states, listed);
	return book
		.at(triggersAt(observation.kind))
		.filter(rule => isAsked(rule, observation, states, listed) && rule.matches(snapshot))
		.map(rule => foundBy(rule, observation, states, rule.evaluate(snapshot).conditions));
}

/** Brings the states forward, one observation after the other, and says what rules found on the way. */
export function foundIn<Seen extends Observation>(batch: readonly Seen[], book: RuleBook, states: States, listed: Listed): Found<Seen>[] {
	const needs = needsOf(book);
	return batch.flatMap(observation => {
		applyTo(states, observation, needs);
		// An attempt was judged when it was made.
		return observation.kind === "attempt" || isOwnDoing(observation) ? [] : foundAt(observation, book, states, listed);
	});
}

/** That we refused an attempt ourselves is no news to the rules that did. */
export const isOwnDoing = ({ attempt }: Observation) => attempt?.end === "blocked";

const needsByBook = new WeakMap<RuleBook, Needs>();

/** What the rules need of the counters, by series. */
export function needsOf(book: RuleBook): Needs {
	let needs = needsByBook.get(book);
	if (!needs) {
		needs = new Map(book.needs.map(need => [need.series, need]));
		needsByBook.set(book, needs);
	}
	return needs;
}

export const snapshotOf = (observation: Observation, states: States, listed: Listed) =>
	new Snapshot(
		observation,
		key => states.get(key),
		key => listed.get(key)?.has(confirmedFraud) ?? false,
	);

/**
 * Of what a rule speaks here. A purchase is never without one: a rule about users that looks at the amount holds for guests as well, and speaks of their
 * session then.
 */
export function subjectOf({ rule: { scope } }: CompiledRule, { entities, kind }: Observation): string | undefined {
	const id = entities[scope];
	if (id !== undefined) return entityKey(scope, id);
	return kind === "attempt" && entities.session !== undefined ? entityKey("session", entities.session) : undefined;
}

/**
 * Whether a rule has anything to say of this observation: somebody of its scope is in it, who is neither exempt nor lately cleared of it; and if it would
 * flag a user, they are not either.
 */
export function isAsked(rule: CompiledRule, observation: Observation, states: States, listed: Listed): boolean {
	const key = subjectOf(rule, observation);
	if (key === undefined) return false;
	const { user } = observation.entities;
	// A list excuses who has signed in: anybody can claim a device or an address, and name the account that they fail to get into.
	const isSignedIn = user !== undefined && observation.kind !== "loginFailed";
	if (isSignedIn && isExempt(rule.rule, listed.get(entityKey("user", user)) ?? nothing)) return false;
	return concernedKeys(rule, key, observation).every(concerned => {
		const state = states.get(concerned);
		return !state || !isSnoozed(state, rule.id, observation.at, isWindowed(rule));
	});
}

/** Whom the analysts shall decide about: what the rule speaks of, and if it flags, the user who is signed in, for a flag is the user's own affair. */
function concernedKeys({ rule: { outcome } }: CompiledRule, subject: string, { entities: { user } }: Observation): string[] {
	if (outcome !== "flag" || user === undefined) return [subject];
	return [...new Set([subject, entityKey("user", user)])];
}

/** Whether anything it counts has a window. Once wrong, it keeps quiet for a while; a rule that counts for life begins to count again. */
export const isWindowed = ({ asks }: CompiledRule) => asks.some(({ windowMs }) => windowMs !== null);

export function foundBy<Seen extends Observation>(
	rule: CompiledRule,
	observation: Seen,
	states: States,
	conditions: Traced[],
): Found<Seen> {
	const key = subjectOf(rule, observation)!;
	const state = states.get(key);
	return { rule, entityKey: key, episode: state ? episodeOf(state, rule.id) : 0, observation, conditions };
}

const nameOf = (fact: string | CounterFact) =>
	typeof fact === "string" ? fact : `${fact.counter} by ${fact.by}${fact.window ? ` within ${fact.window}` : ""}`;

/** For the analyst: what held, and what it was. */
export const detailOf = (conditions: readonly Traced[]): string =>
	conditions
		.filter(({ matched }) => matched)
		.map(
			({ fact, operator, threshold, value }) =>
				`${nameOf(fact as string | CounterFact)}: ${String(value)} (${operator} ${JSON.stringify(threshold)})`,
		)
		.join("; ")
		.slice(0, 500);

/**
 * What the desk hears of it, for each case that it makes: nothing where the outcome concerns nobody but the purchase, for one that is held has a case by
 * itself.
 */
export function matchesOf({ rule, entityKey: subject, episode, observation, conditions }: Found): Omit<Match, "seq">[] {
	const { outcome } = rule.rule;
	if (outcome === "allow") return [];
	if (observation.kind === "attempt" && (outcome === "challenge" || outcome === "review")) return [];
	const { user } = observation.entities;
	return concernedKeys(rule, subject, observation).map(key => {
		const entity = entityOf(key);
		return {
			id: sha256(`${rule.id}\n${key}\n${episode}\n${observation.id}`),
			ruleId: rule.id,
			entity,
			...(user === undefined ? {} : { userId: user }),
			at: observation.at,
			detail: detailOf(conditions),
			flags: outcome === "flag" && entity.kind === "user",
		};
	});
}
