import { generateKeyPairSync } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { readConfig } from "../../lib/config.ts";
import { randomToken } from "../../lib/crypto.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../support/engines/engines.ts";
import {
	durableEventsConformance,
	heardAt,
	type Running,
	ringAt,
	type Setting,
	type Tower,
	tower,
	until,
	upTo,
	village,
} from "./durable-events.suite.ts";

async function aNode(env: Record<string, string>, services: readonly ServiceSchema[]): Promise<ServiceBroker> {
	const config = readConfig({ NODE_ENV: "test", STOA_OPS_PORT: "0", STOA_LOG_LEVEL: "fatal", STOA_DURABILITY: "process", ...env });
	const runtime = makeRuntime({ config, delivery: { attempts: 3, backoff: () => 1 } });
	const broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
	for (const service of services) broker.createService(service);
	await broker.start();
	return broker;
}

const runningOn = (brokers: readonly ServiceBroker[]): Running => ({
	service: name => brokers.map(broker => broker.getLocalService(name)).find(Boolean) as unknown as Tower,
	stop: async () => void (await Promise.all(brokers.map(broker => broker.stop()))),
});

durableEventsConformance("within one process", async (): Promise<Setting> => {
	const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-facts-"));
	return {
		manyFacts: 12_000,
		start: async services => runningOn([await aNode({ STOA_DATA_DIR: dataDir }, services)]),
		remove: async () => fs.rmSync(dataDir, { recursive: true }),
	};
});

let meshes = 0;
/** A mesh of its own on given servers: every service a node. */
function aMesh(nats: string, sql: string) {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-facts-"));
	const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
	const env = {
		STOA_NATS_URL: nats,
		STOA_SQL_URL: sql,
		STOA_NAMESPACE: `facts${process.pid}_${++meshes}`,
		STOA_SIGNING_KEYS: JSON.stringify({ keys: [key] }),
		STOA_HMAC_SECRET: Buffer.from(randomToken()).toString("base64"),
	};
	let nodes = 0;
	return {
		node: (services: readonly ServiceSchema[]) => {
			const name = `node${++nodes}`;
			return aNode({ ...env, STOA_NODE_ID: name, STOA_DATA_DIR: path.join(folder, name) }, services);
		},
		remove: async () => fs.rmSync(folder, { recursive: true }),
	};
}

describeWith("nats", "sql")("over JetStream", () => {
	durableEventsConformance("between nodes", async (): Promise<Setting> => {
		const mesh = aMesh(await sharedServer("nats"), await sharedServer("sql"));
		return {
			manyFacts: 3000,
			start: async services => runningOn(await Promise.all(services.map(service => mesh.node([service])))),
			remove: mesh.remove,
		};
	});
});

describeWith("own nats", "sql")("a mesh whose NATS is not to be relied upon", () => {
	let nats: TestServer;
	beforeAll(async () => {
		nats = await startServer("nats");
	});
	afterAll(() => nats.remove());

	async function withMesh(
		work: (nodes: {
			towers: ServiceBroker[];
			villages: ServiceBroker[];
			add(service: ServiceSchema): Promise<ServiceBroker>;
		}) => Promise<void>,
	) {
		const mesh = aMesh(nats.url, await sharedServer("sql"));
		const all: ServiceBroker[] = [];
		const add = async (service: ServiceSchema) => {
			const broker = await mesh.node([service]);
			all.push(broker);
			return broker;
		};
		try {
			const towers = [await add(tower()), await add(tower())];
			const villages = [await add(village()), await add(village())];
			await work({ towers, villages, add });
		} finally {
			await Promise.all(all.filter(({ stopping }) => !stopping).map(broker => broker.stop()));
			await mesh.remove();
		}
	}
	const on = (broker: ServiceBroker, name: string) => broker.getLocalService(name) as unknown as Tower;
	const arrivedAt = (service: Tower, bell: string, count: number) =>
		until(
			() => heardAt(service, bell),
			heard => heard.length >= count,
			// After an outage the questions of four nodes may get lost on the way, one after the other.
			30_000,
		);

	it("hears every stroke once and in order, with two nodes on either side", () =>
		withMesh(async ({ towers, villages }) => {
			for (const stroke of upTo(60)) await ringAt(on(towers[stroke % 2]!, "tower"), "noon", stroke);
			expect(await arrivedAt(on(villages[0]!, "village"), "noon", 60)).toEqual(upTo(60));
			const told = await on(towers[0]!, "tower").store.facts.read(0, 100);
			expect(told.map(({ position }) => position)).toEqual(upTo(60));
		}));

	it("goes on without a gap when the nodes that numbered and read are gone", () =>
		withMesh(async ({ towers, villages }) => {
			await ringAt(on(towers[0]!, "tower"), "dusk", 1, 20);
			await Promise.all([towers[0]!.stop(), villages[0]!.stop()]);
			await ringAt(on(towers[1]!, "tower"), "dusk", 21, 20);
			expect(await arrivedAt(on(villages[1]!, "village"), "dusk", 40)).toEqual(upTo(40));
		}));

	it(
		"loses and doubles nothing when NATS is killed again and again, and once comes back with nothing of what it had",
		() =>
			withMesh(async ({ towers, villages, add }) => {
				for (const wave of upTo(4)) {
					await ringAt(on(towers[0]!, "tower"), "storm", (wave - 1) * 50 + 1, 25);
					await nats.kill();
					await ringAt(on(towers[1]!, "tower"), "storm", (wave - 1) * 50 + 26, 25);
					await nats.restart({ wipe: wave === 3 });
				}
				expect(await arrivedAt(on(villages[1]!, "village"), "storm", 200)).toEqual(upTo(200));
				// A listener that comes now starts at the beginning, long gone from the stream.
				const late = { ...village(), name: "hamlet" };
				expect(await arrivedAt(on(await add(late), "hamlet"), "storm", 200)).toEqual(upTo(200));
			}),
		90_000,
	);
});
