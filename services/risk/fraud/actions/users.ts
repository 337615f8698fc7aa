import { requireMatch } from "../../../../lib/canonical.ts";
import { answer, ask } from "../../../../lib/contract.ts";
import { pageOf } from "../../../../lib/cursor.ts";
import { notFound } from "../../../../lib/failure.ts";
import { profilesOf } from "../../../identity/users/users.contract.ts";
import * as contract from "../cases.contract.ts";
import type { ClearingUser } from "../clear-user.saga.ts";
import type { DeskService } from "../desk/desk.ts";
import { type FlagDocument, shownFlag } from "../desk/flags.ts";
import { placeOf } from "../desk/places.ts";
import { settle } from "../desk/settling.ts";

const shown = async (service: DeskService, userId: string, flag: FlagDocument | undefined) =>
	shownFlag(userId, flag, await service.interactionsOf(userId));

/** Throws `not_found` for nobody. Whoever is on our books is known here, whatever their owner says or is away. */
async function requireKnown(caller: Parameters<typeof ask>[0], userId: string): Promise<void> {
	const { profiles } = await ask(caller, profilesOf, { userIds: [userId] });
	if (profiles.length === 0) throw notFound();
}

export const getUser = answer(contract.getUser, async function (this: DeskService, ctx) {
	const { id } = ctx.params;
	const flag = await this.desk.flags.get(id);
	if (!flag) await requireKnown(ctx, id);
	return shown(this, id, flag);
});

export const listUsers = answer(contract.listUsers, async function (this: DeskService, ctx) {
	const { status, limit = 20, cursor } = ctx.params;
	const found = await this.desk.flags.page({
		...(status === undefined ? {} : { status }),
		...(cursor === undefined ? {} : { after: placeOf(cursor) }),
		limit: limit + 1,
	});
	const page = pageOf(found, limit, ({ flaggedAt, _id }) => [flaggedAt!, _id]);
	return { ...page, data: await Promise.all(page.data.map(flag => shown(this, flag._id, flag))) };
});

export const clearUser = answer(contract.clearUser, async function (this: DeskService, ctx) {
	const { id, reason } = ctx.params;
	const [flag, open] = await Promise.all([this.desk.flags.get(id), this.desk.cases.openOf({ kind: "user", id })]);
	if (!flag && !open) await requireKnown(ctx, id);
	const ifMatch = ctx.meta.request?.ifMatch;
	if (ifMatch !== undefined) requireMatch(ifMatch, await shown(this, id, flag));
	if (flag?.status === "flagged" || open) {
		const clearing: ClearingUser = { userId: id, reason, by: ctx.locals.principal?.userId ?? null, caseId: open?._id ?? null };
		await settle(this, "clearUser", clearing);
	}
	return shown(this, id, await this.desk.flags.get(id));
});
