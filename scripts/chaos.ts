// `npm run chaos`: breaks nodes and servers under a shop full of buyers, and counts afterwards.

import { type ChaosOptions, help, OptionError, readOptions } from "../test/chaos/program/options.ts";
import { runChaos } from "../test/chaos/program/run.ts";
import { type Engine, missing } from "../test/support/engines/engines.ts";

const breach = 1;
const asked = 2;

/** What its own servers are made of. */
function requireEngines({ lent }: ChaosOptions): void {
	const engines: Engine[] = ["nats", "sql", "mongo", "redis"];
	const reason = lent ? undefined : engines.map(engine => missing(`own ${engine}`)).find(each => each !== undefined);
	if (reason) throw new OptionError(`Servers of its own cannot be started: ${reason}.`);
}

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2), process.env);
	if (!options) return console.log(help);
	requireEngines(options);
	// Nodes and servers do not outlive this process: watchdogs see to that, however it ends.
	for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
	if (!(await runChaos(options, line => console.log(line)))) process.exitCode = breach;
}

main().catch((error: Error) => {
	const isAsked = error instanceof OptionError;
	console.error(isAsked ? `${error.message}\nnpm run chaos -- --help says what there is.` : error);
	process.exitCode = isAsked ? asked : breach;
});
