import { answer } from "../../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../../lib/cursor.ts";
import { notFound } from "../../../../lib/failure.ts";
import * as authentication from "../authentication.contract.ts";
import { shownSession } from "../authentication.domain.ts";
import { type Authentication, announceEnded } from "../authentication.sessions.ts";

export const logout = answer(authentication.logout, async function (this: Authentication, ctx) {
	const { userId, sessionId } = ctx.locals.principal!;
	await this.store.transaction(tx => tx.endSession({ id: sessionId, userId }, "logout"));
	await announceEnded(this, [sessionId]);
	return null;
});

export const listSessions = answer(authentication.listSessions, async function (this: Authentication, ctx) {
	const { userId, sessionId } = ctx.locals.principal!;
	const { limit = 20, cursor } = ctx.params;
	const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
	const rows = await this.store.reader.sessionsOf(userId, { before, limit: limit + 1 });
	const page = pageOf(rows, limit, row => [row.id]);
	return { ...page, data: page.data.map(row => shownSession(row, sessionId)) };
});

export const endSession = answer(authentication.endSession, async function (this: Authentication, ctx) {
	const { userId } = ctx.locals.principal!;
	const { id } = ctx.params;
	const ended = await this.store.transaction(async tx => {
		const session = await tx.session(id);
		return session?.userId === userId && session.expiresAt > tx.now() && (await tx.endSession(session, "endedByOwner"));
	});
	// Somebody else's, and one that is over already, are alike: not there.
	if (!ended) throw notFound();
	await announceEnded(this, [id]);
	return null;
});

export const endSessions = answer(authentication.endSessions, async function (this: Authentication, ctx) {
	const { userId, exceptSessionId } = ctx.params;
	const ended = await this.store.transaction(tx => tx.endSessions(userId, "endedByHouse", exceptSessionId));
	await announceEnded(this, ended);
	return { ended: ended.length };
});

export const endedSessions = answer(authentication.endedSessions, async function (this: Authentication, ctx) {
	return { sessionIds: await this.store.reader.endedSince(ctx.params.since) };
});
