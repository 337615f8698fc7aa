// What Stripe says, in our words. No I/O.
import type Stripe from "stripe";
import { keyedHash } from "../../../../lib/crypto.ts";
import type { Authorization, Card, Move, NamedInstrument } from "./provider.ts";

export type Standing = Exclude<Authorization, { status: "unavailable" }> | { status: "voided" } | { status: "absent" };

/** What the buyer may know of why. That a card was reported stolen is for its bank to tell; everything we have no word for is a decline. */
const toldCodes = new Set(["insufficient_funds", "expired_card", "incorrect_cvc", "incorrect_number"]);
const authenticationCodes = new Set(["payment_intent_authentication_failure", "authentication_required"]);

export function declineCodeOf(error: { code?: string | undefined; declineCode?: string | undefined; notFound?: boolean }): string {
	if (error.notFound) return "unknown_token";
	const codes = [error.declineCode, error.code].filter(code => code !== undefined);
	if (codes.some(code => authenticationCodes.has(code))) return "authentication_failed";
	return codes.find(code => toldCodes.has(code)) ?? "declined";
}

const fingerprintOf = (theirs: string, secret: Buffer) => keyedHash(secret, "card-fingerprint", `stripe/${theirs}`);

function cardOf(method: Stripe.PaymentMethod, secret: Buffer): Card {
	const { card } = method;
	// Their fingerprint is the same for every use of one card with one account.
	const fingerprint = fingerprintOf(card?.fingerprint ?? method.id, secret);
	return { brand: card?.brand ?? method.type, last4: card?.last4 ?? "", fingerprint };
}

/** As `cardOf` will name the instrument once it is paid with. A token without a fingerprint is not yet the method that will be made of it. */
export function instrumentOf(named: Stripe.PaymentMethod | Stripe.Token, secret: Buffer): NamedInstrument | undefined {
	const theirs = named.card?.fingerprint ?? (named.object === "payment_method" ? named.id : undefined);
	return theirs === undefined ? undefined : { fingerprint: fingerprintOf(theirs, secret), isShared: false };
}

/**
 * Where the buyer agrees: the bank's page, or, where the shop's own page is to ask (no return address is configured), what that page
 * hands to Stripe.js, written as `stripe:<client secret>`.
 */
const urlOf = ({ next_action: action, client_secret: secret }: Stripe.PaymentIntent) => action?.redirect_to_url?.url ?? `stripe:${secret}`;

/** How a PaymentIntent stands, read with its payment method expanded. `absent`: it was made, and not yet confirmed. */
export function standingOf(intent: Stripe.PaymentIntent, secret: Buffer): Standing {
	const { id: charge, status, payment_method: method, last_payment_error: error } = intent;
	const card = method && typeof method !== "string" ? cardOf(method, secret) : undefined;
	switch (status) {
		case "requires_capture":
		case "succeeded":
			return card ? { status: "authorized", charge, card } : { status: "unknown" };
		case "requires_action":
			return card ? { status: "pending", charge, card, url: urlOf(intent) } : { status: "unknown" };
		case "requires_payment_method": {
			if (!error) return { status: "absent" };
			const refusedCard = error.payment_method ? cardOf(error.payment_method, secret) : card;
			return { status: "declined", code: declineCodeOf({ code: error.code, declineCode: error.decline_code }), card: refusedCard };
		}
		case "requires_confirmation":
			return { status: "absent" };
		case "canceled":
			return { status: "voided" };
		default:
			// `processing`, and whatever Stripe may think of next.
			return { status: "unknown" };
	}
}

export function captureMoveOf({ status }: Stripe.PaymentIntent): Move {
	if (status === "succeeded") return { status: "succeeded" };
	return status === "processing" ? { status: "pending" } : { status: "declined", code: "not_held" };
}

/** How a refund stands. One that waits for the bank, or for the buyer, is decided in their time. */
export function refundMoveOf({ status, failure_reason: reason }: Stripe.Refund): Move {
	if (status === "succeeded") return { status: "succeeded" };
	if (status === "failed" || status === "canceled") return { status: "declined", code: reason ?? status };
	return { status: "pending" };
}
