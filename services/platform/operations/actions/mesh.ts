// The processes of the mesh, and what is on its way between them.
import { ask, type CallContext, type ResultOf } from "../../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../../lib/cursor.ts";
import { listMeshNodes } from "../../../../lib/operator-contract.ts";
import type * as operations from "../operations.contract.ts";
import { type Backlog, backlogs } from "../operations.domain.ts";
import type { Operations } from "../operations.service.ts";

export async function listNodes(
	this: Operations,
	ctx: CallContext<typeof operations.listNodes>,
): Promise<ResultOf<typeof operations.listNodes>> {
	const { limit = 20, cursor } = ctx.params;
	const after = cursor ? String(decodeCursor(cursor, 1)[0]) : "";
	const { data } = await ask(ctx, listMeshNodes, {}, { nodeID: this.broker.nodeID });
	return pageOf(
		data.filter(({ id }) => id > after),
		limit,
		({ id }) => [id],
	);
}

/** How long the oldest fact that somebody still lacks has waited. */
async function ageOf(
	{ stores, runtime }: Operations,
	ctx: CallContext<typeof operations.readOutbox>,
	{ service, takenTo, head, oldestSeconds }: Backlog,
): Promise<number> {
	if (takenTo === head) return oldestSeconds;
	const [oldest] = (await stores.one(service, store => ask(ctx, store.readFacts, { after: takenTo, limit: 1 }))) ?? [];
	return oldest ? Math.max(oldestSeconds, (runtime.clock.now() - Date.parse(oldest.occurredAt)) / 1000) : oldestSeconds;
}

export async function readOutbox(
	this: Operations,
	ctx: CallContext<typeof operations.readOutbox>,
): Promise<ResultOf<typeof operations.readOutbox>> {
	const states = await this.stores.each(store => ask(ctx, store.storeState, {}));
	const data = backlogs(states.map(({ answer }) => answer)).map(async backlog => {
		const { service, pending } = backlog;
		return { service, pending, oldestSeconds: await ageOf(this, ctx, backlog) };
	});
	return { data: await Promise.all(data) };
}
