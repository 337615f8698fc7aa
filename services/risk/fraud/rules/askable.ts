// What a rule may ask about: the fields that are assessed, and how each counter may be asked. Checked when a set is published, so that no rule
// goes live that can never match.
import type { Trigger } from "../rules.contract.ts";
import type { CounterName } from "./seen.ts";

export interface Field {
	type: "number" | "string";
	/** The only values it ever has; undefined: any. */
	values?: readonly string[];
	/** At which triggers it may be there. */
	on: readonly Trigger[];
}

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
	["amount", { type: "number", on: ["checkout", "payment", "cart", "order", "refund", "transfer"] }],
	["currency", { type: "string", on: ["checkout", "payment", "cart", "order", "refund", "transfer"] }],
	["country", { type: "string", on: ["checkout", "payment"] }],
	["itemCount", { type: "number", on: ["checkout", "payment", "cart"] }],
	["userStatus", { type: "string", values: ["clear", "flagged"], on: ["checkout", "payment"] }],
	["reason", { type: "string", on: ["payment"] }],
	["kind", { type: "string", on: ["interaction"] }],
	["target", { type: "string", on: ["interaction"] }],
	["result", { type: "string", values: ["succeeded", "failed"], on: ["login"] }],
	["by", { type: "string", on: ["login"] }],
	["status", { type: "string", on: ["cart"] }],
]);

/** A field of what is assessed; undefined for a name that nothing has. */
export const fieldNamed = (name: string): Field | undefined => fields.get(name);

export interface Counter {
	/**
	 * `distinct`: of different ones among many, so that repetitions take room as well. `share`: per cent of one count in another. `amounts`: what they
	 * add up to, in minor units of the shop's currency.
	 */
	counts: "events" | "distinct" | "share" | "amounts";
	window: "optional" | "required" | "never";
	/** Fields of what is counted that `where` may compare; all of them are strings. */
	where: readonly string[];
}

export const counters: Readonly<Record<CounterName, Counter>> = {
	interactions: { counts: "events", window: "optional", where: ["kind"] },
	paymentAttempts: { counts: "events", window: "optional", where: [] },
	declinedInstruments: { counts: "distinct", window: "optional", where: [] },
	loginFailures: { counts: "events", window: "optional", where: [] },
	loginFailureUsers: { counts: "distinct", window: "optional", where: [] },
	// For life every device was new once, and a share of all orders ever would need them all.
	newDevices: { counts: "distinct", window: "required", where: [] },
	orders: { counts: "events", window: "optional", where: ["currency"] },
	refunds: { counts: "distinct", window: "optional", where: ["currency"] },
	refundShare: { counts: "share", window: "required", where: [] },
	// Of orders that were placed, whatever became of them, and of every refund, also of several of one order. Attempts are not added up: each comes twice
	// and may be taken back, and of those that are not remembered any more nobody knows whether they were.
	orderAmount: { counts: "amounts", window: "optional", where: ["currency"] },
	refundAmount: { counts: "amounts", window: "optional", where: ["currency"] },
	accounts: { counts: "distinct", window: "optional", where: [] },
	// Somebody judged it: a link is there until it is taken from the list, which has an expiry of its own.
	confirmedFraud: { counts: "events", window: "never", where: [] },
};

/** A counter by the name that a rule gives; undefined when there is none. */
export const counterNamed = (name: unknown): Counter | undefined =>
	typeof name === "string" && Object.hasOwn(counters, name) ? counters[name as CounterName] : undefined;
