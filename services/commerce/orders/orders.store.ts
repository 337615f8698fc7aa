// Rows and queries of orders, attempts and timelines.
import { rfc3339 } from "../../../lib/clock.ts";
import { newId } from "../../../lib/ids.ts";
import type { Value } from "../../../mixins/sql/engine.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import type { Order, TimelineEntry } from "./orders.contract.ts";
import type { RiskDecision } from "./orders.domain.ts";

/** What stands in an order's JSON beside its columns. */
type Body = Pick<Order, "number" | "items" | "totals" | "shippingAddress" | "payments" | "riskUnavailable">;

/** A cancel that is under way: its saga, and the Idempotency-Keys that its end answers. */
export interface CancelRequest {
	operationId: string;
	keyScopes: string[];
}

/** An order as it is kept: what its reader sees, and what only the service knows. */
export interface KeptOrder {
	order: Order;
	tokenHash: string | null;
	process: string | null;
	cancelRequest: CancelRequest | null;
}

export interface Attempt {
	id: string;
	orderId: string;
	cartId: string;
	userId: string | null;
	tokenHash: string | null;
	/** What an analyst decided of its order, which may not be there yet. */
	riskDecision: RiskDecision | null;
}

interface OrderRow {
	id: string;
	cartId: string;
	userId: string | null;
	email: string;
	tokenHash: string | null;
	status: Order["status"];
	paymentStatus: Order["paymentStatus"];
	fulfilmentStatus: Order["fulfilmentStatus"];
	body: string;
	process: string | null;
	cancelRequest: string | null;
	placedAt: number;
	version: number;
}

function keptOf(row: OrderRow): KeptOrder {
	const { number, items, totals, shippingAddress, payments, riskUnavailable } = JSON.parse(row.body) as Body;
	const { id, cartId, userId, email, status, paymentStatus, fulfilmentStatus, version } = row;
	const placedAt = rfc3339(row.placedAt);
	return {
		order: {
			id,
			number,
			cartId,
			userId,
			email,
			status,
			paymentStatus,
			fulfilmentStatus,
			items,
			totals,
			shippingAddress,
			payments,
			...(riskUnavailable ? { riskUnavailable } : {}),
			placedAt,
			version,
		},
		tokenHash: row.tokenHash,
		process: row.process,
		cancelRequest: row.cancelRequest ? (JSON.parse(row.cancelRequest) as CancelRequest) : null,
	};
}

const bodyOf = ({ number, items, totals, shippingAddress, payments, riskUnavailable }: Order) =>
	JSON.stringify({ number, items, totals, shippingAddress, payments, riskUnavailable });

const attemptWhere = "SELECT id, orderId, cartId, userId, tokenHash, riskDecision FROM attempts WHERE";

export class OrdersTx extends SqlTx {
	async orderById(id: string): Promise<KeptOrder | undefined> {
		const row = await this.get<OrderRow>("SELECT * FROM orders WHERE id = ?", [id]);
		return row && keptOf(row);
	}

	async lockOrder(id: string): Promise<KeptOrder | undefined> {
		const row = await this.get<OrderRow>(`SELECT * FROM orders WHERE id = ?${this.forUpdate}`, [id]);
		return row && keptOf(row);
	}

	async orderOfCart(cartId: string): Promise<KeptOrder | undefined> {
		const row = await this.get<OrderRow>("SELECT * FROM orders WHERE cartId = ?", [cartId]);
		return row && keptOf(row);
	}

	/** Newest first; the id sorts by time. */
	async ordersOf(query: { userId?: string; email?: string; status?: string; before?: string; limit: number }): Promise<Order[]> {
		const asked: [string, Value | undefined][] = [
			["userId = ?", query.userId],
			["email = ?", query.email?.toLowerCase()],
			["status = ?", query.status],
			["id < ?", query.before],
		];
		const given = asked.filter(([, value]) => value !== undefined);
		const where = given.length > 0 ? `WHERE ${given.map(([text]) => text).join(" AND ")}` : "";
		const rows = await this.all<OrderRow>(`SELECT * FROM orders ${where} ORDER BY id DESC LIMIT ?`, [
			...given.map(([, value]) => value ?? null),
			query.limit,
		]);
		return rows.map(row => keptOf(row).order);
	}

