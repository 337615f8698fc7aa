// Rows and queries of the carts. A cart is read and written as a whole, so its lines lie in its row, as JSON. Whatever changes one is told.
import { tell } from "../../../lib/contract.ts";
import type { Row } from "../../../mixins/sql/engine.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import * as carts from "./carts.contract.ts";
import type { CartState, Line } from "./carts.domain.ts";
import { factOf } from "./carts.facts.ts";

type CartRow = Row & Omit<CartState, "items"> & { items: string };

const stateOf = ({ items, ...row }: CartRow): CartState => ({ ...row, items: JSON.parse(items) as Line[] });

const columns =
	"id, userId, tokenHash, openUserId, status, currency, items, checkoutId, orderId, mergedInto, version, expiresAt, idleSince, createdAt";

export class CartsTx extends SqlTx {
	async cart(id: string): Promise<CartState | undefined> {
		const row = await this.get<CartRow>(`SELECT ${columns} FROM carts WHERE id = ?`, [id]);
		return row && stateOf(row);
	}

	async lockCart(id: string): Promise<CartState | undefined> {
		const row = await this.get<CartRow>(`SELECT ${columns} FROM carts WHERE id = ?${this.forUpdate}`, [id]);
		return row && stateOf(row);
	}

	/** In the order of their ids, or two merges of the same carts would wait for each other for ever. */
	async lockCarts(ids: readonly string[]): Promise<Map<string, CartState>> {
		if (ids.length === 0) return new Map();
		const places = ids.map(() => "?").join(", ");
		const rows = await this.all<CartRow>(`SELECT ${columns} FROM carts WHERE id IN (${places}) ORDER BY id${this.forUpdate}`, ids);
		return new Map(rows.map(row => [row.id, stateOf(row)]));
	}

	/** The one that new items go to comes first. One as a rule; two when a checkout gave a cart back after its owner had begun another. */
	async openCartsOf(userId: string): Promise<CartState[]> {
		const sql = `SELECT ${columns} FROM carts WHERE userId = ? AND status = 'open' ORDER BY openUserId IS NULL, id DESC`;
		return (await this.all<CartRow>(sql, [userId])).map(stateOf);
	}

	/** The same under lock, each by its id as every other work locks it. One that comes between look and lock is met by the unique openUserId. */
	async lockOpenCartsOf(userId: string): Promise<CartState[]> {
		const seen = await this.openCartsOf(userId);
		const locked = await this.lockCarts(seen.map(({ id }) => id));
		return seen.flatMap(({ id }) => locked.get(id) ?? []).filter(({ status }) => status === "open");
	}

	/** Whether new items of the user have a cart to go to. */
	async hasCurrentCart(userId: string): Promise<boolean> {
		return (await this.get(`SELECT id FROM carts WHERE openUserId = ?${this.forUpdate}`, [userId])) !== undefined;
	}

	/** 0 when its owner got an open cart at the same moment. */
	async insertCart(cart: CartState): Promise<number> {
		const inserted = await this.insertIfAbsent("carts", { ...cart, items: JSON.stringify(cart.items) });
		if (inserted > 0) await tell(this, carts.changed, factOf(cart));
		return inserted;
	}

	async saveCart(cart: CartState): Promise<void> {
		const { id, openUserId, status, items, checkoutId, orderId, mergedInto, version, expiresAt, idleSince } = cart;
		const changes = { openUserId, status, items: JSON.stringify(items), checkoutId, orderId, mergedInto, version, expiresAt, idleSince };
		await this.update("carts", changes, { id });
		await tell(this, carts.changed, factOf(cart));
	}

	/** A cart whose time was over. Its owner's next items have a new one to go to. */
	async endCart(cart: CartState): Promise<void> {
		await this.saveCart(cart);
		await tell(this, carts.expired, factOf(cart));
	}

	/** Notes that it was told how long a cart lies there; false when it was touched or told of meanwhile. */
	async toldOf({ id, idleSince }: CartState): Promise<boolean> {
		return (await this.update("carts", { idleSince: null }, { id, idleSince })) > 0;
	}

	/** Open carts whose time is over. */
	over(now: number, limit: number): Promise<string[]> {
		return this.#ids("status = 'open' AND expiresAt <= ? ORDER BY expiresAt", [now, limit]);
	}

	/** Carts that lie untouched since then or longer. */
	idle(since: number, limit: number): Promise<string[]> {
		return this.#ids("idleSince <= ? ORDER BY idleSince", [since, limit]);
	}

	async #ids(which: string, values: readonly number[]): Promise<string[]> {
		const rows = await this.all<{ id: string }>(`SELECT id FROM carts WHERE ${which} LIMIT ?`, values);
		return rows.map(({ id }) => id);
	}

	/** Leaves the mark that refuses a late claim. */
	withdraw(checkoutId: string, cartId: string): Promise<number> {
		return this.insertIfAbsent("withdrawals", { checkoutId, cartId, withdrawnAt: this.now() });
	}

	async isWithdrawn(checkoutId: string): Promise<boolean> {
		return (await this.get("SELECT cartId FROM withdrawals WHERE checkoutId = ?", [checkoutId])) !== undefined;
	}
}
