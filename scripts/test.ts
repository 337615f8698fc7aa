// `npm test`: every suite that this machine can run. What was skipped, and why, is printed at the end.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { missingForMesh } from "../test/support/engines/engines.ts";

const usage = `Runs the tests.

  npm test                         everything this machine can run
  npm test -- services/commerce    suites below a path
  npm test -- -t "sells more"      tests whose name matches
  npm test -- --house              the house rules only
  npm test -- --no-skips           fail when a suite had to be skipped (CI)

Suites that need a server or a browser run where scripts/test-engines.sh has brought it, or where it is lent:
STOA_TEST_NATS_URL, STOA_TEST_SQL_URL, STOA_TEST_REDIS_URL, STOA_TEST_MONGO_URL, CHROMIUM_PATH.
A real MongoDB:  STOA_TEST_MONGO_URL=mongodb://localhost:27017 npm test -- test/conformance`;

const root = path.resolve(import.meta.dirname, "..");
const jest = path.join(root, "node_modules/jest/bin/jest.js");

interface Outcome {
	numPassedTests: number;
	numFailedTests: number;
	numPendingTests: number;
	numRuntimeErrorTestSuites: number;
	success: boolean;
	testResults: { name: string; assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[];
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

/** One line for each suite that was skipped as a whole, with the reason in its title (test/support/engines/describe-with.ts), and for each single test. */
function skippedIn({ testResults }: Outcome): string[] {
	const lines = testResults.flatMap(({ name, assertionResults }) =>
		assertionResults
			.filter(({ status }) => status === "pending")
			.map(({ ancestorTitles, title }) => {
				const suite = ancestorTitles.findIndex(ancestor => ancestor.includes(" [needs "));
				const titles = suite < 0 ? [...ancestorTitles, title] : ancestorTitles.slice(0, suite + 1);
				return `skipped ${path.relative(root, name)}: ${titles.join(" › ")}`;
			}),
	);
	return [...new Set(lines)];
}

/** Whole shops of many processes, whose buyers expect their answers in time: nothing else may want the cores meanwhile. */
const alone = "test/chaos/(cluster|program)\\.test";

interface Run {
	code: number;
	outcome: Outcome | undefined;
}

async function runJest(flags: readonly string[]): Promise<Run> {
	const report = path.join(os.tmpdir(), `stoa-tests-${process.pid}.json`);
	// A connection that some suite left open must not keep a finished run from ending.
	const common = ["--json", `--outputFile=${report}`, "--forceExit", ...(values.name ? ["-t", values.name] : [])];
	const node = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", jest, ...common, ...flags];
	// Jest prints its progress to stderr; with --json its stdout is the report, which we read from the file.
	const child = spawn(process.execPath, node, {
		cwd: root,
		stdio: ["ignore", "ignore", "inherit"],
		env: { ...process.env, NODE_ENV: "test" },
	});
	for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
	const code = await new Promise<number>(resolve => child.once("close", status => resolve(status ?? 1)));
	if (!fs.existsSync(report)) return { code: code || 1, outcome: undefined };
	const outcome = JSON.parse(fs.readFileSync(report, "utf8")) as Outcome;
	fs.rmSync(report);
	return { code, outcome };
}

async function run(): Promise<number> {
	const paths = values.house ? ["test/house"] : positionals;
	const everything = paths.length === 0;
	const runs = [await runJest(["--maxWorkers=2", ...(everything ? [`--testPathIgnorePatterns=${alone}`, "/node_modules/"] : paths)])];
	if (everything) runs.push(await runJest(["--runInBand", alone]));
	const broken = runs.find(({ outcome }) => !outcome);
	if (broken) return broken.code;
	const outcomes = runs.map(({ outcome }) => outcome!);
	const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + count(outcome), 0);

	// With -t, Jest counts every test of another name as skipped.
	const skipped = outcomes.flatMap(skippedIn).filter(line => !values.name || line.includes(" [needs "));
	// Where it cannot run it is no project of Jest's, so the report says nothing of it.
	const noMesh = everything ? missingForMesh() : undefined;
	if (noMesh) skipped.push(`skipped test/journeys on a mesh: ${noMesh}`);
	for (const line of skipped) console.log(line);
	const passed = sum(outcome => outcome.numPassedTests);
	const pending = sum(outcome => outcome.numPendingTests);
	const failed = sum(outcome => outcome.numFailedTests + outcome.numRuntimeErrorTestSuites);
	console.log(`${passed} passed, ${failed} failed, ${pending} skipped`);
	if (passed + failed === 0) return 1;
	if (values["no-skips"] && (skipped.length > 0 || pending > 0)) {
		console.error("A suite was skipped, and --no-skips was asked for.");
		return 1;
	}
	return runs.every(({ code, outcome }) => code === 0 && outcome!.success) ? 0 : 1;
}

if (values.help) console.log(usage);
else process.exitCode = await run();
