import { generateKeyPairSync } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { ask } from "../lib/contract.ts";
import { randomToken } from "../lib/crypto.ts";
import { storeContract } from "../lib/store-contract.ts";
import { onMongo } from "../test/conformance/documents-place.ts";
import {
	aNode,
	bothStores,
	type Harbour,
	harbour,
	type Lighthouse,
	lighthouse,
	logbookOf,
	moor,
	pay,
	shipsOf,
} from "../test/conformance/harbour.ts";
import { dropDatabase } from "../test/conformance/sql-places.ts";
import { describeWith } from "../test/support/engines/describe-with.ts";
import { sharedServer } from "../test/support/engines/engines.ts";
import { eventually } from "../test/support/http.ts";
import { documentStore } from "./document-store.ts";

const contract = storeContract("harbour");
const stateOf = (broker: ServiceBroker) => ask(broker, contract.storeState, {});
const factsOf = (broker: ServiceBroker) => ask(broker, contract.readFacts, { after: 0, limit: 1000 });
const harbourOn = (broker: ServiceBroker) => broker.getLocalService("harbour") as unknown as Harbour;
const lighthouseOn = (broker: ServiceBroker) => broker.getLocalService("lighthouse") as unknown as Lighthouse;
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
const settled = (broker: ServiceBroker) =>
	eventually(
		() => stateOf(broker),
		({ pending }) => pending === 0,
	);
const noted = (service: Lighthouse, count: number) =>
	eventually(
		() => logbookOf(service),
		rows => rows.length >= count,
		30_000,
	);
const lettersOf = ({ store }: Lighthouse) => store.inbox.letters({ limit: 10 });

/** What was told is numbered without a gap, and each of it stands once in every logbook that it concerns. */
async function isHeardOnce(broker: ServiceBroker, own: Lighthouse, others: Lighthouse, count: { documents: number; rows: number }) {
	const all = count.documents + count.rows;
	const heard = await noted(others, all);
	const facts = await factsOf(broker);
	expect(facts.map(({ position }) => position)).toEqual(upTo(all));
	expect(new Set(facts.map(({ id }) => id)).size).toBe(all);
	expect(heard).toEqual(facts.map(({ position, type }) => `${position} ${type}`));
	const ofDocuments = facts.filter(({ type }) => type === "harbour.moored");
	expect(ofDocuments).toHaveLength(count.documents);
	expect(await noted(own, count.documents)).toEqual(ofDocuments.map(({ position, type }) => `${position} ${type}`));
	expect([await lettersOf(own), await lettersOf(others)]).toEqual([[], []]);
	for (const [shipId, visits] of Map.groupBy(ofDocuments, ({ key }) => key))
		expect([shipId, visits.map(({ data }) => data.visit)]).toEqual([shipId, upTo(visits.length)]);
}

