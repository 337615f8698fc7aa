// Likes and visits: contract to domain to store. Recording one and telling of it is one transaction.
import type { Context } from "moleculer";
import { answer, type CallContext, type Locals, type Meta } from "../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../lib/cursor.ts";
import { notFound } from "../../../lib/failure.ts";
import { keyedRequest } from "../../../lib/idempotency.ts";
import { newId } from "../../../lib/ids.ts";
import { originOf } from "../../../lib/origin.ts";
import { mayDo } from "../../../lib/principal.ts";
import { defineService } from "../../../lib/service.ts";
import type { Paging } from "../../../lib/vocabulary.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import * as contract from "./interactions.contract.ts";
import { type Doer, type Kept, newInteraction, shown } from "./interactions.domain.ts";
import { InteractionsTx, type Wanted } from "./interactions.store.ts";
import { interactions as table } from "./migrations/0001-interactions.ts";

type Interactions = SqlService<InteractionsTx>;
type Call = Context<unknown, Meta, Locals>;

function doerOf({ runtime }: Interactions, { locals, meta }: Call): Doer {
	const { userId, sessionId } = locals.principal!;
	return { userId, sessionId, ...originOf(runtime.secret(), meta.request) };
}

/** What stands for each of them afterwards, and whether it is new. */
async function recordAll(
	tx: InteractionsTx,
	doer: Doer,
	asked: readonly contract.NewInteraction[],
): Promise<{ kept: Kept; isNew: boolean }[]> {
	const now = tx.now();
	const fresh = asked.map(each => newInteraction(each, { id: newId("int", now), userId: doer.userId, now }));
	const stand = await tx.record(fresh, doer);
	return stand.map((kept, at) => ({ kept, isNew: kept === fresh[at] }));
}

async function listOf({ store }: Interactions, wanted: Wanted, { limit = 20, cursor }: Paging) {
	const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
	const [rows, total] = await Promise.all([store.reader.page(wanted, { before, limit: limit + 1 }), store.reader.count(wanted)]);
	const page = pageOf(rows, limit, ({ id }) => [id]);
	return { ...page, data: page.data.map(shown), total };
}

function ofUser(this: Interactions, ctx: CallContext<typeof contract.ofUser>) {
	const { id: userId, kind, target, ...paging } = ctx.params;
	return listOf(this, { userId, kind, target }, paging);
}

export default defineService<Interactions>({
	name: "interactions",
	mixins: [sqlStore({ migrations: [table], tx: InteractionsTx })],

	actions: {
		record: answer(contract.record, function (this: Interactions, ctx) {
			const doer = doerOf(this, ctx);
			return this.store.once(ctx, keyedRequest(ctx), async tx => {
				const [only] = await recordAll(tx, doer, [ctx.params]);
				ctx.meta.reply = { status: only!.isNew ? 201 : 200 };
				return shown(only!.kept);
			});
		}),

		recordBatch: answer(contract.recordBatch, function (this: Interactions, ctx) {
			const doer = doerOf(this, ctx);
			return this.store.once(ctx, keyedRequest(ctx), async tx => {
				const recorded = await recordAll(tx, doer, ctx.params.items);
				return { data: recorded.map(({ kept }) => shown(kept)) };
			});
		}),

		get: answer(contract.get, async function (this: Interactions, ctx) {
			const kept = await this.store.reader.one(ctx.params.id);
			const { principal } = ctx.locals;
			if (!kept || (kept.userId !== principal!.userId && !mayDo(principal, "interactions:read"))) throw notFound();
			return shown(kept);
		}),

		mine: answer(contract.mine, function (this: Interactions, ctx) {
			const { kind, target, ...paging } = ctx.params;
			return listOf(this, { userId: ctx.locals.principal!.userId, kind, target }, paging);
		}),

		ofUser: answer(contract.ofUser, ofUser),
		ofUserAtPrompt: answer(contract.ofUserAtPrompt, ofUser),
	},
});
