import fs from "node:fs";
import { parseArgs } from "node:util";
import { runBacktest } from "../../services/risk/fraud/backtest/backtest.ts";
import { compileTrial } from "../../services/risk/fraud/rules/rule-book.ts";
import { OptionError } from "./option-error.ts";
import { showProgress } from "./progress.ts";
import { reportText, scoresText } from "./report-text.ts";
import { rulesFrom } from "./rules-file.ts";
import { Scores } from "./scores.ts";
import { LogOfStream, readStream } from "./stream-file.ts";

export const backtestHelp = `Replays a stream through a set of rules, in isolation and always with the same result: npm run fraud:backtest -- --file <stream> [options]

  --file <stream>    JSON lines of npm run fraud:generate
  --rules <file>     JSON: a list of rules, or what GET /v1/fraud/rules answers (default: the rules of a new shop); drafts are tried too
  --from <time>      look at what happened from then on (ISO 8601); what came before only warms the counters
  --to <time>        leave out what happened then or later
  --json             print the report as JSON
  --help`;

export interface BacktestOptions {
	file: string;
	rules: string | undefined;
	from: number | null;
	to: number | null;
	json: boolean;
}

/** Undefined when only help was asked for. Throws an {@link OptionError}. */
export function readBacktestOptions(args: readonly string[]): BacktestOptions | undefined {
	const { file, rules, from, to, json = false, help } = parse(args);
	if (help) return undefined;
	if (!file) throw new OptionError("--file is missing: it names the stream.");
	const options = { file, rules, from: timeOf("--from", from), to: timeOf("--to", to), json };
	if (options.from !== null && options.to !== null && options.from >= options.to) throw new OptionError("--from must be before --to.");
	return options;
}

function parse(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	const options = { file: text, rules: text, from: text, to: text, json: flag, help: { ...flag, short: "h" } } as const;
	try {
		return parseArgs({ args: [...args], options }).values;
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}

function timeOf(option: string, given: string | undefined): number | null {
	if (given === undefined) return null;
	const at = /^\d{4}-\d{2}-\d{2}/.test(given) ? Date.parse(given) : Number.NaN;
	if (Number.isNaN(at)) throw new OptionError(`${option} is "${given}"; it must be a time such as 2026-01-12T00:00:00Z.`);
	return at;
}

/** Replays the file and prints what was found. */
export async function backtestStream({ file, rules: rulesFile, from, to, json }: BacktestOptions): Promise<void> {
	const size = sizeOf(file);
	const rules = compileTrial(rulesFrom(rulesFile));
	const stream = new LogOfStream();
	const scores = new Scores(stream.labels);
	const progress = showProgress("replaying", "KB", Math.ceil(size / 1024));
	const began = performance.now();
	try {
		const log = readStream(file, stream, bytes => progress.show(Math.ceil(bytes / 1024)));
		const report = await runBacktest({ log, rules, labels: stream.verdicts, from, to, matched: match => scores.count(match) });
		progress.end();
		if (json) return console.log(JSON.stringify(report, null, 2));
		const width = process.stdout.columns;
		console.log(reportText(report, width));
		if (stream.labels.length > 0) console.log(`\n${scoresText(scores, report, stream.users, width)}`);
		console.log(`\n${stream.size} observations were read and replayed in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
	} finally {
		progress.end();
	}
}

function sizeOf(file: string): number {
	try {
		const found = fs.statSync(file);
		if (!found.isFile()) throw new Error("it is no file");
		return found.size;
	} catch (error) {
		throw new OptionError(`${file} cannot be read: ${(error as Error).message}`);
	}
}
