// What risk makes of a fact: one observation about some entities. The log of observations is the truth; every counter can be made from it again.
import type { EntityKind, Scalar, Trigger } from "./rules.contract.ts";

export type ObservationKind =
	| "interaction"
	| "login"
	| "loginFailed"
	| "password"
	| "cart"
	| "attempt"
	| "attemptOutcome"
	| "order"
	| "refund"
	| "held"
	| "cleared"
	| "listed";

export type Entities = Partial<Record<EntityKind, string>>;

/** `challenged`: its buyer's bank was asked; it may still end otherwise. `declined`: on evidence about the card. `failed`: for any other reason. `blocked`: by ourselves, so the provider never saw it. */
export type AttemptEnd = "authorized" | "challenged" | "declined" | "failed" | "unavailable" | "blocked";

/** How an entity stands on a list from here on, on whose word: of what was put there by hand, or of a case. Several may say so at a time. */
export interface ListChange {
	list: string;
	entityKey: string;
	/** Null: by hand. */
	caseId: string | null;
	/** Milliseconds. Null: for good; not after the observation: no more. */
	until: number | null;
}

export interface Observation {
	/** Of the fact, the attempt, the decision that cleared: counted once, however often it comes. */
	id: string;
	kind: ObservationKind;
	/** Event time, milliseconds: the envelope's, never the client's. */
	at: number;
	/** Heard more than 24 h after it happened: it counts for life, and in no window. */
	isLate?: true;
	/** Its time lay more than 2 min in the future and was set to when it was heard. */
	isClamped?: true;
	entities: Entities;
	/** What rules may ask about, and what `where` compares. */
	fields: Readonly<Record<string, Scalar>>;
	/** Of `attempt` and `attemptOutcome`: the id is the payment's, which both know. */
	attempt?: { id: string; instrument: string | null; end?: AttemptEnd };
	/** Of `cleared`: the rules whose memory of the entities is taken away. */
	rules?: readonly string[];
	/** Of `listed`, which is about none of its entities: nothing is counted around anybody who comes on a list. */
	entry?: ListChange;
	/** Of `loginFailed`, `refund`: what distinct counts count (a user or the hash of an email, an order). */
	value?: string;
}

/** An observation with its place in the log: 1, 2, 3 … without gaps. */
export type Logged = Observation & { seq: number };

export const entityKey = (kind: EntityKind, id: string) => `${kind}:${id}`;

/** What {@link entityKey} was made of. */
export function entityOf(key: string): { kind: EntityKind; id: string } {
	const end = key.indexOf(":");
	return { kind: key.slice(0, end) as EntityKind, id: key.slice(end + 1) };
}

/** Keys of all entities of an observation, in one order everywhere, so that two that lock them never wait for each other. */
export const entityKeys = ({ entities }: Pick<Observation, "entities">): string[] =>
	Object.entries(entities)
		.map(([kind, id]) => entityKey(kind as EntityKind, id))
		.sort();

const triggersOf: Readonly<Record<ObservationKind, readonly Trigger[]>> = {
	interaction: ["interaction"],
	login: ["login"],
	loginFailed: ["login"],
	password: ["password"],
	cart: ["cart"],
	attempt: ["checkout", "payment"],
	attemptOutcome: ["payment"],
	order: ["order"],
	refund: ["refund"],
	held: [],
	cleared: [],
	listed: [],
};

/** What rules are asked at when this is observed. */
export const triggersAt = (kind: ObservationKind): readonly Trigger[] => triggersOf[kind];

/** What analysts did rather than what happened in the shop. */
export const isDecision = ({ kind }: Pick<Observation, "kind">) => kind === "cleared" || kind === "listed";
