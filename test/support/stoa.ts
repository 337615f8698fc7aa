// The product in the test's own process: chosen services on embedded stores in a folder of its own.
import fs from "node:fs";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { type Service, ServiceBroker, type ServiceSchema } from "moleculer";
import type { Clock } from "../../lib/clock.ts";
import { readConfig } from "../../lib/config.ts";
import type { Meta } from "../../lib/contract.ts";
import type { DeliveryPolicy } from "../../lib/facts.ts";
import type { Role } from "../../lib/principal.ts";
import { makeRuntime, type Runtime } from "../../lib/runtime.ts";
import { serviceFiles } from "../../lib/service-files.ts";
import { tokensOf } from "../../lib/tokens.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";

const root = path.resolve(import.meta.dirname, "../..");

export interface StoaOptions {
	/** Folders under services/ (`commerce`, `platform/audit`); all when left out. */
	services?: readonly string[];
	/** Services of the test's own: a stub that stands in for a neighbour. */
	also?: readonly ServiceSchema[];
	env?: Record<string, string>;
	clock?: Clock;
	delivery?: DeliveryPolicy;
	dataDir?: string;
}

export interface Stoa {
	broker: ServiceBroker;
	runtime: Runtime;
	dataDir: string;
	/** Base URL of the gateway, without a slash at its end; empty when it does not run here. */
	url: string;
	service<T = Service>(name: string): T;
	/** Meta of a call by a signed-in user: a valid access token. */
	as(userId: string, roles?: readonly Role[]): Meta & { accessToken: string };
	/** Stops and starts again on the same data. */
	restart(): Promise<void>;
	/** Stops and removes the data. */
	stop(): Promise<void>;
}

/** Starts the product (or a part of it) for a test. */
export async function startStoa(options: StoaOptions = {}): Promise<Stoa> {
	const dataDir = options.dataDir ?? fs.mkdtempSync(path.join(os.tmpdir(), "stoa-test-"));
	const stoa = { dataDir } as Stoa;

	async function start(): Promise<void> {
		const env = {
			NODE_ENV: "test",
			STOA_DATA_DIR: dataDir,
			STOA_PORT: "0",
			STOA_OPS_PORT: "0",
			STOA_LOG_LEVEL: "error",
			STOA_RATE_LIMITS: "off",
			...options.env,
		};
		const given = {
			config: readConfig(env),
			...(options.clock ? { clock: options.clock } : {}),
			...(options.delivery ? { delivery: options.delivery } : {}),
		};
		const runtime = makeRuntime(given);
		const broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
		for (const file of serviceFiles(root, (options.services ?? []).join(",")))
			broker.createService(((await import(file)) as { default: ServiceSchema }).default);
		for (const schema of options.also ?? []) broker.createService(schema);
		await broker.start();
		const gateway = broker.getLocalService("gateway") as (Service & { server?: { address(): AddressInfo } }) | undefined;
		stoa.broker = broker;
		stoa.runtime = runtime;
		stoa.url = gateway?.server ? `http://127.0.0.1:${gateway.server.address().port}` : "";
	}

	stoa.service = <T>(name: string) => stoa.broker.getLocalService(name) as T;
	stoa.as = (userId, roles = ["customer"]) => ({
		accessToken: tokensOf(stoa.runtime).sign({ userId, sessionId: `ses_${userId}`, roles, roleVersion: Number.MAX_SAFE_INTEGER }),
	});
	stoa.restart = async () => {
		await stoa.broker.stop();
		await start();
	};
	stoa.stop = async () => {
		await stoa.broker.stop();
		fs.rmSync(dataDir, { recursive: true, force: true });
	};
	await start();
	return stoa;
}