describe("a service with rows and documents, in one process", () => {
	let folder: string;
	let brokers: ServiceBroker[];

	const start = async (services: readonly ServiceSchema[] = [harbour(), lighthouse()], dieAt?: string) => {
		let isDead = false;
		const at = (point: string) => {
			isDead ||= point === dieAt;
			if (isDead && point.startsWith("harbour:relay")) throw new Error(`dead since ${dieAt}`);
		};
		const broker = await aNode({ STOA_DATA_DIR: folder }, services, { crash: { at } });
		brokers.push(broker);
		return broker;
	};
	const stop = async (broker: ServiceBroker) => {
		brokers = brokers.filter(other => other !== broker);
		await broker.stop();
	};

	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-harbour-"));
		brokers = [];
	});
	afterEach(async () => {
		for (const broker of brokers) await broker.stop();
		fs.rmSync(folder, { recursive: true });
	});

	it("tells of both in one row of positions, heard once by others and by itself", async () => {
		const broker = await start();
		const service = harbourOn(broker);
		await moor(service, "argo");
		await settled(broker);
		await pay(service, "argo", 5);
		await moor(service, "argo");
		await settled(broker);
		expect((await factsOf(broker)).map(({ position, type }) => `${position} ${type}`)).toEqual([
			"1 harbour.moored",
			"2 harbour.paid",
			"3 harbour.moored",
		]);
		await isHeardOnce(broker, service, lighthouseOn(broker), { documents: 2, rows: 1 });
		expect(await shipsOf(service).get("argo")).toEqual({ _id: "argo", version: 2, visits: 2 });
	});

	it("keeps the order of each document under a storm of both kinds", async () => {
		const broker = await start();
		const service = harbourOn(broker);
		const ships = upTo(10).map(n => `ship${n}`);
		for (const ship of ships) await moor(service, ship);
		await Promise.all(upTo(150).flatMap(n => [moor(service, ships[n % 10]!), pay(service, ships[n % 10]!, n)]));
		await isHeardOnce(broker, service, lighthouseOn(broker), { documents: 160, rows: 150 });
	});

	it.each([[bothStores()], [bothStores().reverse()]])(
		"has both stores open at its own start, in whichever order they are named",
		async mixins => {
			const broker = await start([harbour(mixins)]);
			const service = harbourOn(broker);
			expect(service.metadata).toMatchObject({ openAtStart: true, storeId: `${await service.store.id()}+${service.documents.id}` });
			expect((await stateOf(broker)).hasSagas).toBe(true);
			await moor(service, "argo");
			await settled(broker);
			expect((await service.store.facts.read(0, 10)).map(({ position }) => position)).toEqual([1]);
		},
	);

	it("hands on what its last moments told, for both are closed in order", async () => {
		const first = await start();
		await Promise.all(upTo(20).map(n => moor(harbourOn(first), `ship${n}`)));
		await stop(first);
		const broker = await start();
		expect(await stateOf(broker)).toMatchObject({ head: 20, pending: 0 });
		await isHeardOnce(broker, harbourOn(broker), lighthouseOn(broker), { documents: 20, rows: 0 });
	});

	it("has one outbox: the documents keep nothing but the service's own", async () => {
		const broker = await start();
		const { engine } = (harbourOn(broker) as unknown as { adapter: { engine: { collection(name: string): unknown } } }).adapter;
		for (const name of ["outbox", "floors", "letters", "leases"]) expect(() => engine.collection(name)).toThrow(TypeError);
		expect(harbourOn(broker).documents).toMatchObject({ inbox: harbourOn(broker).store.inbox, leases: harbourOn(broker).store.leases });
	});

	it("lets a document go only after its facts", async () => {
		const broker = await start();
		await moor(harbourOn(broker), "argo");
		expect(await shipsOf(harbourOn(broker)).remove("argo")).toBe(true);
		expect(await stateOf(broker)).toMatchObject({ head: 1, pending: 0 });
	});

	it("counts what still waits in documents as pending", async () => {
		const broker = await start(undefined, "harbour:relay:beforeCopy");
		await moor(harbourOn(broker), "argo");
		await moor(harbourOn(broker), "argo");
		await pay(harbourOn(broker), "argo", 1);
		expect(await stateOf(broker)).toMatchObject({ head: 1, pending: 2 });
	});

	it.each(["beforeCopy", "afterCopy", "afterClear"])("carries after a death at %s what was left, and nothing twice", async point => {
		const first = await start(undefined, `harbour:relay:${point}`);
		await moor(harbourOn(first), "argo");
		await pay(harbourOn(first), "argo", 1);
		await moor(harbourOn(first), "argo");
		await moor(harbourOn(first), "nina");
		await stop(first);
		const broker = await start();
		expect(await settled(broker)).toMatchObject({ head: 4, oldestSeconds: 0 });
		await isHeardOnce(broker, harbourOn(broker), lighthouseOn(broker), { documents: 3, rows: 1 });
	});

	it("is refused when its documents would keep facts of their own, or no SQL store keeps them", () => {
		const [rows, documents] = bothStores();
		const broker = new ServiceBroker({ logger: false });
		expect(() => broker.createService(harbour([rows!, documentStore({ collections: { ships: {} } })]))).toThrow('need outbox: "sql"');
		expect(() => broker.createService(harbour([documents!]))).toThrow("has no SQL store");
	});
});

