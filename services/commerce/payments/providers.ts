import type { Config } from "../../../lib/config.ts";
import type { Provider, ProviderGiven } from "./providers/provider.ts";
import { Sandbox } from "./providers/sandbox.ts";
import { StripeCards } from "./providers/stripe.ts";

/** Who moves the money; undefined where it is not configured. A new provider is its file, one line here, and its row in the conformance suite. */
export const providers: Readonly<Record<Config["payments"], (given: ProviderGiven) => Provider | undefined>> = {
	sandbox: given => new Sandbox(given),
	stripe: given => given.stripe && new StripeCards(given, given.stripe),
};
