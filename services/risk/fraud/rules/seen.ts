// Between rules and counters: what a compiled rule may ask of the moment it is asked at. One snapshot, no hop per rule.
import type { EntityKind, Scalar } from "../rules.contract.ts";

export const counterNames = [
	"interactions",
	"paymentAttempts",
	"declinedInstruments",
	"loginFailures",
	"loginFailureUsers",
	"newDevices",
	"orders",
	"refunds",
	"refundShare",
	"orderAmount",
	"refundAmount",
	"accounts",
	"confirmedFraud",
] as const;
export type CounterName = (typeof counterNames)[number];

/** A counter as a rule asks for it, ready to be looked up. */
export interface CounterAsk {
	counter: CounterName;
	by: EntityKind;
	/** Milliseconds; null: for life. */
	windowMs: number | null;
	/**
	 * Where it is counted: the counter's name, with the canonical JSON of `where` behind it when there is one, and with the length of its window where a
	 * series answers no other (`orderAmount@3600000`).
	 */
	series: string;
	where: Readonly<Record<string, Scalar>> | null;
}

/** How exactly a series must be kept: the newest `cap` of it (times, values, parts of a sum) are enough for every rule that asks. */
export interface SeriesNeed {
	series: string;
	counter: CounterName;
	where: Readonly<Record<string, Scalar>> | null;
	cap: number;
	/** Of a sum within a window: how long that is. */
	windowMs?: number;
}

export interface Seen {
	/** A field of what is assessed; undefined when it has none. */
	field(name: string): Scalar | undefined;
	/** The count around the entity of what is assessed; 0 where it has no such entity. `ruleId`: its memory (a new episode) is taken into account. */
	count(ask: CounterAsk, ruleId: string): number;
}
