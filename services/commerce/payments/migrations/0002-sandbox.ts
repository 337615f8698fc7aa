import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** The sandbox is a bank of its own that happens to keep its books in our file: nothing of ours is joined with these tables. */
export const sandboxBank: Migration = {
	name: "0002-sandbox",
	async up(schema) {
		await schema.createTable(
			"bankCharges",
			{
				authorizationKey: column.key(),
				id: column.key(),
				paymentId: column.keyOrNull(),
				status: column.key(),
				declineCode: column.keyOrNull(),
				currency: column.keyOrNull(),
				amount: column.integer(),
				captured: column.integer(),
				refunded: column.integer(),
				brand: column.keyOrNull(),
				last4: column.keyOrNull(),
				fingerprint: column.keyOrNull(),
				createdAt: column.integer(),
			},
			["authorizationKey"],
			[{ fields: ["paymentId"] }],
		);
		await schema.createTable(
			"bankMoves",
			{
				moveKey: column.key(),
				authorizationKey: column.key(),
				operation: column.key(),
				amount: column.integer(),
				declineCode: column.keyOrNull(),
				createdAt: column.integer(),
			},
			["moveKey"],
			[{ fields: ["authorizationKey"] }],
		);
		await schema.createTable(
			"bankTokens",
			{
				token: column.key(),
				behaviour: column.key(),
				brand: column.key(),
				last4: column.key(),
				fingerprint: column.key(),
				createdAt: column.integer(),
			},
			["token"],
		);
	},
};
