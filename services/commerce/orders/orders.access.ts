// Who may open an order, its operation and its timeline: its buyer, the holder of the cart's token, or staff. Strangers learn nothing.
import type { Locals, Meta } from "../../../lib/contract.ts";
import { keyedHash } from "../../../lib/crypto.ts";
import { notFound } from "../../../lib/failure.ts";
import { mayDo } from "../../../lib/principal.ts";

interface Owned {
	userId: string | null;
	tokenHash: string | null;
}

interface Asking {
	meta: Meta;
	locals: Locals;
}

/** Throws not_found unless the caller owns it, holds its cart's token, or has the staff permission. */
export function assertMayOpen(ctx: Asking, owned: Owned | undefined, secret: Buffer, permission: string): asserts owned {
	if (!owned) throw notFound();
	const { principal } = ctx.locals;
	if (principal && (owned.userId === principal.userId || mayDo(principal, permission))) return;
	const token = ctx.meta.request?.cartToken;
	if (token && owned.tokenHash && keyedHash(secret, "cart-token", token) === owned.tokenHash) return;
	throw notFound();
}
