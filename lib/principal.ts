// Who asks, and what a request says of itself. Both travel with a call; only the principal was proven.
import type { Actor } from "./vocabulary.ts";

/** A signed-in person, as the verified access token says. */
export interface Principal {
	userId: string;
	sessionId: string;
	roles: readonly string[];
	/** Counts the changes of this user's roles; an older token is refused. */
	roleVersion: number;
}

/** What the gateway knows of the HTTP request. Hints for idempotency, risk and caching: no right follows from them. */
export interface RequestFacts {
	id: string;
	method: string;
	/** The path without the query. */
	path: string;
	address: string;
	traceparent?: string;
	cartToken?: string;
	deviceId?: string;
	idempotencyKey?: string;
	/** Hash of the canonical body: the same key with another body is refused. */
	bodyHash?: string;
	ifMatch?: string;
}

/** Sagas and facts store this, never the token. */
export function actorOf(principal: Principal | undefined, guestCartId?: string): Actor {
	if (principal) return { kind: "user", id: principal.userId };
	return guestCartId ? { kind: "guest", id: guestCartId } : { kind: "system", id: "stoa" };
}

const permissionsOf: Readonly<Record<string, readonly string[]>> = {
	customer: [],
	support: ["users:read", "orders:read", "orders:write", "payments:read", "interactions:read"],
	merchant: ["products:write", "inventory:read", "inventory:write", "orders:read"],
	finance: ["orders:read", "payments:read", "payments:capture", "payments:refund"],
	risk: ["fraud:read", "fraud:write", "fraud:rules", "users:read", "orders:read", "interactions:read"],
	operator: ["events:read", "events:replay", "sagas:read", "sagas:write", "audit:read", "operations:read"],
	admin: ["*"],
};

export const roles = ["customer", "support", "merchant", "risk", "finance", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** Whether one of the roles brings the permission; `admin` brings every one. */
export function mayDo(principal: Pick<Principal, "roles"> | undefined, permission: string): boolean {
	return principal?.roles.some(role => permissionsOf[role]?.some(held => held === "*" || held === permission)) ?? false;
}
