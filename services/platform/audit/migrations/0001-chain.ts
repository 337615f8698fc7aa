import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const chain: Migration = {
	name: "0001-chain",
	async up(schema) {
		await schema.createTable(
			"entries",
			{
				sequence: column.integer(),
				id: column.key(),
				at: column.key(),
				actorKind: column.keyOrNull(),
				actorId: column.keyOrNull(),
				action: column.key(),
				factKey: column.key(),
				requestId: column.keyOrNull(),
				data: column.text(),
				previousHash: column.key(),
				hash: column.key(),
			},
			["sequence"],
			[
				{ fields: ["id"], unique: true },
				{ fields: ["actorId", "sequence"] },
				{ fields: ["action", "sequence"] },
				{ fields: ["factKey", "sequence"] },
			],
		);
		// How long the chain is and what it ends with: the row that writers lock, and the witness against a tail that was cut off.
		await schema.createTable("heads", { name: column.key(), entries: column.integer(), hash: column.key() }, ["name"]);
	},
};
