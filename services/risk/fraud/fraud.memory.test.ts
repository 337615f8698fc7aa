// What rules remember of whom: as shadows and live, after a confirmation and after somebody was cleared.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { anAttempt, hash, RiskFeed } from "../../../test/support/risk-feed.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { failed } from "../../identity/authentication/authentication.contract.ts";
import * as cases from "./cases.contract.ts";
import * as fraud from "./fraud.contract.ts";
import type { Fraud } from "./fraud.service.ts";
import * as rules from "./rules.contract.ts";

let stoa: Stoa;
let feed: RiskFeed;
let clock: ReturnType<typeof handClock>;

beforeEach(async () => {
	clock = handClock();
	stoa = await startStoa({ services: ["risk"], clock });
	feed = new RiskFeed(stoa);
});
afterEach(() => stoa.stop());

const usr = () => newId("usr", Date.now());
const analyst = () => stoa.as("usr_01jd9w6qkz8m4f2v7b3c5n1x0r", ["risk"]);
const standing = async (userId: string) => (await ask(stoa.broker, cases.getUser, { id: userId }, { meta: analyst() })).status;
const see = async (userId: string, count: number) => {
	await feed.hand(...Array.from({ length: count }, () => feed.interaction(userId, clock.now())));
	await feed.judged();
};
/** Five, which is what opens a case. */
const mistypePassword = async (userId: string) => {
	const about = { emailHash: hash("e"), userId, addressHash: hash("a"), deviceHash: null };
	await feed.hand(...Array.from({ length: 5 }, () => feed.fact(failed, about, clock.now())));
	await feed.judged();
};
const waiting = async () => (await ask(stoa.broker, cases.listCases, { status: "open" }, { meta: analyst() })).data;
const caseOf = async (id: string) => (await waiting()).find(({ entity }) => entity.id === id);
async function decide(entityId: string, decision: "confirmed" | "falsePositive") {
	const { id } = (await caseOf(entityId))!;
	await ask(stoa.broker, cases.claimCase, { id }, { meta: analyst() });
	await ask(stoa.broker, cases.decideCase, { id, decision }, { meta: analyst() });
}
const clear = (userId: string) => ask(stoa.broker, cases.clearUser, { id: userId, reason: "A gift buyer." }, { meta: analyst() });
const put = (...given: rules.Rule[]) => ask(stoa.broker, rules.putRules, { rules: given }, { meta: analyst() });
const fiveOrMore = (by: rules.EntityKind, window?: string) => ({
	fact: { counter: "interactions", by, ...(window ? { window } : {}) },
	operator: "gte" as const,
	value: 5,
});
const aRule = (given: Partial<rules.Rule> = {}): rules.Rule => ({
	id: "busy",
	description: "Five visits.",
	state: "live",
	on: ["interaction"],
	when: fiveOrMore("user"),
	outcome: "flag",
	scope: "user",
	...given,
});

describe("a rule that was tried in shadow", () => {
	it("flags, once it is live, whom it matched as a shadow, and counts both", async () => {
		const userId = usr();
		await put(aRule({ state: "shadow" }));
		await see(userId, 6);
		expect(await waiting()).toEqual([]);
		await put(aRule());
		await see(userId, 3);
		expect(await standing(userId)).toBe("flagged");
		const { rules: shown } = await ask(stoa.broker, rules.getRules, {}, { meta: analyst() });
		expect(shown[0]!.matches.count).toBe(2);
	});

	it("opens its case, once it is live, of a device that it would have refused as a shadow", async () => {
		const fromAbroad = { when: { fact: "country", operator: "eq", value: "XX" }, scope: "device", cooldown: "P1D" } as const;
		const assess = () => ask(stoa.broker, fraud.assess, anAttempt({ country: "XX" }));
		await put(aRule({ ...fromAbroad, on: ["checkout"], outcome: "block", state: "shadow" }));
		expect((await assess()).outcome).toBe("allow");
		await put(aRule({ ...fromAbroad, on: ["checkout"], outcome: "block" }));
		expect((await assess()).outcome).toBe("block");
		await feed.judged();
		expect(await caseOf(hash("d"))).toMatchObject({ entity: { kind: "device" }, reasons: [{ rule: "busy" }] });
	});

	it("says nothing twice when it goes back into the shadow and is live again", async () => {
		const userId = usr();
		for (const state of ["live", "shadow", "live"] as const) {
			await put(aRule({ state, outcome: "review" }));
			await see(userId, 6);
		}
		expect((await caseOf(userId))!.reasons).toHaveLength(1);
	});
});

