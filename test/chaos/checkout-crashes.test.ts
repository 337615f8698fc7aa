// Kills the process with -9 at every point that a checkout passes. The points come from the list of its steps: a new step is tried from its first day.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { crashPointsOf, isTwin } from "../../lib/saga.ts";
import type { Page } from "../../lib/vocabulary.ts";
import { checkoutSaga } from "../../services/commerce/orders/checkout.saga.ts";
import type { Operation, Order } from "../../services/commerce/orders/orders.contract.ts";
import type { OrdersService } from "../../services/commerce/orders/orders.service.ts";
import { type Buying, type CheckedOut, checkout, eur, eventually, type Goods, get, newKey, paymentsOf } from "../support/http.ts";
import { asSent, CrashLane, type GuestCart, isFinal, recoveredWithinMs, tryInLanes } from "./crash-lane.ts";

/** How a checkout goes: its card pays or is declined, or an operator takes it back while the buyer's bank is awaited. */
type Way = "pays" | "is declined" | "is taken back";
const tokens: Record<Way, string> = {
	pays: "tok_visa",
	"is declined": "tok_chargeDeclined",
	"is taken back": "tok_authenticationRequired",
};

interface CrashCase {
	point: string;
	way: Way;
}

const stub = {} as OrdersService;

const saga = checkoutSaga(stub);

/** Every step and its undo, before and after, and the last one when it was saved; those of a review, which needs an analyst, in checkout.review.test.ts. */
const steps: CrashCase[] = crashPointsOf(saga)
	.filter(point => !point.includes("/await approval/") && !isTwin(point, saga))
	.map(point => ({ point, way: point.includes("/undo/") ? "is declined" : "pays" }));

/** On both sides of a call to the bank. */
const provider: CrashCase[] = [
	{ point: "payments/authorize/beforeProvider", way: "pays" },
	{ point: "payments/authorize/afterProvider", way: "pays" },
	{ point: "payments/authorize/afterProvider", way: "is declined" },
	{ point: "payments/capture/beforeProvider", way: "pays" },
	{ point: "payments/capture/afterProvider", way: "pays" },
	{ point: "payments/void/beforeProvider", way: "is taken back" },
	{ point: "payments/void/afterProvider", way: "is taken back" },
];

/** On both sides of commits: the first ones of a start, and those of a checkout. */
const commitsOf = (service: string, numbers: readonly number[]): CrashCase[] =>
	numbers.flatMap(n => [
		{ point: `${service}/beforeCommit:${n}`, way: "pays" as const },
		{ point: `${service}/afterCommit:${n}`, way: "pays" as const },
	]);
const commits = [...commitsOf("orders", [1, 6]), ...commitsOf("payments", [4]), ...commitsOf("carts", [3])];

const stock = 5;
const price = 1700;
const factsOfOrder = ["orders.checkoutRequested", "orders.paid", "orders.placed", "payments.authorized", "payments.captured"];

interface Attempt {
	goods: Goods;
	cart: GuestCart;
	buying: Buying;
}

class CheckoutLane extends CrashLane {
	readonly #client: "repeats at once" | "waits first";

	constructor(client: "repeats at once" | "waits first") {
		super();
		this.#client = client;
	}

	/** Buys while the process is set to die at the point, starts it again and looks at everything. Rejects with what does not hold. */
	async survives({ point, way }: CrashCase): Promise<void> {
		await this.up();
		const buying = { key: newKey(), pay: tokens[way], email: `${randomUUID()}@example.com` };
		const attempt = { ...(await this.filledCart({ price, stock })), buying };

		const before = await this.dieAt(point, () => this.#ask(attempt, way));
		await this.up();
		if (this.#client === "waits first" && way !== "is taken back") await this.settles();
		const answer = await eventually(() => this.#ask(attempt, way), isFinal, recoveredWithinMs);
		if (before) expect(asSent(answer)).toEqual(asSent(before));
		expect(asSent(await this.#ask(attempt, way))).toEqual(asSent(answer));

		if (way === "pays") await this.#isBought(attempt, answer);
		else await this.#isUndone(attempt, answer, way);
		await this.isSound();
	}

	/** The request of the client, always the same one; and the operator's, whenever there is something to take back. */
	async #ask({ cart, buying }: Attempt, way: Way): Promise<CheckedOut> {
		const answer = await checkout(this.product, cart, buying);
		if (way === "is taken back" && answer.body.operation?.nextAction) await this.#takeBack(answer.body.operation).catch(() => undefined);
		return answer;
	}

	#takeBack({ id }: Operation): Promise<unknown> {
		return this.call("orders.compensateSaga", { id });
	}

	async #isBought({ goods, cart, buying }: Attempt, { status, body: order }: CheckedOut): Promise<void> {
		const total = eur(price);
		expect(status).toBe(201);
		expect(order).toMatchObject({ cartId: cart.id, status: "confirmed", paymentStatus: "captured", totals: { total } });
		expect(await get(this.product, `/v1/orders/${order.id}`, { cartToken: cart.cartToken })).toEqual(order);
		expect((await this.#ordersOf(buying)).map(({ id }) => id)).toEqual([order.id]);
		const payments = await paymentsOf(this.product, this.admin, { orderId: order.id });
		expect(payments).toMatchObject([{ status: "captured", amount: total, captured: total }]);
		expect(await this.shelfOf(goods)).toMatchObject({ onHand: stock - 1, reserved: 0, available: stock - 1 });
		expect(await this.cartOf(cart)).toMatchObject({ status: "completed", orderId: order.id });
		expect(await this.factsOf(order.id)).toEqual(factsOfOrder);
		expect(await this.messagesOf(order.id, 1)).toEqual(["order.confirmed"]);
	}

	async #isUndone({ goods, cart, buying }: Attempt, { status, body }: CheckedOut, way: Way): Promise<void> {
		expect(status).toBe(way === "is declined" ? 422 : 409);
		if (way === "is declined") expect(body.code).toBe("card_declined");
		expect(await this.#ordersOf(buying)).toEqual([]);
		expect(await this.shelfOf(goods)).toMatchObject({ onHand: stock, reserved: 0, available: stock });
		const open = await this.cartOf(cart);
		expect(open).toMatchObject({ status: "open" });
		expect(open).not.toHaveProperty("orderId");
		// Nothing was lost either: the buyer comes back with another card.
		const bought = await checkout(this.product, cart, { email: buying.email });
		expect(bought.status).toBe(201);
		expect(await paymentsOf(this.product, this.admin, { orderId: bought.body.id })).toMatchObject([{ status: "captured" }]);
	}

	async #ordersOf({ email }: Buying): Promise<Order[]> {
		return (await get<Page<Order>>(this.product, `/v1/orders?email=${email}`, { token: this.admin.token })).data;
	}
}

const cases = [...steps, ...provider, ...commits];
// One client repeats its request as soon as the shop answers again, the other when the shop has settled by itself.
const lanes = [new CheckoutLane("repeats at once"), new CheckoutLane("waits first")];
let outcomes: Promise<void>[];
beforeAll(() => {
	outcomes = tryInLanes(cases, lanes, (lane, crash) => lane.survives(crash));
});
afterAll(() => Promise.all(lanes.map(lane => lane.remove())));

describe("a checkout killed with -9 and started again is one paid order or none, and answers its client the same for ever", () => {
	it.each(cases.map(({ point, way }, index) => [point, way, index] as const))(
		"at %s, when the checkout %s",
		(_point, _way, index) => outcomes[index]!,
		60_000,
	);
});
