import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const lists: Migration = {
	name: "0003-lists",
	async up(schema) {
		await schema.createTable(
			"listEntries",
			{
				listName: column.key(),
				entityKey: column.key(),
				addedAt: column.integer(),
				/** Null: for good. */
				expiresAt: column.integerOrNull(),
				note: column.textOrNull(),
				/** Whose decision put it there; null when somebody did by hand. */
				caseId: column.keyOrNull(),
				addedBy: column.keyOrNull(),
			},
			["listName", "entityKey"],
			[{ fields: ["entityKey"] }, { fields: ["caseId"] }, { fields: ["expiresAt"] }],
		);
		// What analysts have found out. The newest label of an entity holds.
		await schema.createTable("labels", { entityKey: column.key(), caseId: column.key(), label: column.key(), at: column.integer() }, [
			"entityKey",
			"caseId",
		]);
	},
};
