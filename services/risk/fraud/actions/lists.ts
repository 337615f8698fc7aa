import { answer } from "../../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../../lib/cursor.ts";
import { notFound, validationFailed } from "../../../../lib/failure.ts";
import type { DeskService } from "../desk/desk.ts";
import { addToList, confirmedFraudMs, listPage, removeFromList, shownEntry, sweepLists } from "../desk/lists.ts";
import { entityKey } from "../fraud.observations.ts";
import * as contract from "../lists.contract.ts";

/** Milliseconds, or null: for good. Throws `validation_failed` for what is over already. */
function expiryOf(listName: string, expiresAt: string | undefined, now: number): number | null {
	if (expiresAt === undefined) return listName === contract.confirmedFraud ? now + confirmedFraudMs : null;
	const at = Date.parse(expiresAt);
	if (at > now) return at;
	throw validationFailed({ errors: [{ pointer: "/expiresAt", code: "invalid", detail: "is over already" }] });
}

export const getList = answer(contract.getList, async function (this: DeskService, ctx) {
	const { name, limit = 20, cursor } = ctx.params;
	const after = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
	const rows = await listPage(this.store.reader, name, { after, limit: limit + 1 });
	const page = pageOf(rows, limit, row => [row.entityKey]);
	return { ...page, data: page.data.map(shownEntry) };
});

export const putListEntry = answer(contract.putListEntry, async function (this: DeskService, ctx) {
	const { name: listName, entity, expiresAt, note = null } = ctx.params;
	const { userId: addedBy } = ctx.locals.principal!;
	const row = await this.store.transaction(async tx => {
		const expiry = expiryOf(listName, expiresAt, tx.now());
		await sweepLists(tx);
		return addToList(tx, { listName, entityKey: entityKey(entity.kind, entity.id), expiresAt: expiry, note, addedBy });
	});
	return shownEntry(row);
});

export const removeListEntry = answer(contract.removeListEntry, async function (this: DeskService, ctx) {
	const { name: listName, kind, id } = ctx.params;
	if (!(await this.store.transaction(tx => removeFromList(tx, { listName, entityKey: entityKey(kind, id) })))) throw notFound();
	return null;
});
