// The program as a user runs it: half a minute, a seed that brings a death and an outage, and nothing may be lost.
import { spawn } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { describeWith } from "../support/engines/describe-with.ts";

const program = path.resolve(import.meta.dirname, "../../scripts/chaos.ts");

async function run(...args: string[]): Promise<{ code: number | null; printed: string }> {
	const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
	let printed = "";
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding("utf8").on("data", (text: string) => {
			printed += text;
		});
	const code = await new Promise<number | null>(resolve => child.once("close", resolve));
	return { code, printed };
}

describe("the chaos program, asked wrongly", () => {
	it.each([
		["--faults", "earthquake"],
		["--minutes", "soon"],
		["--speed", "9"],
	])("says so and ends with 2 (%s %s)", async (...args) => {
		const { code, printed } = await run(...args);
		expect({ code, printed }).toMatchObject({ code: 2, printed: expect.stringContaining("--help says what there is") });
	});
});

describeWith(
	"own nats",
	"own sql",
	"own mongo",
	"own redis",
)("the chaos program", () => {
	it("breaks a shop for half a minute and finds that everything holds", async () => {
		const { code, printed } = await run("--minutes", "0.5", "--seed", "7", "--faults", "kill,nats,sql,redis", "--rate", "20");
		expect({ code, printed }).toMatchObject({ code: 0, printed: expect.stringContaining("verdict: everything holds (seed 7)") });
	}, 400_000);
});
