// Facts that a listener could not apply: found, tried again, given up.

import { rfc3339 } from "../../../../lib/clock.ts";
import { ask, type CallContext, type ResultOf } from "../../../../lib/contract.ts";
import { notFound, validationFailed } from "../../../../lib/failure.ts";
import { currentScope } from "../../../../lib/scope.ts";
import type { DeadLetter } from "../../../../lib/store-contract.ts";
import * as operations from "../operations.contract.ts";
import { decodeIds, encodeIds, marksAfter, merge } from "../operations.domain.ts";
import type { Operations } from "../operations.service.ts";
import type { StoreDoor } from "../operations.stores.ts";

/** `notifications:evt_…` → the listening service, and the id it knows the letter by. */
export function splitId(id: string): [service: string, own: string] {
	const at = id.indexOf(":");
	return [id.slice(0, at), id.slice(at + 1)];
}

const newer = (a: DeadLetter, b: DeadLetter) => a.envelope.id > b.envelope.id;

export async function listLetters(
	this: Operations,
	ctx: CallContext<typeof operations.listLetters>,
): Promise<ResultOf<typeof operations.listLetters>> {
	const { limit = 20, cursor, group, status } = ctx.params;
	if (group !== undefined && !this.stores.has(group))
		throw validationFailed({ errors: [{ pointer: "/group", code: "unknown_group", detail: "is not a service that keeps a store" }] });
	const marks = decodeIds(cursor);
	const answers = await this.stores.each(
		(store, service) => ask(ctx, store.listLetters, { status, before: marks.get(service), limit: limit + 1 }),
		group,
	);
	const { taken, more } = merge(answers, limit, newer);
	const next = marksAfter(marks, taken, letter => letter.envelope.id);
	return { data: taken.map(({ answer }) => answer), nextCursor: more ? encodeIds(next) : null };
}

async function inItsGroup<Answer>(
	{ stores }: Operations,
	id: string,
	work: (store: StoreDoor, own: string) => Promise<Answer>,
): Promise<Answer> {
	const [group, own] = splitId(id);
	const answer = await stores.one(group, store => work(store, own));
	if (answer === undefined) throw notFound();
	return answer;
}

const who = () => currentScope()?.actor?.id ?? "an operator";

export function getLetter(this: Operations, ctx: CallContext<typeof operations.getLetter>): Promise<DeadLetter> {
	return inItsGroup(this, ctx.params.id, (store, id) => ask(ctx, store.getLetter, { id }));
}

/** Answers the letter as it was set up for its next try: by the time the answer arrives it may have been applied and be gone. */
export async function redriveLetter(this: Operations, ctx: CallContext<typeof operations.redriveLetter>): Promise<DeadLetter> {
	const redriven = await inItsGroup(this, ctx.params.id, async (store, id) => {
		const letter = await ask(ctx, store.getLetter, { id });
		const { done } = await ask(ctx, store.redriveLetter, { id });
		// Not done: it waits, or was applied or dropped since it was read.
		if (!done && letter.status === "waiting") throw operations.letterWaiting({ id: letter.id });
		if (!done) throw notFound();
		return letter;
	});
	this.logger.info(`${redriven.id} (${redriven.type}) is tried again for ${who()}`);
	return { ...redriven, status: "retrying", attempts: 0, nextAt: rfc3339(this.runtime.clock.now()) };
}

export async function dropLetter(this: Operations, ctx: CallContext<typeof operations.dropLetter>): Promise<operations.DroppedLetter> {
	const dropped = await inItsGroup(this, ctx.params.id, async (store, id) => {
		const letter = await ask(ctx, store.getLetter, { id });
		if (!(await ask(ctx, store.dropLetter, { id })).done) throw notFound();
		return letter;
	});
	this.logger.warn(`${dropped.id} (${dropped.type}, key ${dropped.key}) was given up by ${who()}`);
	return { ...dropped, status: "dropped", nextAt: null };
}
