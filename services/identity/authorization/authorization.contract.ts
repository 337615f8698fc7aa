import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { notFound, versionStale } from "../../../lib/failure.ts";
import { roles } from "../../../lib/principal.ts";
import { Nothing, Time } from "../../../lib/vocabulary.ts";
import { lastAdministrator, User, UserId, userStateConflict } from "../users/users.contract.ts";

export const RoleName = Type.Enum([...roles]);
export const Roles = Type.Array(RoleName, { minItems: 1, maxItems: roles.length, uniqueItems: true });
/** Whether the roles count: a suspended person keeps them for later, a withdrawn one never has any again. */
export const Standing = Type.Enum(["active", "suspended", "withdrawn"]);
export type Standing = Static<typeof Standing>;

export const setRoles = action({
	name: "authorization.setRoles",
	summary: "Replace somebody's roles. Access tokens from before are refused from then on; a refresh brings the new roles.",
	allow: "users:roles",
	rest: { method: "PUT", path: "/v1/users/:id/roles", tag: "Users" },
	params: Type.Object({ id: UserId, roles: Roles }),
	returns: User,
	throws: [notFound, lastAdministrator, userStateConflict, versionStale],
});

export const rolesOf = action({
	name: "authorization.rolesOf",
	summary: "The roles of people; unknown ids are absent.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userIds: Type.Array(UserId, { maxItems: 100 }) }),
	returns: Type.Object({
		users: Type.Array(Type.Object({ userId: UserId, roles: Type.Array(RoleName), version: Type.Integer({ minimum: 1 }), changedAt: Time })),
	}),
});

export const assignRoles = action({
	name: "authorization.assignRoles",
	summary: "The first roles of somebody who registers. Asking again changes nothing, and never brings back roles that were taken since.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId, roles: Roles }),
	returns: Nothing,
});

export const setStanding = action({
	name: "authorization.setStanding",
	summary: "Suspend, restore or withdraw somebody's roles. `version` grows with every change, so that a late repeat changes nothing.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId, standing: Standing, version: Type.Integer({ minimum: 1 }) }),
	returns: Nothing,
	throws: [lastAdministrator],
});

export const usersWithRole = action({
	name: "authorization.usersWithRole",
	summary: "Everybody who holds a role and is not disabled, by id.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ role: RoleName }),
	returns: Type.Object({ userIds: Type.Array(UserId) }),
});

export const changedRoles = action({
	name: "authorization.changedRoles",
	summary: "Role versions that changed since a time (milliseconds): what a lost broadcast would have said.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ since: Type.Integer() }),
	returns: Type.Object({ users: Type.Array(Type.Object({ userId: Type.String(), version: Type.Integer() })) }),
});

export const rolesVersionChanged = event({
	name: "authorization.rolesVersionChanged",
	version: 1,
	key: "userId",
	delivery: "fleeting",
	summary: "A user's roles changed: access tokens from before are refused from now on.",
	payload: Type.Object({ userId: Type.String(), version: Type.Integer() }),
});

export const accessRefused = event({
	name: "authorization.accessRefused",
	version: 1,
	key: "userId",
	delivery: "fleeting",
	summary: "A node refused a principal for want of a permission; authorization counts and tells it.",
	payload: Type.Object({
		userId: Type.String(),
		action: Type.String(),
		permission: Type.String(),
		requestId: Type.Union([Type.String(), Type.Null()]),
	}),
});

export const rolesChanged = event({
	name: "authorization.rolesChanged",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody's roles changed.",
	payload: Type.Object({
		userId: UserId,
		before: Type.Array(RoleName),
		roles: Type.Array(RoleName),
		version: Type.Integer({ minimum: 1 }),
	}),
});

export const decided = event({
	name: "authorization.decided",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary:
		"A principal was refused an action. The first refusal of a minute is told at once, the rest of that minute as one number after it.",
	payload: Type.Object({
		userId: Type.String(),
		action: Type.String(),
		permission: Type.String(),
		decision: Type.Literal("refused"),
		minute: Time,
		refusals: Type.Integer({ minimum: 1, description: "How many this fact stands for; the sum over a minute is all of them." }),
	}),
});
