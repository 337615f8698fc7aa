import { parseArgs } from "node:util";
import { fewestUsers } from "../../scripts/fraud/generate/cast.ts";
import { OptionError, wholeNumber } from "../option-error.ts";

export const help = `Measures what the rules of a new shop are worth, and what they cost: npm run bench:fraud -- [options]

A labelled stream is made in memory and replayed: recall and precision of every scenario, alerts among those who only look like fraud, alerts per 1,000
users and day. Then ${(500_000).toLocaleString("en")} observations are replayed through 20 rules beside merely parsing the same lines, in turns; and every attempt among
them is counted and decided with a full trace, one by one.

  --seed <n>      the same seed gives the same stream, and the same recall and precision (default 7)
  --users <n>     customers (default 5000)
  --days <n>      how long it goes on (default 30)
  --rounds <n>    how often the replay is measured; figures are medians (default 3)
  --json          print the figures as JSON
  --help`;

export interface FraudBenchOptions {
	seed: number;
	users: number;
	days: number;
	rounds: number;
	json: boolean;
}

/** Undefined when only help was asked for. Throws an {@link OptionError}. */
export function readOptions(args: readonly string[]): FraudBenchOptions | undefined {
	const given = parse(args);
	if (given.help) return undefined;
	const users = wholeNumber("--users", given.users ?? "5000", { max: 100_000 });
	if (users < fewestUsers) throw new OptionError(`--users is "${given.users}"; fewer than ${fewestUsers} cannot play every part.`);
	return {
		seed: wholeNumber("--seed", given.seed ?? "7", { max: 2 ** 32 - 1 }),
		users,
		days: wholeNumber("--days", given.days ?? "30", { max: 366 }),
		rounds: wholeNumber("--rounds", given.rounds ?? "3", { max: 100 }),
		json: given.json ?? false,
	};
}

function parse(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	try {
		return parseArgs({ args: [...args], options: { seed: text, users: text, days: text, rounds: text, json: flag, help: flag } }).values;
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}
