// Idempotency-Key as DESIGN section 7 has it: the owner of the effect keeps key and reply in the effect's own transaction.
import { createHash } from "node:crypto";
import type { Meta, Reply } from "./contract.ts";
import { type FailureKind, failure, isFailure, kindOf, StoaFailure } from "./failure.ts";

/** How long a key is remembered. */
export const keptMs = 24 * 60 * 60 * 1000;
/**
 * How long a request waits, from its beginning, for work that goes on by itself, before it is answered with how that stands. An answer leaves within
 * 8 s; the last of them is for saying so.
 */
export const waitMs = 7000;

export const keyReused = failure("refused", "idempotency_key_reused", () => "This Idempotency-Key was used for another request body.");
export const inProgress = failure(
	"conflict",
	"idempotency_in_progress",
	() => "The first request with this Idempotency-Key is still being worked on.",
);
export const keyRequired = failure(
	"malformed",
	"idempotency_key_required",
	() => "Send an Idempotency-Key header of 1 to 255 visible ASCII characters.",
);

/** A request that carries a key, as its owner remembers it. `scope` is unique per principal, method, path and key. */
export interface KeyedRequest {
	scope: string;
	bodyHash: string;
	requestId: string;
}

/** An answer as it is kept: the result with status and location, or the refusal. */
export type KeptReply =
	| { result: unknown; status?: number; location?: string }
	| { refusal: { kind: FailureKind; code: string; message: string; data: Record<string, unknown> } };

interface Asking {
	meta: Meta;
	locals: { principal?: { userId: string } };
}

/** The keyed request of a call, or undefined when it carries no key. A guest is told apart by the cart. */
export function keyedRequest(ctx: Asking, guestCartId?: string): KeyedRequest | undefined {
	const request = ctx.meta.request;
	if (!request?.idempotencyKey) return undefined;
	const principal = ctx.locals.principal?.userId ?? `cart:${guestCartId ?? ""}`;
	const scope = createHash("sha256").update([principal, request.method, request.path, request.idempotencyKey].join("\n")).digest("hex");
	return { scope, bodyHash: request.bodyHash ?? "", requestId: request.id };
}

/** Only refusals of the business are kept: anything else may answer differently when it is asked again. */
export function keepable(error: unknown): boolean {
	return isFailure(error) && (kindOf(error) === "conflict" || kindOf(error) === "refused");
}

export function refusalOf(error: StoaFailure): KeptReply {
	const { kind, ...data } = error.data;
	return { refusal: { kind: kind as FailureKind, code: error.type, message: error.message, data } };
}

/** Answers from what was kept: returns the result, or throws the refusal; either way the reply says that it is a repeat. */
export function replay<Result>(ctx: { meta: Meta }, kept: KeptReply, firstRequestId: string | null): Result {
	const reply: Reply = { replayed: true, requestId: firstRequestId ?? undefined };
	if ("refusal" in kept) {
		ctx.meta.reply = reply;
		throw new StoaFailure(kept.refusal.kind, kept.refusal.code, kept.refusal.message, kept.refusal.data);
	}
	ctx.meta.reply = { ...reply, status: kept.status, location: kept.location };
	return kept.result as Result;
}
