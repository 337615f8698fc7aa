import { answer } from "../../../../lib/contract.ts";
import * as authentication from "../authentication.contract.ts";
import { registrationMs } from "../authentication.domain.ts";
import { type Authentication, emailKeyOf, openSession, originOf, provePassword, registrationDone } from "../authentication.sessions.ts";

export const login = answer(authentication.login, async function (this: Authentication, ctx) {
	const emailKey = emailKeyOf(this, ctx.params.email);
	const origin = originOf(this, ctx.meta);
	const known = await this.store.reader.accountByKey(emailKey);
	const account = await provePassword(this, { emailKey, account: known, password: ctx.params.password, origin });
	// A registration that a crash cut off is finished by whoever knows its password, also by signing in.
	if (account.status === "pending") await registrationDone(this, account, registrationMs);
	return openSession(this, ctx, {
		account,
		origin,
		by: "login",
		async first(tx) {
			if (account.welcomedAt === null) await tx.welcome(account.userId);
		},
	});
});
