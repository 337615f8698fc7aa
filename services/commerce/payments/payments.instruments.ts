// Which instrument a token stands for, under the name that the facts of its payments carry: risk counts it before any money is asked for.
import type { ServiceBroker } from "moleculer";
import { keyedHash } from "../../../lib/crypto.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { within } from "../../../lib/within.ts";
import type { NamedInstrument, Provider } from "./providers/provider.ts";

// The buyer waits for it. Shorter would name cards by their tokens whenever a provider is busy; longer would make its outage felt at every checkout.
const lookMs = 1000;

/**
 * Never throws: where the provider is away, slow, or does not know the token, a hash of the token stands for the instrument. Its purpose is its own,
 * so it never meets the name of a card.
 */
export async function instrumentOf(
	provider: Provider,
	token: string,
	{ runtime, logger }: { runtime: Runtime; logger: ServiceBroker["logger"] },
): Promise<NamedInstrument> {
	try {
		const named = await within(lookMs, provider.instrument(token));
		if (named) return named;
	} catch (error) {
		logger.warn("the provider could not say which instrument a token stands for", error);
	}
	return { fingerprint: keyedHash(runtime.secret(), "payment-token", token), isShared: false };
}
