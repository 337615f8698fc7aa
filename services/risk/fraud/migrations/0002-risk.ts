import { column, type Migration } from "../../../../mixins/sql/schema.ts";

export const risk: Migration = {
	name: "0002-risk",
	async up(schema) {
		// The log of what was heard. `seq` is given by whoever judges, without gaps, to rows that have none yet.
		await schema.createTable(
			"observations",
			{ id: column.key(), seq: column.integerOrNull(), at: column.integer(), kind: column.key(), body: column.text() },
			["id"],
			[{ fields: ["seq"], unique: true }],
		);
		await schema.addSequence("observations", "sequence");
		await schema.createTable("counters", { name: column.key(), value: column.integer() }, ["name"]);
		await schema.createTable(
			"attempts",
			{
				id: column.key(),
				orderId: column.key(),
				paymentId: column.key(),
				userId: column.keyOrNull(),
				sessionId: column.key(),
				deviceHash: column.keyOrNull(),
				addressHash: column.key(),
				instrument: column.keyOrNull(),
				isShared: column.integer(),
				at: column.integer(),
				/** The whole of what was asked, as long as nobody has decided on it. */
				unassessed: column.textOrNull(),
				awaits: column.keyOrNull(),
			},
			["id"],
			[
				{ fields: ["paymentId"] },
				{ fields: ["orderId"] },
				{ fields: ["userId"] },
				{ fields: ["sessionId"] },
				{ fields: ["deviceHash"] },
				{ fields: ["addressHash"] },
				{ fields: ["instrument"] },
				{ fields: ["awaits"] },
			],
		);
		await schema.createTable(
			"decisions",
			{
				attemptId: column.key(),
				id: column.key(),
				orderId: column.key(),
				userId: column.keyOrNull(),
				outcome: column.key(),
				score: column.integer(),
				version: column.integer(),
				rules: column.text(),
				at: column.integer(),
			},
			["attemptId"],
			[{ fields: ["id"], unique: true }, { fields: ["orderId", "id"] }, { fields: ["userId", "id"] }],
		);
		// When a rule last matched for an entity, and in which episode of it.
		await schema.createTable(
			"fires",
			{ ruleId: column.key(), entityKey: column.key(), episode: column.integer(), firedAt: column.integer() },
			["ruleId", "entityKey"],
		);
		// What is on its way to the analysts' desk: matches, and orders of which there is nothing left to judge.
		await schema.createTable(
			"errands",
			{
				id: column.key(),
				observationId: column.key(),
				orderId: column.keyOrNull(),
				body: column.text(),
				carried: column.integer(),
			},
			["id"],
			[{ fields: ["carried", "observationId"] }, { fields: ["orderId"] }],
		);
		await schema.createTable("ruleMatches", { ruleId: column.key(), count: column.integer(), lastAt: column.integer() }, ["ruleId"]);
		await schema.createTable(
			"ruleSets",
			{
				version: column.integer(),
				rules: column.text(),
				publishedBy: column.keyOrNull(),
				createdAt: column.integer(),
				liveAt: column.integerOrNull(),
			},
			["version"],
		);
	},
};
