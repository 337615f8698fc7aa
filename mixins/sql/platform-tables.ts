// The tables every SQL store has beside its own: facts out, facts in, sagas, idempotency keys.
import { column, type Migration } from "./schema.ts";

export const platformTables: Migration = {
	name: "0000-platform",
	async up(schema) {
		await schema.createTable("metadata", { name: column.key(), value: column.text() }, ["name"]);
		await schema.createTable(
			"outbox",
			{
				id: column.key(),
				position: column.integerOrNull(),
				type: column.key(),
				factKey: column.key(),
				recordedAt: column.integer(),
				envelope: column.text(),
			},
			["id"],
			[{ fields: ["position"], unique: true }, { fields: ["type", "position"] }, { fields: ["factKey", "position"] }],
		);
		await schema.createTable(
			"inbox",
			{ id: column.key(), producer: column.key(), position: column.integer() },
			["id"],
			[{ fields: ["producer", "position"] }],
		);
		await schema.createTable("floors", { producer: column.key(), position: column.integer() }, ["producer"]);
		await schema.createTable(
			"letters",
			{
				id: column.key(),
				producer: column.key(),
				position: column.integer(),
				factKey: column.key(),
				type: column.key(),
				status: column.key(),
				attempts: column.integer(),
				error: column.textOrNull(),
				nextAt: column.integerOrNull(),
				firstFailedAt: column.integer(),
				lastFailedAt: column.integer(),
				envelope: column.text(),
			},
			["id"],
			[{ fields: ["producer", "factKey", "position"] }, { fields: ["status", "nextAt"] }],
		);
		await schema.createTable(
			"sagas",
			{
				id: column.key(),
				kind: column.key(),
				status: column.key(),
				step: column.integer(),
				steps: column.text(),
				state: column.text(),
				problem: column.textOrNull(),
				error: column.textOrNull(),
				scope: column.textOrNull(),
				owner: column.keyOrNull(),
				leaseUntil: column.integer(),
				fence: column.integer(),
				attempts: column.integer(),
				nextAt: column.integer(),
				deadlineAt: column.integer(),
				createdAt: column.integer(),
				updatedAt: column.integer(),
			},
			["id"],
			[{ fields: ["status", "nextAt"] }, { fields: ["kind", "id"] }],
		);
		await schema.createTable(
			"idempotency",
			{
				scope: column.key(),
				bodyHash: column.key(),
				reference: column.keyOrNull(),
				reply: column.textOrNull(),
				requestId: column.keyOrNull(),
				expiresAt: column.integer(),
			},
			["scope"],
			[{ fields: ["expiresAt"] }],
		);
	},
};

/** What several nodes on one database need: leases, and the order in which facts were written (SQLite has it in its row numbers). */
export const nodeTables: Migration = {
	name: "0001-platform-nodes",
	async up(schema) {
		await schema.createTable(
			"leases",
			{ name: column.key(), owner: column.keyOrNull(), leaseUntil: column.integer(), fence: column.integer() },
			["name"],
		);
		await schema.addSequence("outbox", "sequence");
	},
};
