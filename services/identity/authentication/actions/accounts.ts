import { answer, tell } from "../../../../lib/contract.ts";
import { notFound } from "../../../../lib/failure.ts";
import * as authentication from "../authentication.contract.ts";
import { type Authentication, announceEnded, emailKeyOf } from "../authentication.sessions.ts";

export const emailsOf = answer(authentication.emailsOf, async function (this: Authentication, ctx) {
	return { emails: await this.store.reader.emailsOf(ctx.params.userIds) };
});

export const userByEmail = answer(authentication.userByEmail, async function (this: Authentication, ctx) {
	const account = await this.store.reader.accountByKey(emailKeyOf(this, ctx.params.email));
	return { userId: account?.userId ?? null };
});

export const setDisabled = answer(authentication.setDisabled, async function (this: Authentication, ctx) {
	const { userId, disabled, version } = ctx.params;
	const ended = await this.store.transaction(async tx => {
		const account = await tx.lockAccount(userId);
		if (!account) throw notFound();
		// A repeat that comes late must not undo what was decided since; an erased person stays erased.
		if (account.status === "erased" || version <= account.statusVersion) return [];
		await tx.setStatus(userId, disabled ? "disabled" : "active", version);
		await tell(tx, disabled ? authentication.disabled : authentication.enabled, { userId });
		return disabled ? tx.endSessions(userId, "disabled") : [];
	});
	await announceEnded(this, ended);
	return null;
});

export const erase = answer(authentication.erase, async function (this: Authentication, ctx) {
	const { userId } = ctx.params;
	const ended = await this.store.transaction(async tx => {
		await tx.forgetCredentials(userId);
		return tx.endSessions(userId, "erased");
	});
	await announceEnded(this, ended);
	return null;
});
