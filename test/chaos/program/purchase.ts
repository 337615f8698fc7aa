// One purchase from the cart to what comes after it, as a client that means to know how it ended.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "../../../lib/vocabulary.ts";
import type { NewCart } from "../../../services/commerce/carts/carts.contract.ts";
import type { Operation, Order } from "../../../services/commerce/orders/orders.contract.ts";
import type { PaymentView } from "../../../services/commerce/payments/payments.contract.ts";
import { anAddress } from "../../support/http.ts";
import type { Client } from "./client.ts";
import type { Allowed } from "./judgement.ts";
import { Keyed, type Memory, type Purchase } from "./memory.ts";
import type { People } from "./people.ts";
import type { Buy, Card } from "./traffic-plan.ts";

export interface Street {
	client: Client;
	memory: Memory;
	people: People;
}

/** A new number that a bank would give out and no list of examples has: 45, random digits, and the digit that makes the sum right. */
export function aCardNumber(random: () => number = Math.random): string {
	const digits = [4, 5, ...Array.from({ length: 13 }, () => Math.floor(random() * 10))];
	const sum = digits.reduce((total, digit, index) => total + (index % 2 === 0 ? (digit * 2 > 9 ? digit * 2 - 9 : digit * 2) : digit), 0);
	return [...digits, (10 - (sum % 10)) % 10].join("");
}

const fixedTokens: Record<Exclude<Card, "own">, string> = {
	visa: "tok_visa",
	mastercard: "tok_mastercard",
	chargeDeclined: "tok_chargeDeclined",
	insufficientFunds: "tok_insufficientFunds",
	authenticationSucceeds: "tok_authenticationRequired",
	authenticationFails: "tok_authenticationRequired",
	slow: "tok_slow",
	unavailable: "tok_unavailable",
};

/** Every truthful answer to a checkout with this card. */
function answersTo(card: Card, { isScarce, isMember }: { isScarce: boolean; isMember: boolean }): Allowed[] {
	const ofCard: Record<Card, Allowed[]> = {
		visa: [201],
		mastercard: [201],
		own: [201],
		slow: [201],
		chargeDeclined: ["422 card_declined"],
		insufficientFunds: ["422 card_declined"],
		authenticationSucceeds: [201],
		authenticationFails: ["422 card_declined"],
		unavailable: [],
	};
	return [
		202,
		...ofCard[card],
		...(isScarce ? (["409 out_of_stock"] as const) : []),
		// A member has one open cart, and several devices.
		...(isMember ? (["409 cart_not_open", "409 cart_empty", "409 out_of_stock"] as const) : []),
	];
}

type CheckedOut = Partial<Order> & { operation?: Operation };

export class Buyer {
	readonly #street: Street;
	readonly #plan: Buy;

	constructor(street: Street, plan: Buy) {
		this.#street = street;
		this.#plan = plan;
	}

