import { requireMatch } from "../../../../lib/canonical.ts";
import { answer, type Meta } from "../../../../lib/contract.ts";
import { type FailureKind, notFound, StoaFailure, serviceUnavailable } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import type { StatusChange } from "../change-status.saga.ts";
import * as users from "../users.contract.ts";
import { mustChange } from "../users.domain.ts";
import { type Caller, person, type Users } from "../users.people.ts";

// Below the callers' own patience: what is not finished by then goes on alone, and asking again joins it.
const waitMs = 6000;

/** Begins the change unless it is done, or another one of the same person is under way. */
function begin(service: Users, userId: string, target: users.UserStatus): Promise<{ saga: string; ours: boolean } | undefined> {
	return service.store.transaction(async tx => {
		const profile = await tx.lockProfile(userId);
		if (!profile) throw notFound();
		if (profile.changing) return { saga: profile.changing, ours: false };
		if (!mustChange(profile, target)) return undefined;
		const change: StatusChange = { userId, target, version: profile.version + 1 };
		const { id } = await service.store.sagas.begin(tx, "changeStatus", change, { id: newId("sag", tx.now()) });
		await tx.setChanging(userId, id);
		return { saga: id, ours: true };
	});
}

/** Brings a person to a status, once the change under way is over. Throws what refused it, or `service_unavailable` while it goes on. */
async function change(service: Users, userId: string, target: users.UserStatus): Promise<void> {
	const until = Date.now() + waitMs;
	for (;;) {
		const begun = await begin(service, userId, target);
		if (!begun) return;
		service.store.sagas.drive(begun.saga);
		const saga = await service.store.sagas.settled(begun.saga, until - Date.now());
		if (saga?.status === "succeeded" && begun.ours) return;
		if (saga?.problem && begun.ours)
			throw new StoaFailure(saga.problem.kind as FailureKind, saga.problem.code, saga.problem.message, saga.problem.data);
		if (Date.now() >= until) throw serviceUnavailable({ retryAfterSeconds: 1 });
	}
}

async function changeChecked(service: Users, ctx: Caller & { meta: Meta }, userId: string, target: users.UserStatus): Promise<void> {
	const ifMatch = ctx.meta.request?.ifMatch;
	if (ifMatch !== undefined) requireMatch(ifMatch, await person(service, ctx, userId));
	await change(service, userId, target);
}

export const disable = answer(users.disable, async function (this: Users, ctx) {
	await changeChecked(this, ctx, ctx.params.id, "disabled");
	return person(this, ctx, ctx.params.id);
});

export const enable = answer(users.enable, async function (this: Users, ctx) {
	await changeChecked(this, ctx, ctx.params.id, "active");
	return person(this, ctx, ctx.params.id);
});

export const erase = answer(users.erase, async function (this: Users, ctx) {
	await changeChecked(this, ctx, ctx.params.id, "erased");
	return null;
});

export const eraseMe = answer(users.eraseMe, async function (this: Users, ctx) {
	await changeChecked(this, ctx, ctx.locals.principal!.userId, "erased");
	return null;
});
