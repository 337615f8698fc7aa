import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { failure, notFound, rateLimited, serviceUnavailable, unauthenticated, validationFailed } from "../../../lib/failure.ts";
import { originFields } from "../../../lib/origin.ts";
import { roles } from "../../../lib/principal.ts";
import { Email, Id, Nothing, Page, Paging, Text, Time } from "../../../lib/vocabulary.ts";
import { User, UserId } from "../users/users.contract.ts";

export const SessionId = Id("ses");
export const NewPassword = Type.String({ minLength: 12, maxLength: 128, description: "Any characters; counted in code points." });
// What is only compared may be shorter than the house would accept today: it is wrong, not malformed.
const GivenPassword = Type.String({ minLength: 1, maxLength: 1024 });
const Hash = Type.String({ description: "A keyed hash: recognisable, not readable." });

export const SignedIn = Type.Object(
	{
		user: User,
		accessToken: Type.String({ description: "A JWT for `Authorization: Bearer`." }),
		refreshToken: Type.String({ description: "Good for one refresh within 30 days." }),
		tokenType: Type.Literal("Bearer"),
		expiresIn: Type.Integer({ description: "Seconds until the access token ends." }),
	},
	{ $id: "SignedIn", description: "A session as its owner holds it." },
);
export type SignedIn = Static<typeof SignedIn>;

export const Session = Type.Object(
	{
		id: SessionId,
		createdAt: Time,
		lastUsedAt: Time,
		device: Type.Optional(Type.String({ description: "A keyed hash of the Device-Id it was opened with." })),
		current: Type.Boolean({ description: "The session that asks." }),
	},
	{ $id: "Session", description: "A place where somebody is signed in." },
);
export type Session = Static<typeof Session>;

export const emailTaken = failure("conflict", "email_taken", () => "Somebody is registered with this email.");
export const invalidCredentials = failure("unauthenticated", "invalid_credentials", () => "Email and password do not fit together.");
export const refreshTokenReused = failure(
	"unauthenticated",
	"refresh_token_reused",
	() => "This refresh token was used before, so its session was ended. Sign in again.",
);

const tag = "Authentication";

export const register = action({
	name: "authentication.register",
	summary: "Open an account and sign in.",
	allow: "public",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/auth/register", status: 201, location: "/v1/users/me", ignoresToken: true, tag },
	params: Type.Object({ email: Email, password: NewPassword, name: Text(120) }),
	returns: SignedIn,
	throws: [emailTaken, validationFailed, rateLimited, serviceUnavailable],
});

export const login = action({
	name: "authentication.login",
	summary: "Sign in. An unknown email and a wrong password answer the same, in the same time.",
	allow: "public",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/auth/login", status: 200, ignoresToken: true, tag },
	params: Type.Object({ email: Email, password: GivenPassword }),
	returns: SignedIn,
	throws: [invalidCredentials, rateLimited, serviceUnavailable],
});

export const refresh = action({
	name: "authentication.refresh",
	summary: "New tokens for a refresh token, which is used up. One that was used before ends its session.",
	allow: "public",
	rest: { method: "POST", path: "/v1/auth/refresh", status: 200, ignoresToken: true, tag },
	params: Type.Object({ refreshToken: Type.String({ minLength: 1, maxLength: 512 }) }),
	returns: SignedIn,
	throws: [unauthenticated, refreshTokenReused, serviceUnavailable],
});

export const logout = action({
	name: "authentication.logout",
	summary: "End the session that asks; its tokens are refused from then on, everywhere.",
	allow: "user",
	rest: { method: "POST", path: "/v1/auth/logout", status: 204, tag },
	params: Type.Object({}),
	returns: Nothing,
});

export const listSessions = action({
	name: "authentication.listSessions",
	summary: "Where one is signed in, newest first.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/auth/sessions", tag },
	params: Type.Object({ ...Paging }),
	returns: Page(Session),
});

export const endSession = action({
	name: "authentication.endSession",
	summary: "End one of one's own sessions.",
	allow: "user",
	rest: { method: "DELETE", path: "/v1/auth/sessions/:id", tag },
	params: Type.Object({ id: SessionId }),
	returns: Nothing,
	throws: [notFound],
});

export const changePassword = action({
	name: "authentication.changePassword",
	summary: "Change one's own password; every other session ends.",
	allow: "user",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/auth/password", status: 204, tag },
	params: Type.Object({ currentPassword: GivenPassword, newPassword: NewPassword }),
	returns: Nothing,
	throws: [invalidCredentials, validationFailed, rateLimited, serviceUnavailable],
});

