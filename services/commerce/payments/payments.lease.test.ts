// Two nodes over one store: whoever has the lease on a wish asks the provider, and whoever slept past it concludes nothing.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import {
	aPayment,
	askRefund,
	captured,
	chargesOf,
	euros,
	factTypes,
	loseAnswers,
	loseCalls,
	paymentOf,
	paymentsOf,
	providerOf,
} from "../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as contract from "./payments.contract.ts";
import { Intents } from "./payments.intents.ts";

let stoa: Stoa;
let clock: ReturnType<typeof handClock>;

beforeEach(async () => {
	clock = handClock();
	stoa = await startStoa({ services: ["commerce/payments"], clock });
});
afterEach(() => stoa.stop());

/** Another node as the store sees it: an instance that shares nothing with the first but the data. */
function anotherNode(): Promise<Intents> {
	const { store, runtime, logger } = paymentsOf(stoa);
	return Intents.open(store, runtime, logger);
}

const openIntent = async (paymentId: string) => (await paymentsOf(stoa).store.reader.openIntents(paymentId))[0]!;

describe("a node that slept past its lease", () => {
	it("may not say that nothing was asked: another one has asked meanwhile, and given the money back", async () => {
		const { paymentId } = await captured(stoa);
		const provider = providerOf(stoa);
		const real = provider.refund.bind(provider);
		let calls = 0;
		provider.refund = async call => {
			if (++calls > 1) return real(call);
			clock.move(11_000);
			// The other node asks, and is not yet done with what it was answered.
			const { id } = await openIntent(paymentId);
			const taken = await paymentsOf(stoa).store.transaction(tx => tx.claimIntent(id, 10_000));
			expect(taken).toMatchObject({ attempts: 2 });
			await real(call);
			return { status: "unavailable" };
		};
		expect(await askRefund(stoa, paymentId, { amount: euros(4_000), reason: "x" }, "k")).toMatchObject({ status: "pending" });
		clock.move(11_000);
		await (await anotherNode()).lookAtDue();
		expect(await paymentOf(stoa, paymentId)).toMatchObject({ refunded: 4_000, status: "partiallyRefunded" });
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ refunded: 4_000 }]);
		expect(await factTypes(stoa, paymentId)).toEqual(["authorized", "captured", "refunded"]);
	});

	it("may not end a payment that another one has authorized meanwhile", async () => {
		const provider = providerOf(stoa);
		const real = provider.authorize.bind(provider);
		const wish = aPayment();
		provider.authorize = async call => {
			provider.authorize = real;
			clock.move(11_000);
			await real(call);
			const { id } = await openIntent(wish.paymentId);
			await paymentsOf(stoa).store.transaction(tx => tx.claimIntent(id, 10_000));
			return { status: "unavailable" };
		};
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "pending" });
		clock.move(11_000);
		await (await anotherNode()).lookAtDue();
		expect(await ask(stoa.broker, contract.authorize, wish)).toMatchObject({ status: "authorized" });
		expect(await factTypes(stoa, wish.paymentId)).toEqual(["authorized"]);
	});
});

describe("two nodes that look at what is due", () => {
	it("ask the provider once", async () => {
		const { paymentId } = await captured(stoa);
		loseCalls(stoa, "refund");
		await askRefund(stoa, paymentId, { amount: euros(100), reason: "x" }, "k");
		const provider = providerOf(stoa);
		const real = provider.refund.bind(provider);
		let calls = 0;
		provider.refund = call => {
			calls++;
			return real(call);
		};
		const other = await anotherNode();
		other.provider = () => provider;
		clock.move(61_000);
		await Promise.all([paymentsOf(stoa).intents.lookAtDue(), other.lookAtDue()]);
		expect(calls).toBe(1);
		expect(await chargesOf(stoa, paymentId)).toMatchObject([{ refunded: 100 }]);
	});
});

describe("a clock that was set back", () => {
	it("does not leave a wish lying until it is that late again", async () => {
		loseAnswers(stoa, "authorize");
		const wish = aPayment();
		await ask(stoa.broker, contract.authorize, wish);
		clock.move(-3_600_000);
		await paymentsOf(stoa).intents.lookAtDue();
		expect(await paymentOf(stoa, wish.paymentId)).toMatchObject({ status: "authorized" });
	});
});
