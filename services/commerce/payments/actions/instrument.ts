import type { ParamsOf, ResultOf } from "../../../../lib/contract.ts";
import type * as contract from "../payments.contract.ts";
import { instrumentOf } from "../payments.instruments.ts";
import type { Payments } from "../payments.intents.ts";

/** Names what would be paid with, without paying. */
export async function instrument(
	service: Payments,
	{ method }: ParamsOf<typeof contract.instrument>,
): Promise<ResultOf<typeof contract.instrument>> {
	const provider = service.intents.provider(service.runtime.config.payments)!;
	const { fingerprint, isShared } = await instrumentOf(provider, method.token, service);
	return { instrument: fingerprint, isShared, canChallenge: provider.canChallenge };
}
