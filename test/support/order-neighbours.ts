// Stands in for orders, payments and authentication towards a service that hears of orders: tells their facts, and answers whom to write to.
import { answer, ask, tell } from "../../lib/contract.ts";
import { notFound, serviceUnavailable } from "../../lib/failure.ts";
import { newId } from "../../lib/ids.ts";
import { defineService } from "../../lib/service.ts";
import { storeContract } from "../../lib/store-contract.ts";
import type { Money } from "../../lib/vocabulary.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";
import * as orders from "../../services/commerce/orders/orders.contract.ts";
import * as payments from "../../services/commerce/payments/payments.contract.ts";
import { emailsOf } from "../../services/identity/authentication/authentication.contract.ts";
import type { Stoa } from "./stoa.ts";

const eur = (amount: number): Money => ({ amount, currency: "EUR" });
const id = <Kind extends string>(kind: Kind) => newId(kind, Date.now());

/** An order, as its neighbours know it. */
export interface KnownOrder {
	orderId: string;
	number: string;
	userId: string | null;
	email: string;
	total: Money;
}

/** A guest's, unless said otherwise. */
export const anOrder = (given: Partial<KnownOrder> = {}): KnownOrder => ({
	orderId: id("ord"),
	number: "1001",
	userId: null,
	email: "guest@example.org",
	total: eur(3412),
	...given,
});

export class OrderNeighbours {
	/** What `orders.contactOf` knows. */
	readonly known = new Map<string, KnownOrder>();
	/** What `authentication.emailsOf` knows. */
	readonly emails = new Map<string, string>();
	ordersAway = false;
	#stoa: Stoa | undefined;

	/** Handed to `startStoa` as `also`. */
	services() {
		return [
			defineService({
				name: "orders",
				mixins: [sqlStore({ migrations: [], tx: SqlTx })],
				actions: {
					contactOf: answer(orders.contactOf, ctx => {
						if (this.ordersAway) throw serviceUnavailable();
						const order = this.known.get(ctx.params.orderId);
						if (!order) throw notFound();
						return order;
					}),
				},
			}),
			defineService({ name: "payments", mixins: [sqlStore({ migrations: [], tx: SqlTx })] }),
			defineService({
				name: "authentication",
				actions: {
					emailsOf: answer(emailsOf, ctx => ({
						emails: ctx.params.userIds.flatMap(userId => (this.emails.has(userId) ? [{ userId, email: this.emails.get(userId)! }] : [])),
					})),
				},
			}),
		];
	}

	joined(stoa: Stoa): void {
		this.#stoa = stoa;
	}

	async place(order: KnownOrder): Promise<void> {
		this.known.set(order.orderId, order);
		const { orderId, number, userId, total } = order;
		await this.#transaction("orders", async tx =>
			tell(tx, orders.placed, { orderId, number, cartId: id("crt"), userId, total, items: [] }),
		);
	}

	cancel({ orderId, number, userId, total }: KnownOrder): Promise<void> {
		return this.#transaction("orders", async tx =>
			tell(tx, orders.cancelled, { orderId, number, cartId: id("crt"), userId, total, reason: "second thoughts" }),
		);
	}

	refund({ orderId, userId, total }: KnownOrder, amount: number): Promise<void> {
		const breakdown = { items: eur(amount), discount: eur(0), shipping: eur(0), tax: eur(0), fee: eur(0), total: eur(amount) };
		const subject = {
			paymentId: id("pay"),
			orderId,
			cartId: id("crt"),
			userId,
			provider: "sandbox",
			method: "card" as const,
			amount: eur(amount),
		};
		const progress = { captured: total, refundedTotal: eur(amount), status: "partiallyRefunded" as const };
		return this.#transaction("payments", async tx =>
			tell(tx, payments.refunded, { ...subject, refundId: id("rfd"), breakdown, ...progress }),
		);
	}

	/** Resolves when the service has heard everything that was told so far. */
	heardBy(service: string): Promise<void> {
		return heardBy(this.#stoa!, service, ["orders", "payments"]);
	}

	#transaction(service: string, work: (tx: SqlTx) => Promise<void>): Promise<void> {
		return this.#stoa!.service<SqlService<SqlTx>>(service).store.transaction(work);
	}
}

/** Resolves when a service has heard everything that the producers have told so far. */
export async function heardBy({ broker }: Stoa, service: string, producers: readonly string[]): Promise<void> {
	for (const producer of producers) {
		const { head } = await ask(broker, storeContract(producer).storeState, {});
		await until(
			async () => (await ask(broker, storeContract(service).storeState, {})).cursors[producer] ?? 0,
			cursor => cursor >= head,
		);
	}
}

/** Looks until it has seen enough: facts arrive after the transaction that told them. */
export async function until<T>(look: () => Promise<T>, enough: (seen: T) => boolean): Promise<T> {
	for (;;) {
		const seen = await look();
		if (enough(seen)) return seen;
		await new Promise(resolve => setTimeout(resolve, 5));
	}
}
