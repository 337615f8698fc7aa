// Idempotency keys over SQL: claimed and answered in the transaction of the effect.
import type { Meta } from "../../lib/contract.ts";
import type { StoaFailure } from "../../lib/failure.ts";
import { type KeptReply, type KeyedRequest, keepable, keptMs, keyReused, refusalOf, replay } from "../../lib/idempotency.ts";
import type { SqlTx } from "./tx.ts";

/** `new`: ours to do. `kept`: answered before. `running`: begun, not answered; `reference` names what does the work (a saga id). */
export type Claim =
	| { state: "new" }
	| { state: "kept"; reply: KeptReply; requestId: string | null }
	| { state: "running"; reference: string };

interface KeyRow {
	bodyHash: string;
	reference: string | null;
	reply: string | null;
	requestId: string | null;
	expiresAt: number;
}

/** Claims a key for `reference`, or says what stands under it. Throws `idempotency_key_reused` for another body. */
export async function claimKey(tx: SqlTx, request: KeyedRequest, reference: string): Promise<Claim> {
	const row = await tx.get<KeyRow>(`SELECT * FROM idempotency WHERE scope = ?${tx.forUpdate}`, [request.scope]);
	if (row && row.expiresAt > tx.now()) {
		if (row.bodyHash !== request.bodyHash) throw keyReused();
		if (row.reply) return { state: "kept", reply: JSON.parse(row.reply) as KeptReply, requestId: row.requestId };
		return { state: "running", reference: row.reference ?? "" };
	}
	if (row) await tx.run("DELETE FROM idempotency WHERE scope = ?", [request.scope]);
	await tx.insert("idempotency", {
		scope: request.scope,
		bodyHash: request.bodyHash,
		reference,
		requestId: request.requestId,
		expiresAt: tx.now() + keptMs,
	});
	return { state: "new" };
}

/** Keeps the final answer under a claimed key. */
export const keepReply = (tx: SqlTx, scope: string, reply: KeptReply) =>
	tx.update("idempotency", { reply: JSON.stringify(reply) }, { scope });

/** Lets a key go, so that a repeat tries anew: the answer was none to keep (503 and the like). */
export const forgetKey = (tx: SqlTx, scope: string) => tx.run("DELETE FROM idempotency WHERE scope = ?", [scope]);

interface Store<Tx extends SqlTx> {
	transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/**
 * Does `work` once per key, in one transaction with the key and the reply. Without a key it is an ordinary transaction.
 * A refusal of the business is kept and thrown again for a repeat; whatever `work` wrote before it refused is undone.
 */
export async function once<Tx extends SqlTx, Result>(
	store: Store<Tx>,
	ctx: { meta: Meta },
	request: KeyedRequest | undefined,
	work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
	if (!request) return store.transaction(work);
	type Outcome = { fresh: Result } | { refused: unknown } | { kept: KeptReply; requestId: string | null };
	const outcome = await store.transaction(async (tx): Promise<Outcome> => {
		const claim = await claimKey(tx, request, "");
		if (claim.state === "kept") return { kept: claim.reply, requestId: claim.requestId };
		try {
			const fresh = await tx.savepoint(() => work(tx));
			await keepReply(tx, request.scope, { result: fresh, status: ctx.meta.reply?.status, location: ctx.meta.reply?.location });
			return { fresh };
		} catch (error) {
			if (!keepable(error)) throw error;
			await keepReply(tx, request.scope, refusalOf(error as StoaFailure));
			return { refused: error };
		}
	});
	if ("kept" in outcome) return replay<Result>(ctx, outcome.kept, outcome.requestId);
	if ("refused" in outcome) throw outcome.refused;
	return outcome.fresh;
}
