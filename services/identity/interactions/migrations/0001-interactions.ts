import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const interactions: Migration = {
	name: "0001-interactions",
	async up(schema) {
		await schema.createTable(
			"interactions",
			{
				id: column.key(),
				userId: column.key(),
				kind: column.key(),
				target: column.text(),
				targetHash: column.key(),
				// NULLs do not collide, so this holds one like of a target per user and any number of visits.
				likeOf: column.keyOrNull(),
				recordedAt: column.integer(),
				occurredAt: column.keyOrNull(),
			},
			["id"],
			[
				{ fields: ["userId", "likeOf"], unique: true },
				{ fields: ["userId", "id"] },
				{ fields: ["userId", "kind", "id"] },
				{ fields: ["userId", "targetHash", "id"] },
			],
		);
	},
};