export const ensureAdministrator = action({
	name: "authentication.ensureAdministrator",
	summary: "The first administrator, made unless somebody is registered with this email. An existing password is left as it is.",
	allow: "internal",
	idempotent: true,
	timeoutMs: 8000,
	params: Type.Object({
		email: Email,
		password: NewPassword,
		onlyIfNone: Type.Optional(Type.Boolean({ description: "Make none when the house has any administrator." })),
	}),
	returns: Type.Object({ created: Type.Boolean() }),
	throws: [validationFailed, serviceUnavailable],
});

export const ensureUser = action({
	name: "authentication.ensureUser",
	summary: "Somebody with these roles, made unless registered already: for seeding.",
	allow: "internal",
	idempotent: true,
	timeoutMs: 8000,
	params: Type.Object({
		email: Email,
		password: NewPassword,
		name: Text(120),
		roles: Type.Array(Type.Enum([...roles]), { minItems: 1, maxItems: roles.length }),
	}),
	returns: Type.Object({ userId: UserId, created: Type.Boolean() }),
	throws: [validationFailed, serviceUnavailable],
});

export const emailsOf = action({
	name: "authentication.emailsOf",
	summary: "The emails of people; who is unknown or erased is absent.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userIds: Type.Array(UserId, { maxItems: 100 }) }),
	returns: Type.Object({ emails: Type.Array(Type.Object({ userId: UserId, email: Type.String() })) }),
});

export const userByEmail = action({
	name: "authentication.userByEmail",
	summary: "Who is registered with an email.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ email: Type.String({ maxLength: 254 }) }),
	returns: Type.Object({ userId: Type.Union([UserId, Type.Null()]) }),
});

export const setDisabled = action({
	name: "authentication.setDisabled",
	summary: "Stop somebody from signing in, or let them again. `version` grows with every change, so that a late repeat changes nothing.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId, disabled: Type.Boolean(), version: Type.Integer({ minimum: 1 }) }),
	returns: Nothing,
	throws: [notFound],
});

export const erase = action({
	name: "authentication.erase",
	summary: "Forget email and password of somebody, and end every session. Twice is the same as once.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId }),
	returns: Nothing,
});

export const endSessions = action({
	name: "authentication.endSessions",
	summary: "End every session of somebody, or every one but one.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: UserId, exceptSessionId: Type.Optional(SessionId) }),
	returns: Type.Object({ ended: Type.Integer() }),
});

export const endedSessions = action({
	name: "authentication.endedSessions",
	summary: "Sessions that ended since a time (milliseconds): what a lost broadcast would have said.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ since: Type.Integer() }),
	returns: Type.Object({ sessionIds: Type.Array(Type.String()) }),
});

export const sessionEnded = event({
	name: "authentication.sessionEnded",
	version: 1,
	key: "sessionId",
	delivery: "fleeting",
	summary: "A session ended: its access tokens are refused from now on.",
	payload: Type.Object({ sessionId: Type.String() }),
});

export const succeeded = event({
	name: "authentication.succeeded",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody signed in.",
	payload: Type.Object({
		userId: UserId,
		sessionId: SessionId,
		by: Type.Enum(["register", "login"]),
		...originFields,
	}),
});

export const failed = event({
	name: "authentication.failed",
	version: 1,
	key: "emailHash",
	delivery: "durable",
	summary: "Somebody tried to sign in, or to prove a password, and could not.",
	payload: Type.Object({
		emailHash: Hash,
		userId: Type.Union([UserId, Type.Null()]),
		...originFields,
	}),
});

export const passwordChanged = event({
	name: "authentication.passwordChanged",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody changed their password.",
	payload: Type.Object({ userId: UserId, sessionId: Type.String({ description: "The session that asked; it goes on." }) }),
});

export const EndReason = Type.Enum(["logout", "endedByOwner", "passwordChanged", "refreshReused", "disabled", "erased", "endedByHouse"]);
export type EndReason = Static<typeof EndReason>;

export const loggedOut = event({
	name: "authentication.loggedOut",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "A session ended, and why.",
	payload: Type.Object({ userId: UserId, sessionId: SessionId, reason: EndReason }),
});

export const disabled = event({
	name: "authentication.disabled",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody may not sign in any more.",
	payload: Type.Object({ userId: UserId }),
});

export const enabled = event({
	name: "authentication.enabled",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody who was disabled may sign in again.",
	payload: Type.Object({ userId: UserId }),
});
