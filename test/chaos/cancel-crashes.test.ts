// Kills the process with -9 at every point that a cancellation passes: money and stock come back, once.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { crashPointsOf, isTwin } from "../../lib/saga.ts";
import type { Page } from "../../lib/vocabulary.ts";
import { cancelOrderSaga } from "../../services/commerce/orders/cancel-order.saga.ts";
import type { Order } from "../../services/commerce/orders/orders.contract.ts";
import type { OrdersService } from "../../services/commerce/orders/orders.service.ts";
import { type CheckedOut, checkout, eur, eventually, type Goods, get, granted, newKey, paymentsOf, request } from "../support/http.ts";
import { asSent, CrashLane, type GuestCart, isFinal, recoveredWithinMs, tryInLanes } from "./crash-lane.ts";

const stub = {} as OrdersService;
const saga = cancelOrderSaga(stub);
const points = [
	...crashPointsOf(saga).filter(point => !isTwin(point, saga)),
	"payments/refund/beforeProvider",
	"payments/refund/afterProvider",
];
/** These are passed only by a cancel that comes while the order's checkout is still under way. */
const isDuringCheckout = (point: string) => point.includes("/await checkout/");

const stock = 3;
const price = 900;
const factsOfSale = ["orders.checkoutRequested", "orders.placed", "payments.authorized"];
const factsOfRefund = ["orders.cancelled", "orders.paid", "payments.captured", "payments.refunded"];
const factsOfVoid = ["orders.cancelled", "payments.voided"];

interface Cancelling {
	goods: Goods;
	cart: GuestCart;
	orderId: string;
	key: string;
}

const cancel = ({ product }: CrashLane, { cart, orderId, key }: Cancelling): Promise<CheckedOut> =>
	request(product, "POST", `/v1/orders/${orderId}/cancel`, { cartToken: cart.cartToken, key, body: { reason: "changed my mind" } });

async function aSale(lane: CrashLane): Promise<Cancelling> {
	const { goods, cart } = await lane.filledCart({ price, stock });
	const { id: orderId } = await granted(201, checkout(lane.product, cart));
	return { goods, cart, orderId, key: newKey() };
}

/** Cancels one order after the other while each is being placed, until a cancel comes before its checkout has ended and the process dies of it. */
async function cancelWhilePlacing(lane: CrashLane, sales: Cancelling[]): Promise<CheckedOut> {
	const mesh = await lane.product.mesh();
	for (;;) {
		const { goods, cart } = await lane.filledCart({ price, stock });
		const placing = checkout(lane.product, cart);
		placing.catch(() => undefined);
		// As fast as it goes: between placing and the end of a checkout lie some milliseconds.
		for (let order: Order | undefined; order?.cartId !== cart.id; ) {
			({
				data: [order],
			} = (await mesh.call("orders.recent", { limit: 1 })) as Page<Order>);
			if (order?.cartId === cart.id) sales.push({ goods, cart, orderId: order.id, key: newKey() });
		}
		const answer = await cancel(lane, sales.at(-1)!);
		// It was cancelled after its checkout, or the point lies after the answer.
		if (sales.length === 40) return answer;
	}
}

async function survives(lane: CrashLane, point: string): Promise<void> {
	await lane.up();
	const sales = isDuringCheckout(point) ? [] : [await aSale(lane)];
	const before = await lane.dieAt(point, () => (isDuringCheckout(point) ? cancelWhilePlacing(lane, sales) : cancel(lane, sales[0]!)));
	await lane.up();

	const sale = sales.at(-1)!;
	const answer = await eventually(() => cancel(lane, sale), isFinal, recoveredWithinMs);
	if (before) expect(asSent(answer)).toEqual(asSent(before));
	expect(asSent(await cancel(lane, sale))).toEqual(asSent(answer));
	await isCancelled(lane, sale, answer);
	await lane.isSound();
}

async function isCancelled(lane: CrashLane, { goods, cart, orderId }: Cancelling, { status, body: order }: CheckedOut): Promise<void> {
	const { cartToken } = cart;
	expect({ status, order }).toMatchObject({ status: 200, order: { id: orderId, status: "cancelled", fulfilmentStatus: "cancelled" } });
	expect(await get(lane.product, `/v1/orders/${orderId}`, { cartToken })).toEqual(order);
	expect(await lane.shelfOf(goods)).toMatchObject({ onHand: stock, reserved: 0, available: stock });

	// What was not captured when the cancel came never is.
	const isVoided = order.paymentStatus === "voided";
	const moved = eur(isVoided ? 0 : price);
	const payments = await paymentsOf(lane.product, lane.admin, { orderId });
	expect(payments).toMatchObject([{ status: isVoided ? "voided" : "refunded", captured: moved, refunded: moved }]);
	expect(await lane.factsOf(orderId)).toEqual([...factsOfSale, ...(isVoided ? factsOfVoid : factsOfRefund)].sort());
	const messages = ["order.cancelled", "order.confirmed", ...(isVoided ? [] : ["payment.refunded"])];
	expect(await lane.messagesOf(orderId, messages.length)).toEqual(messages);
}

const lanes = [new CrashLane(), new CrashLane()];
let outcomes: Promise<void>[];
beforeAll(() => {
	outcomes = tryInLanes(points, lanes, survives);
});
afterAll(() => Promise.all(lanes.map(lane => lane.remove())));

describe("a cancellation killed with -9 and started again gives money and stock back once, and answers its client the same for ever", () => {
	it.each(points.map((point, index) => [point, index] as const))("at %s", (_point, index) => outcomes[index]!, 60_000);
});
