import { answer, ask } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import type { Role } from "../../../../lib/principal.ts";
import { asActor } from "../../../../lib/scope.ts";
import { usersWithRole } from "../../authorization/authorization.contract.ts";
import * as authentication from "../authentication.contract.ts";
import { type Account, acceptPassword, foldEmail, registrationMs, wasCutOff } from "../authentication.domain.ts";
import { type Authentication, emailKeyOf, openSession, originOf, provePassword, registrationDone } from "../authentication.sessions.ts";
import type { AuthenticationTx } from "../authentication.store.ts";
import type { Registration } from "../register.saga.ts";

interface Registering {
	email: string;
	password: string;
	name: string;
	roles: Role[];
	/** Nobody waits for a session: the account counts as answered. */
	welcomed?: boolean;
}

/** Claims the email for a new account and begins its registration; undefined when somebody has it. */
async function claim(service: Authentication, { email, password, name, roles, welcomed }: Registering): Promise<Account | undefined> {
	const emailKey = emailKeyOf(service, email);
	const passwordHash = await service.passwords.hash(password);
	const userId = newId("usr", service.runtime.clock.now());
	const begin = async (tx: AuthenticationTx) => {
		const now = tx.now();
		const account: Account = {
			userId,
			email: foldEmail(email),
			emailKey,
			passwordHash,
			status: "pending",
			statusVersion: 0,
			registrationId: newId("sag", now),
			claimedBy: service.runtime.instance,
			welcomedAt: welcomed ? now : null,
			createdAt: now,
		};
		if (!(await tx.claimEmail(account, name))) return undefined;
		const registration: Registration = { userId, roles };
		await service.store.sagas.begin(tx, "register", registration, { id: account.registrationId });
		return account;
	};
	// Who registers does it in their own name; an account that the house brings along is nobody's doing.
	return welcomed ? service.store.transaction(begin) : asActor({ kind: "user", id: userId }, () => service.store.transaction(begin));
}

export const register = answer(authentication.register, async function (this: Authentication, ctx) {
	const { email, name } = ctx.params;
	const password = acceptPassword(ctx.params.password, "/password");
	const emailKey = emailKeyOf(this, email);
	const origin = originOf(this, ctx.meta);
	const known = await this.store.reader.accountByKey(emailKey);
	const account = known ?? (await claim(this, { email, password, name, roles: ["customer"] }));
	if (!account) throw authentication.emailTaken();
	if (known) {
		const given = { now: this.runtime.clock.now(), here: this.runtime.instance, alone: this.store.exclusive };
		if (!wasCutOff(known, given)) throw authentication.emailTaken();
		await provePassword(this, { emailKey, account: known, password, origin }).catch(error => {
			throw authentication.invalidCredentials.matches(error) ? authentication.emailTaken() : error;
		});
	}
	await registrationDone(this, account, registrationMs);
	return openSession(this, ctx, {
		account,
		origin,
		by: "register",
		async first(tx) {
			if (!(await tx.welcome(account.userId))) throw authentication.emailTaken();
		},
	});
});

/** Somebody the house itself brings along. An existing account is left as it is. */
async function ensure(service: Authentication, wanted: Omit<Registering, "welcomed">): Promise<{ userId: string; created: boolean }> {
	const password = acceptPassword(wanted.password, "/password");
	const known = () => service.store.reader.accountByKey(emailKeyOf(service, wanted.email));
	const before = await known();
	const made = before ? undefined : await claim(service, { ...wanted, password, welcomed: true });
	const account = made ?? before ?? (await known());
	// Claimed and released again in this very moment: the next call finds the email free.
	if (!account) throw authentication.emailTaken();
	await registrationDone(service, account, registrationMs);
	return { userId: account.userId, created: made !== undefined };
}

export const ensureUser = answer(authentication.ensureUser, function (this: Authentication, ctx) {
	return ensure(this, { ...ctx.params, roles: [...new Set(ctx.params.roles)] });
});

export const ensureAdministrator = answer(authentication.ensureAdministrator, async function (this: Authentication, ctx) {
	const { email, password, onlyIfNone } = ctx.params;
	if (onlyIfNone && (await ask(ctx, usersWithRole, { role: "admin" })).userIds.length > 0) return { created: false };
	const { created } = await ensure(this, { email, password, name: "Administrator", roles: ["admin", "customer"] });
	return { created };
});
