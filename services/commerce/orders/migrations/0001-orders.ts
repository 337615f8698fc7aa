import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const orders: Migration = {
	name: "0001-orders",
	async up(schema) {
		await schema.createTable(
			"orders",
			{
				id: column.key(),
				sequence: column.integer(),
				cartId: column.key(),
				userId: column.keyOrNull(),
				email: column.email(),
				tokenHash: column.keyOrNull(),
				status: column.key(),
				paymentStatus: column.key(),
				fulfilmentStatus: column.key(),
				body: column.text(),
				/** The saga that works on the order now: an order runs one process at a time. */
				process: column.keyOrNull(),
				cancelRequest: column.textOrNull(),
				placedAt: column.integer(),
				version: column.integer(),
			},
			["id"],
			[
				{ fields: ["sequence"], unique: true },
				{ fields: ["cartId"], unique: true },
				{ fields: ["userId", "id"] },
				{ fields: ["email", "id"] },
				{ fields: ["status", "id"] },
			],
		);
		// One row per attempt to buy a cart; activeCartId is unique while an attempt is unfinished.
		await schema.createTable(
			"attempts",
			{
				id: column.key(),
				orderId: column.key(),
				cartId: column.key(),
				activeCartId: column.keyOrNull(),
				userId: column.keyOrNull(),
				tokenHash: column.keyOrNull(),
			},
			["id"],
			[{ fields: ["activeCartId"], unique: true }, { fields: ["orderId"] }],
		);
		await schema.createTable(
			"timeline",
			{ id: column.key(), orderId: column.key(), at: column.integer(), type: column.key(), detail: column.text() },
			["id"],
			[{ fields: ["orderId", "id"] }],
		);
		await schema.createTable("counters", { name: column.key(), value: column.integer() }, ["name"]);
	},
};
