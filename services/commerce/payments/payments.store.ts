// Rows and queries of payments. A payment's row is the lock of everything that belongs to it: intents and refunds are written under it.
import type { KeptReply } from "../../../lib/idempotency.ts";
import type { Row, Value } from "../../../mixins/sql/engine.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import type { Breakdown, PaymentStatus } from "./payments.contract.ts";
import type { Intent, ItemShare, Payment, Refund } from "./payments.domain.ts";

/** Nobody waits longer than a minute: a time further off was written before the clock was set back. Twice that, for clocks of nodes that differ. */
const longestWaitMs = 120_000;
const free = "(leaseUntil <= ? OR leaseUntil > ?)";

type PaymentRow = Row & Omit<Payment, "breakdown" | "challenge"> & { breakdown: string; challenge: number };
type RefundRow = Row & Omit<Refund, "breakdown" | "items"> & { breakdown: string; items: string | null };

const paymentOf = (row: PaymentRow): Payment => ({
	...row,
	challenge: row.challenge === 1,
	breakdown: JSON.parse(row.breakdown) as Breakdown,
});
const rowOf = (payment: Payment) => ({
	...payment,
	challenge: Number(payment.challenge),
	breakdown: JSON.stringify(payment.breakdown),
});
const refundOf = (row: RefundRow): Refund => ({
	...row,
	items: row.items === null ? null : (JSON.parse(row.items) as ItemShare[]),
	breakdown: JSON.parse(row.breakdown) as Breakdown,
});

export class PaymentsTx extends SqlTx {
	async payment(id: string): Promise<Payment | undefined> {
		const row = await this.get<PaymentRow>("SELECT * FROM payments WHERE id = ?", [id]);
		return row && paymentOf(row);
	}

	async lock(id: string): Promise<Payment | undefined> {
		const row = await this.get<PaymentRow>(`SELECT * FROM payments WHERE id = ?${this.forUpdate}`, [id]);
		return row && paymentOf(row);
	}

	/** 0 when the id is taken, be it by a tombstone. */
	insertPayment(payment: Payment): Promise<number> {
		return this.insertIfAbsent("payments", rowOf(payment));
	}

	savePayment(payment: Payment): Promise<number> {
		const { id, ...changes } = rowOf({ ...payment, updatedAt: this.now() });
		return this.update("payments", changes, { id });
	}

	/** Newest first; tombstones are nobody's payments. */
	async page(query: { orderId?: string; status?: PaymentStatus; before?: string; limit: number }): Promise<Payment[]> {
		const where = ["orderId <> ''"];
		const values: Value[] = [];
		const filter = (condition: string, value: Value | undefined) => {
			if (value === undefined) return;
			where.push(condition);
			values.push(value);
		};
		filter("orderId = ?", query.orderId);
		filter("status = ?", query.status);
		filter("id < ?", query.before);
		const rows = await this.all<PaymentRow>(`SELECT * FROM payments WHERE ${where.join(" AND ")} ORDER BY id DESC LIMIT ?`, [
			...values,
			query.limit,
		]);
		return rows.map(paymentOf);
	}

	async ofOrders(orderIds: readonly string[]): Promise<Payment[]> {
		if (orderIds.length === 0) return [];
		const rows = await this.all<PaymentRow>(
			`SELECT * FROM payments WHERE orderId IN (${orderIds.map(() => "?").join(", ")}) ORDER BY id`,
			orderIds,
		);
		return rows.map(paymentOf);
	}

	async refunds(paymentId: string): Promise<Refund[]> {
		return (await this.all<RefundRow>("SELECT * FROM refunds WHERE paymentId = ? ORDER BY id", [paymentId])).map(refundOf);
	}

	/** Newest first; the id sorts by time. */
	async refundPage(paymentId: string, { before, limit }: { before?: string; limit: number }): Promise<Refund[]> {
		const [older, values] = before === undefined ? ["", []] : ["AND id < ?", [before]];
		const sql = `SELECT * FROM refunds WHERE paymentId = ? ${older} ORDER BY id DESC LIMIT ?`;
		return (await this.all<RefundRow>(sql, [paymentId, ...values, limit])).map(refundOf);
	}

	async refundsOfOrder(orderId: string): Promise<Refund[]> {
		return (await this.all<RefundRow>("SELECT * FROM refunds WHERE orderId = ? ORDER BY id", [orderId])).map(refundOf);
	}

	async refund(id: string): Promise<Refund | undefined> {
		const row = await this.get<RefundRow>("SELECT * FROM refunds WHERE id = ?", [id]);
		return row && refundOf(row);
	}

	insertRefund(refund: Refund): Promise<number> {
		return this.insert("refunds", {
			...refund,
			items: refund.items && JSON.stringify(refund.items),
			breakdown: JSON.stringify(refund.breakdown),
		});
	}

	settleRefund(id: string, status: Refund["status"]): Promise<number> {
		return this.update("refunds", { status }, { id });
	}

	intent(id: string): Promise<Intent | undefined> {
		return this.get<Intent>("SELECT * FROM intents WHERE id = ?", [id]);
	}

