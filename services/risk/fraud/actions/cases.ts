import { answer } from "../../../../lib/contract.ts";
import { pageOf } from "../../../../lib/cursor.ts";
import { notFound } from "../../../../lib/failure.ts";
import * as contract from "../cases.contract.ts";
import type { DecidingCase } from "../decide-case.saga.ts";
import { type Asking, type CaseDocument, refuseDecision, shownCase } from "../desk/cases.ts";
import type { DeskService } from "../desk/desk.ts";
import { placeOf } from "../desk/places.ts";
import { settle } from "../desk/settling.ts";

const askingOf = ({ locals, meta }: { locals: { principal?: { userId: string } }; meta: { request?: { ifMatch?: string } } }): Asking => ({
	by: locals.principal!.userId,
	ifMatch: meta.request?.ifMatch,
});

async function mustBe({ desk }: DeskService, id: string): Promise<CaseDocument> {
	const found = await desk.cases.get(id);
	if (!found) throw notFound();
	return found;
}

export const listCases = answer(contract.listCases, async function (this: DeskService, ctx) {
	const { status, userId, limit = 20, cursor } = ctx.params;
	const found = await this.desk.cases.page({
		...(status === undefined ? {} : { status }),
		...(userId === undefined ? {} : { userId }),
		...(cursor === undefined ? {} : { after: placeOf(cursor) }),
		limit: limit + 1,
	});
	const page = pageOf(found, limit, ({ openedAt, _id }) => [openedAt, _id]);
	return { ...page, data: page.data.map(shownCase) };
});

export const getCase = answer(contract.getCase, async function (this: DeskService, ctx) {
	return shownCase(await mustBe(this, ctx.params.id));
});

export const claimCase = answer(contract.claimCase, async function (this: DeskService, ctx) {
	return shownCase(await this.desk.cases.claim(ctx.params.id, askingOf(ctx)));
});

export const releaseCase = answer(contract.releaseCase, async function (this: DeskService, ctx) {
	return shownCase(await this.desk.cases.release(ctx.params.id, askingOf(ctx)));
});

export const decideCase = answer(contract.decideCase, async function (this: DeskService, ctx) {
	const { id, decision, note } = ctx.params;
	const asking = askingOf(ctx);
	if (decision === "unsure") return shownCase(await this.desk.cases.doubt(id, { ...asking, note }));
	// The saga asks again when it closes the case; asked here first, most refusals leave no saga behind.
	refuseDecision(await mustBe(this, id), asking);
	const deciding: DecidingCase = { caseId: id, decision, note, ...asking };
	await settle(this, "decideCase", deciding);
	return shownCase(await mustBe(this, id));
});
