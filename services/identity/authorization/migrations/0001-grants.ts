import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const grants: Migration = {
	name: "0001-grants",
	async up(schema) {
		await schema.createTable(
			"grants",
			{
				userId: column.key(),
				roles: column.text(),
				version: column.integer(),
				standing: column.key(),
				standingVersion: column.integer(),
				changedAt: column.integer(),
			},
			["userId"],
			[{ fields: ["changedAt"] }],
		);
		// The other direction, for those in good standing only: who are the operators, is there another administrator.
		await schema.createTable("holders", { role: column.key(), userId: column.key() }, ["role", "userId"], [{ fields: ["userId"] }]);
		await schema.createTable(
			"refusals",
			{
				id: column.key(),
				userId: column.key(),
				action: column.key(),
				permission: column.key(),
				minute: column.integer(),
				refusals: column.integer(),
			},
			["id"],
			[{ fields: ["minute"] }, { fields: ["userId", "minute"] }],
		);
	},
};
