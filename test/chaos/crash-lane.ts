// A product on one data folder that is killed at one named point after the other. What must hold when it stands up again is each test's own.
import { expect } from "@jest/globals";
import type { Page } from "../../lib/vocabulary.ts";
import type { Cart } from "../../services/commerce/carts/carts.contract.ts";
import type { Order } from "../../services/commerce/orders/orders.contract.ts";
import { aGuestCart, aProduct, type CheckedOut, eventually, type Goods, get, type Person, paymentsOf, signIn } from "../support/http.ts";
import { administrator, aProductProcess, type Product } from "../support/product.ts";

export const recoveredWithinMs = 15_000;
const diesWithinMs = 15_000;

export type GuestCart = Awaited<ReturnType<typeof aGuestCart>>;

export interface Shelf {
	onHand: number;
	reserved: number;
	available: number;
}

/** An answer that says neither "later" nor "not known yet". */
export const isFinal = ({ status, body }: CheckedOut) => status !== 202 && status !== 503 && body.code !== "idempotency_in_progress";

export const asSent = ({ status, bytes }: Pick<CheckedOut, "status" | "bytes">) => ({ status, text: bytes.toString() });

export class CrashLane {
	readonly product: Product = aProductProcess();
	admin!: Person;
	#isUp = false;

	remove(): Promise<void> {
		return this.product.remove();
	}

	/** Starts it without a crash to come, unless it runs so already. */
	async up(): Promise<void> {
		if (this.#isUp) return;
		await this.product.start();
		this.admin = await signIn(this.product, administrator);
		this.#isUp = true;
	}

	/** Kills it at the point while `act` asks for something. Resolves with the final answer, if it gave one before it died. */
	async dieAt(point: string, act: () => Promise<CheckedOut>): Promise<CheckedOut | undefined> {
		// Not asked to stop: what was answered so far must be there all the same.
		await this.product.kill();
		this.#isUp = false;
		const { ready } = await this.product.launch({ CRASH_AT: point });
		// Some points lie in the start itself.
		const isReady = await Promise.race([
			ready.then(
				() => true,
				() => false,
			),
			this.product.ended.then(() => false),
		]);
		const answer = isReady ? await act().catch(() => undefined) : undefined;
		const late = setTimeout(() => void this.product.kill(), diesWithinMs);
		const began = performance.now();
		const ending = await this.product.ended;
		clearTimeout(late);
		const byItself = performance.now() - began < diesWithinMs;
		expect({ point, byItself, ...ending }).toEqual({ point, byItself: true, code: null, signal: "SIGKILL" });
		return answer && isFinal(answer) ? answer : undefined;
	}

	/** Recovery needs nobody's request: what was cut off ends or is undone, and nothing stays held. */
	async settles(): Promise<void> {
		const { token } = this.admin;
		await eventually(
			() => get<Page<object>>(this.product, "/v1/sagas?status=running", { token }),
			({ data }) => data.length === 0,
			recoveredWithinMs,
		);
		await this.isSound();
	}

	/** What must be true of the whole shop: I2, I3, I4, I8. */
	async isSound(): Promise<void> {
		const { product, admin } = this;
		for (const status of ["pending", "authorized"]) expect(await paymentsOf(product, admin, { status })).toEqual([]);
		const taken = [
			...(await paymentsOf(product, admin, { status: "captured" })),
			...(await paymentsOf(product, admin, { status: "refunded" })),
		];
		const { data: orders } = await get<Page<Order>>(product, "/v1/orders?limit=100", { token: admin.token });
		const paid = orders.filter(({ paymentStatus }) => paymentStatus !== "voided");
		expect(taken.map(({ orderId, status }) => `${orderId} ${status}`).sort()).toEqual(
			paid.map(({ id, paymentStatus }) => `${id} ${paymentStatus}`).sort(),
		);
		for (const status of ["running", "stuck"]) {
			expect((await get<Page<object>>(product, `/v1/sagas?status=${status}`, { token: admin.token })).data).toEqual([]);
		}
		expect((await get<Page<object>>(product, "/v1/dead-letters", { token: admin.token })).data).toEqual([]);
		expect(await this.call("inventory.checkStock")).toMatchObject({ sound: true, wrong: [] });
		expect(await this.call("audit.verify")).toMatchObject({ intact: true });
	}

	/** Facts about a key, and the audit entries that they made: the same, each once. */
	async factsOf(key: string): Promise<string[]> {
		const { token } = this.admin;
		const facts = await get<Page<{ type: string }>>(this.product, `/v1/events?key=${key}&limit=100`, { token });
		const types = facts.data.map(({ type }) => type).sort();
		const audited = await eventually(
			() => get<Page<{ action: string }>>(this.product, `/v1/audit?key=${key}&limit=100`, { token }),
			({ data }) => data.length >= types.length,
		);
		expect(audited.data.map(({ action }) => action).sort()).toEqual(types);
		return types;
	}

	/** What was told about an order, once there are as many messages as there should be. */
	async messagesOf(orderId: string, count: number): Promise<string[]> {
		const told = await eventually(
			() => this.call<Page<{ type: string }>>("notifications.ofOrder", { orderId }),
			({ data }) => data.length >= count,
		);
		return told.data.map(({ type }) => type).sort();
	}

	/** Something to buy, in a cart. */
	async filledCart({ price, stock }: { price: number; stock: number }): Promise<{ goods: Goods; cart: GuestCart }> {
		const goods = await aProduct(this.product, this.admin, { price, stock });
		return { goods, cart: await aGuestCart(this.product, [{ sku: goods.sku, quantity: 1 }]) };
	}

	shelfOf({ sku }: Goods): Promise<Shelf> {
		return get<Shelf>(this.product, `/v1/inventory/${sku}`, { token: this.admin.token });
	}

	cartOf({ id, cartToken }: GuestCart): Promise<Cart> {
		return get<Cart>(this.product, `/v1/carts/${id}`, { cartToken });
	}

	async call<Result>(action: string, params: Record<string, unknown> = {}): Promise<Result> {
		const mesh = await this.product.mesh();
		try {
			return (await mesh.call(action, params)) as Result;
		} finally {
			mesh.close();
		}
	}
}

/**
 * Begins to try every case, each lane one after the other and the lanes side by side, so that two cores have work. The promises stand in the order of
 * the cases: a test per case reports what its promise found.
 */
export function tryInLanes<Case, Lane>(
	cases: readonly Case[],
	lanes: readonly Lane[],
	tried: (lane: Lane, one: Case) => Promise<void>,
): Promise<void>[] {
	const ends = lanes.map(() => Promise.resolve());
	return cases.map((one, index) => {
		const at = index % lanes.length;
		const outcome = ends[at]!.then(() => tried(lanes[at]!, one));
		// The next case begins whatever became of this one.
		ends[at] = outcome.catch(() => undefined);
		return outcome;
	});
}
