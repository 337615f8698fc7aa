import { describe, expect, it } from "@jest/globals";
import { OptionError, readOptions } from "./options.ts";
import { scenarioNames } from "./scenarios.ts";

describe("the options of the benchmark", () => {
	it("by default find the most of every scenario in a fully synced product of its own", () => {
		expect(readOptions([])).toMatchObject({
			url: undefined,
			scenarios: scenarioNames,
			seconds: 10,
			rates: new Map(),
			durabilities: ["full"],
		});
	});

	it("take one rate for all or one for each", () => {
		expect(readOptions(["--scenarios", "detail,login", "--rate", "50"])?.rates).toEqual(new Map(Object.entries({ detail: 50, login: 50 })));
		expect(readOptions(["--scenarios", "detail,login", "--rate", "detail=900,login=5"])?.rates.get("login")).toBe(5);
	});

	it("run both durabilities one after the other", () => {
		expect(readOptions(["--durability", "both"])?.durabilities).toEqual(["full", "process"]);
	});

	it("answer nothing when help was asked for", () => {
		expect(readOptions(["--help"])).toBeUndefined();
	});

	it.each([
		["--unknown"],
		["--seconds", "0"],
		["--seconds", "soon"],
		["--rate", "-1"],
		["--rate", "detail=5"],
		["--scenarios", "detail,teleport"],
		["--durability", "none"],
		["--url", "localhost:3000"],
		["--url", "http://localhost:3000", "--durability", "full"],
		["--find-max", "--rate", "5"],
		["--url", "http://localhost:3000", "--admin-email", "a@b.example"],
		["--admin-email", "a@b.example", "--admin-password", "long enough it is"],
	])("refuse with a sentence: %s %s %s", (...args) => {
		expect(() => readOptions(args.filter(Boolean))).toThrow(OptionError);
	});
});
