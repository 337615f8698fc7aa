import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
	type Account,
	acceptPassword,
	failureWindowMs,
	foldEmail,
	judgeRefresh,
	retryAfter,
	type SessionRow,
	shownSession,
	wasCutOff,
} from "./authentication.domain.ts";

const aSession = (given: Partial<SessionRow> = {}): SessionRow => ({
	id: "ses_1",
	userId: "usr_1",
	device: null,
	createdAt: 0,
	lastUsedAt: 0,
	expiresAt: 1000,
	endedAt: null,
	endedBecause: null,
	...given,
});
const aToken = (given = {}) => ({ sessionId: "ses_1", usedAt: null, expiresAt: 1000, ...given });

describe("an email", () => {
	it("is one however it is typed", () => {
		expect(foldEmail("Ada@Example.COM")).toBe("ada@example.com");
		expect(foldEmail("rene\u0301@example.com")).toBe(foldEmail("REN\u00c9@example.com"));
	});
	it("keeps dots and plus signs: they belong to the provider", () => expect(foldEmail("a.b+c@x.org")).toBe("a.b+c@x.org"));
});

describe("a new password", () => {
	it("may hold any characters and is counted in them", () => {
		expect(acceptPassword(" \u0000⏰ emoji ok", "/password")).toBe(" \u0000⏰ emoji ok");
		expect(() => acceptPassword("e\u0301".repeat(11), "/password")).toThrow(expect.objectContaining({ type: "validation_failed" }));
	});
});

describe("failed attempts", () => {
	const times = (count: number, at: number) => Array.from({ length: count }, () => at);

	it("are free up to ten", () => {
		expect(retryAfter([], 0)).toBeUndefined();
		expect(retryAfter(times(9, 0), 0)).toBeUndefined();
	});
	it("after the tenth, wait until the tenth latest is 15 minutes old", () => {
		expect(retryAfter(times(10, 0), 0)).toBe(900);
		expect(retryAfter([...times(5, 0), ...times(9, 60_000)], 60_000)).toBe(840);
		expect(retryAfter(times(10, 0), failureWindowMs - 1)).toBe(1);
		expect(retryAfter(times(10, 0), failureWindowMs)).toBeUndefined();
	});
	it("never let more than ten through in any 15 minutes, whenever they come", () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 120_000 }), { maxLength: 60 }), gaps => {
				const judged: number[] = [];
				let now = 0;
				for (const gap of gaps) {
					now += gap;
					if (retryAfter(judged, now) === undefined) judged.push(now);
					expect(judged.filter(at => at > now - failureWindowMs).length).toBeLessThanOrEqual(10);
				}
			}),
		);
	});
});

describe("a refresh token", () => {
	it("is good once, while its session lives", () => expect(judgeRefresh(aToken(), aSession(), 999)).toBe("rotate"));
	it("that was used betrays a copy, also when the session is over", () => {
		expect(judgeRefresh(aToken({ usedAt: 1 }), aSession(), 2)).toBe("reused");
		expect(judgeRefresh(aToken({ usedAt: 1 }), aSession({ endedAt: 2, endedBecause: "logout" }), 3)).toBe("reused");
	});
	it("of a family that was revoked for a copy says why", () => {
		expect(judgeRefresh(aToken(), aSession({ endedAt: 2, endedBecause: "refreshReused" }), 3)).toBe("reused");
	});
	it("is worthless when nobody knows it, it is too old, or its session ended", () => {
		expect(judgeRefresh(undefined, undefined, 0)).toBe("worthless");
		expect(judgeRefresh(aToken(), aSession(), 1000)).toBe("worthless");
		expect(judgeRefresh(aToken(), aSession({ endedAt: 1, endedBecause: "logout" }), 2)).toBe("worthless");
	});
});

describe("a session", () => {
	it("is shown with its times, its device when it has one, and whether it asks", () => {
		const times = { createdAt: "1970-01-01T00:00:00.000Z", lastUsedAt: "1970-01-01T00:00:00.000Z" };
		expect(shownSession(aSession(), "ses_1")).toEqual({ id: "ses_1", ...times, current: true });
		expect(shownSession(aSession({ device: "abc" }), "ses_2")).toEqual({ id: "ses_1", ...times, device: "abc", current: false });
	});
});

describe("a registration that was cut off", () => {
	const anAccount = (given: Partial<Account> = {}) =>
		({ status: "pending", welcomedAt: null, claimedBy: "one", createdAt: 0, ...given }) as Account;
	const given = { now: 1000, here: "one", alone: true };

	it("is none while its request may still be answered", () => expect(wasCutOff(anAccount(), given)).toBe(false));
	it("is one when its request waited too long, or its process is gone", () => {
		expect(wasCutOff(anAccount(), { ...given, now: 6001 })).toBe(true);
		expect(wasCutOff(anAccount(), { ...given, here: "two" })).toBe(true);
		expect(wasCutOff(anAccount(), { ...given, here: "two", alone: false })).toBe(false);
	});
	it("is none once it was answered, or the person disabled or erased", () => {
		expect(wasCutOff(anAccount({ welcomedAt: 1 }), { ...given, now: 9999 })).toBe(false);
		expect(wasCutOff(anAccount({ status: "disabled" }), { ...given, now: 9999 })).toBe(false);
		expect(wasCutOff(anAccount({ status: "active" }), { ...given, now: 9999 })).toBe(true);
	});
});
