import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { type Flaw, failure, notFound, versionStale } from "../../../lib/failure.ts";
import { Id, Quantity, Reason, Sku } from "../../../lib/vocabulary.ts";

const Count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });

export const Shelf = Type.Object(
	{ sku: Sku, onHand: Count, reserved: Count, available: Count },
	{ $id: "Shelf", description: "What stands on the shelf of one SKU: on hand, promised to orders, and what is left to sell." },
);
export type Shelf = Static<typeof Shelf>;

export const Availability = Type.Object(
	{ sku: Sku, available: Count, onHand: Type.Optional(Count), reserved: Type.Optional(Count) },
	{ $id: "Availability", description: "What can be sold of a SKU; who may read the inventory also sees how that comes about." },
);
export type Availability = Static<typeof Availability>;

export const Line = Type.Object({ sku: Sku, quantity: Quantity });

export const Reservation = Type.Object(
	{
		orderId: Id("ord"),
		lines: Type.Array(Line, { minItems: 1, maxItems: 100 }),
		status: Type.Enum(["held", "committed", "released", "givenBack"]),
	},
	{ $id: "Reservation", description: "Stock promised to one order until it is committed or released." },
);
export type Reservation = Static<typeof Reservation>;

/** One flaw per line that is short, so that a buyer sees all of them at once. */
export const outOfStock = failure<{ short: { sku: string; asked: number; left: number }[]; errors: Flaw[] }>(
	"conflict",
	"out_of_stock",
	({ short }) => short.map(({ sku, asked, left }) => `${asked} of ${sku} asked for, ${left} left.`).join(" "),
);

export const reservationReleased = failure<{ orderId: string }>(
	"conflict",
	"reservation_released",
	({ orderId }) => `The stock promised to ${orderId} was given back.`,
);

export const belowReserved = failure<{ sku: string; reserved: number; errors: Flaw[] }>(
	"refused",
	"below_reserved",
	({ sku, reserved }) => `${reserved} of ${sku} are promised to orders; the shelf cannot hold less.`,
);

export const getAvailability = action({
	name: "inventory.getAvailability",
	summary: "How many of a SKU can be sold now.",
	allow: "public",
	rest: { method: "GET", path: "/v1/inventory/:sku", tag: "Inventory" },
	idempotent: true,
	params: Type.Object({ sku: Sku }),
	returns: Availability,
	throws: [notFound],
});

export const adjust = action({
	name: "inventory.adjust",
	summary: "Add to a shelf or take from it. The first adjustment makes the shelf; it never falls below what is reserved.",
	allow: "inventory:write",
	rest: {
		method: "POST",
		path: "/v1/inventory/:sku/adjustments",
		status: 201,
		location: "/v1/inventory/{sku}",
		idempotencyKey: "required",
		tag: "Inventory",
	},
	params: Type.Object({ sku: Sku, delta: Type.Integer({ minimum: -1_000_000_000, maximum: 1_000_000_000 }), reason: Reason }),
	returns: Shelf,
	throws: [belowReserved, versionStale],
});

export const reserve = action({
	name: "inventory.reserve",
	summary: "Promise stock to an order, whole or nothing. Asking again for the same order answers the same reservation.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord"), lines: Type.Array(Line, { minItems: 1, maxItems: 100 }) }),
	returns: Reservation,
	throws: [outOfStock, reservationReleased],
});

export const release = action({
	name: "inventory.release",
	summary: "Take a promise back. Of an order that has none it leaves a mark, which refuses a late reserve.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord") }),
	returns: Type.Object({ orderId: Id("ord") }),
});

export const commit = action({
	name: "inventory.commit",
	summary: "What was promised to an order is sold: it leaves the shelf.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord") }),
	returns: Reservation,
	throws: [notFound, reservationReleased],
});

export const giveBack = action({
	name: "inventory.giveBack",
	summary: "The order was cancelled: what it was promised or sold is for sale again, once.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord") }),
	returns: Type.Object({ orderId: Id("ord") }),
});

export const levels = action({
	name: "inventory.levels",
	summary: "How many of each SKU can be sold; SKUs without a shelf have none.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ skus: Type.Array(Sku, { maxItems: 1000 }) }),
	returns: Type.Object({ levels: Type.Array(Type.Object({ sku: Sku, available: Count })) }),
});

export const receiveBatch = action({
	name: "inventory.receiveBatch",
	summary: "Put many deliveries on their shelves; a delivery id that was received before is left out.",
	allow: "internal",
	idempotent: true,
	timeoutMs: 30_000,
	params: Type.Object({
		deliveries: Type.Array(Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }), sku: Sku, delta: Count, reason: Reason }), {
			maxItems: 2000,
		}),
	}),
	returns: Type.Object({ received: Type.Integer() }),
});

export const checkStock = action({
	name: "inventory.checkStock",
	summary: "Recounts every shelf from its movements and reservations (invariant I2).",
	allow: "internal",
	idempotent: true,
	timeoutMs: 60_000,
	params: Type.Object({}),
	returns: Type.Object({
		shelves: Type.Integer(),
		sound: Type.Boolean(),
		wrong: Type.Array(Type.Object({ sku: Sku, detail: Type.String() })),
	}),
});

export const levelChanged = event({
	name: "inventory.levelChanged",
	version: 1,
	key: "sku",
	delivery: "durable",
	summary: "What stands on a shelf, or is promised from it, changed.",
	payload: Shelf,
});

export const restocked = event({
	name: "inventory.restocked",
	version: 1,
	key: "sku",
	delivery: "durable",
	summary: "A SKU that had nothing left to sell can be sold again.",
	payload: Shelf,
});
