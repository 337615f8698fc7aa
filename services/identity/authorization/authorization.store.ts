// Rows and queries of roles and refusals. `holders` follows `grants` in the same write.

import { rfc3339 } from "../../../lib/clock.ts";
import { tell } from "../../../lib/contract.ts";
import { derivedId } from "../../../lib/ids.ts";
import type { Role } from "../../../lib/principal.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { decided, rolesChanged } from "./authorization.contract.ts";
import { type Grant, heldRoles, type Refusal } from "./authorization.domain.ts";

type GrantRow = Omit<Grant, "roles"> & { roles: string };
const grantOf = (row: GrantRow): Grant => ({ ...row, roles: JSON.parse(row.roles) as Role[] });
const columns = "userId, roles, version, standing, standingVersion, changedAt";

export class AuthorizationTx extends SqlTx {
	async grants(userIds: readonly string[]): Promise<Grant[]> {
		if (userIds.length === 0) return [];
		const rows = await this.all<GrantRow>(`SELECT ${columns} FROM grants WHERE userId IN (${userIds.map(() => "?").join(", ")})`, userIds);
		return rows.map(grantOf);
	}

	async lockGrant(userId: string): Promise<Grant | undefined> {
		const row = await this.get<GrantRow>(`SELECT ${columns} FROM grants WHERE userId = ?${this.forUpdate}`, [userId]);
		return row && grantOf(row);
	}

	/** False when there is one already, however it stands. */
	async addGrant(grant: Grant): Promise<boolean> {
		const added = await this.insertIfAbsent("grants", { ...grant, roles: JSON.stringify(grant.roles) });
		if (added > 0) await this.#saveHolders(grant);
		return added > 0;
	}

	/** Saves a changed grant and tells it when the roles are others. */
	async saveGrant(before: Grant, after: Grant): Promise<void> {
		const { userId, roles, ...rest } = after;
		await this.update("grants", { ...rest, roles: JSON.stringify(roles) }, { userId });
		await this.#saveHolders(after);
		if (before.version !== after.version) await tell(this, rolesChanged, { userId, before: before.roles, roles, version: after.version });
	}

	async #saveHolders(grant: Grant): Promise<void> {
		await this.run("DELETE FROM holders WHERE userId = ?", [grant.userId]);
		for (const role of heldRoles(grant)) await this.insert("holders", { role, userId: grant.userId });
	}

	/** Everybody who holds a role; under lock inside of a transaction, so that two administrators cannot both be the last but one. */
	async holders(role: Role): Promise<string[]> {
		const lock = this.given.writable ? this.forUpdate : "";
		return (await this.all<{ userId: string }>(`SELECT userId FROM holders WHERE role = ? ORDER BY userId${lock}`, [role])).map(
			row => row.userId,
		);
	}

	/** Changes since a time. A first assignment is none: no token is older. */
	changedSince(since: number): Promise<{ userId: string; version: number }[]> {
		return this.all("SELECT userId, version FROM grants WHERE changedAt >= ? AND version > 1", [since]);
	}

	/** Adds refusals of one minute to its row and tells as many. `first`: only when this minute was not begun yet, by whatever node; false then. */
	async recordRefusals({ userId, action, permission }: Refusal, minute: number, refusals: number, first: boolean): Promise<boolean> {
		// Its id follows from what it counts, so that two nodes at once cannot both begin the minute.
		const id = derivedId("ref", minute, `${userId}\n${action}`);
		const isFirst = (await this.insertIfAbsent("refusals", { id, userId, action, permission, minute, refusals })) > 0;
		if (first && !isFirst) return false;
		if (!isFirst) await this.run("UPDATE refusals SET refusals = refusals + ? WHERE id = ?", [refusals, id]);
		await tell(this, decided, { userId, action, permission, decision: "refused", minute: rfc3339(minute), refusals });
		return true;
	}

	forgetRefusals(before: number): Promise<number> {
		return this.run("DELETE FROM refusals WHERE minute < ?", [before]);
	}
}
