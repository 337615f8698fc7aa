// `npm run fraud:generate` and `npm run fraud:backtest`: a stream to try rules on, and what a set of rules finds in one.
import { backtestHelp, backtestStream, readBacktestOptions } from "./fraud/backtest-command.ts";
import { generate, generateHelp, readGenerateOptions } from "./fraud/generate-command.ts";
import { OptionError } from "./fraud/option-error.ts";

const commands: Record<string, (args: readonly string[]) => Promise<void>> = {
	async generate(args) {
		const options = readGenerateOptions(args);
		if (options) await generate(options);
		else console.log(generateHelp);
	},
	async backtest(args) {
		const options = readBacktestOptions(args);
		if (options) await backtestStream(options);
		else console.log(backtestHelp);
	},
};

const [name = "", ...args] = process.argv.slice(2);
try {
	const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
	if (!command) throw new OptionError(`There is no command "${name}"; there are npm run fraud:generate and npm run fraud:backtest.`);
	await command(args);
} catch (error) {
	if (!(error instanceof Error)) throw error;
	const isKnown = name in commands;
	console.error(
		error instanceof OptionError && isKnown ? `${error.message}\nnpm run fraud:${name} -- --help says what there is.` : error.message,
	);
	process.exitCode = 1;
}
