// The open-loop HTTP benchmark. README.md says what it measures and what not.
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { Client } from "./client.ts";
import { measure, secondsOf } from "./measure.ts";
import { help, OptionError, type Options, readOptions } from "./options.ts";
import { type Durability, isInMemory, type RunningProduct, startProduct, stopProducts, usageOf } from "./product.ts";
import { type Progress, showProgress } from "./progress.ts";
import { type Figures, machine, type ScenarioFigures, table } from "./report.ts";
import { type Administrator, prepare } from "./scenarios.ts";

/** A guess for the progress bar only: two starts and one stop. */
const startSeconds = 5;
/** Past this many in flight an open loop is drowning anyway; those behind wait here, and their latency counts. */
const connectionsMax = 512;

async function measureAll(
	url: string,
	administrator: Administrator | undefined,
	options: Options,
	progress: Progress,
	product?: RunningProduct,
) {
	const client = new Client(url, Math.max(connectionsMax, options.connections ?? 0));
	try {
		const scenarios = await prepare(client, options.scenarios, administrator);
		const figures: ScenarioFigures[] = [];
		for (const name of options.scenarios) figures.push(await measure(name, scenarios[name], options, progress, product));
		return figures;
	} finally {
		client.close();
	}
}

async function measureOwnProduct(durability: Durability, options: Options, progress: Progress): Promise<Figures> {
	const administrator = { email: "admin@bench.example", password: randomUUID() };
	const folder = mkdtempSync(path.join(options.dataDir, "stoa-bench-"));
	if (isInMemory(folder)) console.error(`${folder} is in memory: synced writes cost nothing there. Choose a disk with --data-dir.`);
	// Whoever interrupts the benchmark wants neither a product nor its data left behind.
	const interrupted = () => void tidyUp(folder).then(() => process.exit(130));
	process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
	try {
		progress.phase(`starting the product, durability ${durability}`, startSeconds);
		const { startMs: firstStartMs } = await startProduct(folder, durability, administrator);
		await stopProducts();
		const product = await startProduct(folder, durability, administrator);
		const scenarios = await measureAll(product.url, administrator, options, progress, product);
		const peakMb = usageOf(product.pid)?.peakMb;
		return { target: "embedded, one process", durability, firstStartMs, startMs: product.startMs, peakMb, scenarios };
	} finally {
		process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
		await tidyUp(folder);
	}
}

async function tidyUp(folder: string): Promise<void> {
	await stopProducts();
	rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2));
	if (!options) return console.log(help);
	const runs = options.url === undefined ? options.durabilities : [undefined];
	const progress = showProgress(runs.length * (options.scenarios.length * secondsOf(options) + (options.url ? 0 : startSeconds)));
	const all: Figures[] = [];
	try {
		for (const durability of runs) {
			if (durability) all.push(await measureOwnProduct(durability, options, progress));
			else all.push({ target: options.url!, scenarios: await measureAll(options.url!, options.administrator, options, progress) });
		}
	} finally {
		progress.done();
	}
	console.log(options.json ? JSON.stringify({ machine: machine(), figures: all }, null, "\t") : all.map(table).join("\n\n"));
	if (all.some(figures => figures.scenarios.some(scenario => Object.keys(scenario.errors).length > 0))) process.exitCode = 1;
}

if (import.meta.main) {
	main().catch((error: Error) => {
		console.error(error instanceof OptionError ? `${error.message}\nnpm run bench -- --help says what there is.` : error.message);
		process.exitCode = 1;
	});
}
