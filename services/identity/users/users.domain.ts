// A person as the house shows them, and what may change about them. Pure.
import { rfc3339 } from "../../../lib/clock.ts";
import type { ParamsOf, ResultOf } from "../../../lib/contract.ts";
import type { Address } from "../../../lib/vocabulary.ts";
import type { rolesOf } from "../authorization/authorization.contract.ts";
import { type changeAddress, type SavedAddress, type User, type UserStatus, userStateConflict } from "./users.contract.ts";

export interface Profile {
	userId: string;
	name: string;
	status: UserStatus;
	version: number;
	changing: string | null;
	createdAt: number;
	updatedAt: number;
}

export const erasedName = "Erased person";
/** `.invalid` can never be delivered to (RFC 2606), so nothing reaches somebody else. */
export const erasedEmail = (userId: string) => `erased-${userId}@invalid`;

type Granted = ResultOf<typeof rolesOf>["users"][number];

/** One user from what its three owners say. Somebody whose registration is under way may have no roles yet. */
export function composeUser(profile: Profile, email: string | undefined, granted: Granted | undefined): User {
	const changedAt = rfc3339(profile.updatedAt);
	return {
		id: profile.userId,
		email: email ?? erasedEmail(profile.userId),
		name: profile.name,
		roles: granted?.roles ?? [],
		status: profile.status,
		createdAt: rfc3339(profile.createdAt),
		updatedAt: granted && granted.changedAt > changedAt ? granted.changedAt : changedAt,
		// Both parts only grow, so their sum does; the first user is version 1.
		version: profile.version + (granted?.version ?? 1) - 1,
	};
}

/** Whether a change of status has anything to do. Throws `user_state_conflict` for a person who was erased. */
export function mustChange(profile: Profile, target: UserStatus): boolean {
	if (profile.status === target) return false;
	if (profile.status === "erased") throw userStateConflict({ userId: profile.userId });
	return true;
}

/** The profile with its new status; an erased one keeps nothing of the person. */
export function withStatus(profile: Profile, status: UserStatus, now: number): Profile {
	const name = status === "erased" ? erasedName : profile.name;
	return { ...profile, name, status, version: profile.version + 1, updatedAt: now };
}

export interface AddressRow {
	id: string;
	userId: string;
	address: Address;
	version: number;
	createdAt: number;
	updatedAt: number;
}

export const shownAddress = ({ id, address, version, createdAt, updatedAt }: AddressRow): SavedAddress => ({
	id,
	...address,
	createdAt: rfc3339(createdAt),
	updatedAt: rfc3339(updatedAt),
	version,
});

type AddressPatch = Omit<ParamsOf<typeof changeAddress>, "id">;

/** A JSON merge patch: what is absent stays, null takes a line away. The very same row when nothing changes. */
export function patchAddress(row: AddressRow, patch: AddressPatch, now: number): AddressRow {
	const merged = Object.entries({ ...row.address, ...patch }).filter(([, value]) => value !== null && value !== undefined);
	const address = Object.fromEntries(merged) as Address;
	const names = new Set([...Object.keys(row.address), ...Object.keys(address)]) as Set<keyof Address>;
	if ([...names].every(name => row.address[name] === address[name])) return row;
	return { ...row, address, version: row.version + 1, updatedAt: now };
}
