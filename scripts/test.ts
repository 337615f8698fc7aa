// `npm test`: every suite that this machine can run. What was skipped, and why, is printed at the end.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { findChromium } from "../test/support/chromium.ts";

const usage = `Runs the tests.

  npm test                         everything this machine can run
  npm test -- services/commerce    suites below a path
  npm test -- -t "sells more"      tests whose name matches
  npm test -- --house              the house rules only
  npm test -- --no-skips           fail when a suite had to be skipped (CI)

Suites that need a browser run where chromium is found or CHROMIUM_PATH names one.`;

const root = path.resolve(import.meta.dirname, "..");
const jest = path.join(root, "node_modules/jest/bin/jest.js");

interface Outcome {
	numPassedTests: number;
	numFailedTests: number;
	numPendingTests: number;
	numRuntimeErrorTestSuites: number;
	success: boolean;
}

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		help: { type: "boolean", short: "h" },
		house: { type: "boolean" },
		"no-skips": { type: "boolean" },
		name: { type: "string", short: "t" },
	},
});

/** Suites that need something this machine may lack; each skips itself by the same question. */
const needs = [
	{ suite: "test/browser", missing: () => (findChromium() ? undefined : "no chromium was found (install it, or set CHROMIUM_PATH)") },
];

async function run(): Promise<number> {
	const report = path.join(os.tmpdir(), `stoa-tests-${process.pid}.json`);
	const paths = values.house ? ["test/house"] : positionals;
	const flags = ["--json", `--outputFile=${report}`, "--maxWorkers=2", ...(values.name ? ["-t", values.name] : []), ...paths];
	const node = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", jest, ...flags];
	// Jest prints its progress to stderr; with --json its stdout is the report, which we read from the file.
	const child = spawn(process.execPath, node, {
		cwd: root,
		stdio: ["ignore", "ignore", "inherit"],
		env: { ...process.env, NODE_ENV: "test" },
	});
	const code = await new Promise<number>(resolve => child.once("close", status => resolve(status ?? 1)));
	if (!fs.existsSync(report)) return code || 1;
	const outcome = JSON.parse(fs.readFileSync(report, "utf8")) as Outcome;
	fs.rmSync(report);
	const skipped = paths.length > 0 ? [] : needs.flatMap(({ suite, missing }) => (missing() ? [`${suite}: ${missing()}`] : []));
	for (const reason of skipped) console.log(`skipped ${reason}`);
	const failed = outcome.numFailedTests + outcome.numRuntimeErrorTestSuites;
	console.log(`${outcome.numPassedTests} passed, ${failed} failed, ${outcome.numPendingTests} skipped`);
	if (outcome.numPassedTests + failed === 0) return 1;
	if (values["no-skips"] && (skipped.length > 0 || outcome.numPendingTests > 0)) {
		console.error("A suite was skipped, and --no-skips was asked for.");
		return 1;
	}
	return outcome.success && code === 0 ? 0 : 1;
}

if (values.help) console.log(usage);
else process.exitCode = await run();
