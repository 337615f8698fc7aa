import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const carts: Migration = {
	name: "0001-carts",
	async up(schema) {
		await schema.createTable(
			"carts",
			{
				id: column.key(),
				userId: column.keyOrNull(),
				tokenHash: column.keyOrNull(),
				// NULLs do not collide, so this holds one open cart per user and any number of others.
				openUserId: column.keyOrNull(),
				status: column.key(),
				currency: column.key(),
				items: column.text(),
				checkoutId: column.keyOrNull(),
				orderId: column.keyOrNull(),
				mergedInto: column.keyOrNull(),
				version: column.integer(),
				expiresAt: column.integer(),
				createdAt: column.integer(),
			},
			["id"],
			[{ fields: ["openUserId"], unique: true }, { fields: ["userId", "status"] }],
		);
		// Checkouts that were given up, whether or not their claim had come by then.
		await schema.createTable("withdrawals", { checkoutId: column.key(), cartId: column.key(), withdrawnAt: column.integer() }, [
			"checkoutId",
		]);
	},
};
