import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const profiles: Migration = {
	name: "0001-profiles",
	async up(schema) {
		await schema.createTable(
			"profiles",
			{
				userId: column.key(),
				name: column.text(),
				status: column.key(),
				version: column.integer(),
				// The saga that changes the status now: one at a time, and whoever asks for the same joins it.
				changing: column.keyOrNull(),
				createdAt: column.integer(),
				updatedAt: column.integer(),
			},
			["userId"],
			[{ fields: ["status", "userId"] }],
		);
		await schema.createTable(
			"addresses",
			{
				id: column.key(),
				userId: column.key(),
				address: column.text(),
				version: column.integer(),
				createdAt: column.integer(),
				updatedAt: column.integer(),
			},
			["id"],
			[{ fields: ["userId", "id"] }],
		);
	},
};
