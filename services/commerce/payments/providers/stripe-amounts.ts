// Stripe counts in the minor units of ISO 4217 as we do, but for the currencies below.
import { minorDigits } from "../../../../lib/money.ts";
import type { Money } from "../../../../lib/vocabulary.ts";

/** Stripe counts these in hundredths, of which only whole units may be charged. ISO 4217 has no hundredths of them. */
const inHundredths = new Set(["ISK", "UGX"]);
/** Stripe counts these in whole units. ISO 4217 has hundredths of them. */
const inWholeUnits = new Set(["MGA"]);

/** The amount as Stripe counts it; undefined when Stripe cannot charge exactly that: never round somebody else's money. */
export function stripeAmount({ amount, currency }: Money): number | undefined {
	if (inHundredths.has(currency)) return amount * 100;
	if (inWholeUnits.has(currency)) return amount % 100 === 0 ? amount / 100 : undefined;
	// Card networks know two digits behind the point: the third one of a dinar has to be 0.
	if (minorDigits(currency) === 3 && amount % 10 !== 0) return undefined;
	return amount;
}
