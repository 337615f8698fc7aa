import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** What Stripe was asked for, by our key. Their name for it stands here before any money can be held under it; without a name it is a tombstone. */
export const stripePayments: Migration = {
	name: "0003-stripe",
	async up(schema) {
		await schema.createTable(
			"stripePayments",
			{
				authorizationKey: column.key(),
				stripeId: column.keyOrNull(),
				captureKey: column.keyOrNull(),
				declineCode: column.keyOrNull(),
				createdAt: column.integer(),
			},
			["authorizationKey"],
		);
	},
};
