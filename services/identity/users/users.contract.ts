import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { failure, notFound, serviceUnavailable, versionStale } from "../../../lib/failure.ts";
import { roles } from "../../../lib/principal.ts";
import { Address, Id, Nothing, Page, Paging, Text, Time } from "../../../lib/vocabulary.ts";

export const UserId = Id("usr");
export const UserStatus = Type.Enum(["active", "disabled", "erased"]);
export type UserStatus = Static<typeof UserStatus>;

export const User = Type.Object(
	{
		id: UserId,
		email: Type.String({ description: "Lower case. Of an erased person: `erased-<id>@invalid`." }),
		name: Type.String(),
		roles: Type.Array(Type.Enum([...roles])),
		status: UserStatus,
		createdAt: Time,
		updatedAt: Time,
		version: Type.Integer({ minimum: 1, description: "Grows with every change of the profile or the roles." }),
	},
	{
		$id: "User",
		description: "A person, composed when it is read: the email is authentication's, the roles are authorization's, the rest is ours.",
	},
);
export type User = Static<typeof User>;

export const SavedAddress = Type.Object(
	{ id: Id("adr"), ...Address.properties, createdAt: Time, updatedAt: Time, version: Type.Integer({ minimum: 1 }) },
	{ $id: "SavedAddress", description: "An address that a person keeps for later orders." },
);
export type SavedAddress = Static<typeof SavedAddress>;

export const userStateConflict = failure<{ userId: string }>(
	"conflict",
	"user_state_conflict",
	({ userId }) => `${userId} was erased; nothing of it can be changed.`,
);

// Authorization refuses with it; it stands here because changing somebody's status can meet it too.
export const lastAdministrator = failure(
	"conflict",
	"last_administrator",
	() => "This is the last administrator. Make another one first, or nobody could manage the shop.",
);

const tag = "Users";
const UserPath = Type.Object({ id: UserId });
const UserIds = Type.Array(UserId, { maxItems: 100 });
const PersonName = Text(120);

export const me = action({
	name: "users.me",
	summary: "The signed-in person.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users/me", tag },
	params: Type.Object({}),
	returns: User,
	throws: [notFound],
});

export const changeMe = action({
	name: "users.changeMe",
	summary: "Change one's own profile.",
	allow: "user",
	rest: { method: "PATCH", path: "/v1/users/me", tag },
	params: Type.Object({ name: Type.Optional(PersonName) }),
	returns: User,
	throws: [notFound, versionStale],
});

export const eraseMe = action({
	name: "users.eraseMe",
	summary: "Erase oneself: the profile is anonymised, every session ends, orders are kept.",
	allow: "user",
	timeoutMs: 8000,
	rest: { method: "DELETE", path: "/v1/users/me", tag },
	params: Type.Object({}),
	returns: Nothing,
	throws: [notFound, lastAdministrator, versionStale, serviceUnavailable],
});

export const listAddresses = action({
	name: "users.listAddresses",
	summary: "One's own addresses, newest first.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users/me/addresses", tag },
	params: Type.Object({ ...Paging }),
	returns: Page(SavedAddress),
});

export const addAddress = action({
	name: "users.addAddress",
	summary: "Keep an address for later orders.",
	allow: "user",
	rest: { method: "POST", path: "/v1/users/me/addresses", status: 201, location: "/v1/users/me/addresses/{id}", tag },
	params: Type.Object({ ...Address.properties }),
	returns: SavedAddress,
	throws: [notFound],
});

export const getAddress = action({
	name: "users.getAddress",
	summary: "One of one's own addresses.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users/me/addresses/:id", tag },
	params: Type.Object({ id: Id("adr") }),
	returns: SavedAddress,
	throws: [notFound],
});

export const changeAddress = action({
	name: "users.changeAddress",
	summary: "Change one of one's own addresses; null removes an optional line.",
	allow: "user",
	rest: { method: "PATCH", path: "/v1/users/me/addresses/:id", tag },
	params: Type.Object({
		id: Id("adr"),
		...Type.Partial(Address).properties,
		line2: Type.Optional(Type.Union([Text(200, 0), Type.Null()])),
		region: Type.Optional(Type.Union([Text(120, 0), Type.Null()])),
	}),
	returns: SavedAddress,
	throws: [notFound, versionStale],
});

export const removeAddress = action({
	name: "users.removeAddress",
	summary: "Forget one of one's own addresses. Orders keep the address they were placed with.",
	allow: "user",
	rest: { method: "DELETE", path: "/v1/users/me/addresses/:id", tag },
	params: Type.Object({ id: Id("adr") }),
	returns: Nothing,
	throws: [notFound, versionStale],
});

export const listUsers = action({
	name: "users.list",
	summary: "People, newest first.",
	allow: "users:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users", tag },
	params: Type.Object({
		...Paging,
		status: Type.Optional(UserStatus),
		email: Type.Optional(Type.String({ maxLength: 254, description: "The whole address; upper and lower case are the same." })),
	}),
	returns: Page(User),
});

export const getUser = action({
	name: "users.get",
	summary: "One person, for staff who may read users.",
	allow: "users:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users/:id", tag },
	params: UserPath,
	returns: User,
	throws: [notFound],
});

export const disable = action({
	name: "users.disable",
	summary: "Stop a person from signing in, and end every session. Disabling twice is the same as once.",
	allow: "users:write",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/users/:id/disable", status: 200, tag },
	params: UserPath,
	returns: User,
	throws: [notFound, userStateConflict, lastAdministrator, versionStale, serviceUnavailable],
});

export const enable = action({
	name: "users.enable",
	summary: "Let a disabled person sign in again.",
	allow: "users:write",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/users/:id/enable", status: 200, tag },
	params: UserPath,
	returns: User,
	throws: [notFound, userStateConflict, versionStale, serviceUnavailable],
});

export const erase = action({
	name: "users.erase",
	summary: "Erase a person: the profile is anonymised, every session ends, orders are kept.",
	allow: "users:write",
	timeoutMs: 8000,
	rest: { method: "DELETE", path: "/v1/users/:id", tag },
	params: UserPath,
	returns: Nothing,
	throws: [notFound, lastAdministrator, versionStale, serviceUnavailable],
});

export const createProfile = action({
	name: "users.createProfile",
	summary: "The profile of somebody who registers. Asking again changes nothing; after it was withdrawn it is refused.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId, name: PersonName }),
	returns: Nothing,
	throws: [userStateConflict],
});

export const withdrawProfile = action({
	name: "users.withdrawProfile",
	summary: "The undo of createProfile: a registration that could not be finished leaves an erased person.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId }),
	returns: Nothing,
});

export const profilesOf = action({
	name: "users.profilesOf",
	summary: "Names and standing of people; unknown ids are absent.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userIds: UserIds }),
	returns: Type.Object({ profiles: Type.Array(Type.Object({ userId: UserId, name: Type.String(), status: UserStatus })) }),
});

export const compose = action({
	name: "users.compose",
	summary: "Whole users from their three owners, in the order asked; unknown ids are absent.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userIds: UserIds }),
	returns: Type.Object({ users: Type.Array(User) }),
});

export const registered = event({
	name: "users.registered",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody registered.",
	payload: Type.Object({ userId: UserId }),
});

export const profileChanged = event({
	name: "users.profileChanged",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "A profile changed. The fact names the fields, never what stands in them.",
	payload: Type.Object({ userId: UserId, fields: Type.Array(Type.String()) }),
});

export const erased = event({
	name: "users.erased",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "A person was erased: whoever keeps something personal about them forgets it.",
	payload: Type.Object({ userId: UserId }),
});
