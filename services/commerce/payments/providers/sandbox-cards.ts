// The cards of the sandbox: fixed tokens, and numbers whose beginning says how they behave. A number is hashed and forgotten.
import { luhn, schemeOf } from "../../../../lib/card-number.ts";
import { keyedHash } from "../../../../lib/crypto.ts";
import { type Flaw, validationFailed } from "../../../../lib/failure.ts";
import type { Card, CardDetails } from "./provider.ts";

export type Behaviour = "pays" | "declines" | "lacksFunds" | "authenticates" | "slow" | "unavailable";

export interface Instrument extends Card {
	behaviour: Behaviour;
}

const fixed: Readonly<Record<string, readonly [Behaviour, brand: string, last4: string]>> = {
	tok_visa: ["pays", "visa", "4242"],
	tok_mastercard: ["pays", "mastercard", "4444"],
	tok_chargeDeclined: ["declines", "visa", "0002"],
	tok_insufficientFunds: ["lacksFunds", "visa", "9995"],
	tok_authenticationRequired: ["authenticates", "visa", "3220"],
	tok_slow: ["slow", "visa", "0077"],
	tok_unavailable: ["unavailable", "visa", "0119"],
};

const byPrefix: Readonly<Record<string, Behaviour>> = {
	400000: "declines",
	400001: "lacksFunds",
	400002: "authenticates",
	400003: "unavailable",
};

/** Each fixed token is one instrument of its own. */
export function fixedInstrument(token: string, secret: Buffer): Instrument | undefined {
	if (!Object.hasOwn(fixed, token)) return undefined;
	const [behaviour, brand, last4] = fixed[token]!;
	return { behaviour, brand, last4, fingerprint: keyedHash(secret, "card-fingerprint", token) };
}

/** What may be kept of a card. Throws `validation_failed`, whose words never repeat what was typed. */
export function instrumentOf(card: CardDetails, now: number, secret: Buffer): Instrument {
	const digits = card.number.replaceAll(/[ -]/g, "");
	const today = new Date(now);
	const errors: Flaw[] = [];
	if (!luhn(digits)) errors.push({ pointer: "/number", code: "luhn", detail: "is not a card number: its check digit is wrong" });
	// A card is good to the last day of its month.
	if (card.expYear * 12 + card.expMonth < today.getUTCFullYear() * 12 + today.getUTCMonth() + 1)
		errors.push({ pointer: "/expYear", code: "expired", detail: "the card has expired" });
	if (errors.length > 0) throw validationFailed({ errors });
	return {
		behaviour: byPrefix[digits.slice(0, 6)] ?? "pays",
		brand: schemeOf(digits) ?? "unknown",
		last4: digits.slice(-4),
		fingerprint: keyedHash(secret, "card-fingerprint", digits),
	};
}
