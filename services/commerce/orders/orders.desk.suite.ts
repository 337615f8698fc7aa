// What the tests of orders share: orders, carts, stock and payments as they are, a catalogue and a risk that a test can change, and a desk to ask from.
import { answer, ask, type Meta } from "../../../lib/contract.ts";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import type { Role } from "../../../lib/principal.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { isOver, type SagaRecord } from "../../../lib/saga.ts";
import { defineService } from "../../../lib/service.ts";
import type { Money } from "../../../lib/vocabulary.ts";
import { LeaseLost } from "../../../mixins/sql/saga-drive.ts";
import { sagaById, sagasOf } from "../../../mixins/sql/saga-rows.ts";
import { heardBy } from "../../../test/support/order-neighbours.ts";
import { RiskStandIn } from "../../../test/support/risk.ts";
import { type StoaOptions, startStoa } from "../../../test/support/stoa.ts";
import { emailsOf } from "../../identity/authentication/authentication.contract.ts";
import * as carts from "../carts/carts.contract.ts";
import * as inventory from "../inventory/inventory.contract.ts";
import * as payments from "../payments/payments.contract.ts";
import type { Payments } from "../payments/payments.intents.ts";
import * as products from "../products/products.contract.ts";
import * as orders from "./orders.contract.ts";
import type { OrdersService } from "./orders.service.ts";

export const eur = (amount: number): Money => ({ amount, currency: "EUR" });
const address = { name: "Ada Buyer", line1: "1 Market Walk", city: "Athens", postalCode: "10555", country: "GR" };
const reason = "second thoughts";

/** What the catalogue says; whether it says anything. */
interface Catalogue {
	price: number;
	currency: string;
	away: boolean;
}

export interface Holder {
	id: string;
	meta: Meta;
}
export interface Answered<Result> {
	result?: Result;
	/** The refusal's code. */
	refused?: string;
	reply: Meta["reply"];
}
type CheckedOut = Answered<orders.Order & { operation?: orders.Operation }>;

/** Real time that a test can put forward. */
export function realClock() {
	let ahead = 0;
	const move = (ms: number): void => {
		ahead += ms;
	};
	return { now: () => Date.now() + ahead, move };
}

