import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** What is counted around each entity: one state, read and written whole. */
export const entities: Migration = {
	name: "0001-entities",
	async up(schema) {
		await schema.createTable(
			"entities",
			{ entityKey: column.key(), state: column.text(), touchedAt: column.integer() },
			["entityKey"],
			[{ fields: ["touchedAt"] }],
		);
	},
};
