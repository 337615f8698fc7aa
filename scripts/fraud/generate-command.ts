import fs from "node:fs";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { fewestUsers } from "./generate/cast.ts";
import { type LabelledStream, labelledStream, type StreamOptions } from "./generate/stream.ts";
import { OptionError, wholeNumber } from "./option-error.ts";
import { showProgress } from "./progress.ts";
import type { Line } from "./stream-file.ts";

export const generateHelp = `Makes a labelled stream of shop life with fraud in it, and with much that only looks like fraud: npm run fraud:generate -- [options]

  --seed <n>      the same seed gives the same stream (default 7)
  --users <n>     customers, ${fewestUsers} or more (default 5000)
  --days <n>      how long it goes on (default 30)
  --out <file>    where to write it (default: standard output)
  --help

One JSON object a line: {"stream"} what it is, {"label"} who is who, {"observation"} what risk makes of each fact, in the order of arrival: a tenth of
the facts up to 10 minutes late, some of them twice.`;

export interface GenerateOptions extends StreamOptions {
	out: string | undefined;
}

/** Undefined when only help was asked for. Throws an {@link OptionError}. */
export function readGenerateOptions(args: readonly string[]): GenerateOptions | undefined {
	const { seed = "7", users = "5000", days = "30", out, help } = parse(args);
	if (help) return undefined;
	return {
		seed: wholeNumber("--seed", seed, { min: 0, max: 2 ** 32 - 1 }),
		users: wholeNumber("--users", users, { min: fewestUsers, max: 1_000_000 }),
		days: wholeNumber("--days", days, { min: 1, max: 366 }),
		out,
	};
}

function parse(args: readonly string[]) {
	const text = { type: "string" } as const;
	const options = { seed: text, users: text, days: text, out: text, help: { type: "boolean", short: "h" } } as const;
	try {
		return parseArgs({ args: [...args], options }).values;
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}

/** Writes the stream, a day in memory at a time. */
export async function generate(options: GenerateOptions): Promise<void> {
	const progress = showProgress("telling", "days", options.days);
	const stream = labelledStream(options);
	let told = 0;
	const lines = Readable.from(
		linesOf(stream, (day, observations) => {
			told += observations;
			progress.show(day);
		}),
		// A day's lines are one piece each thousand: more waiting pieces would only be memory.
		{ highWaterMark: 2 },
	);
	try {
		if (options.out === undefined) await toStandardOutput(lines);
		else await pipeline(lines, fs.createWriteStream(options.out));
	} finally {
		progress.end();
	}
	if (options.out !== undefined) console.log(`${told} observations and ${stream.labels.length} labels are in ${options.out}.`);
}

/** Whoever reads may have seen enough (`| head`): then there is nobody left to tell. */
async function toStandardOutput(lines: Readable): Promise<void> {
	try {
		lines.pipe(process.stdout, { end: false });
		await Promise.race([finished(lines), new Promise((_, refuse) => process.stdout.once("error", refuse))]);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
	}
}

const linesPerPiece = 1000;

/** The text of the stream in pieces. */
export function* linesOf(stream: LabelledStream, onDay?: (day: number, observations: number) => void): Generator<string> {
	yield textOf([{ stream: stream.facts }]);
	yield* pieces(stream.labels.map(label => ({ label })));
	let day = 0;
	for (const observations of stream.days()) {
		yield* pieces(observations.map(observation => ({ observation })));
		onDay?.(++day, observations.length);
	}
}

function* pieces(lines: readonly Line[]): Generator<string> {
	for (let from = 0; from < lines.length; from += linesPerPiece) yield textOf(lines.slice(from, from + linesPerPiece));
}

const textOf = (lines: readonly Line[]) => lines.map(line => `${JSON.stringify(line)}\n`).join("");
