import type { Address } from "../../../lib/vocabulary.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import type { UserStatus } from "./users.contract.ts";
import type { AddressRow, Profile } from "./users.domain.ts";

const profileColumns = "userId, name, status, version, changing, createdAt, updatedAt";
const addressColumns = "id, userId, address, version, createdAt, updatedAt";

type StoredAddress = Omit<AddressRow, "address"> & { address: string };
const addressOf = (row: StoredAddress): AddressRow => ({ ...row, address: JSON.parse(row.address) as Address });

export class UsersTx extends SqlTx {
	async profiles(userIds: readonly string[]): Promise<Profile[]> {
		if (userIds.length === 0) return [];
		return this.all<Profile>(`SELECT ${profileColumns} FROM profiles WHERE userId IN (${userIds.map(() => "?").join(", ")})`, userIds);
	}

	profile(userId: string): Promise<Profile | undefined> {
		return this.get<Profile>(`SELECT ${profileColumns} FROM profiles WHERE userId = ?`, [userId]);
	}

	lockProfile(userId: string): Promise<Profile | undefined> {
		return this.get<Profile>(`SELECT ${profileColumns} FROM profiles WHERE userId = ?${this.forUpdate}`, [userId]);
	}

	/** False when there is one already. */
	async addProfile(profile: Profile): Promise<boolean> {
		return (await this.insertIfAbsent("profiles", { ...profile })) > 0;
	}

	saveProfile({ userId, ...profile }: Profile): Promise<number> {
		return this.update("profiles", profile, { userId });
	}

	setChanging(userId: string, changing: string | null): Promise<number> {
		return this.update("profiles", { changing }, { userId });
	}

	/** Newest first: ids sort by time. */
	page({ before, status, limit }: { before?: string; status?: UserStatus; limit: number }): Promise<{ userId: string }[]> {
		const conditions = [...(before ? ["userId < ?"] : []), ...(status ? ["status = ?"] : [])];
		const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
		return this.all(`SELECT userId FROM profiles ${where} ORDER BY userId DESC LIMIT ?`, [
			...(before ? [before] : []),
			...(status ? [status] : []),
			limit,
		]);
	}

	async addressesOf(userId: string, { before, limit }: { before?: string; limit: number }): Promise<AddressRow[]> {
		const older = before ? "AND id < ?" : "";
		const rows = await this.all<StoredAddress>(
			`SELECT ${addressColumns} FROM addresses WHERE userId = ? ${older} ORDER BY id DESC LIMIT ?`,
			[userId, ...(before ? [before] : []), limit],
		);
		return rows.map(addressOf);
	}

	async address(userId: string, id: string): Promise<AddressRow | undefined> {
		const lock = this.given.writable ? this.forUpdate : "";
		const row = await this.get<StoredAddress>(`SELECT ${addressColumns} FROM addresses WHERE id = ? AND userId = ?${lock}`, [id, userId]);
		return row && addressOf(row);
	}

	addAddress(row: AddressRow): Promise<number> {
		return this.insert("addresses", { ...row, address: JSON.stringify(row.address) });
	}

	saveAddress({ id, address, version, updatedAt }: AddressRow): Promise<number> {
		return this.update("addresses", { address: JSON.stringify(address), version, updatedAt }, { id });
	}

	removeAddress(id: string): Promise<number> {
		return this.run("DELETE FROM addresses WHERE id = ?", [id]);
	}

	removeAddresses(userId: string): Promise<number> {
		return this.run("DELETE FROM addresses WHERE userId = ?", [userId]);
	}
}
