// Rows and queries of the stock. Shelves are read under lock in SKU order, or two buyers would wait for each other for ever.
import { tell } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { levelChanged, type Reservation, restocked } from "./inventory.contract.ts";
import { type Stock, shelfOf } from "./inventory.domain.ts";

const places = (count: number) => Array(count).fill("?").join(", ");

export class InventoryTx extends SqlTx {
	async shelves(skus: readonly string[]): Promise<Map<string, Stock>> {
		if (skus.length === 0) return new Map();
		const rows = await this.all<Stock>(
			`SELECT sku, onHand, reserved FROM shelves WHERE sku IN (${places(skus.length)}) ORDER BY sku`,
			skus,
		);
		return new Map(rows.map(row => [row.sku, row]));
	}

	async lockShelves(skus: readonly string[]): Promise<Map<string, Stock>> {
		const sorted = [...new Set(skus)].sort();
		const rows = await this.all<Stock>(
			`SELECT sku, onHand, reserved FROM shelves WHERE sku IN (${places(sorted.length)}) ORDER BY sku${this.forUpdate}`,
			sorted,
		);
		return new Map(rows.map(row => [row.sku, row]));
	}

	async reservationOf(orderId: string): Promise<Reservation | undefined> {
		const row = await this.get<{ lines: string; status: Reservation["status"] }>(
			`SELECT lines, status FROM reservations WHERE orderId = ?${this.forUpdate}`,
			[orderId],
		);
		return row && { orderId, lines: JSON.parse(row.lines) as Reservation["lines"], status: row.status };
	}

	saveReservation({ orderId, lines, status }: Reservation): Promise<number> {
		return this.insert("reservations", { orderId, lines: JSON.stringify(lines), status, createdAt: this.now() });
	}

	changeReservation(orderId: string, status: Reservation["status"]): Promise<number> {
		return this.update("reservations", { status }, { orderId });
	}

	/** The write itself holds only where stock remains: a fault in the decision above must not sell what is not there. */
	async saveShelves(before: ReadonlyMap<string, Stock>, after: readonly Stock[]): Promise<void> {
		for (const shelf of after) {
			const known = before.get(shelf.sku);
			if (!known) await this.insert("shelves", { ...shelf });
			else {
				const changed = await this.run(
					"UPDATE shelves SET onHand = ?, reserved = ? WHERE sku = ? AND onHand = ? AND reserved = ? AND ? >= ? AND ? >= 0",
					[shelf.onHand, shelf.reserved, shelf.sku, known.onHand, known.reserved, shelf.onHand, shelf.reserved, shelf.reserved],
				);
				if (changed !== 1) throw new Error(`shelf ${shelf.sku} would hold ${shelf.onHand} with ${shelf.reserved} reserved`);
			}
			await tell(this, levelChanged, shelfOf(shelf));
			const hadNone = !known || known.onHand - known.reserved === 0;
			if (hadNone && shelf.onHand - shelf.reserved > 0) await tell(this, restocked, shelfOf(shelf));
		}
	}

	/** Notes a change of what is on hand; 0 when the id was noted before. */
	saveMovement(movement: { id?: string; sku: string; delta: number; reason: string }): Promise<number> {
		return this.insertIfAbsent("movements", { ...movement, id: movement.id ?? newId("mov", this.now()), recordedAt: this.now() });
	}

	/** Shelves that do not equal what their movements and reservations add up to. */
	async recount(): Promise<{ shelves: number; wrong: { sku: string; detail: string }[] }> {
		const moved = await this.all<{ sku: string; total: number }>("SELECT sku, SUM(delta) AS total FROM movements GROUP BY sku");
		const held = new Map<string, number>();
		for (const { lines } of await this.all<{ lines: string }>("SELECT lines FROM reservations WHERE status = 'held'")) {
			for (const { sku, quantity } of JSON.parse(lines) as Reservation["lines"]) held.set(sku, (held.get(sku) ?? 0) + quantity);
		}
		const totals = new Map(moved.map(({ sku, total }) => [sku, total]));
		const shelves = await this.all<Stock>("SELECT sku, onHand, reserved FROM shelves ORDER BY sku");
		const wrong = shelves.flatMap(({ sku, onHand, reserved }) => {
			const flaws: string[] = [];
			if (onHand !== (totals.get(sku) ?? 0)) flaws.push(`on hand ${onHand}, movements say ${totals.get(sku) ?? 0}`);
			if (reserved !== (held.get(sku) ?? 0)) flaws.push(`reserved ${reserved}, reservations say ${held.get(sku) ?? 0}`);
			if (onHand < reserved || reserved < 0) flaws.push(`reserved ${reserved} of ${onHand}`);
			return flaws.length > 0 ? [{ sku, detail: flaws.join("; ") }] : [];
		});
		return { shelves: shelves.length, wrong };
	}
}
