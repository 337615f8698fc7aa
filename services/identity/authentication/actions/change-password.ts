import { answer, tell } from "../../../../lib/contract.ts";
import { unauthenticated } from "../../../../lib/failure.ts";
import * as authentication from "../authentication.contract.ts";
import { acceptPassword } from "../authentication.domain.ts";
import { type Authentication, announceEnded, originOf, provePassword } from "../authentication.sessions.ts";

export const changePassword = answer(authentication.changePassword, async function (this: Authentication, ctx) {
	const { userId, sessionId } = ctx.locals.principal!;
	const accepted = acceptPassword(ctx.params.newPassword, "/newPassword");
	const known = await this.store.reader.account(userId);
	if (!known?.emailKey) throw unauthenticated();
	const attempt = { emailKey: known.emailKey, account: known, password: ctx.params.currentPassword, origin: originOf(this, ctx.meta) };
	const account = await provePassword(this, attempt);
	const passwordHash = await this.passwords.hash(accepted);
	const ended = await this.store.transaction(async tx => {
		// Two changes at once: the second was proven with a password that is not the current one any more.
		if ((await tx.lockAccount(userId))?.passwordHash !== account.passwordHash) throw authentication.invalidCredentials();
		await tx.setPassword(userId, passwordHash);
		await tell(tx, authentication.passwordChanged, { userId, sessionId });
		return tx.endSessions(userId, "passwordChanged", sessionId);
	});
	await announceEnded(this, ended);
	return null;
});
