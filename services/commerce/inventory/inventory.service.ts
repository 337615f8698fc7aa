// Stock: contract to domain to store. Read under lock, decide, save and tell, in one transaction.
import { requireMatch } from "../../../lib/canonical.ts";
import { answer } from "../../../lib/contract.ts";
import { notFound, versionStale } from "../../../lib/failure.ts";
import { keyedRequest } from "../../../lib/idempotency.ts";
import { mayDo } from "../../../lib/principal.ts";
import { defineService } from "../../../lib/service.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import * as inventory from "./inventory.contract.ts";
import { adjustStock, promiseStock, releaseStock, returnStock, type Stock, sellStock, shelfOf } from "./inventory.domain.ts";
import { InventoryTx } from "./inventory.store.ts";
import { shelves } from "./migrations/0001-shelves.ts";

type Inventory = SqlService<InventoryTx>;

const skusOf = (lines: inventory.Reservation["lines"]) => lines.map(line => line.sku);

async function takeBack(tx: InventoryTx, held: inventory.Reservation): Promise<void> {
	const before = await tx.lockShelves(skusOf(held.lines));
	await tx.saveShelves(before, releaseStock(before, held.lines));
}

/** If-Match is about a shelf that was read; one that is not there yet was read by nobody. */
function refuseStale(ifMatch: string | undefined, stock: Stock | undefined): void {
	if (ifMatch !== undefined && !stock) throw versionStale();
	if (stock) requireMatch(ifMatch, shelfOf(stock));
}

export default defineService<Inventory>({
	name: "inventory",
	mixins: [sqlStore({ migrations: [shelves], tx: InventoryTx })],

	actions: {
		getAvailability: answer(inventory.getAvailability, async function (this: Inventory, ctx) {
			const stock = (await this.store.reader.shelves([ctx.params.sku])).get(ctx.params.sku);
			if (!stock) throw notFound();
			const { sku, available, onHand, reserved } = shelfOf(stock);
			return mayDo(ctx.locals.principal, "inventory:read") ? { sku, available, onHand, reserved } : { sku, available };
		}),

		adjust: answer(inventory.adjust, function (this: Inventory, ctx) {
			const { sku, delta, reason } = ctx.params;
			return this.store.once(ctx, keyedRequest(ctx), async tx => {
				const known = (await tx.lockShelves([sku])).get(sku);
				refuseStale(ctx.meta.request?.ifMatch, known);
				const before = known ?? (await tx.lockOrPutUpShelf(sku));
				const after = adjustStock(before, delta);
				await tx.saveMovement({ sku, delta, reason });
				await tx.saveShelves(new Map([[sku, before]]), [after]);
				return shelfOf(after);
			});
		}),

		reserve: answer(inventory.reserve, function (this: Inventory, ctx) {
			const { orderId, lines } = ctx.params;
			return this.store.transaction(async tx => {
				const reservation: inventory.Reservation = { orderId, lines, status: "held" };
				const known = await tx.knownOr(reservation);
				// The undo may have come first, when this call was slow: a released order stays released.
				if (known?.status === "released" || known?.status === "givenBack") throw inventory.reservationReleased({ orderId });
				if (known) return known;
				const before = await tx.lockShelves(skusOf(lines));
				await tx.saveShelves(before, promiseStock(before, lines));
				return reservation;
			});
		}),

		release: answer(inventory.release, function (this: Inventory, ctx) {
			const { orderId } = ctx.params;
			return this.store.transaction(async tx => {
				const known = await tx.knownOr({ orderId, lines: [], status: "released" });
				if (known?.status === "held") {
					await takeBack(tx, known);
					await tx.changeReservation(orderId, "released");
				}
				return { orderId };
			});
		}),

		commit: answer(inventory.commit, function (this: Inventory, ctx) {
			const { orderId } = ctx.params;
			return this.store.transaction(async tx => {
				const known = await tx.lockReservation(orderId);
				if (!known) throw notFound();
				if (known.status === "committed") return known;
				if (known.status !== "held") throw inventory.reservationReleased({ orderId });
				const before = await tx.lockShelves(skusOf(known.lines));
				await tx.saveShelves(before, sellStock(before, known.lines));
				for (const { sku, quantity } of known.lines) await tx.saveMovement({ sku, delta: -quantity, reason: `sold with ${orderId}` });
				await tx.changeReservation(orderId, "committed");
				return { ...known, status: "committed" as const };
			});
		}),

		giveBack: answer(inventory.giveBack, function (this: Inventory, ctx) {
			const { orderId } = ctx.params;
			return this.store.transaction(async tx => {
				const known = await tx.knownOr({ orderId, lines: [], status: "givenBack" });
				if (known?.status === "held") await takeBack(tx, known);
				if (known?.status === "committed") {
					const before = await tx.lockShelves(skusOf(known.lines));
					await tx.saveShelves(before, returnStock(before, known.lines));
					for (const { sku, quantity } of known.lines) await tx.saveMovement({ sku, delta: quantity, reason: `returned with ${orderId}` });
				}
				if (known?.status === "held" || known?.status === "committed") await tx.changeReservation(orderId, "givenBack");
				return { orderId };
			});
		}),

		levels: answer(inventory.levels, async function (this: Inventory, ctx) {
			const known = await this.store.reader.shelves([...new Set(ctx.params.skus)]);
			return { levels: ctx.params.skus.map(sku => ({ sku, available: known.has(sku) ? shelfOf(known.get(sku)!).available : 0 })) };
		}),

		receiveBatch: answer(inventory.receiveBatch, function (this: Inventory, ctx) {
			return this.store.transaction(async tx => {
				let received = 0;
				// In SKU order, in which every other work locks its shelves.
				const deliveries = ctx.params.deliveries.toSorted((a, b) => (a.sku === b.sku ? 0 : a.sku < b.sku ? -1 : 1));
				for (const { id, sku, delta, reason } of deliveries) {
					const before = await tx.lockOrPutUpShelf(sku);
					if ((await tx.saveMovement({ id: `dlv_${id}`, sku, delta, reason })) === 0) continue;
					await tx.saveShelves(new Map([[sku, before]]), [adjustStock(before, delta)]);
					received++;
				}
				return { received };
			});
		}),

		checkStock: answer(inventory.checkStock, async function (this: Inventory) {
			const { shelves: count, wrong } = await this.store.reader.recount();
			return { shelves: count, sound: wrong.length === 0, wrong };
		}),
	},
});
