// DESIGN section 10 as questions to the evidence. Each answers what does not hold, in words; nothing: it holds.
import type { StoreState } from "../../../lib/store-contract.ts";
import { beginning, follows, headAt } from "../../../services/platform/audit/audit.domain.ts";
import type { Evidence, OutboxRow } from "./evidence.ts";
import { type Keyed, type Memory, orderIdOf } from "./memory.ts";

export interface Found {
	evidence: Evidence;
	memory: Memory;
	/** What the stores say of themselves: who listens to whom. */
	states: readonly StoreState[];
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

/** Items that share what must be one's own. */
function doubled<T>(list: readonly T[], keyOf: (one: T) => string): string[] {
	return [...Map.groupBy(list, keyOf)].filter(([, same]) => same.length > 1).map(([key]) => key);
}

/** I2: what is on the shelf is what was put there and not sold, and at rest nothing is promised. */
export function stock({ evidence, memory }: Found): string[] {
	const sold = new Map<string, number>();
	for (const { status, items } of evidence.orders)
		if (status !== "cancelled") for (const { sku, quantity } of items) sold.set(sku, (sold.get(sku) ?? 0) + quantity);
	const shelves = new Map(evidence.shelves.map(shelf => [shelf.sku, shelf]));
	const moved = Map.groupBy(evidence.movements, ({ sku }) => sku);
	const wrong: string[] = [];
	for (const { sku, stock: before } of memory.goods) {
		const delivered = sum(
			memory.restocks.filter(restock => restock.sku === sku && restock.keyed.final?.status === 201).map(({ delta }) => delta),
		);
		const shelf = shelves.get(sku);
		const should = before + delivered - (sold.get(sku) ?? 0);
		if (shelf?.onHand !== should)
			wrong.push(`${sku}: ${shelf?.onHand} on hand, ${before} + ${delivered} delivered − ${sold.get(sku) ?? 0} sold is ${should}`);
		if (should < 0) wrong.push(`${sku}: ${-should} more sold than there were`);
		const counted = sum((moved.get(sku) ?? []).map(({ delta }) => Number(delta)));
		if (counted !== shelf?.onHand) wrong.push(`${sku}: movements sum to ${counted}, ${shelf?.onHand} on hand`);
	}
	for (const { sku, onHand, reserved } of evidence.shelves) {
		if (reserved !== 0) wrong.push(`${sku}: ${reserved} promised, though nothing is under way`);
		if (onHand < 0) wrong.push(`${sku}: ${onHand} on hand`);
	}
	for (const { orderId, status } of evidence.reservations) if (status === "held") wrong.push(`stock is held for ${orderId}`);
	return wrong;
}

/** I3: one order for each checkout answered 2xx, none for one that was refused; every saga is over. */
export function orders({ evidence, memory }: Found): string[] {
	const wrong = doubled(evidence.orders, ({ cartId }) => cartId).map(cartId => `${cartId} was bought twice`);
	const byCart = new Map(evidence.orders.map(order => [order.cartId, order]));
	const ids = new Set(evidence.orders.map(({ id }) => id));
	const bought = new Map(Map.groupBy(memory.purchases, ({ cartId }) => cartId));
	for (const [cartId, purchases] of bought) {
		const acknowledged = purchases.map(orderIdOf).filter(id => id !== undefined);
		for (const id of acknowledged) if (!ids.has(id)) wrong.push(`${id} was answered 201 and is not there`);
		const order = byCart.get(cartId);
		if (order && acknowledged.length === 0)
			wrong.push(`${order.id} of ${cartId} was never acknowledged: ${purchases.flatMap(endsOf).join(", ")}`);
	}
	for (const { cartId, id } of evidence.orders) if (!bought.has(cartId)) wrong.push(`${id}: nobody bought ${cartId}`);
	for (const { service, id, kind, status } of evidence.sagas) if (!over.has(status)) wrong.push(`${kind} ${service}:${id} is ${status}`);
	const carts = new Map(evidence.carts.map(cart => [cart.id, cart]));
	for (const { id, cartId } of evidence.orders) {
		const cart = carts.get(cartId);
		if (cart?.status !== "completed" || cart.orderId !== id) wrong.push(`${cartId} of ${id} is ${cart?.status}, for ${cart?.orderId}`);
	}
	for (const { id, status } of evidence.carts) if (status === "completing") wrong.push(`${id} is completing, and nobody completes it`);
	return wrong;
}

const over = new Set(["succeeded", "failed", "compensated"]);
const endsOf = ({ checkouts }: { checkouts: Keyed[] }) => checkouts.map(({ final }) => String(final?.status ?? "no last word"));

/** I1 and I4: the bank's own books, ours, and the orders say the same; nothing is held for an order that is not there. */
export function money({ evidence }: Found): string[] {
	const { charges, moves, payments, refunds, intents } = evidence;
	const wrong = doubled(
		charges.filter(({ paymentId }) => paymentId !== null),
		({ paymentId }) => paymentId!,
	).map(id => `${id} was charged twice`);
	const chargeOf = new Map(charges.map(charge => [charge.paymentId, charge]));
	const paymentsOf = Map.groupBy(payments, ({ orderId }) => orderId);
	for (const charge of charges) {
		const of = moves.filter(move => move.authorizationKey === charge.authorizationKey && move.declineCode === null);
		const moved = (operation: string) => sum(of.filter(move => move.operation === operation).map(({ amount }) => Number(amount)));
		const name = charge.paymentId ?? charge.authorizationKey;
		if (moved("capture") !== charge.captured)
			wrong.push(`${name}: the bank's captures sum to ${moved("capture")}, it says ${charge.captured}`);
		if (moved("refund") !== charge.refunded)
			wrong.push(`${name}: the bank's refunds sum to ${moved("refund")}, it says ${charge.refunded}`);
		if (charge.refunded > charge.captured) wrong.push(`${name}: more was given back than taken`);
		if (charge.status === "authorized" || charge.status === "authenticating")
			wrong.push(`${name} is still held by the bank (${charge.status})`);
	}
	for (const payment of payments) {
		const charge = chargeOf.get(payment.id);
		if (payment.captured !== (charge?.captured ?? 0) || payment.refunded !== (charge?.refunded ?? 0))
			wrong.push(
				`${payment.id}: ${payment.captured} taken and ${payment.refunded} given back, the bank says ${charge?.captured} and ${charge?.refunded}`,
			);
		const given = sum(
			refunds.filter(refund => refund.paymentId === payment.id && refund.status === "succeeded").map(({ amount }) => Number(amount)),
		);
		if (given !== payment.refunded) wrong.push(`${payment.id}: refunds sum to ${given}, ${payment.refunded} were given back`);
		if (payment.status === "pending" || payment.status === "authorized")
			wrong.push(`${payment.id} is ${payment.status}, though nothing is under way`);
	}
	const ordered = new Set(evidence.orders.map(({ id }) => id));
	for (const { orderId, id, captured, refunded } of payments)
		if (!ordered.has(orderId) && captured !== refunded) wrong.push(`${id}: ${captured - refunded} kept for ${orderId}, which is not there`);
	for (const { id, status, paymentStatus, total } of evidence.orders) {
		const of = paymentsOf.get(id) ?? [];
		const captured = sum(of.map(payment => payment.captured));
		const refunded = sum(of.map(payment => payment.refunded));
		const expected = paymentStatusOf(total, captured, refunded);
		if (captured !== 0 && captured !== total) wrong.push(`${id}: ${captured} taken for ${total}`);
		if (paymentStatus !== expected)
			wrong.push(`${id} says ${paymentStatus}; ${captured} taken and ${refunded} given back make it ${expected}`);
		if (status === "cancelled" && captured !== refunded) wrong.push(`${id} is cancelled, and ${captured - refunded} were kept`);
	}
	for (const { id, operation, status } of intents) if (status === "open") wrong.push(`${operation} ${id} is ${status}`);
	return wrong;
}

function paymentStatusOf(total: number, captured: number, refunded: number): string {
	if (captured === 0) return total === 0 ? "captured" : "voided";
	if (refunded === 0) return "captured";
	return refunded === captured ? "refunded" : "partiallyRefunded";
}

/** I5: every fact has its place, took effect once in everybody who listens, and stands in the audit chain in the order of its key. */
export function events({ evidence, states }: Found): string[] {
	const wrong: string[] = [];
	const facts = new Map(evidence.outbox.map(row => [row.id, row]));
	const heads = new Map<string, number>();
	for (const [producer, rows] of Map.groupBy(evidence.outbox, row => row.producer)) {
		heads.set(producer, rows.length);
		const positions = rows.map(({ position }) => position ?? 0).sort((one, other) => one - other);
		const at = positions.findIndex((position, index) => position !== index + 1);
		if (at >= 0) wrong.push(`${producer}: position ${at + 1} is missing or given twice`);
	}
	const audited = new Set(evidence.chain.map(({ id }) => id));
	wrong.push(...doubled(evidence.chain, ({ id }) => id).map(id => `${id} stands twice in the audit chain`));
	const missing = evidence.outbox.filter(({ id }) => !audited.has(id));
	for (const { producer, id, position, fact } of missing.slice(0, 5))
		wrong.push(`${fact.type} ${id} (${producer} ${position}) is not in the audit chain`);
	if (missing.length > 5) wrong.push(`and ${missing.length - 5} more facts are not`);
	for (const { id } of evidence.chain) if (!facts.has(id)) wrong.push(`${id} is in the audit chain, and nobody told it`);
	wrong.push(...outOfOrder(evidence, facts));
	const floors = new Map(evidence.floors.map(({ service, producer, position }) => [`${service} ${producer}`, Number(position)]));
	for (const { service, cursors } of states)
		for (const producer of Object.keys(cursors)) {
			const floor = floors.get(`${service} ${producer}`) ?? 0;
			const head = heads.get(producer) ?? 0;
			if (floor !== head) wrong.push(`${service} has settled ${floor} of ${head} facts of ${producer}`);
		}
	for (const { service, id, status, error } of evidence.letters) wrong.push(`${service}: ${id} is ${status} (${error})`);
	return wrong;
}

function outOfOrder({ chain }: Evidence, facts: ReadonlyMap<string, OutboxRow>): string[] {
	const wrong: string[] = [];
	const last = new Map<string, number>();
	for (const { id, factKey } of chain) {
		const told = facts.get(id);
		if (!told) continue;
		const line = `${told.producer} ${factKey}`;
		const position = told.position ?? 0;
		if (position < (last.get(line) ?? 0)) wrong.push(`${id} of ${line} came after a later fact`);
		last.set(line, position);
	}
	return wrong;
}

/** I6: one request, one last word, however often it was sent. */
export const idempotency = ({ memory }: Found): string[] => memory.contradictions;

/** I8, its first half: the chain was not touched. */
export function audit({ evidence }: Found): string[] {
	let head = beginning;
	for (const link of evidence.chain) {
		if (!follows(head, { ...link, sequence: Number(link.sequence) }))
			return [`entry ${link.sequence} does not follow from the one before it`];
		head = headAt(link);
	}
	return [];
}

const told: Record<string, string> = {
	"orders.placed": "order.confirmed",
	"orders.cancelled": "order.cancelled",
	"payments.refunded": "payment.refunded",
};

/** I9: one message per fact, channel and person. */
export function notifications({ evidence }: Found): string[] {
	const placed = new Set(evidence.orders.map(({ id }) => id));
	const should = new Map<string, number>();
	for (const { fact } of evidence.outbox) {
		const type = told[fact.type];
		const { orderId, userId } = fact.data as { orderId?: string; userId?: string | null };
		if (!type || !orderId || !placed.has(orderId)) continue;
		for (const channel of userId ? ["inApp", "email"] : ["email"]) {
			const key = `${type} by ${channel} of ${orderId}`;
			should.set(key, (should.get(key) ?? 0) + 1);
		}
	}
	// What is told of accounts and carts names no order.
	const ofOrders = evidence.notifications.filter(({ orderId }) => orderId);
	const are = new Map(
		[...Map.groupBy(ofOrders, ({ type, channel, orderId }) => `${type} by ${channel} of ${orderId}`)].map(([key, list]) => [
			key,
			list.length,
		]),
	);
	return [...new Set([...should.keys(), ...are.keys()])].flatMap(key =>
		(are.get(key) ?? 0) === (should.get(key) ?? 0) ? [] : [`${key}: ${are.get(key) ?? 0} instead of ${should.get(key) ?? 0}`],
	);
}

/** I10: what was acknowledged is there. */
export function acknowledged({ evidence, memory }: Found): string[] {
	const wrong: string[] = [];
	const carts = new Set(evidence.carts.map(({ id }) => id));
	for (const id of memory.carts) if (!carts.has(id)) wrong.push(`${id} was answered 201 and is not there`);
	const active = new Set(evidence.accounts.filter(({ status }) => status === "active").map(({ userId }) => userId));
	const profiles = new Set(evidence.profiles.map(({ userId }) => userId));
	for (const { userId } of memory.registered)
		if (!active.has(userId) || !profiles.has(userId))
			wrong.push(`${userId} was registered, and has no ${active.has(userId) ? "profile" : "account"}`);
	const versions = new Map(evidence.products.map(({ _id, revision }) => [_id, revision]));
	for (const [productId, edits] of memory.edits) {
		for (const version of doubled(edits, String)) wrong.push(`${productId}: two edits were answered with version ${version}`);
		if ((versions.get(productId) ?? 0) < Math.max(...edits))
			wrong.push(`${productId}: version ${Math.max(...edits)} was acknowledged and is lost`);
	}
	const byId = new Map(evidence.orders.map(order => [order.id, order]));
	const refunds = new Set(evidence.refunds.map(({ id }) => id));
	for (const purchase of memory.purchases) {
		const { cancel, refund } = purchase;
		const order = byId.get(orderIdOf(purchase) ?? "");
		if (cancel?.final?.status === 200 && order?.status !== "cancelled")
			wrong.push(`${order?.id} was answered as cancelled and is ${order?.status}`);
		if (refund?.final?.status === 201) {
			const { id } = JSON.parse(refund.final.text) as { id: string };
			if (!refunds.has(id)) wrong.push(`refund ${id} was answered 201 and is not there`);
		}
	}
	return wrong;
}
