// Who may do what, and when a change of it is refused. Pure.
import type { Role } from "../../../lib/principal.ts";
import { lastAdministrator } from "../users/users.contract.ts";
import type { Standing } from "./authorization.contract.ts";

export interface Grant {
	userId: string;
	roles: Role[];
	/** Counts the changes; access tokens carry it, and older ones are refused. */
	version: number;
	standing: Standing;
	standingVersion: number;
	changedAt: number;
}

/** The roles that count now: a suspended person keeps theirs for later, but holds none of them. */
export const heldRoles = (grant: Grant): Role[] => (grant.standing === "active" ? grant.roles : []);

const sameRoles = (one: readonly Role[], other: readonly Role[]) => one.length === other.length && one.every(role => other.includes(role));

/** A house without an administrator could never make one again. `others`: whether anybody else holds the role. */
function keepAdministrator(before: Grant, after: Grant, others: boolean): void {
	if (heldRoles(before).includes("admin") && !heldRoles(after).includes("admin") && !others) throw lastAdministrator();
}

/** The grant with other roles, or the very same object when nothing changes. Throws `last_administrator`. */
export function changeRoles(
	grant: Grant,
	roles: Role[],
	{ now, otherAdministrators }: { now: number; otherAdministrators: boolean },
): Grant {
	if (sameRoles(grant.roles, roles)) return grant;
	const changed = { ...grant, roles, version: grant.version + 1, changedAt: now };
	keepAdministrator(grant, changed, otherAdministrators);
	return changed;
}

/**
 * The grant with another standing, or the very same object when the change is older than what stands. A withdrawn person loses the roles for good.
 * Throws `last_administrator`.
 */
export function changeStanding(
	grant: Grant,
	{ standing, version }: { standing: Standing; version: number },
	{ now, otherAdministrators }: { now: number; otherAdministrators: boolean },
): Grant {
	if (grant.standing === "withdrawn" || version <= grant.standingVersion) return grant;
	const roles = standing === "withdrawn" ? [] : grant.roles;
	const changed = {
		...grant,
		roles,
		standing,
		standingVersion: version,
		version: grant.version + (sameRoles(roles, grant.roles) ? 0 : 1),
		changedAt: now,
	};
	keepAdministrator(grant, changed, otherAdministrators);
	return changed;
}

export interface Refusal {
	userId: string;
	action: string;
	permission: string;
}

export interface CountedRefusal extends Refusal {
	minute: number;
	untold: number;
}

export const minuteMs = 60_000;
export const minuteOf = (now: number) => now - (now % minuteMs);

/**
 * Refusals counted per principal, action and minute. A client that hammers a closed door costs two facts a minute, not one a knock;
 * the first knock is told at once.
 */
export class RefusalCounter {
	readonly #counts = new Map<string, CountedRefusal>();

	/** True for the first of its minute: tell it now. */
	count(refusal: Refusal, now: number): boolean {
		const minute = minuteOf(now);
		const key = JSON.stringify([refusal.userId, refusal.action, minute]);
		const known = this.#counts.get(key);
		if (known) known.untold++;
		else this.#counts.set(key, { userId: refusal.userId, action: refusal.action, permission: refusal.permission, minute, untold: 0 });
		return !known;
	}

	/** Counts again what was taken out and could not be told. */
	putBack({ untold, ...refusal }: CountedRefusal): void {
		const key = JSON.stringify([refusal.userId, refusal.action, refusal.minute]);
		const known = this.#counts.get(key);
		if (known) known.untold += untold;
		else this.#counts.set(key, { ...refusal, untold });
	}

	/** Takes out the minutes that are over at `now`, with what was not told of them. */
	takeOver(now: number): CountedRefusal[] {
		const over: CountedRefusal[] = [];
		for (const [key, counted] of this.#counts) {
			if (counted.minute + minuteMs > now) continue;
			this.#counts.delete(key);
			if (counted.untold > 0) over.push(counted);
		}
		return over;
	}
}
