// What the rules of a new shop find in a labelled stream, what they say of the innocent, and what asking them costs. README.md says how to read it.
import { OptionError } from "./option-error.ts";
import { showProgress } from "./progress.ts";
import { measureAssess } from "./risk/assess.ts";
import { manyLines, measureAttempts, measureCost, measureWorth } from "./risk/measure.ts";
import { help, readOptions } from "./risk/options.ts";
import { report } from "./risk/report.ts";
import { machine } from "./tables.ts";

/** Guesses for the progress bar only. */
const seconds = { worth: 4, lines: 5, round: 8, attempts: 5, assess: 15 };

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2));
	if (!options) return console.log(help);
	const progress = showProgress(seconds.worth + seconds.lines + options.rounds * seconds.round + seconds.attempts + seconds.assess);
	try {
		progress.phase("making a stream and replaying it", seconds.worth);
		const worth = await measureWorth(options);
		progress.phase("making half a million observations", seconds.lines);
		const lines = manyLines(options);
		const cost = await measureCost(lines, options.rounds, round => progress.phase(`replaying them, round ${round}`, seconds.round));
		progress.phase("deciding attempts", seconds.attempts);
		const attempts = measureAttempts(lines);
		progress.phase("asking the service itself", seconds.assess);
		const figures = { worth, cost, attempts, assess: await measureAssess() };
		progress.done();
		console.log(options.json ? JSON.stringify({ machine: machine(), ...figures }, null, "\t") : report(figures));
	} finally {
		progress.done();
	}
}

main().catch((error: Error) => {
	console.error(error instanceof OptionError ? `${error.message}\nnpm run bench:fraud -- --help says what there is.` : error);
	process.exitCode = 1;
});
