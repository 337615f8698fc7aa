import { describe, expect, it } from "@jest/globals";
import { OptionError } from "./option-error.ts";
import { readOptions } from "./options.ts";
import { scenarioNames } from "./scenarios.ts";

describe("the options of the benchmark", () => {
	it("by default find the most of every scenario in a fully synced product of its own", () => {
		expect(readOptions([])).toMatchObject({
			url: undefined,
			engines: ["embedded"],
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

	it("run the embedded engines first and then the real ones, so many nodes for each domain", () => {
		expect(readOptions(["--engines", "both", "--nodes", "2"], {})).toMatchObject({
			engines: ["embedded", "real"],
			nodes: 2,
			lent: undefined,
		});
		expect(readOptions(["--engines", "real"], {})).toMatchObject({ engines: ["real"], nodes: 1 });
	});

	it("take the servers of the environment for the real engines, all of them or none", () => {
		const lent = { nats: "nats://db:4222", sql: "mysql://u:p@db:3306", mongo: "mongodb://db:27017", redis: "redis://db:6379" };
		const env = { STOA_NATS_URL: lent.nats, STOA_SQL_URL: lent.sql, STOA_MONGO_URL: lent.mongo, STOA_REDIS_URL: lent.redis };
		expect(readOptions(["--engines", "both"], env)?.lent).toEqual(lent);
		expect(readOptions([], env)?.lent).toBeUndefined();
		expect(() => readOptions(["--engines", "real"], { ...env, STOA_REDIS_URL: "" })).toThrow("STOA_REDIS_URL must be set together");
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
		["--engines", "imaginary"],
		["--engines", "real", "--durability", "both"],
		["--engines", "both", "--nodes", "0"],
		["--engines", "both", "--nodes", "1.5"],
		["--nodes", "2"],
		["--url", "http://localhost:3000", "--engines", "real"],
		["--url", "localhost:3000"],
		["--url", "http://localhost:3000", "--durability", "full"],
		["--find-max", "--rate", "5"],
		["--url", "http://localhost:3000", "--admin-email", "a@b.example"],
		["--admin-email", "a@b.example", "--admin-password", "long enough it is"],
	])("refuse with a sentence: %s %s %s %s", (...args) => {
		expect(() => readOptions(args.filter(Boolean))).toThrow(OptionError);
	});
});