	async visit(): Promise<void> {
		const { memory, people } = this.#street;
		const by = this.#plan.member === undefined ? undefined : people.members[this.#plan.member]!;
		const cart = await this.#fill(by);
		if (!cart) return;
		const purchase: Purchase = { cartId: cart.id, cartToken: cart.cartToken, card: this.#plan.card, by, checkouts: [] };
		const checkout = await this.#checkout(purchase, cart);
		if (!checkout) return;
		memory.purchases.push(purchase);
		await this.#send(purchase, checkout);
		if (checkout.final?.status === 201) await this.#afterwards(purchase, JSON.parse(checkout.final.text) as Order);
	}

	async #fill(by: Purchase["by"]): Promise<NewCart | undefined> {
		const { client, memory } = this.#street;
		const isMember = by !== undefined;
		const token = await by?.token();
		if (isMember && token === undefined) return undefined;
		const line = ({ goods, quantity }: { goods: number; quantity: number }) => ({ sku: memory.goods[goods]!.sku, quantity });
		const moved: Allowed[] = isMember ? ["409 cart_not_open"] : [];
		const allowed = isMember ? [201, 200, ...moved] : [201];
		const body = { items: this.#plan.lines.map(line) };
		const { body: cart } = await client.ask<NewCart>({ method: "POST", path: "/v1/carts", token, body, allowed });
		// A refusal has a code and no id.
		if (!cart?.id) return undefined;
		memory.carts.push(cart.id);
		if (cart.cartToken) memory.secrets.set(cart.cartToken, "a cart token");
		const opened = { token, cartToken: cart.cartToken };
		const path = `/v1/carts/${cart.id}`;
		await client.ask<NewCart>({ method: "GET", path, ...opened, allowed: [200], check: found => sameId(found, cart.id) });
		if (this.#plan.more)
			await client.ask({ method: "POST", path: `${path}/items`, ...opened, body: line(this.#plan.more), allowed: [200, ...moved] });
		return cart;
	}

	async #checkout(purchase: Purchase, cart: NewCart): Promise<Keyed | undefined> {
		const { memory } = this.#street;
		const { card, lines, more, member } = this.#plan;
		const token = await this.#cardToken();
		if (!token) return undefined;
		const isMember = member !== undefined;
		const isScarce = memory.goodsOf(more ? [...lines, more] : lines).some(goods => goods.isScarce);
		const body = {
			...(isMember ? {} : { email: `${cart.id}@example.com` }),
			shippingAddress: anAddress,
			payment: { method: "card", token },
		};
		const ask = {
			method: "POST" as const,
			path: `/v1/carts/${cart.id}/checkout`,
			cartToken: cart.cartToken,
			key: randomUUID(),
			body,
			allowed: answersTo(card, { isScarce, isMember }),
			mayFail: card === "unavailable",
		};
		const checkout = memory.keep(new Keyed("checkout", ask, purchase.by));
		purchase.checkouts.push(checkout);
		return checkout;
	}

	async #cardToken(): Promise<string | undefined> {
		const { card } = this.#plan;
		if (card !== "own") return fixedTokens[card];
		const { client, memory } = this.#street;
		const number = aCardNumber();
		memory.secrets.set(number, "a card number");
		const body = { number, expMonth: 12, expYear: 2099, cvc: "123" };
		const { body: made } = await client.ask<{ token: string }>({ method: "POST", path: "/v1/sandbox/tokens", body, allowed: [201] });
		if (made) memory.secrets.set(made.token, "a card's token");
		return made?.token;
	}

	async #send(purchase: Purchase, checkout: Keyed): Promise<void> {
		const { client, memory } = this.#street;
		const { repeats } = this.#plan;
		if (repeats === "at once") await Promise.all([this.#insist(purchase, checkout), this.#insist(purchase, checkout)]);
		else await this.#insist(purchase, checkout);
		if (repeats === "afterwards" && checkout.final) await checkout.send(client, memory);
	}

	#insist(purchase: Purchase, checkout: Keyed): Promise<void> {
		return insist(this.#street, purchase, checkout, 3);
	}

	async #afterwards(purchase: Purchase, order: Order): Promise<void> {
		const { client, memory } = this.#street;
		const { then } = this.#plan;
		const token = await purchase.by?.token();
		if (purchase.by && token === undefined) return;
		const holding = { token, cartToken: purchase.cartToken };
		const path = `/v1/orders/${order.id}`;
		const isWhole = (found: Order) =>
			sameId(found, order.id) ?? (found.totals.total.amount === order.totals.total.amount ? undefined : "another total");
		await client.ask<Order>({ method: "GET", path, ...holding, allowed: [200], check: isWhole });
		if (then === "cancel") {
			const ask = {
				method: "POST" as const,
				path: `${path}/cancel`,
				cartToken: purchase.cartToken,
				key: randomUUID(),
				body: { reason: "changed my mind" },
			};
			purchase.cancel = memory.keep(new Keyed("cancel", { ...ask, allowed: [200, 202] }, purchase.by));
			await purchase.cancel.send(client, memory);
		} else if (then !== "nothing") await this.#refund(purchase, order);
	}

	async #refund(purchase: Purchase, order: Order): Promise<void> {
		const { client, memory, people } = this.#street;
		const token = await people.finance.token();
		const { body: page } = await client.ask<Page<PaymentView>>({
			method: "GET",
			path: `/v1/payments?orderId=${order.id}`,
			token,
			allowed: [200],
		});
		const payment = page?.data.find(({ status }) => status === "captured");
		if (!payment) return;
		const [item] = order.items;
		const what = this.#plan.then === "refund" ? { amount: order.totals.total } : { items: [{ itemId: item!.id, quantity: 1 }] };
		const body = { ...what, reason: "it was broken" };
		const path = `/v1/payments/${payment.id}/refunds`;
		purchase.refund = memory.keep(new Keyed("refund", { method: "POST", path, key: randomUUID(), body, allowed: [201] }, people.finance));
		await purchase.refund.send(client, memory);
	}
}

/** Asks until there is a last word: does what the buyer's bank wants, waits for what goes on. */
export async function insist(street: Street, purchase: Purchase, keyed: Keyed, tries: number): Promise<void> {
	for (let attempt = 1; attempt <= tries && !keyed.final; attempt++) {
		if (attempt > 1) await sleep(300 * attempt);
		const answered = await keyed.send<CheckedOut>(street.client, street.memory);
		const next = answered?.body?.operation?.nextAction;
		if (next) await authenticate(street.client, purchase.card, next.paymentId);
	}
}

async function authenticate(client: Client, card: Card, paymentId: string): Promise<void> {
	const body = { outcome: card === "authenticationFails" ? "fail" : "succeed" };
	await client.ask({ method: "POST", path: `/v1/sandbox/authentications/${paymentId}`, body, allowed: [204] });
}

export const sameId = (found: { id?: string }, id: string) => (found.id === id ? undefined : `answered ${found.id} for ${id}`);

/** Whether nobody can know more of it: the bank of this card is never there. */
export const isHopeless = ({ card, checkouts }: Purchase) => card === "unavailable" && checkouts.every(({ final }) => !final);
