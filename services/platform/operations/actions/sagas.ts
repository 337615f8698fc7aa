// Processes across services: found, pushed, taken back.
import { ask, type CallContext, type ResultOf } from "../../../../lib/contract.ts";
import { notFound } from "../../../../lib/failure.ts";
import type { Saga } from "../../../../lib/store-contract.ts";
import type * as operations from "../operations.contract.ts";
import { decodeIds, encodeIds, marksAfter, merge } from "../operations.domain.ts";
import type { Operations } from "../operations.service.ts";
import { splitId } from "./dead-letters.ts";

const newer = (a: Saga, b: Saga) => (a.createdAt === b.createdAt ? a.id > b.id : a.createdAt > b.createdAt);

export async function listSagas(
	this: Operations,
	ctx: CallContext<typeof operations.listSagas>,
): Promise<ResultOf<typeof operations.listSagas>> {
	const { limit = 20, cursor, status, kind } = ctx.params;
	const marks = decodeIds(cursor);
	const answers = await this.stores.each((store, service) =>
		ask(ctx, store.listSagas, { status, kind, before: marks.get(service), limit: limit + 1 }),
	);
	const { taken, more } = merge(answers, limit, newer);
	const next = marksAfter(marks, taken, saga => splitId(saga.id)[1]);
	return { data: taken.map(({ answer }) => answer), nextCursor: more ? encodeIds(next) : null };
}

type OfSaga = CallContext<typeof operations.getSaga>;

const ofSaga = (verb: "getSaga" | "retrySaga" | "compensateSaga") =>
	async function (this: Operations, ctx: OfSaga): Promise<Saga> {
		const [service, id] = splitId(ctx.params.id);
		const saga = await this.stores.one(service, store => ask(ctx, store[verb], { id }));
		if (!saga) throw notFound();
		return saga;
	};

export const getSaga = ofSaga("getSaga");
export const retrySaga = ofSaga("retrySaga");
export const compensateSaga = ofSaga("compensateSaga");
