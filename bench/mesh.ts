// What the mesh itself costs, below the HTTP surface: a call to another node, and a fact's way into a listener there. README.md says how to read it.
import os from "node:os";
import path from "node:path";
import { measureWays, secondsOf, type WayFigures } from "./mesh/measure.ts";
import { help, readOptions } from "./mesh/options.ts";
import { report } from "./mesh/report.ts";
import { openWays, type Ways, waysOf } from "./mesh/ways.ts";
import { OptionError } from "./option-error.ts";
import { withPlace } from "./place.ts";
import { showProgress } from "./progress.ts";
import { machine } from "./tables.ts";
import { warnOfMemory } from "./usage.ts";

/** A guess for the progress bar only. */
const startSeconds = 4;

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2), process.env);
	if (!options) return console.log(help);
	// Servers and nodes put their folders where the system's temporary ones are.
	process.env.TMPDIR = path.resolve(options.dataDir);
	warnOfMemory(os.tmpdir());
	const seconds = options.subjects.map(subject => startSeconds + secondsOf(subject, options, waysOf(subject)));
	const progress = showProgress(seconds.reduce((sum, each) => sum + each, 0));
	const figures: WayFigures[] = [];
	try {
		for (const subject of options.subjects) {
			progress.phase(`${subject}: starting servers and nodes`, startSeconds);
			const measure = ({ ways }: Ways) => measureWays(subject, ways, options, progress);
			figures.push(...(await withPlace(() => openWays(subject, options.lent), measure)));
		}
	} finally {
		progress.done();
	}
	console.log(options.json ? JSON.stringify({ machine: machine(), figures }, null, "\t") : report(figures, options));
	if (figures.some(({ errors }) => Object.keys(errors).length > 0)) process.exitCode = 1;
}

main().catch((error: Error) => {
	console.error(error instanceof OptionError ? `${error.message}\nnpm run bench:mesh -- --help says what there is.` : error.message);
	process.exitCode = 1;
});
