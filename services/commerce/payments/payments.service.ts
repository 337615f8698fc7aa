// Payments: contract to domain to store. What touches a provider goes through an intent (payments.intents.ts).
import { answer, type Locals } from "../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../lib/cursor.ts";
import { notFound } from "../../../lib/failure.ts";
import { defineService } from "../../../lib/service.ts";
import { sqlStore } from "../../../mixins/sql-store.ts";
import { authorize } from "./actions/authorize.ts";
import { capture, captureAll } from "./actions/capture.ts";
import { instrument } from "./actions/instrument.ts";
import { refund, refundAll } from "./actions/refund.ts";
import { voidPayment } from "./actions/void.ts";
import { payments as tables } from "./migrations/0001-payments.ts";
import { sandboxBank } from "./migrations/0002-sandbox.ts";
import { stripePayments } from "./migrations/0003-stripe.ts";
import { risk } from "./migrations/0004-risk.ts";
import { maySee } from "./payments.access.ts";
import * as contract from "./payments.contract.ts";
import { conflict, isTombstone, type Payment, refundViewOf, viewOf } from "./payments.domain.ts";
import { Intents, type Payments } from "./payments.intents.ts";
import { PaymentsTx } from "./payments.store.ts";
import type { SandboxDoor } from "./providers/provider.ts";
import * as sandboxContract from "./providers/sandbox.contract.ts";
import * as refunds from "./refunds.contract.ts";

/** With another provider the sandbox's routes are not there. */
function sandboxOf({ intents, runtime }: Payments): SandboxDoor {
	const door = intents.provider(runtime.config.payments)?.sandbox;
	if (!door) throw notFound();
	return door;
}

async function seen({ store }: Payments, { locals }: { locals: Locals }, id: string): Promise<Payment> {
	const payment = await store.reader.payment(id);
	if (!payment || !maySee(locals.principal, payment)) throw notFound();
	return payment;
}

export default defineService<Payments>({
	name: "payments",
	mixins: [sqlStore({ migrations: [tables, sandboxBank, stripePayments, risk], tx: PaymentsTx })],

	actions: {
		authorize: answer(contract.authorize, function (this: Payments, ctx) {
			return authorize(this, ctx.params);
		}),

		instrument: answer(contract.instrument, function (this: Payments, ctx) {
			return instrument(this, ctx.params);
		}),

		void: answer(contract.voidPayment, function (this: Payments, ctx) {
			return voidPayment(this, ctx.params);
		}),

		captureAll: answer(contract.captureAll, function (this: Payments, ctx) {
			return captureAll(this, ctx.params);
		}),

		refundAll: answer(contract.refundAll, function (this: Payments, ctx) {
			return refundAll(this, ctx.params);
		}),

		ofOrders: answer(contract.ofOrders, async function (this: Payments, ctx) {
			return { payments: (await this.store.reader.ofOrders(ctx.params.orderIds)).map(viewOf) };
		}),

		get: answer(contract.get, async function (this: Payments, ctx) {
			return viewOf(await seen(this, ctx, ctx.params.id));
		}),

		list: answer(contract.list, async function (this: Payments, ctx) {
			const { orderId, status, limit = 20, cursor } = ctx.params;
			const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
			const found = await this.store.reader.page({ orderId, status, before, limit: limit + 1 });
			const page = pageOf(found, limit, ({ id }) => [id]);
			return { ...page, data: page.data.map(viewOf) };
		}),

		capture: answer(contract.capture, function (this: Payments, ctx) {
			return capture(this, ctx);
		}),

		refund: answer(contract.refund, function (this: Payments, ctx) {
			return refund(this, ctx);
		}),

		listRefunds: answer(refunds.listRefunds, async function (this: Payments, ctx) {
			const { id, limit = 20, cursor } = ctx.params;
			const { currency } = await seen(this, ctx, id);
			const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
			const page = pageOf(await this.store.reader.refundPage(id, { before, limit: limit + 1 }), limit, refund => [refund.id]);
			return { ...page, data: page.data.map(refund => refundViewOf(refund, currency)) };
		}),

		getRefund: answer(refunds.getRefund, async function (this: Payments, ctx) {
			const { id, refundId } = ctx.params;
			const { currency } = await seen(this, ctx, id);
			const refund = await this.store.reader.refund(refundId);
			if (refund?.paymentId !== id) throw notFound();
			return refundViewOf(refund, currency);
		}),

		receiveWebhook: answer(contract.receiveWebhook, async function (this: Payments, ctx) {
			const { provider: name, rawBody, signature } = ctx.params;
			const provider = name === this.runtime.config.payments ? this.intents.provider(name) : undefined;
			if (!provider) throw notFound();
			const event = provider.readWebhook(rawBody, signature);
			await this.store.transaction(async tx => {
				tx.repeatable();
				if ((await tx.insertWebhook(name, event)) === 1 && event.paymentId) await tx.wakeIntents(event.paymentId);
			});
			// What it says is a hint. The answer does not wait for the look that the hint brings about; were that lost, the background takes it.
			if (event.paymentId)
				this.intents.settleNow(event.paymentId).catch(error => this.logger.warn(`a look after ${event.id} failed`, error));
			return { received: true };
		}),

		createToken: answer(sandboxContract.createToken, async function (this: Payments, ctx) {
			return sandboxOf(this).tokenize(ctx.params);
		}),

		decideAuthentication: answer(sandboxContract.decideAuthentication, async function (this: Payments, ctx) {
			const { paymentId, outcome } = ctx.params;
			const door = sandboxOf(this);
			const payment = await this.store.reader.payment(paymentId);
			if (!payment || isTombstone(payment)) throw notFound();
			const decision = await door.decide(paymentId, outcome);
			if (decision === "absent") throw notFound();
			if (decision === "conflict") throw conflict(payment);
			// A real provider would tell us by webhook; the sandbox is near enough to be asked at once.
			await this.intents.settleNow(paymentId);
			return null;
		}),
	},

	async started(this: Payments) {
		this.intents = await Intents.open(this.store, this.runtime, this.logger);
		await this.intents.start();
	},

	async stopped(this: Payments) {
		await this.intents?.stop();
	},
});
