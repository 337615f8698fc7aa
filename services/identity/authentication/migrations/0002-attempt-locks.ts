import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** A row per account and address that failed lately: on an engine with many writers, counting rows that are not there yet locks nothing. */
export const attemptLocks: Migration = {
	name: "0002-attempt-locks",
	async up(schema) {
		await schema.createTable("attemptLocks", { subject: column.key(), madeAt: column.integer() }, ["subject"], [{ fields: ["madeAt"] }]);
	},
};
