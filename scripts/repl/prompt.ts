// The prompt itself. It is built on Node's readline and a table of our own commands, not on moleculer-repl: that one registers its commands for
// a broker in its own process (`nodes`, `call`, `events`, `bench`, `destroy` would speak of an empty local node, and win over ours of the same
// name), stops that broker on exit, keeps its history in the home folder, and has no one-shot form. Here there is no broker at all: every
// command goes through the socket to the process that runs.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline/promises";
import { attach, type Mesh, OperatorCallError } from "../../lib/operator-socket.ts";
import { commands } from "./commands.ts";
import { complete } from "./complete.ts";
import { type Desk, execute, NotRunning } from "./execute.ts";
import { wordsOf } from "./words.ts";

const historyMax = 500;

/** Attaches to the process on a data folder, at first use and again after it was restarted. */
export class Door {
	readonly #dataDir: string;
	#open: Promise<Mesh> | undefined;

	constructor(dataDir: string) {
		this.#dataDir = dataDir;
	}

	/** Throws {@link NotRunning}. */
	readonly mesh = (): Promise<Mesh> => {
		this.#open ??= attach(this.#dataDir).then(
			mesh => this.#watched(mesh),
			error => this.#refuse(error),
		);
		return this.#open;
	};

	async close(): Promise<void> {
		const mesh = await this.#open?.catch(() => undefined);
		this.#open = undefined;
		mesh?.close();
	}

	/** A call that ends without an answer of the mesh means that the process is gone: the next command attaches anew. */
	#watched(mesh: Mesh): Mesh {
		return {
			call: async (action, params) => {
				try {
					return await mesh.call(action, params);
				} catch (error) {
					if (!(error instanceof OperatorCallError)) this.#open = undefined;
					throw error;
				}
			},
			close: () => mesh.close(),
		};
	}

	#refuse(error: unknown): never {
		this.#open = undefined;
		const denied = (error as NodeJS.ErrnoException).code === "EACCES";
		throw new NotRunning(
			denied
				? `The Stoa on ${this.#dataDir} belongs to another user.`
				: `No Stoa runs on ${this.#dataDir}. Start it with npm start, or name its folder: STOA_DATA_DIR=… npm run repl`,
		);
	}
}

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
export async function prompt(dataDir: string): Promise<void> {
	const door = new Door(dataDir);
	await door.mesh();
	const file = path.join(dataDir, "repl-history");
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

	if (process.stdin.isTTY) console.log(`Attached to the Stoa on ${dataDir}. Type help for the commands, exit to leave.`);
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
