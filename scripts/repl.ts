// `npm run repl`: the operator's prompt in the running mesh, or one command of it from the shell.
import { enableCompileCache } from "node:module";
import path from "node:path";
import { ConfigError } from "../lib/config.ts";
import { commands } from "./repl/commands.ts";
import { wayInto } from "./repl/door.ts";
import { NotRunning } from "./repl/execute.ts";
import { overview } from "./repl/help.ts";
import { runOnce } from "./repl/once.ts";
import { prompt } from "./repl/prompt.ts";

const usage =
	() => `Asks and steers a running Stoa. With STOA_NATS_URL (and STOA_NATS_USER, STOA_NATS_PASSWORD) it joins the mesh as a node of its own; without, it
attaches to the process on the data folder (STOA_DATA_DIR tells which), through a socket that only its owner may open.

  npm run repl                      a prompt
  npm run repl -- COMMAND           one command; exit code 1 when something is not well

${overview(commands)}`;

// What it takes to join a mesh is compiled once and then read from a cache.
enableCompileCache(path.resolve(import.meta.dirname, "../node_modules/.cache/stoa"));
const words = process.argv.slice(2);
try {
	if (words[0] === "--help" || words[0] === "-h") console.log(usage());
	else {
		const way = wayInto(process.env);
		if (words.length === 0) await prompt(way);
		else {
			// Ctrl-C ends the command and leaves in order; the other nodes would otherwise miss a heartbeat. A second one ends at once.
			const leaving = new AbortController();
			for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => leaving.abort());
			const output = { print: console.log, complain: console.error, width: process.stdout.columns };
			process.exitCode = await runOnce(way, words, output, leaving.signal);
		}
	}
} catch (error) {
	console.error(error instanceof ConfigError || error instanceof NotRunning ? error.message : error);
	process.exitCode = 1;
}
