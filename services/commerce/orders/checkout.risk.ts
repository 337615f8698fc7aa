// What a checkout asks of risk before money is held, and says to it when none is. Risk may be away: buying goes on without it, within a limit.
import { ask } from "../../../lib/contract.ts";
import { isDefinite, kindOf } from "../../../lib/failure.ts";
import type { Running } from "../../../lib/saga.ts";
import * as fraud from "../../risk/fraud/fraud.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import type { Checkout } from "./checkout.saga.ts";
import { riskOf } from "./orders.domain.ts";
import type { OrdersService } from "./orders.service.ts";

// The buyer waits for a refusal meanwhile.
const concludeMs = 300;

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
	const outcome = await judged(service, attempt);
	const { riskPassBelow } = service.runtime.config;
	return { risk: riskOf(outcome, { amount: amount.amount, passBelow: riskPassBelow, canChallenge }), attempt };
}

/** Undefined when risk is away. */
async function judged(service: OrdersService, attempt: fraud.Attempt): Promise<fraud.Assessment["outcome"] | undefined> {
	try {
		// Not sent again by the mesh: what is lost once or late is judged after the order is placed, and the buyer waits no longer for it.
		const given = { timeout: service.runtime.config.riskTimeoutMs, retries: 0 };
		return (await ask(service.broker, fraud.assess, attempt, given)).outcome;
	} catch (error) {
		// A process that starts takes up its sagas before all of it is there: what is not there yet is not away.
		if (kindOf(error) === "unavailable" && service.broker.started) return undefined;
		// Nothing that a buyer could change is refused there: it is a defect of ours, tried again like any other, and no answer to the buyer.
		if (isDefinite(error)) throw new Error(`risk does not take ${attempt.attemptId}: ${(error as Error).message}`, { cause: error });
		throw error;
	}
}

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
