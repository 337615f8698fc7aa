// Rows of the chain. Its head is read under lock in the fact's own transaction, so that entries line up whatever comes at once.

import type { Envelope } from "../../../lib/vocabulary.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { beginning, type Head, type Link, linkOf } from "./audit.domain.ts";

const chain = "audit";
const columns = "sequence, id, at, actorKind, actorId, action, factKey, requestId, data, previousHash, hash";

export interface Wanted {
	actor?: string;
	type?: string;
	key?: string;
	/** Only entries below this sequence. */
	before?: number;
	limit: number;
}

export class AuditTx extends SqlTx {
	/** The row that every writer locks must stand before the first of them comes. */
	begin(): Promise<number> {
		return this.insertIfAbsent("heads", { name: chain, ...beginning });
	}

	/** Chains a fact, once: a fact that stands in the chain already changes nothing. */
	async chain(fact: Envelope): Promise<void> {
		const head = await this.get<Head>(`SELECT entries, hash FROM heads WHERE name = ?${this.forUpdate}`, [chain]);
		if (!head) throw new Error("the head of the chain is gone");
		const link = linkOf(head, fact);
		if ((await this.insertIfAbsent("entries", { ...link })) === 1)
			await this.update("heads", { entries: link.sequence, hash: link.hash }, { name: chain });
		else if (!(await this.get("SELECT 1 FROM entries WHERE id = ?", [fact.id])))
			throw new Error(`entry ${link.sequence} stands beyond the head of the chain`);
	}

	/** The head, and the highest sequence there is: one statement, so both are of one moment. */
	async state(): Promise<{ head: Head | undefined; last: number }> {
		const row = await this.get<{ entries: number | null; hash: string | null; last: number }>(
			`SELECT heads.entries, heads.hash, tail.last FROM (SELECT COALESCE(MAX(sequence), 0) AS last FROM entries) AS tail
			LEFT JOIN heads ON heads.name = ?`,
			[chain],
		);
		const { entries, hash, last } = row!;
		return { head: entries === null || hash === null ? undefined : { entries, hash }, last };
	}

	/** In order, from the first above `after`. */
	walk(after: number, limit: number): Promise<Link[]> {
		return this.all<Link>(`SELECT ${columns} FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?`, [after, limit]);
	}

	/** Newest first. */
	newest({ actor, type, key, before, limit }: Wanted): Promise<Link[]> {
		const conditions = Object.entries({ "actorId = ?": actor, "action = ?": type, "factKey = ?": key, "sequence < ?": before }).filter(
			([, value]) => value !== undefined,
		);
		const where = conditions.length > 0 ? `WHERE ${conditions.map(([condition]) => condition).join(" AND ")}` : "";
		return this.all<Link>(`SELECT ${columns} FROM entries ${where} ORDER BY sequence DESC LIMIT ?`, [
			...conditions.map(([, value]) => value!),
			limit,
		]);
	}
}
