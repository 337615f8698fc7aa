import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { sign } from "../../../lib/signature.ts";
import {
	aPayment,
	askCapture,
	askRefund,
	authorized,
	captured,
	chargesOf,
	euros,
	factsOf,
	factTypes,
	loseAnswers,
	loseCalls,
	paymentOf,
	paymentsOf,
	providerOf,
} from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as contract from "./payments.contract.ts";

let stoa: Stoa;
let clock: ReturnType<typeof handClock>;

beforeEach(async () => {
	clock = handClock();
	stoa = await startStoa({ services: ["commerce/payments"], clock, env: { STOA_SANDBOX_WEBHOOK_SECRET: "whsec" } });
});
afterEach(() => stoa.stop());

const failsWith = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ type: code });
const captureAll = (paymentId: string) => ask(stoa.broker, contract.captureAll, { paymentId, key: "checkout/2" });
const voidPayment = (paymentId: string) => ask(stoa.broker, contract.voidPayment, { paymentId, key: "undo/1", reason: "checkout undone" });

/** The background's next look, after as long as it waits. */
async function later(ms = 61_000): Promise<void> {
	clock.move(ms);
	await paymentsOf(stoa).intents.lookAtDue();
}

/** From the n-th transaction of payments on, and for one, the commit fails as it would with a full disk or a kill. */
function failTransaction(n: number): void {
	const { store } = paymentsOf(stoa);
	const real = store.transaction.bind(store);
	let left = n;
	store.transaction = (work => (--left === 0 ? Promise.reject(new Error("the commit failed")) : real(work))) as typeof store.transaction;
}

describe("an answer that got lost on its way from the provider", () => {
	it("leaves an authorization pending, told as such once, and is found by its key without a second charge", async () => {
		loseAnswers(stoa, "authorize");
		const wish = aPayment();
		expect(await ask(stoa.broker, contract.authorize, wish)).toEqual({ paymentId: wish.paymentId, status: "pending" });
		await later();
		expect(await chargesOf(stoa, wish.paymentId)).toHaveLength(1);
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "authorized"]);
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "authorized" });
	});

	it("is found at once by the checkout that simply asks again", async () => {
		loseAnswers(stoa, "authorize");
		const wish = aPayment();
		await ask(stoa.broker, contract.authorize, wish);
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "authorized", last4: "4242" });
		expect(await chargesOf(stoa, wish.paymentId)).toHaveLength(1);
	});

	it("makes a capture 503 until it is known, then one captured payment", async () => {
		const { paymentId } = await authorized(stoa);
		loseAnswers(stoa, "capture");
		await failsWith(captureAll(paymentId), "service_unavailable");
		expect(await paymentOf(stoa, paymentId)).toMatchObject({ status: "authorized" });
		expect(await captureAll(paymentId)).toMatchObject({ status: "captured" });
		expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "captured"]);
	});

	it("lets a capture under a key go on with the same wish when it is repeated", async () => {
		const { paymentId } = await authorized(stoa);
		loseAnswers(stoa, "capture");
		await failsWith(askCapture(stoa, paymentId, "k"), "service_unavailable");
		const repeat = await askCapture(stoa, paymentId, "k");
		expect(repeat).toMatchObject({ status: "captured", captured: euros(10_000) });
		expect(await askCapture(stoa, paymentId, "k")).toEqual(repeat);
	});

	it("answers a refund as pending, and stays with that answer for its key when the refund has succeeded", async () => {
		const { paymentId } = await captured(stoa);
		loseAnswers(stoa, "refund");
		const body = { amount: euros(7_000), reason: "returned" };
		const first = await askRefund(stoa, paymentId, body, "k");
		expect(first).toMatchObject({ status: "pending", amount: euros(7_000) });
		await failsWith(askRefund(stoa, paymentId, { amount: euros(3_001), reason: "x" }, "other"), "refund_exceeds_captured");
		await later();
		expect(await paymentOf(stoa, paymentId)).toMatchObject({ refunded: 7_000, status: "partiallyRefunded" });
		expect(await askRefund(stoa, paymentId, body, "k")).toEqual(first);
		expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "captured", "refunded"]);
	});

	it("keeps the wish to let go until it is done, although the caller was told 503", async () => {
		const { paymentId } = await authorized(stoa);
		loseCalls(stoa, "void");
		await failsWith(voidPayment(paymentId), "service_unavailable");
		await failsWith(captureAll(paymentId), "payment_state_conflict");
		await later();
		expect(await paymentOf(stoa, paymentId)).toMatchObject({ status: "voided" });
		expect(await voidPayment(paymentId)).toMatchObject({ status: "voided" });
		expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "voided"]);
	});

	it("is looked up as soon as the provider sends word, not when the background would have", async () => {
		loseAnswers(stoa, "authorize");
		const wish = aPayment();
		await ask(stoa.broker, contract.authorize, wish);
		const rawBody = JSON.stringify({
			id: "evt_1",
			type: "payment.authorized",
			paymentId: wish.paymentId,
			occurredAt: "2026-01-05T09:00:00Z",
		});
		await ask(stoa.broker, contract.receiveWebhook, { provider: "sandbox", rawBody, signature: sign("whsec", rawBody, clock.now()) });
		await paymentsOf(stoa).intents.settleNow(wish.paymentId);
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "authorized" });
	});
});

