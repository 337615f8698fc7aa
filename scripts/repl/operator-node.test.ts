// The operator's prompt as a node of a running mesh: over a real NATS that wants credentials, with nodes that are processes of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { readConfig } from "../../lib/config.ts";
import type { MeshNode } from "../../lib/operator-contract.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { type Cluster, startCluster } from "../../test/support/cluster.ts";
import { describeWith } from "../../test/support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../../test/support/engines/engines.ts";
import { eventually } from "../../test/support/http.ts";
import { dropNamespace } from "../../test/support/namespace.ts";
import { overNats, wayInto } from "./door.ts";
import { runOnce } from "./once.ts";

const namespace = `t${Date.now().toString(36)}`;
const nodeCredentials = { STOA_NATS_USER: "stoa", STOA_NATS_PASSWORD: "word-of-the-nodes" };
const given = { STOA_NATS_USER: "operator", STOA_NATS_PASSWORD: "word-of-the-operator" };

/** What compose and Kubernetes let the operator do, which is less than the nodes may. */
function deployedAuthorization(): string {
	const text = fs.readFileSync(path.resolve(import.meta.dirname, "../../deploy/nats.conf"), "utf8");
	return /^authorization \{[\s\S]*?^\}/m
		.exec(text)![0]
		.replaceAll("MOL-stoa.", `MOL-${namespace}.`)
		.replace("$NATS_PASSWORD", nodeCredentials.STOA_NATS_PASSWORD)
		.replace("$NATS_OPERATOR_PASSWORD", given.STOA_NATS_PASSWORD);
}

