import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const idleCarts: Migration = {
	name: "0002-idle-carts",
	async up(schema) {
		// Of carts from before this column nothing is told until they are touched.
		await schema.addColumn("carts", "idleSince", column.integerOrNull());
		await schema.addIndex("carts", { fields: ["idleSince"] });
		await schema.addIndex("carts", { fields: ["status", "expiresAt"] });
	},
};
