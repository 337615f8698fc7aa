import { describe, expect, it } from "@jest/globals";
import Stripe from "stripe";
import { declineCodeOf, instrumentOf, refundMoveOf, standingOf } from "./stripe-answers.ts";
import { failureOf } from "./stripe-client.ts";

const secret = Buffer.alloc(32);
const visa = { id: "pm_1", type: "card", card: { brand: "visa", last4: "4242", fingerprint: "f" } };
const anIntent = (given: object) =>
	({
		id: "pi_1",
		client_secret: "s",
		payment_method: visa,
		last_payment_error: null,
		next_action: null,
		...given,
	}) as unknown as Stripe.PaymentIntent;
const standing = (given: object) => standingOf(anIntent(given), secret);

describe("why a card was declined", () => {
	it("is told where the buyer can do something about it", () => {
		expect(declineCodeOf({ code: "card_declined", declineCode: "insufficient_funds" })).toBe("insufficient_funds");
		expect(declineCodeOf({ code: "expired_card", declineCode: "expired_card" })).toBe("expired_card");
		expect(declineCodeOf({ code: "payment_intent_authentication_failure" })).toBe("authentication_failed");
	});

	it("is a plain decline for what is between the holder and the bank", () => {
		for (const declineCode of ["stolen_card", "fraudulent", "do_not_honor", "something_new"])
			expect(declineCodeOf({ code: "card_declined", declineCode })).toBe("declined");
	});
});

describe("how a PaymentIntent stands", () => {
	it("is held before and after the capture", () => {
		for (const status of ["requires_capture", "succeeded"])
			expect(standing({ status })).toMatchObject({ status: "authorized", charge: "pi_1", card: { brand: "visa", last4: "4242" } });
	});

	it("waits for the buyer at the bank's page, or at the shop's own with the client secret", () => {
		const redirect = { type: "redirect_to_url", redirect_to_url: { url: "https://bank.example/3ds" } };
		expect(standing({ status: "requires_action", next_action: redirect })).toMatchObject({ url: "https://bank.example/3ds" });
		expect(standing({ status: "requires_action", next_action: { type: "use_stripe_sdk" } })).toMatchObject({ url: "stripe:s" });
	});

	it("is declined only after a try, and unknown while it is processed", () => {
		expect(standing({ status: "requires_payment_method" })).toEqual({ status: "absent" });
		const error = { code: "card_declined", decline_code: "insufficient_funds", payment_method: visa };
		expect(standing({ status: "requires_payment_method", last_payment_error: error })).toMatchObject({ code: "insufficient_funds" });
		expect(standing({ status: "processing" })).toEqual({ status: "unknown" });
	});
});

describe("an instrument before it is paid with", () => {
	const named = (given: object) => instrumentOf(given as never, secret);
	const method = { ...visa, object: "payment_method" };

	it("has the name that it has afterwards, whichever of Stripe's forms it comes in", () => {
		const { card } = standing({ status: "requires_capture" }) as { card: { fingerprint: string } };
		expect(named(method)).toEqual({ fingerprint: card.fingerprint, isShared: false });
		expect(named({ id: "tok_1", object: "token", card: { fingerprint: "f" } })).toEqual(named(method));
	});

	it("is the method itself where Stripe gives it no fingerprint, and unknown where there is no method yet", () => {
		const link = { id: "pm_2", type: "link", object: "payment_method" };
		const { card } = standing({ status: "requires_capture", payment_method: link }) as { card: { fingerprint: string } };
		expect(named(link)).toEqual({ fingerprint: card.fingerprint, isShared: false });
		expect(named({ id: "tok_1", object: "token" })).toBeUndefined();
	});
});

describe("how a refund stands", () => {
	it("is decided by Stripe in its own time", () => {
		const move = (given: object) => refundMoveOf(given as Stripe.Refund);
		expect(move({ status: "succeeded" })).toEqual({ status: "succeeded" });
		expect(move({ status: "pending" })).toEqual({ status: "pending" });
		expect(move({ status: "failed", failure_reason: "lost_or_stolen_card" })).toEqual({ status: "declined", code: "lost_or_stolen_card" });
	});
});

describe("a call that threw", () => {
	const answered = (statusCode: number, given: object = {}) =>
		failureOf(
			Stripe.errors.generateV1Error({ statusCode, type: "api_error", message: "", headers: {}, requestId: "req_1", ...given } as never),
		);
	const broken = (detail: object) =>
		failureOf(new Stripe.errors.StripeConnectionError({ message: "", type: "api_error", detail } as never));

	it("was not heard where no connection came about, and may have been heard everywhere else", () => {
		expect(broken({ code: "ECONNREFUSED" })).toEqual({ status: "unavailable" });
		expect(broken({ code: "ETIMEDOUT", syscall: "connect" })).toEqual({ status: "unavailable" });
		for (const code of ["ETIMEDOUT", "ECONNRESET"]) expect(broken({ code })).toEqual({ status: "unknown" });
		expect(failureOf(new TypeError("what?"))).toEqual({ status: "unknown" });
	});

	it("did nothing where it was turned away, and is certain only where it was refused", () => {
		for (const status of [401, 403, 429]) expect(answered(status)).toEqual({ status: "unavailable" });
		for (const status of [400, 402, 404]) expect(answered(status)).toMatchObject({ status: "refused" });
		for (const status of [409, 500, 502, 503]) expect(answered(status)).toEqual({ status: "unknown" });
		expect(answered(400, { type: "idempotency_error" })).toEqual({ status: "unknown" });
	});
});
