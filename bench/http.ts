// The open-loop HTTP benchmark. README.md says what it measures and what not.
import os from "node:os";
import path from "node:path";
import { Client } from "./client.ts";
import { measure, secondsOf } from "./measure.ts";
import { OptionError } from "./option-error.ts";
import { help, type Options, readOptions } from "./options.ts";
import { withPlace } from "./place.ts";
import { type Progress, showProgress } from "./progress.ts";
import { comparison, type Figures, type ScenarioFigures, table } from "./report.ts";
import { type Administrator, prepare } from "./scenarios.ts";
import { type Durability, openEmbedded, openReal, type Shop } from "./shop.ts";
import { machine } from "./tables.ts";
import { productUsage, type WatchedProcess, warnOfMemory } from "./usage.ts";

/** Guesses for the progress bar only: two starts and one stop; servers, schemas and seeding. */
const startSeconds = { embedded: 5, real: 20 };
/** Past this many in flight an open loop is drowning anyway; those behind wait here, and their latency counts. */
const connectionsMax = 512;

interface Target {
	urls: readonly string[];
	administrator: Administrator | undefined;
	processes?: readonly WatchedProcess[];
}

/** One table: against what runs somewhere, or against what is started for it. */
type Run = { of: "url"; url: string } | { of: "embedded"; durability: Durability } | { of: "real" };

function runsOf({ url, engines, durabilities }: Options): Run[] {
	if (url !== undefined) return [{ of: "url", url }];
	return engines.flatMap((of): Run[] => (of === "real" ? [{ of }] : durabilities.map(durability => ({ of, durability }))));
}

async function measureAll({ urls, administrator, processes }: Target, options: Options, progress: Progress): Promise<ScenarioFigures[]> {
	const client = new Client(urls, Math.max(connectionsMax, options.connections ?? 0));
	try {
		const scenarios = await prepare(client, options.scenarios, administrator);
		const figures: ScenarioFigures[] = [];
		for (const name of options.scenarios) figures.push(await measure(name, scenarios[name], options, progress, processes));
		return figures;
	} finally {
		client.close();
	}
}

async function figuresOf(run: Run, options: Options, progress: Progress): Promise<Figures> {
	if (run.of === "url") {
		const target = { urls: [run.url], administrator: options.administrator };
		return { target: run.url, scenarios: await measureAll(target, options, progress) };
	}
	const measureShop = async (shop: Shop) => {
		const { firstStartMs, startMs, processes } = shop;
		const scenarios = await measureAll(shop, options, progress);
		return { firstStartMs, startMs, peakMb: productUsage(processes)?.peakMb, scenarios };
	};
	if (run.of === "embedded") {
		const { durability } = run;
		progress.phase(`starting the product, durability ${durability}`, startSeconds.embedded);
		return { target: "embedded, one process", durability, ...(await withPlace(() => openEmbedded(durability), measureShop)) };
	}
	progress.phase(options.lent ? "starting the nodes" : "starting servers and nodes", startSeconds.real);
	const each = options.nodes === 1 ? "a node" : `${options.nodes} nodes`;
	const target = `real engines${options.lent ? " (lent)" : ""}, ${each} for each domain`;
	return { target, ...(await withPlace(() => openReal(options), measureShop)) };
}

function secondsOfRun({ of }: Run, options: Options): number {
	return options.scenarios.length * secondsOf(options) + (of === "url" ? 0 : startSeconds[of]);
}

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2), process.env);
	if (!options) return console.log(help);
	const runs = runsOf(options);
	// Products, nodes and servers put their folders where the system's temporary ones are.
	process.env.TMPDIR = path.resolve(options.dataDir);
	if (options.url === undefined) warnOfMemory(os.tmpdir());
	const progress = showProgress(runs.reduce((sum, run) => sum + secondsOfRun(run, options), 0));
	const all: { run: Run; figures: Figures }[] = [];
	try {
		for (const run of runs) all.push({ run, figures: await figuresOf(run, options, progress) });
	} finally {
		progress.done();
	}
	const figures = all.map(each => each.figures);
	const [base, real] = (["embedded", "real"] as const).map(of => all.find(({ run }) => run.of === of)?.figures);
	const tables = [...figures.map(table), ...(base && real ? [comparison(base, real)] : [])];
	console.log(options.json ? JSON.stringify({ machine: machine(), figures }, null, "\t") : tables.join("\n\n"));
	if (figures.some(({ scenarios }) => scenarios.some(({ errors }) => Object.keys(errors).length > 0))) process.exitCode = 1;
}

if (import.meta.main) {
	main().catch((error: Error) => {
		console.error(error instanceof OptionError ? `${error.message}\nnpm run bench -- --help says what there is.` : error.message);
		process.exitCode = 1;
	});
}
