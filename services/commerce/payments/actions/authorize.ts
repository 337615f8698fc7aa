import type { ParamsOf, ResultOf } from "../../../../lib/contract.ts";
import { currencyMismatch, validationFailed } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import type * as contract from "../payments.contract.ts";
import { authorizationOf, conflict, newPayment } from "../payments.domain.ts";
import { newIntent, type Payments } from "../payments.intents.ts";

/** Holds the money, or says what became of the same wish before. The token goes to the provider and is kept nowhere. */
export async function authorize(
	service: Payments,
	asked: ParamsOf<typeof contract.authorize>,
): Promise<ResultOf<typeof contract.authorize>> {
	const { store, intents, runtime } = service;
	const { payments: provider, currency } = runtime.config;
	if (asked.amount.currency !== currency) throw currencyMismatch({ given: asked.amount.currency, shop: currency });

	const intentId = newId("int", runtime.clock.now());
	const begun = await store.transaction(async tx => {
		tx.repeatable();
		const wanted = newPayment(asked, { provider, now: tx.now() });
		// Inserted first, read afterwards: of two that come at once, on whichever nodes, one makes it and the other finds it.
		const isFirst = (await tx.insertPayment(wanted)) === 1;
		if (isFirst) {
			// To leave it out in silence would hold money that risk did not want held so. The caller knew from `payments.instrument`.
			if (wanted.challenge && !intents.provider(provider)!.canChallenge)
				throw validationFailed({ errors: [{ pointer: "/challenge", code: "not_supported", detail: "cannot be asked of this provider" }] });
			const wish = { id: intentId, payment: wanted, operation: "authorize" as const, amount: wanted.amount, requestKey: asked.key };
			await tx.insertIntent(newIntent(tx, wish));
			return { intentId, isFirst };
		}
		const payment = (await tx.lock(wanted.id))!;
		if (payment.status === "voided") throw conflict(payment);
		if (payment.orderId !== wanted.orderId || payment.amount !== wanted.amount) throw conflict(payment);
		// What was asked for without the buyer's bank may be held already, so it is no answer to a wish that needs the bank.
		if (wanted.challenge && !payment.challenge) throw conflict(payment);
		const open = (await tx.openIntents(payment.id)).find(({ operation }) => operation === "authorize");
		// A payment that waits for the buyer is not decided by asking again.
		return { intentId: payment.nextUrl === null ? open?.id : undefined, isFirst: open?.id === intentId };
	});

	if (begun.intentId) await intents.drive(begun.intentId, { isFirst: begun.isFirst, token: asked.method.token });
	return authorizationOf((await store.reader.payment(asked.paymentId))!);
}