	/** The next order number. The counter's row is the lock: numbers rise without gaps. */
	async nextSequence(): Promise<number> {
		const rise = () => this.run("UPDATE counters SET value = value + 1 WHERE name = 'orders'");
		// The first number of all: looked for before every other, it would be a lock that two orders share and neither can raise.
		if ((await rise()) === 0) {
			await this.insertIfAbsent("counters", { name: "orders", value: 1000 });
			await rise();
		}
		return (await this.get<{ value: number }>("SELECT value FROM counters WHERE name = 'orders'"))!.value;
	}

	insertOrder(order: Order, kept: { sequence: number; tokenHash: string | null; process: string; placedAt: number }): Promise<number> {
		return this.insert("orders", {
			id: order.id,
			cartId: order.cartId,
			userId: order.userId,
			email: order.email.toLowerCase(),
			status: order.status,
			paymentStatus: order.paymentStatus,
			fulfilmentStatus: order.fulfilmentStatus,
			body: bodyOf(order),
			version: order.version,
			cancelRequest: null,
			...kept,
		});
	}

	/** Saves a changed order under its next version and answers it. */
	async saveOrder(changed: Order): Promise<Order> {
		const order = { ...changed, version: changed.version + 1 };
		const { status, paymentStatus, fulfilmentStatus, version } = order;
		const done = await this.update(
			"orders",
			{ status, paymentStatus, fulfilmentStatus, version, body: bodyOf(order) },
			{ id: order.id, version: changed.version },
		);
		if (done !== 1) throw new Error(`${order.id} changed under its lock`);
		return order;
	}

	setProcess(orderId: string, process: string | null): Promise<number> {
		return this.update("orders", { process }, { id: orderId });
	}

	setCancelRequest(orderId: string, request: CancelRequest | null): Promise<number> {
		return this.update("orders", { cancelRequest: request && JSON.stringify(request) }, { id: orderId });
	}

	/** False when the cart has an attempt that is not finished. */
	async insertAttempt(attempt: Omit<Attempt, "riskDecision">): Promise<boolean> {
		return (await this.insertIfAbsent("attempts", { ...attempt, activeCartId: attempt.cartId })) > 0;
	}

	activeAttempt(cartId: string): Promise<Attempt | undefined> {
		return this.get<Attempt>(`${attemptWhere} activeCartId = ?`, [cartId]);
	}

	attemptById(id: string): Promise<Attempt | undefined> {
		return this.get<Attempt>(`${attemptWhere} id = ?`, [id]);
	}

	attemptOfOrder(orderId: string): Promise<Attempt | undefined> {
		return this.get<Attempt>(`${attemptWhere} orderId = ?`, [orderId]);
	}

	/** False when it was decided before: the first decision stands. */
	async decideAttempt(id: string, decision: RiskDecision): Promise<boolean> {
		return (await this.run("UPDATE attempts SET riskDecision = ? WHERE id = ? AND riskDecision IS NULL", [decision, id])) > 0;
	}

	closeAttempt(id: string): Promise<number> {
		return this.update("attempts", { activeCartId: null }, { id });
	}

	/** Whoever is flagged is challenged, also while risk cannot be asked. */
	async noteFlagged(userId: string): Promise<void> {
		await this.insertIfAbsent("flaggedUsers", { userId });
	}

	async noteCleared(userId: string): Promise<void> {
		await this.run("DELETE FROM flaggedUsers WHERE userId = ?", [userId]);
	}

	async isFlagged(userId: string): Promise<boolean> {
		return (await this.get("SELECT 1 FROM flaggedUsers WHERE userId = ?", [userId])) !== undefined;
	}

	addToTimeline(orderId: string, type: string, detail: string): Promise<number> {
		const at = this.now();
		return this.insert("timeline", { id: newId("tml", at), orderId, at, type, detail });
	}

	async timelineOf(orderId: string, after: string, limit: number): Promise<(TimelineEntry & { id: string })[]> {
		const rows = await this.all<{ id: string; at: number; type: string; detail: string }>(
			"SELECT id, at, type, detail FROM timeline WHERE orderId = ? AND id > ? ORDER BY id LIMIT ?",
			[orderId, after, limit],
		);
		return rows.map(row => ({ ...row, at: rfc3339(row.at) }));
	}
}
