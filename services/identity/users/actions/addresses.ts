import { requireMatch } from "../../../../lib/canonical.ts";
import { answer } from "../../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../../lib/cursor.ts";
import { notFound } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import * as users from "../users.contract.ts";
import { type AddressRow, patchAddress, shownAddress } from "../users.domain.ts";
import type { Users } from "../users.people.ts";

export const listAddresses = answer(users.listAddresses, async function (this: Users, ctx) {
	const { limit = 20, cursor } = ctx.params;
	const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
	const rows = await this.store.reader.addressesOf(ctx.locals.principal!.userId, { before, limit: limit + 1 });
	const page = pageOf(rows, limit, row => [row.id]);
	return { ...page, data: page.data.map(shownAddress) };
});

export const addAddress = answer(users.addAddress, function (this: Users, ctx) {
	const { userId } = ctx.locals.principal!;
	return this.store.transaction(async tx => {
		// Behind the lock of the profile: an erasure that runs beside us must not leave an address behind.
		if ((await tx.lockProfile(userId))?.status !== "active") throw notFound();
		const now = tx.now();
		const row: AddressRow = { id: newId("adr", now), userId, address: ctx.params, version: 1, createdAt: now, updatedAt: now };
		await tx.addAddress(row);
		return shownAddress(row);
	});
});

export const getAddress = answer(users.getAddress, async function (this: Users, ctx) {
	const row = await this.store.reader.address(ctx.locals.principal!.userId, ctx.params.id);
	if (!row) throw notFound();
	return shownAddress(row);
});

export const changeAddress = answer(users.changeAddress, function (this: Users, ctx) {
	const { id, ...patch } = ctx.params;
	return this.store.transaction(async tx => {
		const row = await tx.address(ctx.locals.principal!.userId, id);
		if (!row) throw notFound();
		requireMatch(ctx.meta.request?.ifMatch, shownAddress(row));
		const changed = patchAddress(row, patch, tx.now());
		if (changed !== row) await tx.saveAddress(changed);
		return shownAddress(changed);
	});
});

export const removeAddress = answer(users.removeAddress, function (this: Users, ctx) {
	return this.store.transaction(async tx => {
		const row = await tx.address(ctx.locals.principal!.userId, ctx.params.id);
		if (!row) throw notFound();
		requireMatch(ctx.meta.request?.ifMatch, shownAddress(row));
		await tx.removeAddress(row.id);
		return null;
	});
});
