// Orders: contract to domain to store. The two processes stand on their own pages: checkout.saga.ts and cancel-order.saga.ts.
import { answer, hear } from "../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../lib/cursor.ts";
import { notFound } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import { mayDo } from "../../../lib/principal.ts";
import { defineService } from "../../../lib/service.ts";
import { sagaById } from "../../../mixins/sql/saga-rows.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import { orderDecided, userCleared, userFlagged } from "../../risk/fraud/cases.contract.ts";
import { fraudRejected } from "../../risk/fraud/fraud.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import { cancel } from "./actions/cancel.ts";
import { checkout } from "./actions/checkout.ts";
import { beginCancel, cancelOrderSaga } from "./cancel-order.saga.ts";
import { checkoutSaga } from "./checkout.saga.ts";
import { orders as tables } from "./migrations/0001-orders.ts";
import { riskDecisions } from "./migrations/0002-risk.ts";
import { flaggedUsers } from "./migrations/0003-flagged-users.ts";
import { assertMayOpen } from "./orders.access.ts";
import * as orders from "./orders.contract.ts";
import { isCancellable, moneyMoved, type RiskDecision, refundOfItems } from "./orders.domain.ts";
import { operationOf } from "./orders.operations.ts";
import { OrdersTx } from "./orders.store.ts";

export type OrdersService = SqlService<OrdersTx>;

const pageSize = (limit: number | undefined) => limit ?? 20;

/** The bank or the buyer has decided: the checkout that waits for it goes on. */
async function wakeCheckout(service: OrdersService, tx: OrdersTx, orderId: string): Promise<void> {
	const attempt = await tx.attemptOfOrder(orderId);
	if (!attempt || !(await service.store.sagas.wake(tx, attempt.id))) return;
	// Claims its lease in a transaction of its own, which waits for the row that this one has written.
	service.store.sagas.drive(attempt.id);
}

/**
 * An analyst has decided. A checkout that waits for it, or comes to that point later, goes on from here by itself. An order that passed while risk was
 * away, and is rejected now, is cancelled as if its buyer had asked for it, as long as it is in the house.
 */
async function heedDecision(service: OrdersService, tx: OrdersTx, orderId: string, decision: RiskDecision): Promise<void> {
	const attempt = await tx.attemptOfOrder(orderId);
	if (!attempt) return;
	// First the saga's row, then the order's: so the checkout writes them too.
	const { sagas } = service.store;
	await sagas.wake(tx, attempt.id);
	if (!(await tx.decideAttempt(attempt.id, decision))) return;
	sagas.drive(attempt.id);
	const kept = await tx.lockOrder(orderId);
	if (decision === "approved" || !kept || kept.order.status === "onHold" || kept.cancelRequest || !isCancellable(kept.order)) return;
	const operationId = newId("opr", tx.now());
	const reason = fraudRejected().message;
	await beginCancel(service, tx, kept, { operationId, reason, keyScopes: [], actor: { kind: "system", id: "fraud" } });
	sagas.drive(operationId);
}

