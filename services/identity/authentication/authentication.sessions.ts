// What every sign-in has in common: proving a password, opening a session, and making its end known at once.
import { ask, type Meta, tell } from "../../../lib/contract.ts";
import { keyedHash, randomToken, sha256 } from "../../../lib/crypto.ts";
import { notFound, rateLimited, serviceUnavailable } from "../../../lib/failure.ts";
import { originOf as hashedOrigin, type Origin } from "../../../lib/origin.ts";
import { asActor } from "../../../lib/scope.ts";
import { accessTokenSeconds, tokensOf } from "../../../lib/tokens.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { rolesOf } from "../authorization/authorization.contract.ts";
import { compose, type User } from "../users/users.contract.ts";
import { failed, invalidCredentials, type SignedIn, sessionEnded, succeeded } from "./authentication.contract.ts";
import { type Account, foldEmail, normalPassword, retryAfter } from "./authentication.domain.ts";
import type { Passwords } from "./authentication.passwords.ts";
import type { AuthenticationTx } from "./authentication.store.ts";

export type Authentication = SqlService<AuthenticationTx> & { passwords: Passwords };

/** Whatever can call another service in the name of a request. */
type Caller = Parameters<typeof ask>[0];

export const emailKeyOf = (service: Authentication, email: string) => keyedHash(service.runtime.secret(), "email", foldEmail(email));

/** Where a request comes from, as it may be kept: hashes. */
export const originOf = (service: Authentication, meta: Meta): Origin => hashedOrigin(service.runtime.secret(), meta.request);

/** Account and address together are what failed attempts are counted by. */
const subjectOf = (emailKey: string, { addressHash }: Origin) => sha256(`${emailKey}\n${addressHash}`);

async function refuseTooMany(tx: AuthenticationTx, subject: string): Promise<void> {
	const seconds = retryAfter(await tx.failuresOf(subject), tx.now());
	if (seconds !== undefined) throw rateLimited({ retryAfterSeconds: seconds });
}

/**
 * Proves that a password opens an account. Whether the account is unknown, closed to sign-in or the password is wrong, the work and the answer are
 * the same: `invalid_credentials`. Throws `rate_limited` beyond the failures that account and address may have.
 */
export async function provePassword(
	service: Authentication,
	attempt: { emailKey: string; account: Account | undefined; password: string; origin: Origin },
): Promise<Account> {
	const { emailKey, account, origin } = attempt;
	const subject = subjectOf(emailKey, origin);
	await refuseTooMany(service.store.reader, subject);
	const fits = await service.passwords.fits(normalPassword(attempt.password), account?.passwordHash);
	if (fits && account && (account.status === "active" || account.status === "pending")) return account;
	await service.store.transaction(async tx => {
		// Attempts that ran beside this one may have used up what was left: a flood at once gets no more answers than one after another.
		await tx.lockAttempts(subject);
		await refuseTooMany(tx, subject);
		await tx.recordFailure(subject);
		await tell(tx, failed, { emailHash: emailKey, userId: account?.userId ?? null, ...origin });
	});
	throw invalidCredentials();
}

/** Waits until a registration is through. Throws why it came to nothing, or `service_unavailable` when that is not known in time. */
export async function registrationDone(service: Authentication, account: Pick<Account, "registrationId">, ms: number): Promise<void> {
	service.store.sagas.drive(account.registrationId);
	const saga = await service.store.sagas.settled(account.registrationId, ms);
	if (saga?.status !== "succeeded") throw serviceUnavailable({ retryAfterSeconds: 1 });
}

/** Who somebody is and what they may do, as their tokens will say. */
export async function rightsOf(caller: Caller, userId: string): Promise<{ user: User; roleVersion: number }> {
	const [composed, granted] = await Promise.all([ask(caller, compose, { userIds: [userId] }), ask(caller, rolesOf, { userIds: [userId] })]);
	const [user] = composed.users;
	const [grant] = granted.users;
	if (!user || !grant) throw notFound();
	// The version must not be newer than the roles that are signed: then a change in between is noticed when the token is used.
	return { user: { ...user, roles: grant.roles }, roleVersion: grant.version };
}

export function signedIn(
	service: Authentication,
	rights: { user: User; roleVersion: number },
	sessionId: string,
	refreshToken: string,
): SignedIn {
	const { user, roleVersion } = rights;
	const accessToken = tokensOf(service.runtime).sign({ userId: user.id, sessionId, roles: user.roles, roleVersion });
	return { user, accessToken, refreshToken, tokenType: "Bearer", expiresIn: accessTokenSeconds };
}

/** A session for an account whose password was proven. Throws `invalid_credentials` when the account changed in between, and what `first` throws. */
export async function openSession(
	service: Authentication,
	caller: Caller,
	given: { account: Account; origin: Origin; by: "register" | "login"; first(tx: AuthenticationTx): Promise<void> },
): Promise<SignedIn> {
	const { account, origin, by } = given;
	const rights = await rightsOf(caller, account.userId);
	const refreshToken = randomToken();
	const openFirst = async (tx: AuthenticationTx) => {
		await refuseTooMany(tx, subjectOf(account.emailKey ?? "", origin));
		const now = await tx.lockAccount(account.userId);
		if (now?.status !== "active" || now.passwordHash !== account.passwordHash) throw invalidCredentials();
		await given.first(tx);
		const opened = await tx.openSession({ userId: account.userId, device: origin.deviceHash }, sha256(refreshToken));
		await tell(tx, succeeded, { userId: account.userId, sessionId: opened, by, ...origin });
		return opened;
	};
	// No token says yet who it is; the password just did.
	const sessionId = await asActor({ kind: "user", id: account.userId }, () => service.store.transaction(openFirst));
	return signedIn(service, rights, sessionId, refreshToken);
}

/** Every node refuses the tokens of these sessions before the caller is answered; what a broadcast loses, the poll of `endedSessions` says. */
export async function announceEnded(service: Authentication, sessionIds: readonly string[]): Promise<void> {
	await Promise.all(sessionIds.map(sessionId => service.broker.broadcast(sessionEnded.name, { sessionId })));
}
