// .github/workflows: the least rights, pinned actions, and the plan of scripts/affected.ts at its centre.
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { read, root } from "./manifests.ts";

interface Step {
	uses?: string;
	run?: string;
	env?: Record<string, string>;
	with?: Record<string, unknown>;
}
interface Job {
	needs?: string | string[];
	if?: string;
	"timeout-minutes"?: number;
	strategy?: { matrix: Record<string, string> };
	steps: Step[];
}
interface Workflow {
	on: Record<string, unknown>;
	permissions: Record<string, string>;
	concurrency: { group: string; "cancel-in-progress": string };
	jobs: Record<string, Job>;
}

const folder = ".github/workflows";
const workflows = fs.readdirSync(path.join(root, folder)).map(file => [file, parse(read(`${folder}/${file}`)) as Workflow] as const);
const { jobs } = workflows.find(([file]) => file === "ci.yml")![1];

describe.each(workflows)("%s", (_, workflow) => {
	const steps = Object.values(workflow.jobs).flatMap(job => job.steps);

	it("may read the sources and nothing else", () => {
		expect(workflow.permissions).toEqual({ contents: "read" });
		const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
		expect(checkouts.filter(step => step.with?.["persist-credentials"] !== false)).toEqual([]);
	});

	it("uses only actions of a fixed major version or commit", () => {
		const used = steps.flatMap(({ uses }) => uses ?? []);
		expect(used.filter(name => !/^actions\/[a-z-]+@(v\d+|[0-9a-f]{40})$/.test(name))).toEqual([]);
	});

	it("ends by itself, and makes way for a newer push", () => {
		expect(Object.entries(workflow.jobs).filter(([, job]) => !job["timeout-minutes"])).toEqual([]);
		expect(workflow.concurrency.group).toContain("github.ref");
		expect(workflow.concurrency["cancel-in-progress"]).toBeTruthy();
	});

	it("lets nothing that others write into a shell but through the environment", () => {
		expect(steps.filter(({ run }) => run?.includes("${{"))).toEqual([]);
	});
});

describe("a change", () => {
	it("is tested by the suites of its plan only, beside each other", () => {
		expect(jobs.plan!.steps.some(({ run }) => run?.includes("node scripts/affected.ts --json"))).toBe(true);
		expect(jobs.test!.needs).toBe("plan");
		expect(jobs.test!.strategy?.matrix.suite).toContain("fromJSON(needs.plan.outputs.suites)");
		expect(jobs.test!.steps.at(-1)!.run).toContain("npm test -- --no-skips");
	});

	it("becomes an image for each domain that it touches, on main, when everything passed", () => {
		expect(jobs.image!.strategy?.matrix.domain).toContain("fromJSON(needs.plan.outputs.domains)");
		expect(jobs.image!.needs).toEqual(["plan", "passed"]);
		expect(jobs.image!.if).toContain("github.ref == 'refs/heads/main'");
		expect(jobs.passed!.needs).toEqual(["plan", "check", "test"]);
	});
});
