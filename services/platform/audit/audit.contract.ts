import Type, { type Static } from "typebox";
import { action } from "../../../lib/contract.ts";
import { Actor, Id, Page, Paging, Time } from "../../../lib/vocabulary.ts";

const Hash = Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256, hexadecimal." });

export const AuditEntry = Type.Object(
	{
		sequence: Type.Integer({ minimum: 1, description: "Counts from 1 without gaps." }),
		id: Id("evt"),
		at: Time,
		actor: Type.Union([Actor, Type.Null()]),
		action: Type.String({ description: "The type of the fact.", examples: ["orders.placed", "authorization.decided"] }),
		key: Type.String(),
		requestId: Type.Union([Type.String(), Type.Null()]),
		data: Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true })),
		previousHash: Hash,
		hash: Hash,
	},
	{
		$id: "AuditEntry",
		description:
			"Who did what. `hash` is the SHA-256 of this entry without `hash`, as canonical JSON (RFC 8785); `previousHash` is the hash of the entry before it.",
	},
);
export type AuditEntry = Static<typeof AuditEntry>;

export const listEntries = action({
	name: "audit.listEntries",
	summary: "Who did what, newest first, hash-chained.",
	allow: "audit:read",
	rest: { method: "GET", path: "/v1/audit", tag: "Operations" },
	idempotent: true,
	params: Type.Object({
		...Paging,
		actor: Type.Optional(Type.String({ minLength: 1, maxLength: 191, description: "The id of who acted." })),
		type: Type.Optional(Type.String({ minLength: 1, maxLength: 191, description: "The type of the fact." })),
		key: Type.Optional(Type.String({ minLength: 1, maxLength: 191, description: "What it was about: an order id, a SKU, a user id." })),
	}),
	returns: Page(AuditEntry),
});

export const verify = action({
	name: "audit.verify",
	summary: "Walks the whole chain: every entry follows from the one before it, and the last one is the one that was written last.",
	allow: "internal",
	idempotent: true,
	// A million entries take some ten seconds.
	timeoutMs: 600_000,
	bulkhead: { concurrency: 1, maxQueueSize: 10 },
	params: Type.Object({}),
	returns: Type.Object({
		entries: Type.Integer({ description: "How many the chain should have." }),
		intact: Type.Boolean(),
		brokenAt: Type.Optional(
			Type.Integer({ description: "The first sequence that is missing, or does not follow from the one before it." }),
		),
		hash: Type.String({
			description: "The newest hash. Kept elsewhere together with `entries`, it proves later that nothing up to here was rewritten.",
		}),
	}),
});
