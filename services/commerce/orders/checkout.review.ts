// An order that an analyst has to approve first: it is placed on hold, and its checkout sleeps until somebody decides, the buyer cancels, or nobody did
// anything for too long.
import { type Running, Wait } from "../../../lib/saga.ts";
import { fraudRejected } from "../../risk/fraud/fraud.contract.ts";
import type { Checkout } from "./checkout.saga.ts";
import { type Verdict, verdictOn } from "./orders.domain.ts";
import { recordPlaced } from "./orders.facts.ts";
import type { OrdersService } from "./orders.service.ts";
import type { OrdersTx } from "./orders.store.ts";

/** Sleeps while nothing is decided. Throws fraud_rejected when the order was rejected, or left lying for too long. */
export async function awaitApproval(service: OrdersService, { id, state }: Running<Checkout>): Promise<Wait<Checkout> | undefined> {
	const { reader } = service.store;
	const [kept, attempt] = await Promise.all([reader.orderById(state.orderId), reader.attemptById(id)]);
	const verdict = verdictOn(kept!, attempt!.riskDecision);
	if (verdict === "rejected") throw fraudRejected();
	if (verdict) return undefined;
	const until = Date.parse(kept!.order.placedAt) + service.runtime.config.reviewWithinMs;
	if (service.runtime.clock.now() >= until) throw fraudRejected();
	return new Wait(until);
}

/** Looks again, under lock: between the look and this transaction the buyer may have cancelled. That goes before an approval. */
export async function settleReview(tx: OrdersTx, { id, state }: Running<Checkout>): Promise<Partial<Checkout>> {
	const kept = (await tx.lockOrder(state.orderId))!;
	const verdict: Verdict | undefined = verdictOn(kept, (await tx.attemptById(id))!.riskDecision);
	if (verdict === "withdrawn") return { isWithdrawn: true };
	if (verdict !== "approved") throw new Error("The cancel that ended the review was given up.");
	await recordPlaced(tx, await tx.saveOrder({ ...kept.order, status: "confirmed" }));
	return {};
}
