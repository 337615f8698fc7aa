import type { ParamsOf, ResultOf } from "../../../../lib/contract.ts";
import { serviceUnavailable } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import type * as contract from "../payments.contract.ts";
import { conflict, type Payment, tombstone } from "../payments.domain.ts";
import { newIntent, type Payments } from "../payments.intents.ts";
import type { PaymentsTx } from "../payments.store.ts";

type Asked = ParamsOf<typeof contract.voidPayment>;
type Begun = { payment: Payment } | { intentId: string; isFirst: boolean; isCapture: boolean };

const holdsNothing = ({ status }: Payment) => status === "voided" || status === "failed";

/** Lets go of what is held. An authorization still under way does not have to be waited for: the provider refuses it once it is voided. */
export async function voidPayment(service: Payments, asked: Asked): Promise<ResultOf<typeof contract.voidPayment>> {
	const { store, intents, runtime } = service;
	const given = { provider: runtime.config.payments, currency: runtime.config.currency };
	// Twice at most: a capture under way is decided first, then there is something to let go or there is not.
	for (let round = 0; round < 2; round++) {
		const id = newId("int", runtime.clock.now());
		const begun = await store.transaction(tx => begin(tx, asked, id, { ...given, now: tx.now() }));
		if ("payment" in begun) return { paymentId: asked.paymentId, status: begun.payment.status };
		await intents.drive(begun.intentId, { isFirst: begun.isFirst });
		if (!begun.isCapture) break;
	}
	const payment = (await store.reader.payment(asked.paymentId))!;
	if (holdsNothing(payment)) return { paymentId: payment.id, status: payment.status };
	if (payment.captured > 0) throw conflict(payment);
	throw serviceUnavailable({ service: "The payment provider" });
}

async function begin(tx: PaymentsTx, { paymentId, key }: Asked, id: string, given: Parameters<typeof tombstone>[1]): Promise<Begun> {
	tx.repeatable();
	const mark = tombstone(paymentId, given);
	if ((await tx.insertPayment(mark)) === 1) return { payment: mark };
	const payment = (await tx.lock(paymentId))!;
	if (holdsNothing(payment)) return { payment };
	if (payment.status !== "pending" && payment.status !== "authorized") throw conflict(payment);
	const open = await tx.openIntents(paymentId);
	const standing = open.find(({ operation }) => operation === "void") ?? open.find(({ operation }) => operation === "capture");
	if (standing) return { intentId: standing.id, isFirst: standing.id === id, isCapture: standing.operation === "capture" };
	await tx.insertIntent(newIntent(tx, { id, payment, operation: "void", amount: payment.amount, requestKey: key }));
	return { intentId: id, isFirst: true, isCapture: false };
}
