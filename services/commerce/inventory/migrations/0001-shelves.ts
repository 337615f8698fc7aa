import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const shelves: Migration = {
	name: "0001-shelves",
	async up(schema) {
		await schema.createTable("shelves", { sku: column.key(), onHand: column.integer(), reserved: column.integer() }, ["sku"]);
		await schema.createTable(
			"reservations",
			{ orderId: column.key(), lines: column.text(), status: column.key(), createdAt: column.integer() },
			["orderId"],
		);
		// Every change of what is on hand, so that a shelf can be recounted: receipts, corrections, sales, returns.
		await schema.createTable(
			"movements",
			{ id: column.key(), sku: column.key(), delta: column.integer(), reason: column.text(), recordedAt: column.integer() },
			["id"],
			[{ fields: ["sku"] }],
		);
	},
};
