import type { Config } from "../../../lib/config.ts";
import type { Provider, ProviderGiven } from "./providers/provider.ts";
import { Sandbox } from "./providers/sandbox.ts";

/** Who moves the money; undefined where it is not configured. A new provider is its file, one line here, and its row in the conformance suite. */
export const providers: Readonly<Record<Config["payments"], (given: ProviderGiven) => Promise<Provider | undefined>>> = {
	sandbox: async given => new Sandbox(given),
	// Its package is as large as all of us, and most shops that are tried out have none.
	stripe: async given => given.stripe && new (await import("./providers/stripe.ts")).StripeCards(given, given.stripe),
};
