// What is kept of an interaction, told of it and shown: pure, so that every case can be tried at a desk.
import { rfc3339 } from "../../../lib/clock.ts";
import type { PayloadOf } from "../../../lib/contract.ts";
import { sha256 } from "../../../lib/crypto.ts";
import type { Origin } from "../../../lib/origin.ts";
import type { Interaction, InteractionKind, NewInteraction, recorded } from "./interactions.contract.ts";

/** One row as it is kept. */
export interface Kept {
	id: string;
	userId: string;
	kind: InteractionKind;
	target: string;
	/** What targets are found by: a target itself is too long for an index on every engine. */
	targetHash: string;
	/** The target's hash for a like, and unique per user: a like is there once. Null for a visit. */
	likeOf: string | null;
	recordedAt: number;
	occurredAt: string | null;
}

/** Whose it is, in which session and from where. */
export interface Doer extends Origin {
	userId: string;
	sessionId: string;
}

export const hashOfTarget = (target: string) => sha256(target);

/** The client's own time stays as it was sent, but in UTC. */
function inUtc(time: string): string {
	const ms = Date.parse(time);
	// A leap second has no milliseconds of its own here; whoever sent it sees it again.
	return /z$/i.test(time) || Number.isNaN(ms) ? time : rfc3339(ms);
}

export function newInteraction({ kind, target, occurredAt }: NewInteraction, given: { id: string; userId: string; now: number }): Kept {
	const { id, userId, now } = given;
	const targetHash = hashOfTarget(target);
	return {
		id,
		userId,
		kind,
		target,
		targetHash,
		likeOf: kind === "like" ? targetHash : null,
		recordedAt: now,
		occurredAt: occurredAt === undefined ? null : inUtc(occurredAt),
	};
}

export function shown({ id, kind, target, recordedAt, occurredAt }: Kept): Interaction {
	return { id, kind, target, recordedAt: rfc3339(recordedAt), ...(occurredAt === null ? {} : { occurredAt }) };
}

/** Without the client's own time: whoever counts by it would be told when by the one who is counted. */
export function factOf({ id, kind, target, recordedAt }: Kept, doer: Doer): PayloadOf<typeof recorded> {
	const { userId, sessionId, addressHash, deviceHash } = doer;
	return { id, userId, kind, target, recordedAt: rfc3339(recordedAt), sessionId, addressHash, deviceHash };
}