export default defineService<OrdersService>({
	name: "orders",
	mixins: [
		sqlStore({
			migrations: [tables, riskDecisions, flaggedUsers],
			tx: OrdersTx,
			sagas: (service: OrdersService) => [checkoutSaga(service), cancelOrderSaga(service)],
		}),
	],

	actions: {
		checkout: answer(orders.checkout, checkout),
		cancel: answer(orders.cancel, cancel),

		getOperation: answer(orders.getOperation, async function (this: OrdersService, ctx) {
			const { reader } = this.store;
			const saga = await sagaById(reader, ctx.params.id);
			if (!saga) throw notFound();
			const attempt = await reader.attemptById(saga.id);
			const kept = attempt ? undefined : await reader.orderById(String((saga.state as { orderId?: string }).orderId));
			const owned = attempt ?? (kept && { userId: kept.order.userId, tokenHash: kept.tokenHash });
			assertMayOpen(ctx, owned, this.runtime.secret(), "orders:read");
			return operationOf(saga);
		}),

		list: answer(orders.list, async function (this: OrdersService, ctx) {
			const { limit, cursor, userId, status, email } = ctx.params;
			const principal = ctx.locals.principal!;
			const staff = mayDo(principal, "orders:read");
			const before = cursor ? String(decodeCursor(cursor, 1)[0]) : undefined;
			// Without the permission the filters narrow one's own orders; they open nobody else's.
			const whose = staff && (userId || email) ? userId : staff && !userId ? undefined : principal.userId;
			if (!staff && userId && userId !== principal.userId) return { data: [], nextCursor: null };
			const rows = await this.store.reader.ordersOf({ userId: whose, email, status, before, limit: pageSize(limit) + 1 });
			return pageOf(rows, pageSize(limit), order => [order.id]);
		}),

		get: answer(orders.get, async function (this: OrdersService, ctx) {
			const kept = await this.store.reader.orderById(ctx.params.id);
			assertMayOpen(ctx, kept && { userId: kept.order.userId, tokenHash: kept.tokenHash }, this.runtime.secret(), "orders:read");
			return kept!.order;
		}),

		timeline: answer(orders.timeline, async function (this: OrdersService, ctx) {
			const { id, limit, cursor } = ctx.params;
			const kept = await this.store.reader.orderById(id);
			assertMayOpen(ctx, kept && { userId: kept.order.userId, tokenHash: kept.tokenHash }, this.runtime.secret(), "orders:read");
			const after = cursor ? String(decodeCursor(cursor, 1)[0]) : "";
			const page = pageOf(await this.store.reader.timelineOf(id, after, pageSize(limit) + 1), pageSize(limit), entry => [entry.id]);
			return { ...page, data: page.data.map(({ at, type, detail }) => ({ at, type, detail })) };
		}),

		contactOf: answer(orders.contactOf, async function (this: OrdersService, ctx) {
			const kept = await this.store.reader.orderById(ctx.params.orderId);
			if (!kept) throw notFound();
			const { id: orderId, number, userId, email, totals } = kept.order;
			return { orderId, number, userId, email, total: totals.total };
		}),

		refundItems: answer(orders.refundItems, async function (this: OrdersService, ctx) {
			const kept = await this.store.reader.orderById(ctx.params.orderId);
			if (!kept) throw notFound();
			return refundOfItems(kept.order, ctx.params.items, ctx.params.priorRefunds);
		}),

		recent: answer(orders.recentOrders, async function (this: OrdersService, ctx) {
			const { limit, cursor, status } = ctx.params;
			const before = cursor ? String(decodeCursor(cursor, 1)[0]) : undefined;
			const rows = await this.store.reader.ordersOf({ status, before, limit: pageSize(limit) + 1 });
			return pageOf(rows, pageSize(limit), order => [order.id]);
		}),
	},

	events: {
		...hear(payments.authorized, async function (this: OrdersService, { params, tx }) {
			await wakeCheckout(this, tx as OrdersTx, params.orderId);
		}),
		...hear(payments.failed, async function (this: OrdersService, { params, tx }) {
			await wakeCheckout(this, tx as OrdersTx, params.orderId);
		}),
		...hear(orderDecided, async function (this: OrdersService, { params, tx }) {
			await heedDecision(this, tx as OrdersTx, params.orderId, params.decision);
		}),
		...hear(userFlagged, async ({ params, tx }) => (tx as OrdersTx).noteFlagged(params.userId)),
		...hear(userCleared, async ({ params, tx }) => (tx as OrdersTx).noteCleared(params.userId)),
		...hear(payments.refunded, async function (this: OrdersService, { params, tx: given }) {
			const tx = given as OrdersTx;
			const kept = await tx.lockOrder(params.orderId);
			// An order that is cancelled has its money state from its cancelling saga; a refund there is told twice.
			if (!kept || kept.order.status === "cancelled" || kept.cancelRequest) return;
			const moved = params.status === "refunded" ? "refunded" : "partlyRefunded";
			await tx.saveOrder(moneyMoved(kept.order, moved, params.paymentId));
			await tx.addToTimeline(params.orderId, "refunded", `${params.amount.amount} ${params.amount.currency} (minor units) were refunded.`);
		}),
	},
});
