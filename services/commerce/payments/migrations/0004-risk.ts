import { column, type Migration } from "../../../../mixins/sql/schema.ts";

/** What risk asks of a payment and hears of it. */
export const risk: Migration = {
	name: "0004-risk",
	async up(schema) {
		// Whoever carries the wish on has to know that the buyer must authenticate. 0 for payments from before, and from nodes that do not ask yet.
		await schema.addColumn("payments", "challenge", { ...column.integer(), defaultValue: 0 });
		// Looked up later, a declined PaymentIntent has been closed and no longer says which card it was.
		await schema.addColumn("stripePayments", "declinedCard", column.textOrNull());
	},
};
