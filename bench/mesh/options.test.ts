import { describe, expect, it } from "@jest/globals";
import { OptionError } from "../option-error.ts";
import { readOptions } from "./options.ts";

const servers = { STOA_NATS_URL: "nats://db:4222", STOA_SQL_URL: "mysql://u:p@db:3306" };

describe("the options of the mesh benchmark", () => {
	it("by default measure calls and facts, alone and many at once, on servers of its own", () => {
		expect(readOptions([], {})).toMatchObject({
			subjects: ["calls", "facts"],
			concurrency: [1, 64],
			seconds: 2,
			rounds: 3,
			lent: undefined,
		});
	});

	it("choose one subject, how many at once, and how long", () => {
		const words = ["--only", "facts", "--concurrency", "1,8,32", "--seconds", "0.5", "--rounds", "5"];
		expect(readOptions(words, {})).toMatchObject({ subjects: ["facts"], concurrency: [1, 8, 32], seconds: 0.5, rounds: 5 });
	});

	it("take the servers of the environment: calls need NATS alone, facts MariaDB too", () => {
		expect(readOptions([], servers)?.lent).toEqual({ nats: servers.STOA_NATS_URL, sql: servers.STOA_SQL_URL });
		const { STOA_NATS_URL } = servers;
		expect(readOptions(["--only", "calls"], { STOA_NATS_URL })?.lent).toEqual({ nats: STOA_NATS_URL });
		expect(() => readOptions([], { STOA_NATS_URL })).toThrow("STOA_NATS_URL, STOA_SQL_URL must be set together");
	});

	it("answer nothing when help was asked for", () => {
		expect(readOptions(["--help"], {})).toBeUndefined();
	});

	it.each([
		["--unknown"],
		["--only", "letters"],
		["--concurrency", "0"],
		["--concurrency", "1,,2"],
		["--concurrency", "many"],
		["--seconds", "0"],
		["--rounds", "1.5"],
	])("refuse with a sentence: %s %s", (...args) => {
		expect(() => readOptions(args.filter(Boolean), {})).toThrow(OptionError);
	});
});
