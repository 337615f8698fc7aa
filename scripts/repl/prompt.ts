// The prompt itself. It is built on Node's readline and a table of our own commands, not on moleculer-repl: that one registers its commands for
// a broker in its own process (`nodes`, `call`, `events`, `bench`, `destroy` would speak of an empty local node, and win over ours of the same
// name), stops that broker on exit, keeps its history in the home folder, and has no one-shot form. Here every command goes through a door into
// the mesh, whether it is a socket or NATS.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline/promises";
import { commands } from "./commands.ts";
import { complete } from "./complete.ts";
import { Door, type Way } from "./door.ts";
import { type Desk, execute } from "./execute.ts";
import { wordsOf } from "./words.ts";

const historyMax = 500;

function readHistory(file: string): string[] {
	try {
		return fs.readFileSync(file, "utf8").split("\n").filter(Boolean);
	} catch {
		return [];
	}
}

/** A convenience: where it cannot be kept, the prompt goes on without. */
function keepHistory(file: string, history: readonly string[]): void {
	try {
		fs.writeFileSync(file, `${history.join("\n")}\n`, { mode: 0o600 });
	} catch {
		return;
	}
}

/** Reads commands until `exit` or Ctrl-D. Ctrl-C ends what runs. Throws {@link NotRunning} when there is nothing to attach to. */
export async function prompt(way: Way): Promise<void> {
	const door = new Door(way);
	await door.mesh();
	const file = path.join(way.folder, "repl-history");
	const lines = readline.createInterface({
		input: process.stdin,
		output: process.stdout,
		completer: (line: string) => complete(commands, line, door.mesh),
		history: readHistory(file),
		historySize: historyMax,
		removeHistoryDuplicates: true,
		prompt: process.stdin.isTTY ? "stoa> " : "",
	});
	lines.on("history", (history: string[]) => keepHistory(file, history));
	let running: AbortController | undefined;
	lines.on("SIGINT", () => {
		if (running) running.abort();
		else lines.write(null, { ctrl: true, name: "u" });
	});
	const desk = (): Desk => ({ commands, mesh: door.mesh, print: console.log, complain: console.error, width: process.stdout.columns });

	let open = true;
	lines.on("close", () => {
		open = false;
	});

	if (process.stdin.isTTY) console.log(`${way.greeting} Type help for the commands, exit to leave.`);
	lines.prompt();
	for await (const line of lines) {
		const words = wordsOf(line);
		if (words[0] === "exit" || words[0] === "quit") break;
		if (words.length > 0) {
			running = new AbortController();
			await execute(desk(), words, running.signal);
			running = undefined;
		}
		// Commands that were piped in go on after their end was read.
		if (open) lines.prompt();
	}
	lines.close();
	await door.close();
}
