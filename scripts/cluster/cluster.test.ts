// The local cluster as a person starts it: a program of its own, over real servers.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { describeWith } from "../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../test/support/engines/engines.ts";
import { eventually } from "../../test/support/http.ts";
import { dropNamespace } from "../../test/support/namespace.ts";
import { freePort } from "../free-port.ts";
import { isReady } from "../product-process.ts";
import { defaultNodes, planCluster } from "./plan.ts";
import { absentServers, placesOf } from "./servers.ts";

const program = path.resolve(import.meta.dirname, "../cluster.ts");
const servers = { STOA_NATS_URL: "nats://db:4222", STOA_SQL_URL: "mysql://u:p@db:3306", STOA_MONGO_URL: "mongodb://db:27017" };

/** Runs the program and gathers what it prints. */
function run(words: readonly string[], env: Record<string, string>) {
	const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...words], {
		env: { PATH: process.env.PATH, ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
	let text = "";
	for (const stream of [child.stdout, child.stderr])
		stream.on("data", part => {
			text += part;
		});
	const ended = once(child, "close").then(([code, signal]) => signal ?? code);
	return { child, ended, printed: () => text };
}

describe("the plan of a cluster", () => {
	it("has a node for each domain and two of commerce, and every node its own name and ports", () => {
		const plans = planCluster({ ...servers, STOA_PORT: "4000", STOA_OPS_PORT: "4100" }, defaultNodes());
		expect(plans.map(({ name }) => name)).toEqual(["edge", "commerce-1", "commerce-2", "identity", "notification", "platform", "risk"]);
		expect(plans.map(({ opsPort }) => opsPort)).toEqual([4100, 4101, 4102, 4103, 4104, 4105, 4106]);
		expect(plans.map(({ port }) => port)).toEqual([4000, ...Array(6).fill(undefined)]);
		expect(new Set(plans.map(({ env }) => env.STOA_NODE_ID)).size).toBe(plans.length);
	});

	it("gives further gateways the ports that follow, and one node several folders", () => {
		const plans = planCluster({ ...servers }, ["edge", "edge/gateway", "identity+platform/audit"]);
		expect(plans.map(({ port }) => port)).toEqual([3000, 3001, undefined]);
		expect(plans[2]).toMatchObject({ name: "identity+platform/audit", env: { SERVICES: "identity,platform/audit" } });
	});

	it("names what is missing, unknown, or meant for one node", () => {
		expect(() => planCluster({}, ["edge"])).toThrow(/set STOA_NATS_URL, STOA_SQL_URL, STOA_MONGO_URL, for example/);
		expect(() => planCluster({ ...servers, STOA_MONGO_URL: "" }, ["edge"])).toThrow(/set STOA_MONGO_URL, for example/);
		expect(() => planCluster({ ...servers }, ["edge", "comerce"])).toThrow(/"comerce"/);
		expect(() => planCluster({ ...servers, SERVICES: "edge" }, ["edge"])).toThrow(/^SERVICES/);
		expect(() => planCluster({ ...servers, STOA_SQL_URL: "nonsense" }, ["edge"])).toThrow(/^STOA_SQL_URL/);
	});

	it("finds the servers' addresses in every form of URL", () => {
		expect(placesOf("nats://a, tls://b:4333")).toEqual([
			{ host: "a", port: 4222 },
			{ host: "b", port: 4333 },
		]);
		expect(placesOf("mongodb://u:p%40@a:1,b/?authSource=admin")).toEqual([
			{ host: "a", port: 1 },
			{ host: "b", port: 27017 },
		]);
		expect(placesOf("mysql://u:p@[::1]:3307")).toEqual([{ host: "::1", port: 3307 }]);
		expect(placesOf("mongodb+srv://cluster.example")).toEqual([]);
	});

	it("says of a server that nobody listens there, before any node waits for it", async () => {
		const port = await freePort();
		expect(await absentServers({ STOA_NATS_URL: `nats://user:secret@127.0.0.1:${port}` })).toEqual([
			`STOA_NATS_URL: nobody listens at 127.0.0.1:${port}.`,
		]);
	});
});

describe("npm run cluster", () => {
	it("says in a sentence what it lacks, and explains itself", async () => {
		const bare = run([], {});
		expect(await bare.ended).toBe(1);
		expect(bare.printed()).toMatch(/^A cluster keeps its data on servers .* set STOA_NATS_URL, STOA_SQL_URL, STOA_MONGO_URL/);
		expect(bare.printed().trim().split("\n")).toHaveLength(1);
		const help = run(["--help"], {});
		expect(await help.ended).toBe(0);
		expect(help.printed()).toContain("--nodes");
		const odd = run(["--nodes", "edge,,platform"], servers);
		expect(await odd.ended).toBe(1);
		expect(odd.printed()).toContain("it must be like edge,commerce,commerce");
	}, 60_000);
});

describeWith(
	"nats",
	"sql",
	"mongo",
	"redis",
)("npm run cluster over real servers", () => {
	const namespace = `c${Date.now().toString(36)}`;
	const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-test-"));
	let urls: { nats: string; sql: string; mongo: string; redis: string };
	let cluster: ReturnType<typeof run>;
	let ports: { gateway: number; operations: number };

	beforeAll(async () => {
		const [nats, sql, mongo, redis] = await Promise.all((["nats", "sql", "mongo", "redis"] as const).map(sharedServer));
		urls = { nats: nats!, sql: sql!, mongo: mongo!, redis: redis! };
		// Three in a row are needed; the first of a random place will do.
		ports = { gateway: await freePort(), operations: await freePort() };
		cluster = run(["--nodes", "edge,platform/audit,platform/audit"], {
			STOA_NATS_URL: urls.nats,
			STOA_SQL_URL: urls.sql,
			STOA_MONGO_URL: urls.mongo,
			STOA_REDIS_URL: urls.redis,
			STOA_NAMESPACE: namespace,
			STOA_DATA_DIR: dataDir,
			STOA_PORT: String(ports.gateway),
			STOA_OPS_PORT: String(ports.operations),
		});
	}, 60_000);

	afterAll(async () => {
		cluster?.child.kill("SIGKILL");
		fs.rmSync(dataDir, { recursive: true, force: true });
		if (urls) await dropNamespace(urls, namespace);
	});

	const prints = (pattern: RegExp) =>
		eventually(
			async () => cluster.printed(),
			text => pattern.test(text),
			120_000,
		);

	it("starts every node, says when each is ready, and what to try", async () => {
		const text = await prints(/Ctrl-C/);
		expect(text).toMatch(/^cluster +\| 3 nodes start: edge, platform\/audit-1, platform\/audit-2$/m);
		expect(text).toMatch(/is ready \(3 of 3, /);
		expect(text).toMatch(/^edge +\| Stoa runs: 1 services/m);
		expect(text).toMatch(new RegExp(`^cluster +\\| edge +\\d+ +http://localhost:${ports.gateway} `, "m"));
		expect(text).not.toContain("\u001b[36m");
		expect((await fetch(`http://127.0.0.1:${ports.gateway}/healthz`)).status).toBe(200);
		for (const node of [0, 1, 2]) expect(await isReady(`http://127.0.0.1:${ports.operations + node}`)).toBe(true);
	}, 150_000);

	it("tells in one line that a node died, and how to start it again; the others go on", async () => {
		const pid = Number(/^cluster +\| platform\/audit-2 +(\d+) /m.exec(cluster.printed())![1]);
		process.kill(pid, "SIGKILL");
		await prints(
			new RegExp(`platform/audit-2 \\(pid ${pid}\\) has ended: SIGKILL\\. Start it again: SERVICES=platform/audit .* npm start`),
		);
		expect(cluster.child.exitCode).toBeNull();
		expect((await fetch(`http://127.0.0.1:${ports.gateway}/healthz`)).status).toBe(200);
	});

	it("stops all at Ctrl-C, gateways first, and ends with 0", async () => {
		cluster.child.kill("SIGINT");
		expect(await cluster.ended).toBe(0);
		expect(cluster.printed()).toMatch(/stopping, gateways first[\s\S]*edge has stopped\.[\s\S]*platform\/audit-1 has stopped\./);
		for (const node of [0, 1]) expect(await isReady(`http://127.0.0.1:${ports.operations + node}`)).toBe(false);
	}, 60_000);
});
