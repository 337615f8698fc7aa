import type { Config } from "../../../lib/config.ts";
import type { Provider, ProviderGiven } from "./providers/provider.ts";
import { Sandbox } from "./providers/sandbox.ts";

/** Who moves the money. A new provider is its file, one line here, and its row in the conformance suite. */
export const providers: Readonly<Record<Config["payments"], (given: ProviderGiven) => Provider>> = {
	sandbox: given => new Sandbox(given),
};