describe("a call that never reached the provider", () => {
	it("is sent again under the same key", async () => {
		const { paymentId } = await captured(stoa);
		loseCalls(stoa, "refund");
		expect(await askRefund(stoa, paymentId, { amount: euros(100), reason: "x" }, "k")).toMatchObject({ status: "pending" });
		await later();
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ refunded: 100 }]);
	});

	it("is given up when it was an authorization that nobody asks for any more, and refused should it arrive after all", async () => {
		loseCalls(stoa, "authorize");
		const wish = aPayment();
		await ask(stoa.broker, contract.authorize, wish);
		await later(10_000);
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "pending" });
		await later();
		expect(await ask(stoa.broker, contract.authorize, wish)).toEqual({ paymentId: wish.paymentId, status: "unavailable" });
		const { store } = paymentsOf(stoa);
		const key = await store.reader.authorizationKey(wish.paymentId);
		const late = { key, paymentId: wish.paymentId, orderId: wish.orderId, amount: wish.amount, token: "tok_visa", challenge: false };
		expect(await providerOf(stoa).authorize(late)).toMatchObject({ status: "declined" });
	});
});

describe("a provider that refuses the connection", () => {
	it("is believed at a second try only after it has promised to refuse the first", async () => {
		loseCalls(stoa, "authorize");
		const wish = aPayment({ token: "tok_unavailable" });
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "pending" });
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "unavailable" });
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["pending", "failed"]);
	});

	it("makes a refund 503, gives its amount back, and lets the key be used again", async () => {
		const { paymentId } = await captured(stoa);
		const provider = providerOf(stoa);
		const real = provider.refund.bind(provider);
		provider.refund = async () => ({ status: "unavailable" });
		const body = { amount: euros(10_000), reason: "returned" };
		await failsWith(askRefund(stoa, paymentId, body, "k"), "service_unavailable");
		provider.refund = real;
		expect(await askRefund(stoa, paymentId, body, "k")).toMatchObject({ status: "succeeded" });
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ refunded: 10_000 }]);
	});

	it("answers a declined refund as failed and gives its amount back", async () => {
		const { paymentId } = await captured(stoa);
		const provider = providerOf(stoa);
		const real = provider.refund.bind(provider);
		provider.refund = async () => ({ status: "declined", code: "account_closed" });
		expect(await askRefund(stoa, paymentId, { amount: euros(10_000), reason: "x" }, "k")).toMatchObject({ status: "failed" });
		await failsWith(ask(stoa.broker, contract.refundAll, { paymentId, key: "cancel", reason: "x" }), "payment_state_conflict");
		provider.refund = real;
		expect(await askRefund(stoa, paymentId, { amount: euros(10_000), reason: "x" }, "l")).toMatchObject({ status: "succeeded" });
		expect((await factsOf(stoa, paymentId)).map(({ data }) => data.reason ?? "")).toEqual(["", "", "account_closed", "account_closed", ""]);
	});
});

