// `npm run repl`: the operator's prompt over the running process, or one command of it from the shell.
import { ConfigError, readConfig } from "../lib/config.ts";
import { commands } from "./repl/commands.ts";
import { NotRunning } from "./repl/execute.ts";
import { overview } from "./repl/help.ts";
import { runOnce } from "./repl/once.ts";
import { prompt } from "./repl/prompt.ts";

const usage =
	() => `Attaches to the Stoa that runs on the data folder (STOA_DATA_DIR tells which), through a socket that only its owner may open.

  npm run repl                      a prompt
  npm run repl -- COMMAND           one command; exit code 1 when something is not well

${overview(commands)}`;

const words = process.argv.slice(2);
try {
	if (words[0] === "--help" || words[0] === "-h") console.log(usage());
	else {
		const { dataDir } = readConfig(process.env);
		if (words.length === 0) await prompt(dataDir);
		else process.exitCode = await runOnce(dataDir, words, { print: console.log, complain: console.error, width: process.stdout.columns });
	}
} catch (error) {
	console.error(error instanceof ConfigError || error instanceof NotRunning ? error.message : error);
	process.exitCode = 1;
}
