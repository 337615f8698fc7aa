// What every provider of money offers. A provider is a world of its own: its state does not share our transactions, its answer may get lost
// after it acted. So every call carries its own key, repeating a key repeats the answer and never the act, and what became of a key can be asked.
import type { Static } from "typebox";
import type { Clock } from "../../../../lib/clock.ts";
import type { StripeSettings } from "../../../../lib/config.ts";
import type { Money } from "../../../../lib/vocabulary.ts";
import type { SqlTx } from "../../../../mixins/sql/tx.ts";
import type { CardToken, createToken } from "./sandbox.contract.ts";

/** An instrument as it may be kept and told. */
export interface Card {
	brand: string;
	last4: string;
	fingerprint: string;
}

/** What a token stands for, as the facts of its payments will name it. `isShared`: no buyer's own, so nobody may be judged by it. */
export interface NamedInstrument {
	fingerprint: string;
	isShared: boolean;
}

/** The provider refused the connection or the call before it did anything: nothing happened, and nothing will under this key unless it is sent again. */
export interface Unavailable {
	status: "unavailable";
}
/** It may have happened. Only the provider knows, and can be asked by the key. */
export interface Unknown {
	status: "unknown";
}

export type Authorization =
	| { status: "authorized"; charge: string; card: Card }
	| { status: "declined"; code: string; card?: Card }
	/** The buyer has to act at `url` before it can be decided. */
	| { status: "pending"; charge: string; card: Card; url: string }
	| Unavailable
	| Unknown;

/** How a capture, a void or a refund ended. `pending`: accepted, and will be decided by the provider in its own time. */
export type Move = { status: "succeeded" } | { status: "declined"; code: string } | { status: "pending" } | Unavailable | Unknown;

/** Which charge is meant. `charge` is the provider's own name for it; null while it never reached us. */
export interface ChargeReference {
	paymentId: string;
	authorizationKey: string;
	charge: string | null;
}

export interface AuthorizeCall {
	key: string;
	paymentId: string;
	orderId: string;
	amount: Money;
	token: string;
	/** The buyer is to authenticate at their bank, also where the bank would not ask for it. Only of a provider that can. */
	challenge: boolean;
}
export interface MoveCall extends ChargeReference {
	key: string;
	amount: Money;
}

/** A signed message of the provider: a hint that something changed, never the truth itself. */
export interface ProviderEvent {
	id: string;
	type: string;
	paymentId: string | null;
}

/**
 * None of these throws for what a provider may answer: an outage is an outcome. What is thrown counts as unknown.
 * `authorize`, `capture`, `void` and `refund` may be sent again under their key at any time.
 */
export interface Provider {
	/** Whether the buyer's bank can be asked for. */
	readonly canChallenge: boolean;
	/** Names the instrument with the fingerprint of its later `card`, and changes nothing. Undefined: not known, or nobody there to say. */
	instrument(token: string): Promise<NamedInstrument | undefined>;
	/** With `challenge` a bank that knows its buyer without asking may still authorize at once; a card that would be declined is declined. */
	authorize(call: AuthorizeCall): Promise<Authorization>;
	/** The whole amount; one capture per charge. */
	capture(call: MoveCall): Promise<Move>;
	/** After `succeeded` nothing is held for the authorization key, nor ever will be, even if the authorization arrives later than its void. */
	void(call: MoveCall): Promise<Move>;
	refund(call: MoveCall): Promise<Move>;
	/** What became of an authorization; `absent`: it never arrived (so far). */
	lookUpAuthorization(reference: ChargeReference): Promise<Authorization | { status: "voided" } | { status: "absent" }>;
	/** What became of a capture, void or refund; `absent`: it never arrived (so far). */
	lookUpMove(operation: "capture" | "void" | "refund", call: MoveCall): Promise<Move | { status: "absent" }>;
	/** Checks a webhook's signature and age. Throws `unauthenticated`, or `validation_failed` for a signed body that cannot be read. */
	readWebhook(rawBody: string, signature: string | undefined): ProviderEvent;
	/** Only the sandbox has one. */
	readonly sandbox?: SandboxDoor;
}

export type CardDetails = Static<(typeof createToken)["params"]>;

export interface SandboxDoor {
	/** Throws `validation_failed` for a card that cannot be one. The number is forgotten. */
	tokenize(card: CardDetails): Promise<CardToken>;
	/** Plays the buyer's bank. `decided`: also when it had answered the same before; `conflict`: nothing waits for that answer. */
	decide(paymentId: string, outcome: "succeed" | "fail"): Promise<"decided" | "absent" | "conflict">;
}

/** What a provider may use of the service. `pause` waits; handed in, so that tests never sleep. */
export interface ProviderGiven {
	clock: Clock;
	/** Keys hashes and fingerprints. */
	secret(): Buffer;
	/** The key that signs the sandbox's webhooks to us. */
	webhookSecret(): string;
	/** Undefined while Stripe is not the chosen provider. */
	stripe: StripeSettings | undefined;
	/** For the operator. Never a token, a card or what a buyer sent. */
	warn(message: string): void;
	/** For providers that live in our own house. Never inside one of the service's transactions: a provider is outside of those. */
	store: {
		readonly reader: SqlTx;
		transaction<T>(work: (tx: SqlTx) => Promise<T>): Promise<T>;
	};
	pause(ms: number): Promise<void>;
}
