// What a change touches, for CI: which suites to run, which images to build. scripts/affected/plan.ts says by which rules.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { type Plan, planFor } from "./affected/plan.ts";
import { readTree } from "./affected/tree.ts";

const usage = `Says which suites a change must run and which images it must build.

  node scripts/affected.ts                        what differs from main
  node scripts/affected.ts --base HEAD~1          from another commit
  node scripts/affected.ts lib/money.ts docs/x.md if these files had changed
  node scripts/affected.ts --json                 for programs
  node scripts/affected.ts --all                  everything`;

const root = path.resolve(import.meta.dirname, "..");

/** Both names of a file that was moved count: whoever imported the old one is touched too. */
function changedSince(base: string): string[] {
	const names = execFileSync("git", ["diff", "--name-only", "--no-renames", "-z", `${base}...HEAD`], { cwd: root, encoding: "utf8" });
	return names.split("\0").filter(Boolean);
}

function print(plan: Plan): void {
	if (plan.suites.length === 0) console.log("Nothing to test.");
	for (const { name, paths } of plan.suites) console.log(`test   ${name.padEnd(30)} npm test -- ${paths.join(" ")}`);
	for (const domain of plan.domains) console.log(`build  ${domain}`);
}

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		help: { type: "boolean", short: "h" },
		base: { type: "string", default: "main" },
		json: { type: "boolean" },
		all: { type: "boolean" },
	},
});

if (values.help) console.log(usage);
else {
	// A change of the lock file touches everything by the rules; so does --all, whatever changed.
	const files = values.all ? ["package-lock.json"] : positionals.length > 0 ? positionals : changedSince(values.base);
	const plan = planFor(files, readTree(root));
	if (values.json) console.log(JSON.stringify(plan));
	else print(plan);
}
