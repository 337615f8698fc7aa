import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const shadowFires: Migration = {
	name: "0004-shadow-fires",
	async up(schema) {
		// As `fires`, which since then is what rules did while they were live: a shadow's matches keep nobody from anything.
		await schema.createTable(
			"shadowFires",
			{ ruleId: column.key(), entityKey: column.key(), episode: column.integer(), firedAt: column.integer() },
			["ruleId", "entityKey"],
		);
		await schema.addIndex("fires", { fields: ["entityKey"] });
	},
};
