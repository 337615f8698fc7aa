import os from "node:os";
import { parseArgs } from "node:util";
import type { Durability } from "./product.ts";
import { type Administrator, type ScenarioName, scenarioNames } from "./scenarios.ts";

export const help = `Measures the HTTP surface: npm run bench -- [options]

Without --url it starts the product itself on a temporary folder, twice (the first start seeds), and stops it at the end.

  --url <url>             measure what runs there instead; start it with STOA_RATE_LIMITS=off, or the limits are what you measure
  --scenarios <a,b>       of ${scenarioNames.join(", ")} (default all)
  --seconds <n>           length of each measured phase (default 10)
  --find-max              find the most per second in a closed loop, then measure latencies at 70 % of it (default without --rate)
  --rate <n | a=n,b=n>    operations per second to offer instead, for all scenarios or each named one
  --connections <n>       callers of the closed loop (default: each scenario's own)
  --durability <which>    full, process or both (default full); only when the product is started here
  --data-dir <folder>     parent of the temporary folder (default the system's); choose a real disk
  --admin-email, --admin-password
                          with --url: an administrator who fills the shelves; without one, checkouts end with the stock
  --json                  print the figures as JSON
  --help`;

export interface Options {
	url: string | undefined;
	scenarios: readonly ScenarioName[];
	seconds: number;
	/** Operations per second by scenario; empty: find the most. */
	rates: ReadonlyMap<ScenarioName, number>;
	connections: number | undefined;
	durabilities: readonly Durability[];
	dataDir: string;
	administrator: Administrator | undefined;
	json: boolean;
}

/** A sentence for whoever typed the command. */
export class OptionError extends Error {}

/** Undefined when only help was asked for. */
export function readOptions(args: readonly string[]): Options | undefined {
	const given = parse(args);
	if (given.help) return undefined;
	if (given.url !== undefined && given.durability !== undefined)
		throw new OptionError("--durability is the choice of whoever started --url.");
	if (given["find-max"] && given.rate !== undefined) throw new OptionError("--find-max and --rate exclude each other.");
	if (given.url === undefined && (given["admin-email"] || given["admin-password"]))
		throw new OptionError("--admin-email and --admin-password go with --url; without it the administrator is made here.");

	const scenarios = (given.scenarios?.split(",") ?? [...scenarioNames]).map(scenario);
	return {
		url: given.url === undefined ? undefined : base(given.url),
		scenarios,
		seconds: positive("--seconds", given.seconds ?? "10"),
		rates: rates(given.rate, scenarios),
		connections: given.connections === undefined ? undefined : Math.ceil(positive("--connections", given.connections)),
		durabilities: durabilities(given.durability ?? "full"),
		dataDir: given["data-dir"] ?? os.tmpdir(),
		administrator: administrator(given["admin-email"], given["admin-password"]),
		json: given.json ?? false,
	};
}

function parse(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	try {
		return parseArgs({
			args: [...args],
			options: {
				url: text,
				scenarios: text,
				seconds: text,
				"find-max": flag,
				rate: text,
				connections: text,
				durability: text,
				"data-dir": text,
				"admin-email": text,
				"admin-password": text,
				json: flag,
				help: flag,
			},
		}).values;
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}

function base(url: string): string {
	if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
		throw new OptionError(`--url is "${url}"; it must begin with http:// or https://.`);
	return url;
}

function scenario(name: string): ScenarioName {
	const known = scenarioNames.find(candidate => candidate === name);
	if (!known) throw new OptionError(`There is no scenario "${name}"; there are ${scenarioNames.join(", ")}.`);
	return known;
}

function rates(given: string | undefined, scenarios: readonly ScenarioName[]): Map<ScenarioName, number> {
	if (given === undefined) return new Map();
	if (!given.includes("=")) return new Map(scenarios.map(name => [name, positive("--rate", given)]));
	const named = new Map(
		given.split(",").map(pair => {
			const [name = "", rate = ""] = pair.split("=");
			return [scenario(name), positive("--rate", rate)] as const;
		}),
	);
	const missing = scenarios.filter(name => !named.has(name));
	if (missing.length > 0) throw new OptionError(`--rate says nothing about ${missing.join(", ")}.`);
	return named;
}

function durabilities(given: string): Durability[] {
	if (given === "both") return ["full", "process"];
	if (given === "full" || given === "process") return [given];
	throw new OptionError(`--durability is "${given}"; it must be full, process or both.`);
}

function administrator(email: string | undefined, password: string | undefined): Administrator | undefined {
	if (email && password) return { email, password };
	if (email || password) throw new OptionError("--admin-email and --admin-password go together.");
	return undefined;
}

function positive(option: string, given: string): number {
	const value = Number(given);
	if (!(value > 0 && Number.isFinite(value))) throw new OptionError(`${option} is "${given}"; it must be a number above 0.`);
	return value;
}
