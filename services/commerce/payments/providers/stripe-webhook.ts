import Stripe from "stripe";
import Type from "typebox";
import { Compile } from "typebox/compile";
import { unauthenticated, validationFailed } from "../../../../lib/failure.ts";
import { idPattern } from "../../../../lib/ids.ts";
import { toleranceSeconds } from "../../../../lib/signature.ts";
import { Text } from "../../../../lib/vocabulary.ts";
import type { ProviderEvent } from "./provider.ts";

const open = { additionalProperties: true };
const Message = Compile(
	Type.Object(
		{ id: Text(190), type: Text(100), data: Type.Object({ object: Type.Object({ metadata: Type.Optional(Type.Unknown()) }, open) }, open) },
		open,
	),
);
const paymentIdPattern = new RegExp(idPattern("pay"));

/**
 * Whatever of ours it is about (a PaymentIntent, its charge, its refund) carries the payment id that we sent. Stripe may deliver the message before
 * its own API call has returned, so their id may be news to us. A message about something else of the same account names no payment.
 */
function paymentIdOf(metadata: unknown): string | null {
	const id = (metadata as { paymentId?: unknown } | null | undefined)?.paymentId;
	return typeof id === "string" && paymentIdPattern.test(id) ? id : null;
}

export function readStripeMessage(
	stripe: Stripe,
	secret: string,
	rawBody: string,
	signature: string | undefined,
	now: number,
): ProviderEvent {
	const message = opened(stripe, secret, rawBody, signature, now);
	if (!Message.Check(message))
		throw validationFailed({ errors: [{ pointer: "", code: "invalid", detail: "is not an event { id, type, data: { object } }" }] });
	return { id: message.id, type: message.type, paymentId: paymentIdOf(message.data.object.metadata) };
}

function opened(stripe: Stripe, secret: string, rawBody: string, signature: string | undefined, now: number): unknown {
	try {
		return stripe.webhooks.constructEvent(rawBody, signature ?? "", secret, toleranceSeconds, undefined, now);
	} catch (error) {
		if (error instanceof Stripe.errors.StripeSignatureVerificationError) throw unauthenticated();
		// Signed, and still no event that can be read.
		return undefined;
	}
}
