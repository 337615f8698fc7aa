import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const payments: Migration = {
	name: "0001-payments",
	async up(schema) {
		await schema.createTable(
			"payments",
			{
				id: column.key(),
				orderId: column.key(),
				cartId: column.key(),
				userId: column.keyOrNull(),
				provider: column.key(),
				method: column.key(),
				currency: column.key(),
				amount: column.integer(),
				captured: column.integer(),
				refunded: column.integer(),
				status: column.key(),
				reason: column.keyOrNull(),
				charge: column.keyOrNull(),
				brand: column.keyOrNull(),
				last4: column.keyOrNull(),
				fingerprint: column.keyOrNull(),
				nextUrl: column.textOrNull(),
				breakdown: column.text(),
				version: column.integer(),
				createdAt: column.integer(),
				updatedAt: column.integer(),
			},
			["id"],
			[{ fields: ["orderId", "id"] }, { fields: ["status", "id"] }],
		);
		await schema.createTable(
			"intents",
			{
				id: column.key(),
				paymentId: column.key(),
				operation: column.key(),
				amount: column.integer(),
				status: column.key(),
				outcome: column.keyOrNull(),
				refundId: column.keyOrNull(),
				requestKey: column.key(),
				keyScope: column.keyOrNull(),
				scope: column.textOrNull(),
				attempts: column.integer(),
				leaseUntil: column.integer(),
				nextAt: column.integer(),
				createdAt: column.integer(),
				updatedAt: column.integer(),
			},
			["id"],
			[{ fields: ["paymentId", "status"] }, { fields: ["status", "nextAt"] }],
		);
		await schema.createTable(
			"refunds",
			{
				id: column.key(),
				paymentId: column.key(),
				orderId: column.key(),
				amount: column.integer(),
				reason: column.text(),
				status: column.key(),
				items: column.textOrNull(),
				breakdown: column.text(),
				createdAt: column.integer(),
			},
			["id"],
			[{ fields: ["paymentId"] }, { fields: ["orderId"] }],
		);
		await schema.createTable(
			"webhooks",
			{ provider: column.key(), eventId: column.key(), type: column.key(), paymentId: column.keyOrNull(), receivedAt: column.integer() },
			["provider", "eventId"],
		);
	},
};
