// `npm run seed -- --products 10000`: more of the made-up catalogue, beside a running process or alone.
import path from "node:path";
import { parseArgs } from "node:util";
import cliProgress from "cli-progress";
import { ServiceBroker } from "moleculer";
import { ConfigError, readConfig } from "../lib/config.ts";
import { attach, type Mesh } from "../lib/operator-socket.ts";
import { makeRuntime } from "../lib/runtime.ts";
import { serviceFiles } from "../lib/service-files.ts";
import { brokerOptions } from "../middlewares/broker-options.ts";
import { overNats } from "./repl/door.ts";
import { seedCatalogue } from "./seed/seed.ts";

const usage = `Adds products of the made-up catalogue. Product n is always the same, so running it twice adds nothing twice.

  npm run seed -- --products 10000    products 1 to 10000 with their stock

With STOA_NATS_URL it works through the nodes of that mesh; beside a running process through that one (STOA_DATA_DIR tells which), otherwise on the
data folder itself.`;

/** The mesh, the running process, or the two services it takes, started here for as long as the seed runs. */
async function openMesh(): Promise<Mesh> {
	const config = readConfig(process.env);
	if (config.nats) return overNats(config).open();
	try {
		return await attach(config.dataDir);
	} catch {
		const runtime = makeRuntime({ config: { ...config, logLevel: "error" } });
		const broker = new ServiceBroker(brokerOptions(runtime));
		const files = serviceFiles(path.resolve(import.meta.dirname, ".."), "commerce/products,commerce/inventory");
		for (const file of files) broker.createService(((await import(file)) as { default: never }).default);
		await broker.start();
		return { call: (action, params) => broker.call(action, params, { timeout: 60_000 }), close: () => broker.stop() };
	}
}

/** A bar with an estimate on a terminal, a plain line every tenth otherwise. */
function progress(total: number): { show(done: number): void; end(): void } {
	if (process.stdout.isTTY) {
		const bar = new cliProgress.SingleBar(
			{ format: "products [{bar}] {value}/{total}  {eta_formatted} left", hideCursor: true },
			cliProgress.Presets.shades_classic,
		);
		bar.start(total, 0);
		return { show: done => bar.update(done), end: () => bar.stop() };
	}
	const began = performance.now();
	let shown = 0;
	return {
		show(done) {
			if (done < total && done - shown < total / 10) return;
			shown = done;
			const seconds = (performance.now() - began) / 1000;
			console.log(`${done} of ${total} products, ${Math.ceil((seconds / done) * (total - done))} s left`);
		},
		end: () => undefined,
	};
}

async function seed(count: number): Promise<void> {
	const mesh = await openMesh();
	const bar = progress(count);
	try {
		const { created, known } = await seedCatalogue(mesh, count, bar.show);
		bar.end();
		console.log(`${created} products were added, ${known} were there already.`);
	} finally {
		bar.end();
		await mesh.close();
	}
}

const { values } = parseArgs({ options: { products: { type: "string" }, help: { type: "boolean", short: "h" } } });
if (values.help) console.log(usage);
else {
	const count = Number(values.products ?? 200);
	try {
		if (!Number.isInteger(count) || count < 1 || count > 1_000_000)
			throw new ConfigError(`--products is "${values.products}"; it must be a whole number from 1 to 1000000.`);
		await seed(count);
	} catch (error) {
		console.error(error instanceof Error ? error.message : error);
		process.exitCode = 1;
	}
}
