// One node: every service, or those of SERVICES, embedded or on servers. Moleculer's own runner starts it.
import path from "node:path";
import { Runner, type ServiceBroker } from "moleculer";
import { readConfig } from "../../lib/config.ts";
import { holdReadiness } from "../../lib/readiness.ts";
import { serviceFiles } from "../../lib/service-files.ts";
import { lockDataFolder, ownsDataFolder } from "../../middlewares/data-folder.ts";
import { dutiesOf, firstStart, servicesOf } from "./first-start.ts";
import { greet, introduce } from "./greeting.ts";
import { stopSentence } from "./stop-sentence.ts";
import { refuseTakenPort } from "./taken-port.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** The runner ends the process with a stack whatever its start meets; what a person can mend is told as a sentence. */
class NodeRunner extends Runner {
	override async startBroker(): Promise<ServiceBroker> {
		// The settings were read by now. The runner reads SERVICES itself, but only warns about a name that matches nothing: it is handed files.
		process.env.SERVICES = "";
		try {
			return await super.startBroker();
		} catch (error) {
			const sentence = stopSentence(error);
			if (!sentence) throw error;
			console.error(sentence);
			process.exit(1);
		}
	}
}

/** Starts this node: its services, and what a new shop needs. Throws ConfigError for a wrong setting. */
export async function start(): Promise<void> {
	const config = readConfig(process.env);
	const files = serviceFiles(root, config.services);
	const services = servicesOf(files);
	// The broker takes folder and ports for good; asked here first, what is in use is told before anything is opened.
	if (ownsDataFolder(config)) lockDataFolder(config.dataDir)();
	if (config.opsPort !== 0) await refuseTakenPort(config.opsPort, "STOA_OPS_PORT");
	if (config.port !== 0 && services.includes("gateway")) await refuseTakenPort(config.port, "STOA_PORT");
	process.chdir(root);
	const duties = dutiesOf(services, config);
	// The gateway answers before the shop has anything to sell: whoever waits for /readyz waits for the seed too. Who needs other nodes for it must
	// not wait: they may be waiting for this one.
	const release = duties.alone ? holdReadiness() : undefined;
	const command = [process.argv[0]!, "stoa", "-c", "moleculer.config.ts", "--mask", "**/*.service.ts"];
	const broker = (await new NodeRunner().start([...command, ...files])) as unknown as ServiceBroker;

	if (release) {
		const made = await firstStart(broker, config, duties);
		release();
		greet(broker, config, made);
		return;
	}
	greet(broker, config, {});
	firstStart(broker, config, duties).then(introduce, (error: Error) => {
		console.error(`The shop could not be set up: ${stopSentence(error) ?? error.message}`);
	});
}
