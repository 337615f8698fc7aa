// An Idempotency-Key over work that leaves the transaction: the key refers to the intent, so that a repeat after a crash goes on with the same
// wish instead of making another one, and whoever settles the intent keeps the reply.
import type { Context } from "moleculer";
import type { Locals, Meta } from "../../../lib/contract.ts";
import { type StoaFailure, serviceUnavailable } from "../../../lib/failure.ts";
import { inProgress, type KeptReply, keepable, keyedRequest, keyRequired, refusalOf, replay, waitMs } from "../../../lib/idempotency.ts";
import { newId } from "../../../lib/ids.ts";
import { within } from "../../../lib/within.ts";
import { type Claim, claimKey, keepReply } from "../../../mixins/sql/idempotency.ts";
import type { Payments } from "./payments.intents.ts";
import type { PaymentsTx } from "./payments.store.ts";

export interface Begun {
	intentId: string;
	keyScope: string;
	requestKey: string;
}
type Asking = Context<unknown, Meta, Locals>;
type Opened = Claim | { state: "refused"; error: unknown };

/**
 * Begins an intent once per key and answers what became of it. `begin` writes it, under the given id and scope, or refuses; refusals of the
 * business are kept. A repeat waits for the first as long as DESIGN allows. Throws `service_unavailable` while the outcome is open and no reply is due.
 */
export async function underKey<Result>(
	service: Payments,
	ctx: Asking,
	begin: (tx: PaymentsTx, begun: Begun) => Promise<void>,
): Promise<Result> {
	const until = performance.now() + waitMs;
	const request = keyedRequest(ctx);
	if (!request) throw keyRequired();
	const { store, intents, runtime } = service;
	const { scope } = request;
	const fresh: Begun = { intentId: newId("int", runtime.clock.now()), keyScope: scope, requestKey: scope };

	const opened = await store.transaction(async (tx): Promise<Opened> => {
		const claim = await claimKey(tx, request, fresh.intentId);
		if (claim.state !== "new") return claim;
		try {
			await tx.savepoint(() => begin(tx, fresh));
			return claim;
		} catch (error) {
			if (!keepable(error)) throw error;
			await keepReply(tx, scope, refusalOf(error as StoaFailure));
			return { state: "refused", error };
		}
	});
	if (opened.state === "refused") throw opened.error;
	if (opened.state === "kept") return replay<Result>(ctx, opened.reply, opened.requestId);

	// Running under our own id: the answer of the commit got lost, and the transaction has found what it had written itself.
	const id = opened.state === "new" ? fresh.intentId : opened.reference;
	const isFirst = id === fresh.intentId;
	const intent = await within(until - performance.now(), intents.drive(id, { isFirst }));
	const kept = await store.reader.keptReply(scope);
	if (kept) return isFirst ? firstAnswer<Result>(kept.reply) : replay<Result>(ctx, kept.reply, kept.requestId);
	// A provider that refused the connection: nothing happened, the key was let go, trying again is right.
	if (!intent && !isFirst) throw inProgress();
	throw serviceUnavailable({ service: "The payment provider" });
}

function firstAnswer<Result>(reply: KeptReply): Result {
	// Read back rather than made again, so that the first answer and its repeats are the same bytes. `replay` would call it a repeat.
	return replay<Result>({ meta: {} }, reply, null);
}
