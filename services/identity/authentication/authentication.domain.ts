// What a credential is, when an attempt is one too many, and what a refresh token is worth. Pure: hashing and storing are elsewhere.
import { rfc3339 } from "../../../lib/clock.ts";
import { validationFailed } from "../../../lib/failure.ts";
import type { EndReason, Session } from "./authentication.contract.ts";

/** The form in which two spellings of one address are one. Nothing else is folded: dots and plus signs belong to the provider. */
export const foldEmail = (email: string) => email.normalize("NFC").toLowerCase();

/** One password, whichever keyboard composed its accents. */
export const normalPassword = (password: string) => password.normalize("NFC");

/** Composing may shorten what the schema has counted, so the shortest length is judged again. Throws `validation_failed` at `pointer`. */
export function acceptPassword(password: string, pointer: string): string {
	const accepted = normalPassword(password);
	if ([...accepted].length < 12)
		throw validationFailed({ errors: [{ pointer, code: "minLength", detail: "must have at least 12 characters" }] });
	return accepted;
}

/** Failed attempts per account and address that are answered as such; the next one waits. Never by account alone: a stranger could lock it. */
export const failuresMax = 10;
export const failureWindowMs = 15 * 60_000;

/** Seconds until one more attempt is judged, or undefined when it is judged now. `failedAt`: the failures of account and address, any order. */
export function retryAfter(failedAt: readonly number[], now: number): number | undefined {
	const recent = failedAt.filter(at => at > now - failureWindowMs).sort((a, b) => b - a);
	const tenth = recent[failuresMax - 1];
	return tenth === undefined ? undefined : Math.max(1, Math.ceil((tenth + failureWindowMs - now) / 1000));
}

/** Sliding: every refresh begins it anew. */
export const refreshLifetimeMs = 30 * 24 * 60 * 60_000;

export interface RefreshToken {
	sessionId: string;
	usedAt: number | null;
	expiresAt: number;
}

export interface SessionRow {
	id: string;
	userId: string;
	device: string | null;
	createdAt: number;
	lastUsedAt: number;
	expiresAt: number;
	endedAt: number | null;
	endedBecause: EndReason | null;
}

/**
 * `rotate`: good for new tokens. `reused`: somebody holds a copy, so the session must end (or ended for that reason before).
 * `worthless`: unknown, too old, or its session is over.
 */
export function judgeRefresh(
	token: RefreshToken | undefined,
	session: SessionRow | undefined,
	now: number,
): "rotate" | "reused" | "worthless" {
	if (!token || !session) return "worthless";
	if (token.usedAt !== null || session.endedBecause === "refreshReused") return "reused";
	return session.endedAt === null && token.expiresAt > now ? "rotate" : "worthless";
}

export function shownSession(session: SessionRow, currentId: string): Session {
	return {
		id: session.id,
		createdAt: rfc3339(session.createdAt),
		lastUsedAt: rfc3339(session.lastUsedAt),
		...(session.device ? { device: session.device } : {}),
		current: session.id === currentId,
	};
}

// A request waits at most this long for its registration. After that nobody answers it any more, and the same person may take it up.
export const registrationMs = 6000;

export interface Account {
	userId: string;
	email: string | null;
	emailKey: string | null;
	passwordHash: string | null;
	status: "pending" | "active" | "disabled" | "erased";
	statusVersion: number;
	registrationId: string;
	/** Which process the registering request reached. */
	claimedBy: string;
	/** When the first session was given out; null while whoever registered has had no answer. */
	welcomedAt: number | null;
	createdAt: number;
}

/**
 * Whether a registration was cut off before it was answered, so that who knows its password may finish it. `here` is this process;
 * `alone` says that no other one can be alive.
 */
export function wasCutOff(account: Account, { now, here, alone }: { now: number; here: string; alone: boolean }): boolean {
	if (account.welcomedAt !== null || (account.status !== "pending" && account.status !== "active")) return false;
	return now - account.createdAt > registrationMs || (alone && account.claimedBy !== here);
}