	/** Under lock nobody takes it over. */
	lockIntent(id: string): Promise<Intent | undefined> {
		return this.get<Intent>(`SELECT * FROM intents WHERE id = ?${this.forUpdate}`, [id]);
	}

	/** Whether the provider refused, for good, what was asked under this key of a caller. */
	async wasDeclined(paymentId: string, requestKey: string): Promise<boolean> {
		const sql = "SELECT 1 AS known FROM intents WHERE paymentId = ? AND requestKey = ? AND outcome = 'declined'";
		return (await this.get(sql, [paymentId, requestKey])) !== undefined;
	}

	/** The key under which the provider was asked to hold the money. */
	async authorizationKey(paymentId: string): Promise<string> {
		const row = await this.get<{ id: string }>("SELECT id FROM intents WHERE paymentId = ? AND operation = 'authorize'", [paymentId]);
		if (!row) throw new TypeError(`${paymentId} was never authorised`);
		return row.id;
	}

	openIntents(paymentId: string): Promise<Intent[]> {
		return this.all<Intent>("SELECT * FROM intents WHERE paymentId = ? AND status = 'open' ORDER BY id", [paymentId]);
	}

	insertIntent(intent: Intent): Promise<number> {
		return this.insert("intents", { ...intent });
	}

	closeIntent(id: string, outcome: string): Promise<number> {
		return this.update("intents", { status: "closed", outcome, leaseUntil: 0, updatedAt: this.now() }, { id });
	}

	noteIntent(id: string, outcome: string): Promise<number> {
		return this.update("intents", { outcome }, { id });
	}

	/** Nobody is at it until then. Only whoever has the lease lets it go. */
	deferIntent({ id, attempts }: Intent, nextAt: number): Promise<number> {
		return this.update("intents", { leaseUntil: 0, nextAt, updatedAt: this.now() }, { id, attempts, status: "open" });
	}

	/** The intent when it is ours to work on: open, and nobody else at it. Its number of attempts is the fence: a taker before us has a lower one. */
	async claimIntent(id: string, leaseMs: number): Promise<Intent | undefined> {
		const now = this.now();
		const sql = `UPDATE intents SET leaseUntil = ?, nextAt = ?, attempts = attempts + 1 WHERE id = ? AND status = 'open' AND ${free}`;
		const claimed = await this.run(sql, [now + leaseMs, now + leaseMs, id, now, now + longestWaitMs]);
		return claimed === 1 ? this.intent(id) : undefined;
	}

	async dueIntents(limit: number): Promise<string[]> {
		const now = this.now();
		const sql = "SELECT id FROM intents WHERE status = 'open' AND (nextAt <= ? OR nextAt > ?) ORDER BY nextAt LIMIT ?";
		return (await this.all<{ id: string }>(sql, [now, now + longestWaitMs, limit])).map(({ id }) => id);
	}

	/** Makes open intents due: all of a payment, or, when this process alone owns the data and has just started, all. */
	wakeIntents(paymentId?: string): Promise<number> {
		if (paymentId === undefined) return this.run("UPDATE intents SET nextAt = ?, leaseUntil = 0 WHERE status = 'open'", [this.now()]);
		const now = this.now();
		const sql = `UPDATE intents SET nextAt = ? WHERE status = 'open' AND paymentId = ? AND ${free}`;
		return this.run(sql, [now, paymentId, now, now + longestWaitMs]);
	}

	/** 0 when this message was stored before. */
	insertWebhook(provider: string, event: { id: string; type: string; paymentId: string | null }): Promise<number> {
		const { id: eventId, type, paymentId } = event;
		return this.insertIfAbsent("webhooks", { provider, eventId, type, paymentId, receivedAt: this.now() });
	}

	async knowsKey(keyScope: string): Promise<boolean> {
		return (await this.get("SELECT 1 AS known FROM idempotency WHERE scope = ? AND expiresAt > ?", [keyScope, this.now()])) !== undefined;
	}

	async keptReply(keyScope: string): Promise<{ reply: KeptReply; requestId: string | null } | undefined> {
		const row = await this.get<{ reply: string | null; requestId: string | null }>(
			"SELECT reply, requestId FROM idempotency WHERE scope = ?",
			[keyScope],
		);
		return row?.reply ? { reply: JSON.parse(row.reply) as KeptReply, requestId: row.requestId } : undefined;
	}

	/** The first answer given under a key is the answer: what becomes known later does not change it. A key claimed anew since then waits for another. */
	keepFirstReply({ id, keyScope }: Intent, reply: KeptReply): Promise<number> {
		const sql = "UPDATE idempotency SET reply = ? WHERE scope = ? AND reference = ? AND reply IS NULL";
		return this.run(sql, [JSON.stringify(reply), keyScope, id]);
	}

	/** Lets the key go that waits for the intent, so that a repeat tries anew. */
	forgetKeyOf({ id, keyScope }: Intent): Promise<number> {
		return this.run("DELETE FROM idempotency WHERE scope = ? AND reference = ?", [keyScope, id]);
	}
}
