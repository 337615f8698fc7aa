// People: their profiles and addresses, and the whole user as the API shows it.
import { requireMatch } from "../../../lib/canonical.ts";
import { answer, ask, tell } from "../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../lib/cursor.ts";
import { notFound } from "../../../lib/failure.ts";
import { defineService } from "../../../lib/service.ts";
import { sqlStore } from "../../../mixins/sql-store.ts";
import { userByEmail } from "../authentication/authentication.contract.ts";
import { addAddress, changeAddress, getAddress, listAddresses, removeAddress } from "./actions/addresses.ts";
import { disable, enable, erase, eraseMe } from "./actions/status.ts";
import { changeStatusSaga } from "./change-status.saga.ts";
import { profiles } from "./migrations/0001-profiles.ts";
import * as users from "./users.contract.ts";
import { erasedName, type Profile, withStatus } from "./users.domain.ts";
import { people, person, type Users } from "./users.people.ts";
import { UsersTx } from "./users.store.ts";

export default defineService<Users>({
	name: "users",
	mixins: [sqlStore({ migrations: [profiles], tx: UsersTx, sagas: (service: Users) => [changeStatusSaga(service)] })],

	actions: {
		me: answer(users.me, function (this: Users, ctx) {
			return person(this, ctx, ctx.locals.principal!.userId);
		}),

		changeMe: answer(users.changeMe, async function (this: Users, ctx) {
			const { userId } = ctx.locals.principal!;
			const { name } = ctx.params;
			const shown = await person(this, ctx, userId);
			const ifMatch = ctx.meta.request?.ifMatch;
			requireMatch(ifMatch, shown);
			await this.store.transaction(async tx => {
				const profile = await tx.lockProfile(userId);
				if (profile?.status !== "active") throw notFound();
				// The view was made before the lock: what else changed since makes it stale.
				if (ifMatch !== undefined && profile.name !== shown.name) requireMatch(ifMatch, { ...shown, name: profile.name });
				if (name === undefined || name === profile.name) return;
				await tx.saveProfile({ ...profile, name, version: profile.version + 1, updatedAt: tx.now() });
				await tell(tx, users.profileChanged, { userId, fields: ["name"] });
			});
			return person(this, ctx, userId);
		}),

		eraseMe,
		listAddresses,
		addAddress,
		getAddress,
		changeAddress,
		removeAddress,

		list: answer(users.listUsers, async function (this: Users, ctx) {
			const { limit = 20, cursor, status, email } = ctx.params;
			if (email !== undefined) {
				const { userId } = await ask(ctx, userByEmail, { email });
				const found = userId ? await people(this, ctx, [userId]) : [];
				return { data: found.filter(user => !status || user.status === status), nextCursor: null };
			}
			const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
			const rows = await this.store.reader.page({ before, status, limit: limit + 1 });
			const page = pageOf(rows, limit, row => [row.userId]);
			const found = page.data.map(({ userId }) => userId);
			return { ...page, data: await people(this, ctx, found) };
		}),

		get: answer(users.getUser, function (this: Users, ctx) {
			return person(this, ctx, ctx.params.id);
		}),

		disable,
		enable,
		erase,

		createProfile: answer(users.createProfile, async function (this: Users, ctx) {
			const { userId, name } = ctx.params;
			await this.store.transaction(async tx => {
				const now = tx.now();
				const fresh: Profile = { userId, name, status: "active", version: 1, changing: null, createdAt: now, updatedAt: now };
				if (await tx.addProfile(fresh)) await tell(tx, users.registered, { userId });
				// The undo may have come first, when this call was slow.
				else if ((await tx.lockProfile(userId))?.status === "erased") throw users.userStateConflict({ userId });
			});
			return null;
		}),

		withdrawProfile: answer(users.withdrawProfile, async function (this: Users, ctx) {
			const { userId } = ctx.params;
			await this.store.transaction(async tx => {
				const now = tx.now();
				const mark: Profile = { userId, name: erasedName, status: "erased", version: 1, changing: null, createdAt: now, updatedAt: now };
				if (await tx.addProfile(mark)) return;
				const profile = (await tx.lockProfile(userId))!;
				if (profile.status === "erased") return;
				await tx.saveProfile(withStatus(profile, "erased", now));
				await tx.removeAddresses(userId);
				await tell(tx, users.erased, { userId });
			});
			return null;
		}),

		profilesOf: answer(users.profilesOf, async function (this: Users, ctx) {
			const known = await this.store.reader.profiles(ctx.params.userIds);
			return { profiles: known.map(({ userId, name, status }) => ({ userId, name, status })) };
		}),

		compose: answer(users.compose, async function (this: Users, ctx) {
			return { users: await people(this, ctx, ctx.params.userIds) };
		}),
	},
});
