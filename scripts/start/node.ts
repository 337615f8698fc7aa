// One process with every service (or those of SERVICES) on the embedded default, seeded once. Moleculer's own runner starts it.
import path from "node:path";
import { Runner, type ServiceBroker } from "moleculer";
import { readConfig } from "../../lib/config.ts";
import { holdReadiness } from "../../lib/readiness.ts";
import { serviceFiles } from "../../lib/service-files.ts";
import { lockDataFolder } from "../../middlewares/data-folder.ts";
import { seedOnce } from "../seed/seed.ts";
import { ensureAdministrator } from "./administrator.ts";
import { greet } from "./greeting.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Starts this node: its services, the first administrator, the seed of a new shop. Throws ConfigError for a wrong setting. */
export async function start(): Promise<void> {
	const config = readConfig(process.env);
	const files = serviceFiles(root, config.services);
	// The broker takes the folder for good; asked here first, a folder in use is told as a sentence and not as the runner's stack.
	lockDataFolder(config.dataDir)();
	// The runner reads SERVICES itself, but only warns about a name that matches nothing.
	process.env.SERVICES = "";
	process.chdir(root);
	// The gateway answers before the shop has anything to sell: whoever waits for /readyz waits for the seed too.
	const release = holdReadiness();
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
	// Hashing passwords and filling the shop do not wait for each other.
	const [administrator, seeded] = await Promise.all([ensureAdministrator(broker, config), seedOnce(broker, config)]);
	release();
	greet(broker, config, { administrator, seeded });
}
