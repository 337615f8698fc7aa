// Idempotency keys over SQL: claimed and answered in the transaction of the effect.
import type { Meta } from "../../lib/contract.ts";
import type { StoaFailure } from "../../lib/failure.ts";
import { inProgress, type KeptReply, type KeyedRequest, keepable, keptMs, keyReused, refusalOf, replay } from "../../lib/idempotency.ts";
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

function standing(row: KeyRow, bodyHash: string): Claim {
	if (row.bodyHash !== bodyHash) throw keyReused();
	if (row.reply) return { state: "kept", reply: JSON.parse(row.reply) as KeptReply, requestId: row.requestId };
	return { state: "running", reference: row.reference ?? "" };
}

/** Claims a key for `reference`, or says what stands under it. Throws `idempotency_key_reused` for another body. */
export async function claimKey(tx: SqlTx, request: KeyedRequest, reference: string): Promise<Claim> {
	// By its key the work finds out what became of an earlier try of its own.
	tx.repeatable();
	const { scope, bodyHash, requestId } = request;
	for (let lock = tx.forUpdate; ; lock = lock ? "" : tx.forUpdate) {
		const row = await tx.get<KeyRow>(`SELECT * FROM idempotency WHERE scope = ?${lock}`, [scope]);
		if (row && row.expiresAt > tx.now()) return standing(row, bodyHash);
		if (row) await tx.run("DELETE FROM idempotency WHERE scope = ?", [scope]);
		const claim = { scope, bodyHash, reference, requestId, expiresAt: tx.now() + keptMs };
		if ((await tx.insertIfAbsent("idempotency", claim)) > 0) return { state: "new" };
		// A row that is not there cannot be locked: another request took the key since we looked, and ended while we waited for it to.
		// What it left is read without a lock, which its other repeats share with us and none could have alone.
	}
}

/** Keeps the final answer under a claimed key. */
export const keepReply = (tx: SqlTx, scope: string, reply: KeptReply) =>
	tx.update("idempotency", { reply: JSON.stringify(reply) }, { scope });

/** Remembers a key that long at least, because its work may take as long: whoever asks again is to hear of it. */
export const prolongKey = (tx: SqlTx, scope: string, until: number) =>
	tx.run("UPDATE idempotency SET expiresAt = ? WHERE scope = ? AND expiresAt < ?", [until, scope, until]);

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
	const before = ctx.meta.reply;
	let tries = 0;
	const outcome = await store.transaction(async (tx): Promise<Outcome> => {
		tries++;
		// What a try that was undone said of its answer does not count.
		ctx.meta.reply = before;
		const claim = await claimKey(tx, request, "");
		if (claim.state === "kept") return { kept: claim.reply, requestId: claim.requestId };
		if (claim.state === "running") throw inProgress();
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
	if ("refused" in outcome) throw outcome.refused;
	if ("fresh" in outcome) return outcome.fresh;
	try {
		return replay<Result>(ctx, outcome.kept, outcome.requestId);
	} finally {
		// Kept by an earlier try of this very request, whose commit was answered to nobody: then it is no repeat.
		if (tries > 1 && outcome.requestId === request.requestId) ctx.meta.reply = { ...ctx.meta.reply, replayed: false };
	}
}
