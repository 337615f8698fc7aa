import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** What an analyst decided. It stands with the attempt, because it may come before there is an order. */
export const riskDecisions: Migration = {
	name: "0002-risk",
	async up(schema) {
		await schema.addColumn("attempts", "riskDecision", column.keyOrNull());
	},
};
