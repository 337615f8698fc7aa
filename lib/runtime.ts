// What every service of a process shares and nothing may reach by import: configuration, time, crash points, who this process is.
import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "./clock.ts";
import { type Config, readConfig } from "./config.ts";
import { type CrashPoints, crashPoints } from "./crash.ts";
import { randomToken, secretFile } from "./crypto.ts";
import { type DeliveryPolicy, defaultDelivery } from "./facts.ts";

export interface Runtime {
	config: Config;
	clock: Clock;
	crash: CrashPoints;
	delivery: DeliveryPolicy;
	/** This very process: the owner's name on leases. A restarted node is another instance. */
	instance: string;
	/** The key of hashes: STOA_HMAC_SECRET, or generated in the data folder. Read at first use. */
	secret(): Buffer;
}

const runtimes = new WeakMap<object, Runtime>();

export function makeRuntime(given: Partial<Runtime> & { env?: Record<string, string | undefined> } = {}): Runtime {
	const config = given.config ?? readConfig(given.env ?? process.env);
	let secret: Buffer | undefined;
	return {
		clock: systemClock,
		crash: crashPoints(config.crashAt),
		delivery: defaultDelivery,
		instance: randomUUID(),
		secret: () => {
			secret ??= config.hmacSecret
				? Buffer.from(config.hmacSecret, "base64")
				: Buffer.from(secretFile(config.dataDir, "hmac", randomToken), "base64url");
			return secret;
		},
		...given,
		config,
	};
}

/** Hands a runtime to a broker before its services are made. */
export function setRuntime(broker: object, runtime: Runtime): void {
	runtimes.set(broker, runtime);
}

/** The runtime of a broker; made from the environment when none was handed over. Throws ConfigError. */
export function runtimeOf(broker: object): Runtime {
	let runtime = runtimes.get(broker);
	if (!runtime) {
		runtime = makeRuntime();
		runtimes.set(broker, runtime);
	}
	return runtime;
}
