// A service with rows and documents is killed at every moment of a fact's way out of its document, and of the SQL commit that takes it in.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Report } from "./harbour-process.ts";

const points = [
	"harbour:relay:beforeCopy:7",
	"harbour:relay:afterCopy:7",
	"harbour:relay:afterClear:7",
	"harbour/beforeCommit:25",
	"harbour/afterCommit:25",
];
const program = path.join(import.meta.dirname, "harbour-process.ts");

interface Ended {
	signal: NodeJS.Signals | null;
	moored: string[];
	paid: number[];
	report: Report | undefined;
}

/** Runs it to its end, of whichever kind. What it was not killed for it says on our own error output. */
async function run(dataDir: string, visits: number, crashAt?: string): Promise<Ended> {
	const { CRASH_AT: _, ...inherited } = process.env;
	const env = { ...inherited, NODE_ENV: "test", STOA_DATA_DIR: dataDir, ...(crashAt ? { CRASH_AT: crashAt } : {}) };
	const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, String(visits)], {
		env,
		stdio: ["ignore", "pipe", "inherit"],
	});
	let printed = "";
	child.stdout.setEncoding("utf8").on("data", text => {
		printed += text;
	});
	const signal = await new Promise<NodeJS.Signals | null>(resolve => child.once("close", (_code, by) => resolve(by)));
	// A line that was cut off by the kill was not said.
	const lines = printed.split("\n").slice(0, -1);
	const said = (kind: string) => lines.filter(line => line.startsWith(`${kind} `)).map(line => JSON.parse(line.slice(kind.length + 1)));
	return { signal, moored: said("moored"), paid: said("paid"), report: said("report")[0] };
}

describe("a harbour that is killed with -9 while ships come in", () => {
	let dataDir: string;
	beforeEach(() => {
		dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-harbour-"));
	});
	afterEach(() => fs.rmSync(dataDir, { recursive: true }));

	it.each(points)("at %s has told everything it answered, each once, in one row and in the order of each ship", async point => {
		const killed = await run(dataDir, 30, point);
		expect(killed).toMatchObject({ signal: "SIGKILL", report: undefined });
		const { signal, report } = await run(dataDir, 0);
		expect(signal).toBeNull();

		const { told, heard, letters } = report!;
		expect(told.map(({ position }) => position)).toEqual(told.map((_, index) => index + 1));
		expect(heard).toEqual(told.map(({ position, type }) => `${position} ${type}`));
		expect(letters).toBe(0);
		const tolls = told.flatMap(({ toll }) => toll ?? []);
		expect(new Set(tolls).size).toBe(tolls.length);
		expect(tolls).toEqual(expect.arrayContaining(killed.paid));
		for (const ship of ["ship0", "ship1", "ship2"]) {
			const visits = told.filter(fact => fact.ship === ship).flatMap(({ visit }) => visit ?? []);
			expect(visits).toEqual(visits.map((_, index) => index + 1));
			expect(visits.length).toBeGreaterThanOrEqual(killed.moored.filter(name => name === ship).length);
		}
	});
});
