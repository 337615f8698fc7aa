// The chain: each entry's hash covers its content and the hash before it, so that changing one breaks every later one.
import { canonicalJson } from "../../../lib/canonical.ts";
import { sha256 } from "../../../lib/crypto.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import type { AuditEntry } from "./audit.contract.ts";

/** How many entries a chain has, and the hash of the last. */
export interface Head {
	entries: number;
	hash: string;
}

/** An entry as it is kept. `data` is canonical JSON already, so that a walk over the chain neither parses nor sorts it. */
export interface Link {
	sequence: number;
	id: string;
	at: string;
	actorKind: string | null;
	actorId: string | null;
	action: string;
	factKey: string;
	requestId: string | null;
	data: string;
	previousHash: string;
	hash: string;
}

/** Before the first entry. */
export const beginning: Head = { entries: 0, hash: "0".repeat(64) };

const json = (value: string | number | null) => JSON.stringify(value);

/** The canonical JSON of the entry as clients see it, without its hash: whoever reads an entry can check it. Put together by hand because `data` is canonical. */
function contentOf(link: Omit<Link, "hash">): string {
	const actor = link.actorId === null ? "null" : `{"id":${json(link.actorId)},"kind":${json(link.actorKind)}}`;
	return (
		`{"action":${json(link.action)},"actor":${actor},"at":${json(link.at)},"data":${link.data},"id":${json(link.id)},"key":${json(link.factKey)},` +
		`"previousHash":${json(link.previousHash)},"requestId":${json(link.requestId)},"sequence":${json(link.sequence)}}`
	);
}

/** The entry that a fact makes behind `head`. */
export function linkOf(head: Head, { id, occurredAt, actor, type, key, requestId, data }: Envelope): Link {
	const link = {
		sequence: head.entries + 1,
		id,
		at: occurredAt,
		actorKind: actor?.kind ?? null,
		actorId: actor?.id ?? null,
		action: type,
		factKey: key,
		requestId,
		data: canonicalJson(data),
		previousHash: head.hash,
	};
	return { ...link, hash: sha256(contentOf(link)) };
}

export const headAt = ({ sequence, hash }: Link): Head => ({ entries: sequence, hash });

/** Whether the entry is the very one that was written behind `head`. */
export function follows(head: Head, link: Link): boolean {
	return link.sequence === head.entries + 1 && link.previousHash === head.hash && link.hash === sha256(contentOf(link));
}

export function entryOf({ actorKind, actorId, factKey, data, previousHash, hash, ...link }: Link): AuditEntry {
	return {
		...link,
		actor: actorId === null ? null : { kind: actorKind as NonNullable<AuditEntry["actor"]>["kind"], id: actorId },
		key: factKey,
		data: JSON.parse(data) as Record<string, unknown>,
		previousHash,
		hash,
	};
}