describe("somebody who was confirmed and is cleared after all", () => {
	it("by a later case is flagged again by the next hundred, and by no fewer", async () => {
		const userId = usr();
		await see(userId, 100);
		await decide(userId, "confirmed");
		await mistypePassword(userId);
		await decide(userId, "falsePositive");
		expect(await standing(userId)).toBe("clear");
		clock.move(3_600_000);
		await see(userId, 99);
		expect(await standing(userId)).toBe("clear");
		await see(userId, 1);
		expect(await standing(userId)).toBe("flagged");
	});

	it("by hand has a case again after as many visits as before, of a rule that only asks for a look", async () => {
		const userId = usr();
		await put(aRule({ outcome: "review" }));
		await see(userId, 5);
		await decide(userId, "confirmed");
		expect(await standing(userId)).toBe("flagged");
		await clear(userId);
		await see(userId, 4);
		expect(await caseOf(userId)).toBeUndefined();
		await see(userId, 1);
		expect(await caseOf(userId)).toMatchObject({ reasons: [{ rule: "busy" }] });
	});

	it("is forgotten by what counts for life, and by rules that are gone, but not by a window whose case was confirmed", async () => {
		const userId = usr();
		const review = { outcome: "review" } as const;
		await put(
			aRule(review),
			aRule({ ...review, id: "busy-gone" }),
			aRule({ ...review, id: "busy-hour", when: fiveOrMore("user", "PT1H") }),
			aRule({ ...review, id: "busy-shadow", state: "shadow" }),
		);
		await see(userId, 5);
		await decide(userId, "confirmed");
		await put(aRule(review), aRule({ ...review, id: "busy-hour", when: fiveOrMore("user", "PT1H") }));
		await clear(userId);
		const log = await stoa.service<Fraud>("fraud").store.reader.logAfter(0, 100);
		expect(log.filter(({ kind }) => kind === "cleared")).toMatchObject([{ rules: ["busy", "busy-gone"] }]);
	});
});

describe("a rule that flags and speaks of something else than a user", () => {
	const ofAddress = (given: Partial<rules.Rule> = {}) => aRule({ scope: "address", when: fiveOrMore("address"), ...given });

	it("opens a case of it and one of the user, and each decides on its own", async () => {
		const userId = usr();
		await put(ofAddress());
		await see(userId, 5);
		expect(await standing(userId)).toBe("flagged");
		expect((await waiting()).map(({ entity }) => entity.kind).toSorted()).toEqual(["address", "user"]);
		await decide(hash("a"), "falsePositive");
		expect(await standing(userId)).toBe("flagged");
		await decide(userId, "falsePositive");
		expect(await standing(userId)).toBe("clear");
		expect(await waiting()).toEqual([]);
	});

	it("says nothing of somebody who was cleared of it for thirty days, and goes on about others", async () => {
		const [cleared, other] = [usr(), usr()];
		await put(ofAddress({ when: fiveOrMore("address", "P60D"), cooldown: "PT2S" }));
		await see(cleared, 5);
		await clear(cleared);
		clock.move(3000);
		await see(cleared, 1);
		expect(await standing(cleared)).toBe("clear");
		await see(other, 1);
		expect(await standing(other)).toBe("flagged");
		clock.move(30 * 24 * 3_600_000);
		await see(cleared, 1);
		expect(await standing(cleared)).toBe("flagged");
	});

	it("opens only the case of what it speaks of where nobody is signed in", async () => {
		await put(aRule({ scope: "device", on: ["checkout"], when: { fact: "country", operator: "eq", value: "XX" } }));
		await ask(stoa.broker, fraud.assess, anAttempt({ country: "XX" }));
		await feed.judged();
		expect((await waiting()).map(({ entity }) => entity)).toEqual([{ kind: "device", id: hash("d") }]);
	});
});
