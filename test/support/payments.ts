// Builders and looks for tests of payments.
import { ask, type Meta, type ParamsOf, type ResultOf } from "../../lib/contract.ts";
import { newId } from "../../lib/ids.ts";
import type { Role } from "../../lib/principal.ts";
import type { Envelope, Money } from "../../lib/vocabulary.ts";
import * as contract from "../../services/commerce/payments/payments.contract.ts";
import type { Payments } from "../../services/commerce/payments/payments.intents.ts";
import type { Provider } from "../../services/commerce/payments/providers/provider.ts";
import type { Stoa } from "./stoa.ts";

export const euros = (amount: number): Money => ({ amount, currency: "EUR" });

export const breakdownOf = (parts: {
	items: number;
	discount?: number;
	shipping?: number;
	tax?: number;
	fee?: number;
}): contract.Breakdown => {
	const { items, discount = 0, shipping = 0, tax = 0, fee = 0 } = parts;
	const total = items - discount + shipping + tax + fee;
	return {
		items: euros(items),
		discount: euros(discount),
		shipping: euros(shipping),
		tax: euros(tax),
		fee: euros(fee),
		total: euros(total),
	};
};

type Asked = ParamsOf<typeof contract.authorize>;

/** A wish to pay 100.00 with a card that pays. */
export function aPayment({ token = "tok_visa", ...given }: Partial<Asked> & { token?: string } = {}): Asked {
	const breakdown = given.breakdown ?? breakdownOf({ items: 10_000 });
	const now = Date.UTC(2026, 0, 5);
	const ids = { paymentId: newId("pay", now), orderId: newId("ord", now), cartId: newId("crt", now), userId: newId("usr", now) };
	return { ...ids, amount: breakdown.total, breakdown, method: { method: "card", token }, key: "checkout/1", ...given };
}

export const authorized = async (stoa: Stoa, given: Parameters<typeof aPayment>[0] = {}) => {
	const asked = aPayment(given);
	await ask(stoa.broker, contract.authorize, asked);
	return asked;
};

export const captured = async (stoa: Stoa, given: Parameters<typeof aPayment>[0] = {}) => {
	const asked = await authorized(stoa, given);
	await ask(stoa.broker, contract.captureAll, { paymentId: asked.paymentId, key: "checkout/2" });
	return asked;
};

export const paymentsOf = (stoa: Stoa) => stoa.service<Payments>("payments");

export const paymentOf = async (stoa: Stoa, paymentId: string) => (await paymentsOf(stoa).store.reader.payment(paymentId))!;

export const providerOf = (stoa: Stoa): Provider => paymentsOf(stoa).intents.provider("sandbox")!;

/** What the bank holds for a payment, as nobody but the bank sees it. */
export const chargesOf = (stoa: Stoa, paymentId: string) =>
	paymentsOf(stoa).store.reader.all<{ status: string; amount: number; captured: number; refunded: number }>(
		"SELECT status, amount, captured, refunded FROM bankCharges WHERE paymentId = ?",
		[paymentId],
	);

export async function factsOf(stoa: Stoa, paymentId: string): Promise<Envelope[]> {
	const facts = await paymentsOf(stoa).store.facts.read(0, 10_000);
	return facts.filter(fact => fact.data.paymentId === paymentId);
}

export const factTypes = async (stoa: Stoa, paymentId: string) =>
	(await factsOf(stoa, paymentId)).map(fact => fact.type.replace("payments.", ""));

/** Meta of a request by a signed-in user that carries an Idempotency-Key. */
export function keyed(stoa: Stoa, path: string, key: string, body: unknown, roles: readonly Role[] = ["finance"]): Meta {
	const request = { id: `req-${key}`, method: "POST", path, address: "127.0.0.1", idempotencyKey: key, bodyHash: JSON.stringify(body) };
	return { ...stoa.as("usr_finance", roles), request };
}

/** Asks for a refund over the route, under a key. */
export function askRefund(stoa: Stoa, id: string, body: Omit<ParamsOf<typeof contract.refund>, "id">, key: string, asKey: unknown = body) {
	const call = stoa.broker.call(contract.refund.name, { id, ...body }, { meta: keyed(stoa, `/v1/payments/${id}/refunds`, key, asKey) });
	return call as Promise<ResultOf<typeof contract.refund>> & { ctx: { meta: Meta } };
}

export function askCapture(stoa: Stoa, id: string, key: string) {
	const call = stoa.broker.call(contract.capture.name, { id }, { meta: keyed(stoa, `/v1/payments/${id}/capture`, key, {}) });
	return call as Promise<ResultOf<typeof contract.capture>> & { ctx: { meta: Meta } };
}

type Moves = Record<"authorize" | "capture" | "void" | "refund", (call: unknown) => Promise<unknown>>;

/** The provider acts, and its answer is lost on the way: for the next `times` calls of the operation. */
export function loseAnswers(stoa: Stoa, operation: keyof Moves, times = 1): void {
	const provider = providerOf(stoa) as unknown as Moves;
	const real = provider[operation].bind(provider);
	let left = times;
	provider[operation] = async call => {
		const answer = await real(call);
		if (left-- > 0) throw new Error("the connection was cut");
		return answer;
	};
}

/** The call gets lost before its answer could: the provider never hears of it. */
export function loseCalls(stoa: Stoa, operation: keyof Moves, times = 1): void {
	const provider = providerOf(stoa) as unknown as Moves;
	const real = provider[operation].bind(provider);
	let left = times;
	provider[operation] = call => (left-- > 0 ? Promise.reject(new Error("the connection was cut")) : real(call));
}

/** The wishes of one buyer, under ids and keys that are always the same: asked again after a crash, they are the same wishes. */
export interface PaymentStory {
	kept: ParamsOf<typeof contract.authorize>;
	undone: ParamsOf<typeof contract.authorize>;
}

/** One payment is held, taken and partly given back; another is held and let go. */
export async function playStory(stoa: Stoa, { kept, undone }: PaymentStory): Promise<void> {
	const { paymentId } = kept;
	await ask(stoa.broker, contract.authorize, kept);
	await ask(stoa.broker, contract.captureAll, { paymentId, key: "checkout/2" });
	await askRefund(stoa, paymentId, { amount: euros(2_000), reason: "returned" }, "refund-1");
	await ask(stoa.broker, contract.authorize, undone).catch(ignoreVoided);
	await ask(stoa.broker, contract.voidPayment, { paymentId: undone.paymentId, key: "undo/1", reason: "checkout undone" });
}

/** Played again, the story finds the payment that it let go of. */
function ignoreVoided(error: unknown): void {
	if (!contract.paymentStateConflict.matches(error)) throw error;
}