describe("a commit that failed between the provider's answer and our books", () => {
	it("is made up for from the provider's books: authorization, capture and refund, each once", async () => {
		const wish = aPayment();
		// The wish, the bank's own books, and then what the answer made true.
		failTransaction(3);
		await expect(ask(stoa.broker, contract.authorize, wish)).rejects.toThrow("the commit failed");
		await later();
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "authorized" });

		failTransaction(3);
		await expect(captureAll(wish.paymentId)).rejects.toThrow("the commit failed");
		await later();
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "captured" });

		failTransaction(3);
		const body = { amount: euros(2_000), reason: "returned" };
		await expect(askRefund(stoa, wish.paymentId, body, "k")).rejects.toThrow("the commit failed");
		await later();
		const repeat = askRefund(stoa, wish.paymentId, body, "k");
		expect(await repeat).toMatchObject({ status: "succeeded", amount: euros(2_000) });
		expect(repeat.ctx.meta.reply).toMatchObject({ replayed: true });

		expect(await chargesOf(stoa, wish.paymentId)).toEqual([{ status: "captured", amount: 10_000, captured: 10_000, refunded: 2_000 }]);
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["authorized", "captured", "refunded"]);
	});

	it("is made up for right after a restart, without waiting for the lease of the process that died", async () => {
		const wish = aPayment();
		failTransaction(3);
		await expect(ask(stoa.broker, contract.authorize, wish)).rejects.toThrow("the commit failed");
		await stoa.restart();
		await paymentsOf(stoa).intents.lookAtDue();
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "authorized" });
		expect(await chargesOf(stoa, wish.paymentId)).toHaveLength(1);
	});
});

describe("a void that meets an authorization under way", () => {
	/** The provider holds its answer back until it is told. */
	function holdAnswer() {
		const provider = providerOf(stoa);
		const real = provider.authorize.bind(provider);
		let open: () => void = () => undefined;
		const gate = new Promise<void>(resolve => {
			open = resolve;
		});
		let began: () => void = () => undefined;
		const beginning = new Promise<void>(resolve => {
			began = resolve;
		});
		return { provider, real, gate, open: () => open(), beginning, began: () => began() };
	}

	it("lets go of what the provider held before anybody here knew", async () => {
		const { provider, real, gate, open, beginning, began } = holdAnswer();
		provider.authorize = async call => {
			const answer = await real(call);
			began();
			await gate;
			return answer;
		};
		const wish = aPayment();
		const authorizing = ask(stoa.broker, contract.authorize, wish);
		await beginning;
		expect(await voidPayment(wish.paymentId)).toMatchObject({ status: "voided" });
		open();
		await failsWith(authorizing, "payment_state_conflict");
		expect(await chargesOf(stoa, wish.paymentId)).toMatchObject([{ status: "voided" }]);
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["voided"]);
	});

	it("has the provider refuse what reaches it later", async () => {
		const { provider, real, gate, open, beginning, began } = holdAnswer();
		provider.authorize = async call => {
			began();
			await gate;
			return real(call);
		};
		const wish = aPayment();
		const authorizing = ask(stoa.broker, contract.authorize, wish);
		await beginning;
		expect(await voidPayment(wish.paymentId)).toMatchObject({ status: "voided" });
		open();
		await failsWith(authorizing, "payment_state_conflict");
		expect(await chargesOf(stoa, wish.paymentId)).toEqual([]);
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "voided" });
	});
});
