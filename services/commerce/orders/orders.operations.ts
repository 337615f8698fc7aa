// What a buyer sees of a process that goes on behind their request. Pure.
import type { Static } from "typebox";
import { type FailureKind, kinds } from "../../../lib/failure.ts";
import { type Problem, problemOf, type SagaRecord } from "../../../lib/saga.ts";
import { cancel, checkout, type NextAction, type Operation } from "./orders.contract.ts";
import { neverConfirmed } from "./orders.domain.ts";

const operationStatus: Record<SagaRecord["status"], Operation["status"]> = {
	running: "pending",
	waiting: "pending",
	compensating: "compensating",
	succeeded: "succeeded",
	failed: "failed",
	compensated: "compensated",
};

const exposedBy = new Map<string, readonly string[]>([...checkout.throws, ...cancel.throws].map(({ code, expose }) => [code, expose]));

/** Of what sagas carry. */
interface Seen {
	orderId: string;
	nextAction: Static<typeof NextAction> | null;
	isHeld: boolean;
	isWithdrawn: boolean;
}

/** A kept refusal as a problem body; the fields beside its code are those its contract exposes. */
function problemBody({ kind, code, message, data }: Problem, requestId: string | null): Record<string, unknown> {
	const { status, title, retryable } = kinds[kind as FailureKind];
	const { errors = [] } = data;
	const exposed = (exposedBy.get(code) ?? []).filter(name => data[name] !== undefined).map(name => [name, data[name]]);
	return {
		...Object.fromEntries(exposed),
		type: `urn:stoa:problem:${code}`,
		title,
		status,
		detail: message,
		code,
		requestId,
		retryable,
		errors,
	};
}

/**
 * A saga as the buyer sees it: names of steps and where they stand, of what they carry only the order, as soon as it can be read. Whoever took an order on
 * hold back has undone the purchase, although the checkout did what was left to do.
 */
export function operationOf(saga: SagaRecord): Operation {
	const { orderId, nextAction, isHeld, isWithdrawn } = saga.state as Partial<Seen>;
	const isTakenBack = saga.status === "succeeded" && isWithdrawn === true;
	const problem = isTakenBack ? problemOf(neverConfirmed(orderId!)) : saga.problem;
	return {
		id: saga.id,
		kind: saga.kind,
		status: isTakenBack ? "compensated" : operationStatus[saga.status],
		steps: saga.steps.map(({ name, status }) => ({ name, status })),
		...(saga.status === "waiting" && nextAction ? { nextAction } : {}),
		...(orderId && (isHeld || saga.status === "succeeded") ? { result: { orderId } } : {}),
		...(problem ? { problem: problemBody(problem, saga.requestId) } : {}),
	};
}
