import { describe, expect, it } from "@jest/globals";
import { compileTrial } from "../../services/risk/fraud/rules/rule-book.ts";
import { Scores } from "./scores.ts";
import type { Label, Scenario } from "./stream-file.ts";

const label = (entity: string, scenario: Scenario, incident: number, fraud: boolean): Label => ({ entity, scenario, incident, fraud });
const labels = [
	label("user:a", "likeSpam", 1, true),
	label("user:b", "likeSpam", 2, true),
	label("device:b", "likeSpam", 2, true),
	label("user:c", "takeover", 1, true),
	label("user:d", "influencer", 1, false),
	label("user:e", "ordinary", 1, false),
];
const [flagging, allowing] = compileTrial(
	(["flag", "allow"] as const).map(outcome => ({
		id: outcome,
		description: "Visits.",
		state: "live" as const,
		on: ["interaction" as const],
		when: { fact: "kind", operator: "eq" as const, value: "visit" },
		outcome,
		scope: "user" as const,
	})),
).rules;

const scored = (entities: readonly string[]) => {
	const scores = new Scores(labels);
	for (const entityKey of entities) scores.count({ rule: flagging!, entityKey });
	return scores;
};

describe("what alerts are worth", () => {
	it("an incident is found when one of its entities is alerted about, however often", () => {
		const [, likes] = scored(["device:b", "device:b"]).fraud();
		expect(likes).toEqual({ scenario: "likeSpam", incidents: 2, found: 1, recall: 0.5, precision: 1, rules: ["flag"] });
	});

	it("the precision of a scenario is that of the rules which found it, over all they alerted about", () => {
		const scores = scored(["user:a", "user:d", "user:e", "user:c", "user:nobody"]);
		expect(scores.fraud().map(({ scenario, precision }) => [scenario, precision])).toEqual([
			["takeover", 0.5],
			["likeSpam", 0.5],
		]);
	});

	it("what nobody found has a recall of 0 and no precision", () => {
		expect(scored([]).fraud()[0]).toEqual({ scenario: "takeover", incidents: 1, found: 0, recall: 0, precision: null, rules: [] });
	});

	it("counts alerts about the honest, and how many of them there are", () => {
		expect(scored(["user:d", "user:d"]).honest()).toEqual([
			{ scenario: "ordinary", entities: 1, alerted: 0, alerts: 0, rules: [] },
			{ scenario: "influencer", entities: 1, alerted: 1, alerts: 2, rules: ["flag"] },
		]);
	});

	it("a rule that allows alerts nobody", () => {
		const scores = new Scores(labels);
		scores.count({ rule: allowing!, entityKey: "user:d" });
		const row = { matches: 9, entities: 1, overlap: {} };
		const report = { from: null, to: null, events: 9, rules: [{ id: "allow", perDay: 9, ...row }] };
		expect(scores.perThousandAndDay(report, 500)).toBe(0);
		scores.count({ rule: flagging!, entityKey: "user:d" });
		expect(scores.perThousandAndDay({ ...report, rules: [...report.rules, { id: "flag", perDay: 3, ...row }] }, 500)).toBe(6);
	});
});
