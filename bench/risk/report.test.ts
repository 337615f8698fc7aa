import { describe, expect, it } from "@jest/globals";
import { OptionError } from "../option-error.ts";
import { measureAttempts, measureWorth, twentyRules } from "./measure.ts";
import { readOptions } from "./options.ts";
import { report } from "./report.ts";

describe("the bench of the rules", () => {
	it("shows a row for every scenario, also for what was never found", async () => {
		const worth = await measureWorth({ seed: 3, users: 40, days: 2 });
		const cost = { observations: 500_000, rules: 20, parseSeconds: 1, replaySeconds: 4, longestTurnMs: 5 };
		const text = report({ worth, cost, attempts: { count: 9, rules: 11, p50Us: 12, p99Us: 40 }, assess: { commitP50Ms: 1, rows: [] } });
		for (const { scenario } of [...worth.fraud, ...worth.honest]) expect(text).toMatch(new RegExp(`^\\| ${scenario} `, "m"));
		expect(text).toMatch(/^\| slowCardTesting .*\| +0\.00 % \| +– \| +– \|$/m);
		expect(text).toMatch(/alerts per 1,000 users and day\.$/m);
		expect(text).toMatch(/20 rules +\| +125,000 \| +4\.00 \| +4\.00 \|$/m);
	});

	it("asks twenty rules, each under a name of its own", () => {
		expect(new Set(twentyRules().map(({ id }) => id)).size).toBe(20);
	});

	it("decides every attempt of the lines", () => {
		const entities = { device: "dev_1", instrument: "ins_1" };
		const attempt = { id: "opr_1", kind: "attempt", at: 5, entities, fields: {}, attempt: { id: "pay_1", instrument: "ins_1" } };
		const order = { id: "evt_1", kind: "order", at: 6, entities, fields: {} };
		expect(measureAttempts([attempt, order].map(line => JSON.stringify(line)))).toMatchObject({ count: 1 });
	});

	it("refuses what cannot be measured", () => {
		expect(readOptions([])).toEqual({ seed: 7, users: 5000, days: 30, rounds: 3, json: false });
		expect(readOptions(["--help"])).toBeUndefined();
		for (const args of [
			["--users", "5"],
			["--days", "0"],
			["--seconds", "5"],
		])
			expect(() => readOptions(args)).toThrow(OptionError);
	});
});
