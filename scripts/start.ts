// `npm start`. Kept small: what it imports after the first line is compiled once and then read from a cache.
import { enableCompileCache } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";

const usage = `Starts Stoa. Nothing set: one process, data under ./data, http://localhost:3000.

  npm start                     everything, embedded
  SERVICES=commerce npm start   the folders under services/ that this node runs
  STOA_PORT=8080 npm start      see README.md for every variable

Ctrl-C stops it: requests under way are finished first.`;

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
if (values.help) console.log(usage);
else {
	// Stripping types and compiling some hundred files is half of a start.
	enableCompileCache(path.resolve(import.meta.dirname, "../node_modules/.cache/stoa"));
	try {
		const { start } = await import("./start/node.ts");
		await start();
	} catch (error) {
		const { stopSentence } = await import("./start/stop-sentence.ts");
		console.error(stopSentence(error) ?? error);
		process.exit(1);
	}
}
