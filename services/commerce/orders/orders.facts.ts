// What happened to an order, told to the mesh and written into its timeline in one go: the one never says what the other does not.
import { tell } from "../../../lib/contract.ts";
import type { Attempt } from "../../risk/fraud/fraud.contract.ts";
import * as orders from "./orders.contract.ts";
import type { OrdersTx } from "./orders.store.ts";

const factOf = ({ id: orderId, number, cartId, userId, totals }: orders.Order) => ({
	orderId,
	number,
	cartId,
	userId,
	total: totals.total,
});
const itemsOf = ({ items }: orders.Order) => items.map(({ sku, productId, quantity, total }) => ({ sku, productId, quantity, total }));

/** From here on the order stands, and nothing takes it back but a cancellation. What costs nothing is paid by that. */
export async function recordPlaced(tx: OrdersTx, order: orders.Order): Promise<void> {
	await tx.addToTimeline(order.id, "placed", `Order ${order.number} was placed.`);
	await tell(tx, orders.placed, { ...factOf(order), items: itemsOf(order) });
	if (order.paymentStatus === "captured") await recordPaid(tx, order, "There was nothing to pay.");
}

export async function recordHeld(tx: OrdersTx, order: orders.Order, operationId: string): Promise<void> {
	await tx.addToTimeline(order.id, "onHold", `Order ${order.number} is looked at before it is confirmed.`);
	await tell(tx, orders.held, { ...factOf(order), items: itemsOf(order), operationId });
}

/** A buyer may read it, so it says neither what would have been looked at nor what for. */
export async function recordUnassessed(tx: OrdersTx, order: orders.Order, attempt: Attempt): Promise<void> {
	await tx.addToTimeline(order.id, "riskUnavailable", "Checked later.");
	const { id: orderId, cartId, userId, totals, status } = order;
	await tell(tx, orders.unassessed, { orderId, cartId, userId, total: totals.total, isHeld: status === "onHold", attempt });
}

export async function recordPaid(tx: OrdersTx, order: orders.Order, how: string): Promise<void> {
	await tx.addToTimeline(order.id, "paid", how);
	await tell(tx, orders.paid, factOf(order));
}

export async function recordCancelled(tx: OrdersTx, order: orders.Order, reason: string): Promise<void> {
	await tx.addToTimeline(order.id, "cancelled", reason);
	await tell(tx, orders.cancelled, { ...factOf(order), reason });
}
