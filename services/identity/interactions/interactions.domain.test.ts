import { describe, expect, it } from "@jest/globals";
import { Compile } from "typebox/compile";
import { NewInteraction } from "./interactions.contract.ts";
import { factOf, newInteraction, shown } from "./interactions.domain.ts";

const given = { id: "int_1", userId: "usr_1", now: Date.UTC(2026, 0, 5, 9) };
const doer = { userId: "usr_1", sessionId: "ses_1", addressHash: "a", deviceHash: null };
const like = { kind: "like", target: "prd_1" } as const;

describe("what is kept of an interaction", () => {
	it("is the same like of the same target, and no like for a visit", () => {
		expect(newInteraction(like, given).likeOf).toBe(newInteraction(like, { ...given, id: "int_2" }).likeOf);
		expect(newInteraction(like, given).likeOf).not.toBe(newInteraction({ ...like, target: "prd_2" }, given).likeOf);
		expect(newInteraction({ ...like, kind: "visit" }, given).likeOf).toBeNull();
	});

	it.each([
		["2026-01-05T08:59:00Z", "2026-01-05T08:59:00Z"],
		["2026-01-05T10:59:00+02:00", "2026-01-05T08:59:00.000Z"],
		["2026-06-30T23:59:60+00:00", "2026-06-30T23:59:60+00:00"],
	])("shows the client's own %s as %s", (occurredAt, seen) => {
		expect(shown(newInteraction({ ...like, occurredAt }, given))).toEqual({
			id: "int_1",
			...like,
			recordedAt: "2026-01-05T09:00:00.000Z",
			occurredAt: seen,
		});
	});

	it("is told without the client's own time, by which nobody may count", () => {
		const fact = factOf(newInteraction({ ...like, occurredAt: "1999-01-01T00:00:00Z" }, given), doer);
		expect(fact).toEqual({ id: "int_1", ...like, recordedAt: "2026-01-05T09:00:00.000Z", ...doer });
	});
});

describe("a target", () => {
	const check = Compile(NewInteraction);
	const isTaken = (target: unknown) => check.Check({ kind: "visit", target });

	it.each(["prd_01jd9w6qkz8m4f2v7b3c5n1x0r", "a", "campaign-7", "/", "/products?q=grüne uhr", `/${"x".repeat(199)}`])(
		"may be %s",
		target => {
			expect(isTaken(target)).toBe(true);
		},
	);

	it.each(["", `/${"x".repeat(200)}`, "two words", "https://elsewhere.example/", "/a\nb", "/\u0000", 7, null])("may not be %j", target => {
		expect(isTaken(target)).toBe(false);
	});
});
