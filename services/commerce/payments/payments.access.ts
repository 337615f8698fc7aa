import type { Context } from "moleculer";
import { etagOf } from "../../../lib/canonical.ts";
import type { Locals, Meta } from "../../../lib/contract.ts";
import { versionStale } from "../../../lib/failure.ts";
import { mayDo, type Principal } from "../../../lib/principal.ts";
import { isTombstone, type Payment, viewOf } from "./payments.domain.ts";

/** One's own, or any with the permission. A guest's payment is nobody's: its cart token opens the order, not this. */
export function maySee(principal: Principal | undefined, payment: Payment): boolean {
	if (!principal || isTombstone(payment)) return false;
	return payment.userId === principal.userId || mayDo(principal, "payments:read");
}

/** If-Match: what the client saw must be the present state. */
export function refuseStale({ meta }: Context<unknown, Meta, Locals>, payment: Payment): void {
	const ifMatch = meta.request?.ifMatch?.trim();
	if (ifMatch === undefined || ifMatch === "*") return;
	const present = etagOf(viewOf(payment));
	if (!ifMatch.split(",").some(tag => tag.trim() === present)) throw versionStale();
}