export async function startDesk(options: StoaOptions = {}) {
	const catalogue: Catalogue = { price: 2500, currency: "EUR", away: false };
	const risk = new RiskStandIn();
	const clock = realClock();
	const productId = newId("prd", clock.now());
	const neighbours = [
		defineService<unknown>({
			name: "products",
			actions: {
				quote: answer(products.quote, async ({ params }) => {
					if (catalogue.away) throw serviceUnavailable();
					const price = { amount: catalogue.price, currency: catalogue.currency };
					return { lines: params.skus.map(sku => ({ sku, productId, name: sku, price, active: true })) };
				}),
			},
		}),
		defineService<unknown>({
			name: "authentication",
			actions: {
				emailsOf: answer(emailsOf, async ({ params }) => ({
					emails: params.userIds.map(userId => ({ userId, email: `${userId}@example.com` })),
				})),
			},
		}),
		risk.service(),
	];
	const services = ["commerce/orders", "commerce/carts", "commerce/inventory", "commerce/payments"];
	const stoa = await startStoa({ services, also: neighbours, clock, ...options });
	let made = 0;

	const orderStore = () => stoa.service<OrdersService>("orders").store;
	const bank = () => stoa.service<Payments>("payments").store.reader;

	async function answeredBy<Result>(contract: { name: string }, params: object, meta: Meta): Promise<Answered<Result>> {
		const call = stoa.broker.call(contract.name, params, { meta }) as Promise<Result> & { ctx: { meta: Meta } };
		try {
			return { result: await call, reply: call.ctx.meta.reply };
		} catch (error) {
			return { refused: (error as { type?: string }).type ?? String(error), reply: call.ctx.meta.reply };
		}
	}
	const request = (path: string, key: string, body: unknown, { meta }: Holder): Meta => ({
		...meta,
		request: {
			id: `req_${++made}`,
			method: "POST",
			path,
			address: "127.0.0.1",
			idempotencyKey: key,
			bodyHash: JSON.stringify(body),
			...(meta.request?.cartToken === undefined ? {} : { cartToken: meta.request.cartToken }),
		},
	});

	const newKey = () => `key-${++made}`;
	const staff = (...roles: Role[]): Holder => ({ id: "", meta: stoa.as("usr_staff", roles) });
	const saga = (id: string) => sagaById(orderStore().reader, id);
	const sagas = (kind?: string) => sagasOf(orderStore().reader, { kind, limit: 1000 });
	/** Runs a hook at every crash point. */
	const passing = (at: Runtime["crash"]["at"]): void => {
		stoa.runtime.crash = { at };
	};

	return {
		stoa,
		clock,
		catalogue,
		risk,
		/** An analyst decides, and orders has heard of it. */
		async decide(orderId: string, decision: "approved" | "rejected"): Promise<void> {
			await risk.decide(stoa, orderId, decision);
			await heardBy(stoa, "orders", ["fraud"]);
		},
		newKey,
		staff,
		saga,
		sagas,
		passing,
		/** At the point the process dies, once: nothing more is written, and whoever looks for sagas finds this one. */
		dieAt(...points: string[]): Set<string> {
			const left = new Set(points);
			passing(point => {
				if (left.delete(point)) throw new LeaseLost();
			});
			return left;
		},

		async aSku(stock: number): Promise<string> {
			const sku = `SKU-${++made}`;
			await ask(stoa.broker, inventory.receiveBatch, { deliveries: [{ id: sku, sku, delta: stock, reason: "delivery" }] });
			return sku;
		},
		async aGuest(sku: string, quantity = 1): Promise<Holder> {
			const cart = await ask(stoa.broker, carts.create, { items: [{ sku, quantity }] });
			return { id: cart.id, meta: { request: { ...request("", "", "", { id: "", meta: {} }).request!, cartToken: cart.cartToken! } } };
		},
		async aBuyer(userId: string, sku: string): Promise<Holder> {
			const cart = await ask(stoa.broker, carts.create, { items: [{ sku, quantity: 1 }] }, { meta: stoa.as(userId) });
			return { id: cart.id, meta: stoa.as(userId) };
		},

		checkout(
			holder: Holder,
			{ key = newKey(), pay = "tok_visa", expectedTotal }: { key?: string; pay?: string; expectedTotal?: Money } = {},
		) {
			const body = {
				email: "guest@example.com",
				shippingAddress: address,
				payment: { method: "card", token: pay },
				...(expectedTotal ? { expectedTotal } : {}),
			};
			const meta = request(`/v1/carts/${holder.id}/checkout`, key, body, holder);
			return answeredBy<orders.Order & { operation?: orders.Operation }>(
				orders.checkout,
				{ id: holder.id, ...body },
				meta,
			) as Promise<CheckedOut>;
		},
		cancel(id: string, holder: Holder, key = newKey()): Promise<CheckedOut> {
			return answeredBy(orders.cancel, { id, reason }, request(`/v1/orders/${id}/cancel`, key, { reason }, holder));
		},
		operation: (id: string, { meta }: Holder) => ask(stoa.broker, orders.getOperation, { id }, { meta }),
		order: (id: string, { meta }: Holder) => ask(stoa.broker, orders.get, { id }, { meta }),
		timeline: async (id: string, { meta }: Holder) =>
			(await ask(stoa.broker, orders.timeline, { id }, { meta })).data.map(({ type }) => type),
		kept: async (orderId: string) => (await orderStore().reader.orderById(orderId))!,
		cart: async ({ id, meta }: Holder) => (await ask(stoa.broker, carts.get, { id }, { meta })).status,

		/** The order that a cart became, once there is one. */
		placedFrom: ({ id }: Holder) =>
			until(
				() => orderStore().reader.orderOfCart(id),
				kept => kept !== undefined,
			),
		/** The attempt of a cart, once it begun; the newest. */
		async attempt({ id }: Holder): Promise<SagaRecord> {
			return (await until(
				async () => (await sagas("checkout")).find(({ state }) => state.cartId === id),
				found => found !== undefined,
			))!;
		},
		ended: (id: string) =>
			until(
				() => saga(id),
				found => found !== undefined && isOver(found),
			),
		allEnded: () =>
			until(
				() => sagas(),
				found => found.every(isOver),
			),

		shelf: async (sku: string) => (await ask(stoa.broker, inventory.levels, { skus: [sku] })).levels[0]!.available,
		stockIsSound: async () => (await ask(stoa.broker, inventory.checkStock, {})).sound,
		/** What the bank did for an order, as nobody but the bank knows it. */
		charges: (orderId: string) =>
			bank().all<{ status: string; captured: number; refunded: number }>(
				`SELECT bankCharges.status, bankCharges.captured, bankCharges.refunded FROM bankCharges
				JOIN payments ON payments.id = bankCharges.paymentId WHERE payments.orderId = ?`,
				[orderId],
			),
		allCharges: () =>
			bank().all<{ status: string; captured: number; refunded: number }>("SELECT status, captured, refunded FROM bankCharges"),
		payments: async (orderId: string) => (await ask(stoa.broker, payments.ofOrders, { orderIds: [orderId] })).payments,
		async facts(key: string): Promise<string[]> {
			const told = await orderStore().facts.find({ key, limit: 1000 });
			return told.map(({ type }) => type.replace("orders.", ""));
		},
		refund: (paymentId: string, amount: number) =>
			ask(
				stoa.broker,
				payments.refund,
				{ id: paymentId, amount: eur(amount), reason },
				{ meta: request(`/v1/payments/${paymentId}/refunds`, newKey(), amount, staff("finance")) },
			),
		capture: (paymentId: string) =>
			ask(
				stoa.broker,
				payments.capture,
				{ id: paymentId },
				{ meta: request(`/v1/payments/${paymentId}/capture`, newKey(), {}, staff("finance")) },
			),
	};
}
export type Desk = Awaited<ReturnType<typeof startDesk>>;

/** Looks until it has seen enough; answers what it saw last when that takes too long. */
export async function until<T>(look: () => Promise<T>, enough: (seen: T) => boolean, ms = 15_000): Promise<T> {
	const end = performance.now() + ms;
	for (;;) {
		const seen = await look();
		if (enough(seen) || performance.now() > end) return seen;
		await new Promise(resolve => setTimeout(resolve, 10));
	}
}
