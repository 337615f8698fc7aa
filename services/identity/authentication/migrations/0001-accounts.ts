import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const accounts: Migration = {
	name: "0001-accounts",
	async up(schema) {
		await schema.createTable(
			"accounts",
			{
				userId: column.key(),
				email: column.textOrNull(),
				// A keyed hash of the folded email: short enough to be unique on every engine, and gone when the person is erased.
				emailKey: column.keyOrNull(),
				passwordHash: column.textOrNull(),
				status: column.key(),
				statusVersion: column.integer(),
				// The name waits here for the profile, not in the saga: sagas are kept and shown.
				pendingName: column.textOrNull(),
				registrationId: column.key(),
				claimedBy: column.key(),
				welcomedAt: column.integerOrNull(),
				createdAt: column.integer(),
			},
			["userId"],
			[{ fields: ["emailKey"], unique: true }],
		);
		await schema.createTable(
			"sessions",
			{
				id: column.key(),
				userId: column.key(),
				device: column.keyOrNull(),
				createdAt: column.integer(),
				lastUsedAt: column.integer(),
				expiresAt: column.integer(),
				endedAt: column.integerOrNull(),
				endedBecause: column.keyOrNull(),
			},
			["id"],
			[{ fields: ["userId", "id"] }, { fields: ["endedAt"] }, { fields: ["expiresAt"] }],
		);
		// One family per session: used tokens are kept until they would have ended, so that a copy is recognised.
		await schema.createTable(
			"refreshTokens",
			{ tokenHash: column.key(), sessionId: column.key(), usedAt: column.integerOrNull(), expiresAt: column.integer() },
			["tokenHash"],
			[{ fields: ["expiresAt"] }],
		);
		await schema.createTable(
			"failedAttempts",
			{ id: column.key(), subject: column.key(), failedAt: column.integer() },
			["id"],
			[{ fields: ["subject", "failedAt"] }, { fields: ["failedAt"] }],
		);
	},
};
