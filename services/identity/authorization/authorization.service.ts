// Who may do what: roles, their versions, and what was refused for want of them.
import { requireMatch } from "../../../lib/canonical.ts";
import { rfc3339 } from "../../../lib/clock.ts";
import { answer, ask, hear } from "../../../lib/contract.ts";
import { notFound } from "../../../lib/failure.ts";
import { asActor, withScope } from "../../../lib/scope.ts";
import { defineService } from "../../../lib/service.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import { compose, type User, userStateConflict } from "../users/users.contract.ts";
import * as authorization from "./authorization.contract.ts";
import { changeRoles, changeStanding, type Grant, minuteMs, minuteOf, RefusalCounter } from "./authorization.domain.ts";
import { AuthorizationTx } from "./authorization.store.ts";
import { grants } from "./migrations/0001-grants.ts";

type Authorization = SqlService<AuthorizationTx> & { refusals: RefusalCounter; telling?: NodeJS.Timeout };

const tellEveryMs = 5000;
const refusalsKeptMs = 60 * minuteMs;

async function userOf(caller: Parameters<typeof ask>[0], userId: string): Promise<User> {
	const [user] = (await ask(caller, compose, { userIds: [userId] })).users;
	if (!user) throw notFound();
	return user;
}

/** Every node refuses older tokens before the caller is answered; what a broadcast loses, the poll of `changedRoles` says. */
async function announce(service: Authorization, before: Grant, after: Grant): Promise<void> {
	if (before.version === after.version) return;
	await service.broker.broadcast(authorization.rolesVersionChanged.name, { userId: after.userId, version: after.version });
}

async function otherAdministrators(tx: AuthorizationTx, userId: string): Promise<boolean> {
	return (await tx.holders("admin")).some(holder => holder !== userId);
}

/** Tells what was counted in the minutes that are over at `now`. */
async function tellRefusals(service: Authorization, now: number): Promise<void> {
	const over = service.refusals.takeOver(now);
	const telling = over.map(async counted => {
		try {
			// Many requests stand behind the number, so none is named.
			await asActor({ kind: "user", id: counted.userId }, () =>
				service.store.transaction(tx => tx.recordRefusals(counted, counted.minute, counted.untold, false)),
			);
		} catch (error) {
			service.refusals.putBack(counted);
			throw error;
		}
	});
	const failed = (await Promise.allSettled(telling)).find(told => told.status === "rejected");
	if (failed) throw failed.reason;
	await service.store.transaction(tx => tx.forgetRefusals(tx.now() - refusalsKeptMs));
}

export default defineService<Authorization>({
	name: "authorization",
	mixins: [sqlStore({ migrations: [grants], tx: AuthorizationTx })],

	actions: {
		setRoles: answer(authorization.setRoles, async function (this: Authorization, ctx) {
			const { id: userId, roles } = ctx.params;
			if (ctx.meta.request?.ifMatch !== undefined) requireMatch(ctx.meta.request.ifMatch, await userOf(ctx, userId));
			const [before, after] = await this.store.transaction(async tx => {
				const grant = await tx.lockGrant(userId);
				if (!grant) throw notFound();
				if (grant.standing === "withdrawn") throw userStateConflict({ userId });
				const changed = changeRoles(grant, roles, { now: tx.now(), otherAdministrators: await otherAdministrators(tx, userId) });
				if (changed !== grant) await tx.saveGrant(grant, changed);
				return [grant, changed];
			});
			await announce(this, before, after);
			return userOf(ctx, userId);
		}),

		rolesOf: answer(authorization.rolesOf, async function (this: Authorization, ctx) {
			const known = await this.store.reader.grants(ctx.params.userIds);
			return { users: known.map(({ userId, roles, version, changedAt }) => ({ userId, roles, version, changedAt: rfc3339(changedAt) })) };
		}),

		assignRoles: answer(authorization.assignRoles, async function (this: Authorization, ctx) {
			const { userId, roles } = ctx.params;
			await this.store.transaction(async tx => {
				await tx.addGrant({ userId, roles, version: 1, standing: "active", standingVersion: 0, changedAt: tx.now() });
			});
			return null;
		}),

		setStanding: answer(authorization.setStanding, async function (this: Authorization, ctx) {
			const { userId, standing, version } = ctx.params;
			const [before, after] = await this.store.transaction(async tx => {
				const fresh: Grant = { userId, roles: [], version: 1, standing, standingVersion: version, changedAt: tx.now() };
				const known = await tx.lockGrant(userId);
				// Nobody to change yet: the mark refuses roles that are assigned late.
				if (!known && (await tx.addGrant(fresh))) return [fresh, fresh];
				const grant = known ?? (await tx.lockGrant(userId))!;
				const changed = changeStanding(
					grant,
					{ standing, version },
					{ now: tx.now(), otherAdministrators: await otherAdministrators(tx, userId) },
				);
				if (changed !== grant) await tx.saveGrant(grant, changed);
				return [grant, changed];
			});
			await announce(this, before, after);
			return null;
		}),

		usersWithRole: answer(authorization.usersWithRole, async function (this: Authorization, ctx) {
			return { userIds: await this.store.reader.holders(ctx.params.role) };
		}),

		changedRoles: answer(authorization.changedRoles, async function (this: Authorization, ctx) {
			return { users: await this.store.reader.changedSince(ctx.params.since) };
		}),
	},

	events: {
		...hear(authorization.accessRefused, async function (this: Authorization, { params }) {
			const now = this.runtime.clock.now();
			if (!this.refusals.count(params, now)) return;
			const { userId, requestId } = params;
			const told = await withScope({ requestId, traceparent: null, actor: { kind: "user", id: userId } }, () =>
				this.store.transaction(tx => tx.recordRefusals(params, minuteOf(now), 1, true)),
			).catch(error => this.logger.warn("a refusal is told later", error));
			// Another node, or this one before it was started again, told the first of this minute, or the store is away: ours is one of the rest.
			if (!told) this.refusals.count(params, now);
		}),
	},

	created() {
		this.refusals = new RefusalCounter();
	},

	async started() {
		const tellOver = () =>
			tellRefusals(this, this.runtime.clock.now()).catch(error => this.logger.warn("refusals could not be told", error));
		this.telling = setInterval(tellOver, tellEveryMs);
	},

	async stopped() {
		clearInterval(this.telling);
		if (this.store) await tellRefusals(this, Number.POSITIVE_INFINITY);
	},
});