describeWith(
	"nats",
	"sql",
	"mongo",
)("a service with rows and documents, on several nodes", () => {
	let env: Record<string, string>;
	let folder: string;
	let brokers: ServiceBroker[];

	const join = async (service: ServiceSchema, more: Record<string, string> = {}) => {
		const name = `node${brokers.length + 1}`;
		const broker = await aNode({ ...env, STOA_NODE_ID: name, STOA_DATA_DIR: path.join(folder, name), ...more }, [service]);
		brokers.push(broker);
		return broker;
	};

	beforeEach(async () => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-harbour-"));
		brokers = [];
		const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
		env = {
			STOA_NATS_URL: await sharedServer("nats"),
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_MONGO_URL: await sharedServer("mongo"),
			STOA_NAMESPACE: `ships${process.pid}_${randomToken()
				.slice(0, 6)
				.toLowerCase()
				.replace(/[^a-z0-9]/g, "x")}`,
			STOA_SIGNING_KEYS: JSON.stringify({ keys: [key] }),
			STOA_HMAC_SECRET: Buffer.from(randomToken()).toString("base64"),
		};
	});
	afterEach(async () => {
		await Promise.all(brokers.filter(({ stopping }) => !stopping).map(broker => broker.stop()));
		await onMongo(env.STOA_MONGO_URL!, client => client.db(`${env.STOA_NAMESPACE}_harbour`).dropDatabase());
		for (const service of ["harbour", "lighthouse"]) await dropDatabase(env.STOA_SQL_URL!, `${env.STOA_NAMESPACE}_${service}`);
		fs.rmSync(folder, { recursive: true });
	});

	it("tells 200 facts of documents and 200 of rows from two nodes at once, each exactly once and without a gap", async () => {
		const harbours = [await join(harbour()), await join(harbour())];
		const lights = [await join(lighthouse()), await join(lighthouse())];
		const [one, other] = harbours.map(harbourOn);
		const ships = upTo(10).map(n => `ship${n}`);
		for (const ship of ships) await moor(one!, ship);
		// Both nodes change the same ships.
		await Promise.all(
			upTo(200).flatMap(n => {
				const node = n % 2 ? one! : other!;
				return [n > 190 ? undefined : moor(node, ships[n % 10]!), pay(node, ships[n % 10]!, n)];
			}),
		);
		await isHeardOnce(harbours[1]!, other!, lighthouseOn(lights[0]!), { documents: 200, rows: 200 });
		expect(await settled(harbours[0]!)).toMatchObject({ head: 400 });
	});

	it("goes on when the node that carried and numbered has left, and carries what it left behind", async () => {
		const [first, second] = [await join(harbour()), await join(harbour())];
		const light = await join(lighthouse());
		await Promise.all(upTo(20).map(n => moor(harbourOn(n % 2 ? first : second), `ship${n % 4}`)));
		await first.stop();
		await Promise.all(upTo(20).map(n => moor(harbourOn(second), `ship${n % 4}`)));
		await isHeardOnce(second, harbourOn(second), lighthouseOn(light), { documents: 40, rows: 0 });
	});

	it("takes a fact once though two nodes believe that it is theirs to carry", async () => {
		const nodes = [harbourOn(await join(harbour())), harbourOn(await join(harbour()))];
		const light = await join(lighthouse());
		for (const { store } of nodes) {
			const hold = store.leases.hold;
			store.leases.hold = async names => {
				await hold(names);
				return new Map(names.map(name => [name, 1]));
			};
		}
		for (const n of upTo(5)) await moor(nodes[0]!, `ship${n}`);
		await Promise.all(upTo(95).map(n => moor(nodes[n % 2]!, `ship${(n % 5) + 1}`)));
		await isHeardOnce(brokers[0]!, nodes[0]!, lighthouseOn(light), { documents: 100, rows: 0 });
	});

	it("is one service only where both stores are the same", async () => {
		const [first, second] = [await join(harbour()), await join(harbour())];
		const { STOA_MONGO_URL: _, STOA_NATS_URL: __, ...withoutMongo } = env;
		const stranger = await aNode({ ...withoutMongo, STOA_NODE_ID: "stranger", STOA_DATA_DIR: path.join(folder, "stranger") }, [harbour()]);
		brokers.push(stranger);
		const said = [first, second, stranger].map(broker => harbourOn(broker).metadata.storeId);
		expect(said[1]).toBe(said[0]);
		expect(said[2]).not.toBe(said[0]);
		expect(await harbourOn(stranger).store.id()).toBe(await harbourOn(first).store.id());
	});
});
