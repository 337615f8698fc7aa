import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const confirmations: Migration = {
	name: "0005-confirmations",
	async up(schema) {
		// What confirmed cases put on the list of confirmed fraud: a row for each case that stands behind an entity. What somebody put on a list by hand is
		// in `listEntries`, and so is the one case of an entity that earlier versions kept.
		await schema.createTable(
			"confirmations",
			{
				entityKey: column.key(),
				caseId: column.key(),
				/** Whoever is found to be honest takes it back: whom the case was about, of an order its buyer. */
				about: column.key(),
				addedAt: column.integer(),
				expiresAt: column.integer(),
				addedBy: column.keyOrNull(),
			},
			["entityKey", "caseId"],
			[{ fields: ["about"] }, { fields: ["expiresAt"] }],
		);
	},
};
