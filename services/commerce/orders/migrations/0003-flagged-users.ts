import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** Whom risk has flagged, as far as we heard: it is asked when risk cannot be. */
export const flaggedUsers: Migration = {
	name: "0003-flagged-users",
	async up(schema) {
		await schema.createTable("flaggedUsers", { userId: column.key() }, ["userId"]);
	},
};
