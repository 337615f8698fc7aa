// Attempts that went on while nobody could decide on them are decided on afterwards. What should not have gone on becomes a case: the order stands, and
// an analyst may still undo it.
import type { PayloadOf } from "../../../lib/contract.ts";
import type { unassessed } from "../../commerce/orders/orders.contract.ts";
import { decide } from "./actions/assess.ts";
import { openOrderCase } from "./fraud.listening.ts";
import type { Fraud } from "./fraud.service.ts";

const atATime = 20;

/** Decides on all that wait. Repeated after a crash, it finds the decision and does the rest. */
export async function reassess(service: Fraud): Promise<void> {
	for (;;) {
		const waiting = await service.store.reader.unassessed(atATime);
		for (const { order, at } of waiting) await reassessOne(service, order, at);
		if (waiting.length < atATime) return;
	}
}

async function reassessOne(service: Fraud, order: PayloadOf<typeof unassessed>, at: number): Promise<void> {
	const { attempt, orderId, userId } = order;
	const decision = await decide(service, attempt, at);
	const isHarsh = decision.outcome === "review" || decision.outcome === "block";
	await service.store.transaction(async tx => {
		// A held order has its case already; what rules find joins it.
		if (isHarsh) await openOrderCase(tx, attempt.attemptId, { orderId, userId, at });
		await tx.settleUnassessed(attempt.attemptId);
	});
}
