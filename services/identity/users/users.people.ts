// Whole people, composed from their three owners: two calls however many are asked for.
import { ask } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { emailsOf } from "../authentication/authentication.contract.ts";
import { rolesOf } from "../authorization/authorization.contract.ts";
import type { User } from "./users.contract.ts";
import { composeUser } from "./users.domain.ts";
import type { UsersTx } from "./users.store.ts";

export type Users = SqlService<UsersTx>;
export type Caller = Parameters<typeof ask>[0];

/** The known ones of these people, in the order asked. */
export async function people(service: Users, caller: Caller, userIds: readonly string[]): Promise<User[]> {
	const profiles = new Map((await service.store.reader.profiles(userIds)).map(profile => [profile.userId, profile]));
	const known = userIds.filter(userId => profiles.has(userId));
	if (known.length === 0) return [];
	const [{ emails }, { users }] = await Promise.all([ask(caller, emailsOf, { userIds: known }), ask(caller, rolesOf, { userIds: known })]);
	const emailBy = new Map(emails.map(({ userId, email }) => [userId, email]));
	const grantBy = new Map(users.map(grant => [grant.userId, grant]));
	return known.map(userId => composeUser(profiles.get(userId)!, emailBy.get(userId), grantBy.get(userId)));
}

/** Throws `not_found` for nobody. */
export async function person(service: Users, caller: Caller, userId: string): Promise<User> {
	const [user] = await people(service, caller, [userId]);
	if (!user) throw notFound();
	return user;
}
