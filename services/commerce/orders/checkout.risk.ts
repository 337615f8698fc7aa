// What a checkout asks of risk before money is held, and says to it when none is. Risk may be away: buying goes on without it, within a limit.
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../../lib/contract.ts";
import { isDefinite, kindOf, serviceUnavailable } from "../../../lib/failure.ts";
import type { Running } from "../../../lib/saga.ts";
import * as fraud from "../../risk/fraud/fraud.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import type { Checkout } from "./checkout.saga.ts";
import { riskOf } from "./orders.domain.ts";
import type { OrdersService } from "./orders.service.ts";

// The buyer waits for a refusal meanwhile.
const concludeMs = 300;

// Longer than a busy node takes; of one that is paused another is asked.
const askAgainMs = 1000;
const pauseMs = 100;

const nothingToPay = { instrument: null, isShared: false, canChallenge: false };

/** Has risk judge the attempt. Throws fraud_rejected when it is to be blocked. */
export async function assessRisk(service: OrdersService, { id, state }: Running<Checkout>): Promise<Partial<Checkout>> {
	const amount = state.priced!.totals.total;
	const paidWith = amount.amount > 0 ? await ask(service.broker, payments.instrument, { method: state.payment }) : nothingToPay;
	const { canChallenge, instrument, isShared } = paidWith;
	const { orderId, paymentId, userId, origin, sessionId, shippingAddress, lines } = state;
	const attempt: fraud.Attempt = {
		attemptId: id,
		orderId,
		paymentId,
		userId,
		sessionId,
		...origin,
		instrument,
		isShared,
		amount,
		country: shippingAddress.country,
		itemCount: lines.reduce((count, { quantity }) => count + quantity, 0),
	};
	const assessment = await judged(service, attempt);
	// Risk itself says how its buyer stands; while it is away we know what we heard.
	const isFlagged = !assessment && userId !== null && (await service.store.reader.isFlagged(userId));
	const { riskPassBelow } = service.runtime.config;
	return { risk: riskOf(assessment, { amount: amount.amount, passBelow: riskPassBelow, canChallenge, isFlagged }), attempt };
}

/**
 * Undefined when risk is away: no node of it is there, or none has answered for as long as a checkout waits. Whoever is merely late is asked again, about
 * the same attempt, and nothing is authorized meanwhile: else a flood of cards that keeps risk busy would be its own way past it.
 */
async function judged(service: OrdersService, attempt: fraud.Attempt): Promise<fraud.Assessment | undefined> {
	const begun = performance.now();
	const patience = { late: service.runtime.config.riskTimeoutMs, refused: Math.min(service.runtime.config.riskTimeoutMs, askAgainMs) };
	for (;;) {
		const left = patience.late - (performance.now() - begun);
		try {
			// Not sent again by the mesh: for how long we ask is our own affair.
			return await ask(service.broker, fraud.assess, attempt, { timeout: Math.ceil(Math.min(left, askAgainMs)), retries: 0 });
		} catch (error) {
			const waited = performance.now() - begun + pauseMs;
			if (isUnanswered(error as Error) && waited < patience.late) continue;
			// It answered that it cannot judge now; its Redis may have been silent for a moment.
			if (serviceUnavailable.matches(error) && waited < patience.refused) {
				await sleep(pauseMs);
				continue;
			}
			// A process that starts takes up its sagas before all of it is there: what is not there yet is not away.
			if (kindOf(error) === "unavailable" && service.broker.started) return undefined;
			// Nothing that a buyer could change is refused there: it is a defect of ours, tried again like any other, and no answer to the buyer.
			if (isDefinite(error)) throw new Error(`risk does not take ${attempt.attemptId}: ${(error as Error).message}`, { cause: error });
			throw error;
		}
	}
}

/** A node has the question and has not answered yet, or was lost with it; another one may be there. */
const isUnanswered = ({ name }: Error) => name === "RequestTimeoutError" || name === "RequestRejectedError";

/**
 * Says how an attempt ended, before its buyer hears it and tries again. Whoever does not answer at once is not waited for: payments' own fact says
 * the same a moment later.
 */
export async function concludeAttempt(
	service: OrdersService,
	attemptId: string,
	outcome: fraud.AttemptOutcome,
	reason: string,
): Promise<void> {
	try {
		await ask(service.broker, fraud.conclude, { attemptId, outcome, reason: reason.slice(0, 64) }, { timeout: concludeMs, retries: 0 });
	} catch (error) {
		if (kindOf(error) !== "unavailable") service.logger.warn(`risk does not take the end of ${attemptId}`, error);
	}
}
