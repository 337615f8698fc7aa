import os from "node:os";
import { parseArgs } from "node:util";
import { OptionError, positive, wholeNumber } from "../option-error.ts";
import { type Lent, lentServers } from "../servers.ts";

export const help = `Measures the mesh itself, below the HTTP surface: npm run bench:mesh -- [options]

Calls: one small internal action, in one process, on another node over NATS with CBOR as the product sends it, and with JSON.
Facts: told in one transaction each until a listener's transaction has applied them, in one process over SQLite and to another node over JetStream
and MariaDB. Every way takes its turn in every round; figures are medians of the rounds, and each way stands beside its ratio.

  --only <calls|facts>    one of the two (default both)
  --concurrency <a,b>     how many call or tell at once (default 1,64)
  --seconds <n>           length of each measurement (default 2)
  --rounds <n>            how often each is taken (default 3)
  --data-dir <folder>     parent of the temporary folders (default the system's); choose a real disk
  --json                  print the figures as JSON
  --help

It starts NATS and MariaDB of its own. Where STOA_NATS_URL and (for facts) STOA_SQL_URL are set it uses those, in a namespace that it drops at the end.`;

export type Subject = "calls" | "facts";
export type MeshServer = "nats" | "sql";

/** What the ways of a subject need. */
export const serversFor = (subject: Subject): MeshServer[] => (subject === "facts" ? ["nats", "sql"] : ["nats"]);

export interface MeshOptions {
	subjects: readonly Subject[];
	concurrency: readonly number[];
	seconds: number;
	rounds: number;
	dataDir: string;
	json: boolean;
	/** Somebody else's servers; undefined: its own. */
	lent: Lent<MeshServer>;
}

/** Undefined when only help was asked for. Throws an {@link OptionError}. */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): MeshOptions | undefined {
	const given = parse(args);
	if (given.help) return undefined;
	const subjects = subjectsOf(given.only);
	return {
		subjects,
		concurrency: (given.concurrency ?? "1,64").split(",").map(text => wholeNumber("--concurrency", text, { max: 1000 })),
		seconds: positive("--seconds", given.seconds ?? "2"),
		rounds: wholeNumber("--rounds", given.rounds ?? "3", { max: 100 }),
		dataDir: given["data-dir"] ?? os.tmpdir(),
		json: given.json ?? false,
		lent: lentServers<MeshServer>(env, [...new Set(subjects.flatMap(serversFor))]),
	};
}

function parse(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	try {
		return parseArgs({
			args: [...args],
			options: { only: text, concurrency: text, seconds: text, rounds: text, "data-dir": text, json: flag, help: flag },
		}).values;
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}

function subjectsOf(only: string | undefined): Subject[] {
	if (only === undefined) return ["calls", "facts"];
	if (only === "calls" || only === "facts") return [only];
	throw new OptionError(`--only is "${only}"; it must be calls or facts.`);
}
