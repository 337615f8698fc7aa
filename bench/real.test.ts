// Both benchmarks over real engines, as a person starts them: short, and with nothing left behind.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { describeWith } from "../test/support/engines/describe-with.ts";
import { eventually } from "../test/support/http.ts";

let folder: string;
beforeEach(() => {
	folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-bench-test-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function run(program: string, words: readonly string[]) {
	const command = ["--disable-warning=ExperimentalWarning", path.join(import.meta.dirname, program), ...words, "--data-dir", folder];
	const child = spawn(process.execPath, command, { env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "pipe"] });
	const printed = { out: "", err: "" };
	child.stdout.on("data", part => {
		printed.out += part;
	});
	child.stderr.on("data", part => {
		printed.err += part;
	});
	return { child, printed, ended: once(child, "close").then(([code]) => code as number | null) };
}

const short = ["--seconds", "0.1"];
const patienceMs = 180_000;

describeWith("own nats", "own sql")("the mesh benchmark", () => {
	it(
		"measures every way of a call and of a fact, and leaves nothing behind",
		async () => {
			const { printed, ended } = run("mesh.ts", [...short, "--rounds", "1", "--concurrency", "2", "--json"]);
			expect({ code: await ended, ...printed }).toMatchObject({ code: 0 });
			const { figures } = JSON.parse(printed.out) as { figures: { subject: string; title: string; perSecond: number }[] };
			expect(figures.map(({ subject, title }) => `${subject}: ${title}`)).toEqual([
				"calls: one process",
				"calls: two nodes, CBOR",
				"calls: two nodes, JSON",
				"facts: one process, SQLite",
				"facts: two nodes, JetStream and MariaDB",
			]);
			expect(figures.filter(({ perSecond }) => !(perSecond > 0))).toEqual([]);
			expect(fs.readdirSync(folder)).toEqual([]);
		},
		patienceMs,
	);

	it(
		"that is interrupted ends what it started",
		async () => {
			const { child, printed, ended } = run("mesh.ts", ["--only", "facts", "--seconds", "60"]);
			await eventually(
				async () => printed.err,
				text => text.includes("warming up"),
				patienceMs,
			);
			child.kill("SIGINT");
			expect(await ended).toBe(130);
			expect(fs.readdirSync(folder)).toEqual([]);
		},
		patienceMs,
	);
});

describeWith(
	"own nats",
	"own sql",
	"own mongo",
	"own redis",
)("the HTTP benchmark over real engines", () => {
	it(
		"measures a node for each domain and what everyone used, and leaves nothing behind",
		async () => {
			const words = ["--engines", "real", "--scenarios", "detail", "--rate", "20"];
			const { printed, ended } = run("http.ts", [...short, ...words, "--json"]);
			expect({ code: await ended, ...printed }).toMatchObject({ code: 0 });
			const [figures] = (JSON.parse(printed.out) as { figures: { scenarios: { cores: { name: string }[] }[] }[] }).figures;
			const names = figures!.scenarios[0]!.cores.map(({ name }) => name);
			expect(names).toEqual(expect.arrayContaining(["edge", "commerce", "NATS", "MariaDB", "MongoDB stand-in", "Redis", "bench"]));
			expect(fs.readdirSync(folder)).toEqual([]);
		},
		patienceMs,
	);
});
