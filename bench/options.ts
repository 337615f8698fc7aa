import os from "node:os";
import { parseArgs } from "node:util";
import { OptionError, positive, wholeNumber } from "./option-error.ts";
import { type Administrator, type ScenarioName, scenarioNames } from "./scenarios.ts";
import { type Lent, lentServers, type ServerName } from "./servers.ts";
import type { Durability } from "./shop.ts";

export const help = `Measures the HTTP surface: npm run bench -- [options]

Without --url it starts the product itself in temporary folders, and leaves nothing behind: embedded twice (the first start seeds), or as a node for
each domain over servers of its own. Where STOA_NATS_URL, STOA_SQL_URL, STOA_MONGO_URL and STOA_REDIS_URL are all set it uses those servers instead,
in a namespace that it drops at the end.

  --engines <which>       embedded, real or both (default embedded); both ends with the ratio
  --nodes <n>             with real engines: nodes for each domain (default 1)
  --url <url>             measure what runs there instead; start it with STOA_RATE_LIMITS=off, or the limits are what you measure
  --scenarios <a,b>       of ${scenarioNames.join(", ")} (default all)
  --seconds <n>           length of each measured phase (default 10)
  --find-max              find the most per second in a closed loop, then measure latencies at 70 % of it (default without --rate)
  --rate <n | a=n,b=n>    operations per second to offer instead, for all scenarios or each named one
  --connections <n>       callers of the closed loop (default: each scenario's own)
  --durability <which>    full, process or both (default full); embedded only
  --data-dir <folder>     parent of the temporary folders (default the system's); choose a real disk
  --admin-email, --admin-password
                          with --url: an administrator who fills the shelves; without one, checkouts end with the stock
  --json                  print the figures as JSON
  --help`;

export type EngineChoice = "embedded" | "real";

export interface Options {
	url: string | undefined;
	engines: readonly EngineChoice[];
	nodes: number;
	/** Somebody else's servers for the real engines; undefined: its own. */
	lent: Lent<ServerName>;
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

/** Undefined when only help was asked for. Throws an {@link OptionError}. */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Options | undefined {
	const given = parse(args);
	if (given.help) return undefined;
	for (const name of ["durability", "engines"] as const)
		if (given.url !== undefined && given[name] !== undefined) throw new OptionError(`--${name} is the choice of whoever started --url.`);
	const engines = engineChoices(given.engines ?? "embedded");
	const isReal = engines.includes("real");
	if (given.durability !== undefined && !engines.includes("embedded"))
		throw new OptionError("--durability is for the embedded engines; servers have settings of their own.");
	if (given.nodes !== undefined && !isReal) throw new OptionError("--nodes goes with --engines real or both.");
	if (given["find-max"] && given.rate !== undefined) throw new OptionError("--find-max and --rate exclude each other.");
	if (given.url === undefined && (given["admin-email"] || given["admin-password"]))
		throw new OptionError("--admin-email and --admin-password go with --url; without it the administrator is made here.");

	const scenarios = (given.scenarios?.split(",") ?? [...scenarioNames]).map(scenario);
	return {
		url: given.url === undefined ? undefined : base(given.url),
		engines,
		nodes: wholeNumber("--nodes", given.nodes ?? "1", { max: 5 }),
		lent: isReal ? lentServers(env, ["nats", "sql", "mongo", "redis"]) : undefined,
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
				engines: text,
				nodes: text,
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

function engineChoices(given: string): EngineChoice[] {
	if (given === "both") return ["embedded", "real"];
	if (given === "embedded" || given === "real") return [given];
	throw new OptionError(`--engines is "${given}"; it must be embedded, real or both.`);
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