describeWith(
	"own nats",
	"sql",
	"mongo",
)("the operator's node", () => {
	let nats: TestServer;
	let cluster: Cluster;

	beforeAll(async () => {
		const [own, sql, mongo] = await Promise.all([
			startServer("nats", { config: deployedAuthorization() }),
			sharedServer("sql"),
			sharedServer("mongo"),
		]);
		nats = own;
		cluster = await startCluster({
			urls: { nats: nats.url, sql, mongo },
			namespace,
			env: nodeCredentials,
			nodes: [
				{ name: "operations", services: "platform/operations" },
				{ name: "stock-1", services: "commerce/inventory" },
				{ name: "stock-2", services: "commerce/inventory" },
			],
		});
	}, 180_000);

	afterAll(async () => {
		await cluster?.remove();
		await nats?.remove();
		if (cluster) await dropNamespace({ ...cluster.urls, nats: undefined }, namespace);
	}, 60_000);

	/** What an operator has: where NATS is and the credentials, none of the secrets of the shop. */
	const environment = (env: Record<string, string> = given) => ({ STOA_NATS_URL: nats.url, STOA_NAMESPACE: namespace, ...env });

	async function repl(words: string[], env?: Record<string, string>) {
		const said: string[] = [];
		const complained: string[] = [];
		const output = { print: (text: string) => said.push(text), complain: (text: string) => complained.push(text) };
		const code = await runOnce(overNats(readConfig(environment(env))), words, output);
		return { code, said: said.join("\n"), complained: complained.join("\n") };
	}
	async function nodes(): Promise<MeshNode[]> {
		const { code, said, complained } = await repl(["nodes", "--json"]);
		expect({ code, complained }).toEqual({ code: 0, complained: "" });
		return (JSON.parse(said) as { data: MeshNode[] }).data;
	}
	const stateOf = async (id: string) => (await nodes()).find(node => node.id === id)?.state;

	it("sees every node, itself among them", async () => {
		const seen = await nodes();
		const own = `repl-${os.hostname()}-${process.pid}`;
		expect(seen.map(({ id }) => id).sort()).toEqual([own, ...cluster.nodes.map(({ id }) => id)].sort());
		const stock = seen.find(({ id }) => id === cluster.node("stock-1").id);
		expect(stock).toMatchObject({ state: "ready", available: true, services: ["inventory"], version: expect.any(String), away: [] });
		expect(Date.parse(stock!.startedAt!)).toBeLessThan(Date.now());
		expect((await repl(["nodes"])).said).toMatch(/^id +state +version +up since .*services\n/);
	});

	it("has the commands of the socket, and the facts name who gave them", async () => {
		const delivery = { deliveries: [{ id: "by hand", sku: "A-1", delta: 3, reason: "found behind the shelf" }] };
		expect(await repl(["call", "inventory.receiveBatch", JSON.stringify(delivery)])).toMatchObject({ code: 0 });
		const facts = await eventually(
			async () => {
				const { said } = await repl(["events", "tail", "--key", "A-1", "--once", "--json"]);
				return said
					.split("\n")
					.filter(Boolean)
					.map(line => JSON.parse(line) as Envelope);
			},
			seen => seen.length > 0,
		);
		const operator = { kind: "operator", id: `${os.userInfo().username}@${os.hostname()}` };
		expect(facts.map(({ actor }) => actor)).toEqual(facts.map(() => operator));
		expect(await repl(["outbox"])).toMatchObject({ code: 0, said: expect.stringContaining("inventory") });
		expect(await repl(["orders"])).toMatchObject({
			code: 1,
			complained: expect.stringMatching(/^service_unavailable: .*See what runs: nodes$/),
		});
	});

	it("runs from the shell in production, where it is given none of the secrets", async () => {
		const program = path.resolve(import.meta.dirname, "../repl.ts");
		const env = { PATH: process.env.PATH, NODE_ENV: "production", ...environment() };
		const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, "nodes", "--json"], {
			env,
			stdio: ["ignore", "pipe", "inherit"],
		});
		let printed = "";
		child.stdout.on("data", text => {
			printed += text;
		});
		const [code] = await once(child, "close");
		expect(code).toBe(0);
		expect(printed).toContain(cluster.node("operations").id);
	});

	it("shows a node that stands still as silent", async () => {
		const paused = cluster.node("stock-2");
		// Who joins later hears nothing of it; who was here before asks and is not answered.
		const mesh = await cluster.mesh();
		paused.pause();
		try {
			const look = async () => ((await mesh.call("$operator.nodes", { id: paused.id })) as { data: MeshNode[] }).data[0]?.state;
			expect(["silent", "lost"]).toContain(await look());
			await eventually(look, state => state === "lost", 20_000);
		} finally {
			paused.resume();
		}
		await eventually(
			() => stateOf(paused.id),
			state => state === "ready",
			20_000,
		);
	}, 60_000);

	it("lets a node end in order while the others go on, and waits until it has gone", async () => {
		const node = cluster.node("stock-1");
		const { id, ended } = node;
		expect(await repl(["drain", id])).toEqual({
			code: 0,
			complained: "",
			said: `${id} takes no new work and finishes what runs.\n${id} has gone.`,
		});
		expect(await ended).toEqual({ code: 0, signal: null });
		expect(await repl(["call", "inventory.levels", '{"skus":["A-1"]}'])).toMatchObject({ code: 0 });
		expect(await repl(["drain", id])).toMatchObject({
			code: 1,
			complained: expect.stringContaining(`There is no node ${id}. There are: `),
		});
		await node.restart();
		expect(await stateOf(node.id)).toBe("ready");
	}, 60_000);

	it("says which services go away with the last of their nodes", async () => {
		const node = cluster.node("operations");
		const { code, said } = await repl(["drain", node.id]);
		expect(code).toBe(0);
		expect(said).toContain("No other node runs operations: they are away until one does.");
		expect(await repl(["outbox"])).toMatchObject({ code: 1, complained: expect.stringContaining("service_unavailable") });
		expect((await nodes()).map(({ id }) => id)).not.toContain(node.id);
		await node.restart();
	}, 60_000);

	it("refuses to drain what is no node of the shop, and lists those that are", async () => {
		for (const id of ["nobody", `repl-${os.hostname()}-${process.pid}`]) {
			const { code, complained } = await repl(["drain", id]);
			expect(code).toBe(1);
			expect(complained).toBe(
				`node_unknown: There is no node ${id}. There are: ${cluster.nodes
					.map(node => node.id)
					.sort()
					.join(", ")}.`,
			);
		}
		expect(await repl(["drain"])).toMatchObject({ code: 1, complained: expect.stringContaining("drain needs NODE") });
	});

	it("is not let in with wrong credentials, or with none, and says which variables to look at", async () => {
		expect(await repl(["nodes"], { ...given, STOA_NATS_PASSWORD: "another" })).toMatchObject({
			code: 1,
			complained: `NATS at ${nats.url} does not let operator in. Check STOA_NATS_USER and STOA_NATS_PASSWORD.`,
		});
		expect(await repl(["nodes"], {})).toMatchObject({ code: 1, complained: expect.stringContaining("wants credentials") });
		expect(() => wayInto({ STOA_NATS_USER: "stoa", STOA_NATS_PASSWORD: "x" })).toThrow("STOA_NATS_USER is set without STOA_NATS_URL.");
	});

	it("says so at once when NATS is away, and goes on by itself when it is back", async () => {
		const mesh = await cluster.mesh();
		await nats.kill();
		await eventually(
			() =>
				mesh.call("$operator.nodes").then(
					() => "answered",
					(error: Error) => error.message,
				),
			outcome => outcome.includes("is away"),
		);
		expect(await repl(["nodes"])).toMatchObject({ code: 1, complained: expect.stringContaining(`NATS at ${nats.url} cannot be reached`) });
		await nats.restart();
		await eventually(
			() =>
				mesh.call("inventory.levels", { skus: ["A-1"] }).then(
					() => "answered",
					(error: Error) => error.message,
				),
			outcome => outcome === "answered",
			20_000,
		);
	}, 60_000);
});
