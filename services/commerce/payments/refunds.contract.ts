// Where a refund is read: the answer that made it may have said `pending`, and what became of it is found here.
import Type from "typebox";
import { action } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import { Id, Page, Paging } from "../../../lib/vocabulary.ts";
import { RefundView } from "./payments.contract.ts";

export const listRefunds = action({
	name: "payments.listRefunds",
	summary: "What was given back of a payment, newest first: of one's own, or of any with payments:read.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/payments/:id/refunds", tag: "Payments" },
	params: Type.Object({ id: Id("pay"), ...Paging }),
	returns: Page(RefundView),
	throws: [notFound],
});

export const getRefund = action({
	name: "payments.getRefund",
	summary: "One refund, as it stands now.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/payments/:id/refunds/:refundId", tag: "Payments" },
	params: Type.Object({ id: Id("pay"), refundId: Id("rfd") }),
	returns: RefundView,
	throws: [notFound],
});
