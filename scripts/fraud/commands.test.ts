import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import type { Observation } from "../../services/risk/fraud/fraud.observations.ts";
import { readBacktestOptions } from "./backtest-command.ts";
import { labelledStream } from "./generate/stream.ts";
import { linesOf, readGenerateOptions } from "./generate-command.ts";
import { OptionError } from "./option-error.ts";
import { rulesFrom } from "./rules-file.ts";
import { LogOfStream, readStream } from "./stream-file.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-fraud-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function fileOf(name: string, text: string): string {
	const file = path.join(folder, name);
	fs.writeFileSync(file, text);
	return file;
}

const program = path.join(import.meta.dirname, "../fraud.ts");
const run = (...args: string[]) =>
	spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], { encoding: "utf8" });

const observation = (id: string): Observation => ({
	id,
	kind: "interaction",
	at: 1_767_570_330_000,
	entities: { user: "usr_1" },
	fields: { kind: "visit" },
});

async function read(file: string, log = new LogOfStream()) {
	const found = [];
	for await (const batch of readStream(file, log)) found.push(...batch);
	return found;
}

describe("reading a stream", () => {
	it("drops what was delivered twice and numbers the rest without gaps, as the log does", async () => {
		const lines = ["a", "b", "a", "c", "b"].map(id => JSON.stringify({ observation: observation(id) }));
		const found = await read(fileOf("twice.jsonl", `${lines.join("\n")}\n`));
		expect(found.map(({ id, seq }) => [id, seq])).toEqual([
			["a", 1],
			["b", 2],
			["c", 3],
		]);
	});

	it("learns who is who, and how many users there are", async () => {
		const file = fileOf("whole.jsonl", [...linesOf(labelledStream({ seed: 3, users: 30, days: 2 }))].join(""));
		const log = new LogOfStream();
		const found = await read(file, log);
		expect(found).toHaveLength(log.size);
		expect(log.users).toBe(30);
		expect(log.verdicts.size).toBe(log.labels.length);
		expect(new Set(log.verdicts.values())).toEqual(new Set(["fraud", "honest"]));
	});

	it.each(["{", "[]", '{"label":{}}', '{"observation":{"id":"a"}}'])("refuses %s with its line", async line => {
		const file = fileOf("wrong.jsonl", `${JSON.stringify({ observation: observation("a") })}\n${line}\n`);
		await expect(read(file)).rejects.toThrow(/wrong\.jsonl:2 is neither/);
	});
});

describe("the options", () => {
	it("of the generator have defaults, and what makes no sense is refused in a sentence", () => {
		expect(readGenerateOptions([])).toEqual({ seed: 7, users: 5000, days: 30, out: undefined });
		expect(readGenerateOptions(["--help"])).toBeUndefined();
		for (const args of [["--users", "19"], ["--days", "0"], ["--days", "1.5"], ["--seed", "x"], ["--seed", ""], ["--user", "5"], ["5"]])
			expect(() => readGenerateOptions(args)).toThrow(OptionError);
	});

	it("of the backtest name a file and a time that has a beginning before its end", () => {
		const given = readBacktestOptions(["--file", "s.jsonl", "--from", "2026-01-05T00:00:00Z", "--to", "2026-01-06"]);
		expect(given).toMatchObject({ file: "s.jsonl", from: Date.UTC(2026, 0, 5), to: Date.UTC(2026, 0, 6), json: false });
		expect(readBacktestOptions(["--help"])).toBeUndefined();
		for (const args of [[], ["--file", "s", "--from", "5"], ["--file", "s", "--from", "2026-02-01", "--to", "2026-01-01"]])
			expect(() => readBacktestOptions(args)).toThrow(OptionError);
	});
});

describe("a file of rules", () => {
	const rule = rulesFrom(undefined)[0]!;

	it("is a list, or what the API answers, counts and all", () => {
		expect(rulesFrom(fileOf("list.json", JSON.stringify([rule])))).toEqual([rule]);
		expect(rulesFrom(fileOf("set.json", JSON.stringify({ version: 3, rules: [{ ...rule, matches: { count: 5 } }] })))).toEqual([rule]);
	});

	it("is refused with the place that is wrong", () => {
		const wrong = { ...rule, when: { all: [{ fact: "amount", operator: "about", value: 1 }] } };
		expect(() => rulesFrom(fileOf("wrong.json", JSON.stringify([rule, { ...wrong, id: "b" }])))).toThrow("/rules/1/when/all/0/operator");
		expect(() => rulesFrom(fileOf("shape.json", JSON.stringify([{ ...rule, scope: "planet" }])))).toThrow("/rules/0/scope");
		expect(() => rulesFrom(fileOf("text.json", "{"))).toThrow(OptionError);
		expect(() => rulesFrom(fileOf("null.json", "null"))).toThrow(OptionError);
	});
});

describe("on the command line", () => {
	it("a stream is made, replayed and judged, twice with the same result", () => {
		const file = path.join(folder, "cli.jsonl");
		const made = run("generate", "--users", "40", "--days", "2", "--seed", "5", "--out", file);
		expect(made.stdout).toMatch(/^\d+ observations and \d+ labels are in /);
		expect(run("generate", "--users", "40", "--days", "2", "--seed", "5").stdout).toBe(fs.readFileSync(file, "utf8"));
		const replayed = run("backtest", "--file", file);
		expect([replayed.status, replayed.stderr.includes("replaying")]).toEqual([0, true]);
		for (const text of ["card-testing.device", "slowCardTesting", "influencer", "alerts per 1,000 users and day"])
			expect(replayed.stdout).toContain(text);
		expect(run("backtest", "--file", file, "--json").stdout).toBe(run("backtest", "--file", file, "--json").stdout);
	});

	it("what was mistyped is answered with a sentence and where to look", () => {
		const refused = run("generate", "--days", "never");
		expect([refused.status, refused.stderr]).toEqual([
			1,
			'--days is "never"; it must be a whole number from 1 to 366.\nnpm run fraud:generate -- --help says what there is.\n',
		]);
		expect(run("backtest", "--file", path.join(folder, "absent")).stderr).toContain("cannot be read");
		expect(run("guess").status).toBe(1);
	});
});
