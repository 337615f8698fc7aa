// Facts of all services as one list, and hearing them again.

import { rfc3339 } from "../../../../lib/clock.ts";
import { ask, type CallContext, type ResultOf } from "../../../../lib/contract.ts";
import { validationFailed } from "../../../../lib/failure.ts";
import type { Envelope } from "../../../../lib/vocabulary.ts";
import type * as operations from "../operations.contract.ts";
import { encodePlace, marksAfter, merge, placeOf } from "../operations.domain.ts";
import type { Operations } from "../operations.service.ts";

type Listed = ResultOf<typeof operations.listEvents>;

// Ids sort by time.
const older = (a: Envelope, b: Envelope) => a.id < b.id;
const positionOf = (fact: Envelope) => fact.position;

/** Reads on from a place. Every service is asked for a whole page: all the facts of the next one may be one service's. */
export async function listEvents(this: Operations, ctx: CallContext<typeof operations.listEvents>): Promise<Listed> {
	const { type, key, limit = 20, newest, cursor } = ctx.params;
	if (newest && !cursor) return newestEvents(this, ctx);
	const place = placeOf(ctx.params);
	const answers = await this.stores.each((store, service) => {
		const mark = place.marks.get(service);
		const from = mark === undefined ? { after: 0, newerThan: place.newerThan } : { after: mark };
		return ask(ctx, store.readFacts, { ...from, type, key, limit: limit + 1 });
	});
	const { taken, more } = merge(answers, limit, older);
	const tail = encodePlace({ ...place, marks: marksAfter(place.marks, taken, positionOf) });
	return { data: taken.map(({ answer }) => answer), nextCursor: more ? tail : null, tail };
}

/** The end of the list, and the place behind it. */
async function newestEvents({ stores }: Operations, ctx: CallContext<typeof operations.listEvents>): Promise<Listed> {
	const { type, key, limit = 20 } = ctx.params;
	const answers = await stores.each(store => ask(ctx, store.readFacts, { after: 0, type, key, newest: true, limit }));
	// What was read and is not shown is read all the same: the place is behind it.
	const { taken } = merge(answers, Number.POSITIVE_INFINITY, older);
	return {
		data: taken.slice(-limit).map(({ answer }) => answer),
		nextCursor: null,
		tail: encodePlace({ marks: marksAfter(new Map(), taken, positionOf) }),
	};
}

/** Facts carry their time in UTC with milliseconds, and are compared as text. */
const inUtc = (time: string | undefined) => (time === undefined ? undefined : rfc3339(Date.parse(time)));

export async function replay(this: Operations, ctx: CallContext<typeof operations.replay>): Promise<ResultOf<typeof operations.replay>> {
	const { group, dryRun = false } = ctx.params;
	const from = inUtc(ctx.params.from);
	const to = inUtc(ctx.params.to);
	if (from && to && from >= to)
		throw validationFailed({ errors: [{ pointer: "/to", code: "not_after_from", detail: "must be later than from" }] });
	const counted = await this.stores.one(group, store => ask(ctx, store.replayFacts, { from, to, dryRun }));
	if (!counted)
		throw validationFailed({ errors: [{ pointer: "/group", code: "unknown_group", detail: "is not a service that keeps a store" }] });
	if (!dryRun) this.logger.info(`${group} heard ${counted.considered} facts again, ${counted.repaired} were missing`);
	return { group, ...counted };
}
