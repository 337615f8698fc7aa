// Decisions about stock: pure, so that every case can be tried at a desk.
import { belowReserved, outOfStock, type Reservation, type Shelf } from "./inventory.contract.ts";

/** A shelf as it is kept; what is available follows. */
export interface Stock {
	sku: string;
	onHand: number;
	reserved: number;
}

type Lines = Reservation["lines"];

export const shelfOf = ({ sku, onHand, reserved }: Stock): Shelf => ({ sku, onHand, reserved, available: onHand - reserved });

/** What each SKU is asked for in all: two lines of one SKU are one wish. In SKU order, in which shelves are locked. */
export function wanted(lines: Lines): Map<string, number> {
	const sums = new Map<string, number>();
	for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
	return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whole or nothing: a half-reserved order would sell the buyer a surprise. Throws out_of_stock naming every line that is short. */
export function promiseStock(shelves: ReadonlyMap<string, Stock>, lines: Lines): Stock[] {
	const wishes = wanted(lines);
	const left = (sku: string) => {
		const shelf = shelves.get(sku);
		return shelf ? shelf.onHand - shelf.reserved : 0;
	};
	const short = [...wishes].filter(([sku, asked]) => left(sku) < asked).map(([sku, asked]) => ({ sku, asked, left: left(sku) }));
	if (short.length > 0) {
		const errors = lines.flatMap(({ sku }, index) => {
			const miss = short.find(line => line.sku === sku);
			return miss
				? [{ pointer: `/items/${index}`, code: "out_of_stock", detail: `${miss.asked} of ${sku} asked for, ${miss.left} left` }]
				: [];
		});
		throw outOfStock({ short, errors });
	}
	return [...wishes].map(([sku, asked]) => {
		const shelf = shelves.get(sku)!;
		return { ...shelf, reserved: shelf.reserved + asked };
	});
}

/** Takes a promise back: the same stock is for sale again. */
export function releaseStock(shelves: ReadonlyMap<string, Stock>, lines: Lines): Stock[] {
	return [...wanted(lines)].map(([sku, quantity]) => {
		const shelf = shelves.get(sku)!;
		return { ...shelf, reserved: shelf.reserved - quantity };
	});
}

/** What was promised leaves the shelf: it was counted as reserved until now, so what is available stays as it is. */
export function sellStock(shelves: ReadonlyMap<string, Stock>, lines: Lines): Stock[] {
	return [...wanted(lines)].map(([sku, quantity]) => {
		const shelf = shelves.get(sku)!;
		return { ...shelf, onHand: shelf.onHand - quantity, reserved: shelf.reserved - quantity };
	});
}

/** Sold stock comes back on the shelf. */
export function returnStock(shelves: ReadonlyMap<string, Stock>, lines: Lines): Stock[] {
	return [...wanted(lines)].map(([sku, quantity]) => {
		const shelf = shelves.get(sku)!;
		return { ...shelf, onHand: shelf.onHand + quantity };
	});
}

/** Throws below_reserved when the shelf would hold less than it has promised (or less than nothing). */
export function adjustStock(stock: Stock, delta: number): Stock {
	const onHand = stock.onHand + delta;
	if (onHand < stock.reserved) {
		const errors = [{ pointer: "/delta", code: "below_reserved", detail: `leaves ${onHand}, of which ${stock.reserved} are promised` }];
		throw belowReserved({ sku: stock.sku, reserved: stock.reserved, errors });
	}
	return { ...stock, onHand };
}
