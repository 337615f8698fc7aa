// `npm start`: one process with every service (or those of SERVICES) on the embedded default, seeded once.
import path from "node:path";
import { parseArgs } from "node:util";
import { Runner, type ServiceBroker } from "moleculer";
import { ConfigError, readConfig } from "../lib/config.ts";
import { serviceFiles } from "../lib/service-files.ts";
import { seedOnce } from "./seed/seed.ts";
import { ensureAdministrator } from "./start/administrator.ts";
import { greet } from "./start/greeting.ts";

const usage = `Starts Stoa. Nothing set: one process, data under ./data, http://localhost:3000.

  npm start                     everything, embedded
  SERVICES=commerce npm start   the folders under services/ that this node runs
  STOA_PORT=8080 npm start      see README.md for every variable

Ctrl-C stops it: requests under way are finished first.`;

const root = path.resolve(import.meta.dirname, "..");

async function start(): Promise<void> {
	const config = readConfig(process.env);
	const files = serviceFiles(root, config.services);
	// The runner reads SERVICES itself, but only warns about a name that matches nothing.
	process.env.SERVICES = "";
	process.chdir(root);
	const runner = new Runner();
	const broker = (await runner.start([
		process.argv[0]!,
		"stoa",
		"-c",
		"moleculer.config.ts",
		"--mask",
		"**/*.service.ts",
		...files,
	])) as unknown as ServiceBroker;
	const administrator = await ensureAdministrator(broker, config);
	const seeded = await seedOnce(broker, config);
	greet(broker, config, { administrator, seeded });
}

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
if (values.help) console.log(usage);
else {
	try {
		await start();
	} catch (error) {
		console.error(error instanceof ConfigError ? `Stoa does not start: ${error.message}` : error);
		process.exit(1);
	}
}
