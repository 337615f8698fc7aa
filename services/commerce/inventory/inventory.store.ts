// Rows and queries of the stock. Shelves are read under lock in SKU order, or two buyers would wait for each other for ever.
import { tell } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { levelChanged, type Reservation, restocked } from "./inventory.contract.ts";
import { type Stock, shelfOf } from "./inventory.domain.ts";

// A reserved word of MySQL.
const reservedLines = "`lines`";

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

	/** The shelf under lock. One that was never filled is put up empty first: a shelf that is not there cannot be locked. */
	async lockOrPutUpShelf(sku: string): Promise<Stock> {
		const known = (await this.lockShelves([sku])).get(sku);
		if (known) return known;
		await this.insertIfAbsent("shelves", { sku, onHand: 0, reserved: 0 });
		return (await this.lockShelves([sku])).get(sku)!;
	}

	async lockReservation(orderId: string): Promise<Reservation | undefined> {
		const row = await this.get<{ lines: string; status: Reservation["status"] }>(
			`SELECT ${reservedLines}, status FROM reservations WHERE orderId = ?${this.forUpdate}`,
			[orderId],
		);
		return row && { orderId, lines: JSON.parse(row.lines) as Reservation["lines"], status: row.status };
	}

	/** Saves `fresh` and answers undefined, or answers what stands under its order. Of a promise and its undo that come at once, one is first. */
	async knownOr(fresh: Reservation): Promise<Reservation | undefined> {
		const { orderId, lines, status } = fresh;
		const known = await this.lockReservation(orderId);
		if (known) return known;
		const row = { orderId, lines: JSON.stringify(lines), status, createdAt: this.now() };
		return (await this.insertIfAbsent("reservations", row)) > 0 ? undefined : this.lockReservation(orderId);
	}

	changeReservation(orderId: string, status: Reservation["status"]): Promise<number> {
		return this.update("reservations", { status }, { orderId });
	}

	/** The write itself holds only where stock remains: a fault in the decision above must not sell what is not there. */
	async saveShelves(before: ReadonlyMap<string, Stock>, after: readonly Stock[]): Promise<void> {
		for (const shelf of after) {
			const known = before.get(shelf.sku)!;
			const changed = await this.run(
				"UPDATE shelves SET onHand = ?, reserved = ? WHERE sku = ? AND onHand = ? AND reserved = ? AND ? >= ? AND ? >= 0",
				[shelf.onHand, shelf.reserved, shelf.sku, known.onHand, known.reserved, shelf.onHand, shelf.reserved, shelf.reserved],
			);
			if (changed !== 1) throw new Error(`shelf ${shelf.sku} would hold ${shelf.onHand} with ${shelf.reserved} reserved`);
			await tell(this, levelChanged, shelfOf(shelf));
			const hadNone = known.onHand - known.reserved === 0;
			if (hadNone && shelf.onHand - shelf.reserved > 0) await tell(this, restocked, shelfOf(shelf));
		}
	}

	/** Notes a change of what is on hand; 0 when the id was noted before. */
	saveMovement(movement: { id?: string; sku: string; delta: number; reason: string }): Promise<number> {
		return this.insertIfAbsent("movements", { ...movement, id: movement.id ?? newId("mov", this.now()), recordedAt: this.now() });
	}

	/** Shelves that do not equal what their movements and reservations add up to. One statement, so that all is of one moment. */
	async recount(): Promise<{ shelves: number; wrong: { sku: string; detail: string }[] }> {
		const rows = await this.all<{ part: "shelf" | "moved" | "held"; sku: string; onHand: number; reserved: number; held: string | null }>(
			`SELECT 'shelf' AS part, sku, onHand, reserved, NULL AS held FROM shelves
			UNION ALL SELECT 'moved', sku, SUM(delta), 0, NULL FROM movements GROUP BY sku
			UNION ALL SELECT 'held', orderId, 0, 0, ${reservedLines} FROM reservations WHERE status = 'held'`,
		);
		const moved = new Map(rows.filter(({ part }) => part === "moved").map(({ sku, onHand }) => [sku, onHand]));
		const held = new Map<string, number>();
		for (const { held: lines } of rows.filter(({ part }) => part === "held")) {
			for (const { sku, quantity } of JSON.parse(lines!) as Reservation["lines"]) held.set(sku, (held.get(sku) ?? 0) + quantity);
		}
		const shelves = rows.filter(({ part }) => part === "shelf").sort((a, b) => (a.sku < b.sku ? -1 : 1));
		const wrong = shelves.flatMap(({ sku, onHand, reserved }) => {
			const flaws: string[] = [];
			if (onHand !== (moved.get(sku) ?? 0)) flaws.push(`on hand ${onHand}, movements say ${moved.get(sku) ?? 0}`);
			if (reserved !== (held.get(sku) ?? 0)) flaws.push(`reserved ${reserved}, reservations say ${held.get(sku) ?? 0}`);
			if (onHand < reserved || reserved < 0) flaws.push(`reserved ${reserved} of ${onHand}`);
			return flaws.length > 0 ? [{ sku, detail: flaws.join("; ") }] : [];
		});
		return { shelves: shelves.length, wrong };
	}
}
