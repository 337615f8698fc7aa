import { answer } from "../../../../lib/contract.ts";
import { randomToken, sha256 } from "../../../../lib/crypto.ts";
import { unauthenticated } from "../../../../lib/failure.ts";
import * as authentication from "../authentication.contract.ts";
import { judgeRefresh } from "../authentication.domain.ts";
import { type Authentication, announceEnded, rightsOf, signedIn } from "../authentication.sessions.ts";

export const refresh = answer(authentication.refresh, async function (this: Authentication, ctx) {
	const usedHash = sha256(ctx.params.refreshToken);
	const known = await this.store.reader.refreshToken(usedHash);
	const session = known && (await this.store.reader.session(known.sessionId));
	if (!session) throw unauthenticated();
	// Asked before the token is used up: a neighbour that is away must not cost the caller the session. A token that is no good has no use for it.
	const sound = judgeRefresh(known, session, this.runtime.clock.now()) === "rotate";
	const rights = sound ? await rightsOf(ctx, session.userId) : undefined;
	const fresh = randomToken();
	const verdict = await this.store.transaction(async tx => {
		const family = await tx.lockFamily(usedHash);
		const judged = judgeRefresh(family?.token, family?.session, tx.now());
		if (judged === "rotate") await tx.rotate(session.id, usedHash, sha256(fresh));
		if (judged === "reused") await tx.endSession(session, "refreshReused");
		return judged;
	});
	if (verdict === "reused") {
		await announceEnded(this, [session.id]);
		throw authentication.refreshTokenReused();
	}
	if (verdict === "worthless" || !rights) throw unauthenticated();
	return signedIn(this, rights, session.id, fresh);
});
