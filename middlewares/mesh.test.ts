// Calls between nodes over a real NATS: found, shared, refused at once while it is away, and never mixed with a second truth.
import { generateKeyPairSync } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import Type from "typebox";
import { readConfig } from "../lib/config.ts";
import { action, answer, ask } from "../lib/contract.ts";
import { codeOf } from "../lib/failure.ts";
import { lineOf } from "../lib/line.ts";
import { readinessOf } from "../lib/readiness.ts";
import { makeRuntime } from "../lib/runtime.ts";
import { currentScope, withScope } from "../lib/scope.ts";
import { defineService } from "../lib/service.ts";
import { SqlTx } from "../mixins/sql/tx.ts";
import { sqlStore } from "../mixins/sql-store.ts";
import { describeWith } from "../test/support/engines/describe-with.ts";
import { startServer, type TestServer } from "../test/support/engines/engines.ts";
import { brokerOptions } from "./broker-options.ts";

const given = { allow: "internal", params: Type.Object({}), summary: "For tests." } as const;
const who = action({
	...given,
	name: "mill.who",
	returns: Type.Object({ node: Type.String(), actor: Type.Union([Type.String(), Type.Null()]) }),
});
const look = action({ ...given, name: "mill.look", idempotent: true, returns: Type.Object({}) });
const grind = action({ ...given, name: "mill.grind", returns: Type.Object({ node: Type.String() }) });

const mill = (): ServiceSchema =>
	defineService<{ broker: ServiceBroker }>({
		name: "mill",
		actions: {
			who: answer(who, function (this: { broker: ServiceBroker }) {
				return { node: this.broker.nodeID, actor: currentScope()?.actor?.id ?? null };
			}),
			look: answer(look, () => ({})),
			grind: answer(grind, async function (this: { broker: ServiceBroker }) {
				await new Promise(resolve => setTimeout(resolve, 50));
				return { node: this.broker.nodeID };
			}),
		},
	});
const granary = (): ServiceSchema => defineService({ name: "granary", mixins: [sqlStore({ migrations: [], tx: SqlTx })] });

const secrets = () => ({
	STOA_SIGNING_KEYS: JSON.stringify({ keys: [generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" })] }),
	STOA_HMAC_SECRET: Buffer.alloc(32, 7).toString("base64"),
});

describeWith("own nats")("nodes that meet over NATS", () => {
	let nats: TestServer;
	let folder: string;
	let common: Record<string, string>;
	const brokers: ServiceBroker[] = [];

	async function node(name: string, services: readonly ServiceSchema[], env: Record<string, string> = {}): Promise<ServiceBroker> {
		const settings = {
			NODE_ENV: "test",
			STOA_OPS_PORT: "0",
			STOA_LOG_LEVEL: "fatal",
			STOA_NODE_ID: name,
			STOA_DATA_DIR: path.join(folder, name),
		};
		const config = readConfig({ ...settings, STOA_NATS_URL: nats.url, ...common, ...env });
		const broker = new ServiceBroker({ ...brokerOptions(makeRuntime({ config })), skipProcessEventRegistration: true });
		for (const service of services) broker.createService(service);
		await broker.start();
		brokers.push(broker);
		return broker;
	}
	async function eventually<T>(look: () => Promise<T> | T, enough: (seen: T) => boolean): Promise<T> {
		for (let looks = 0; ; looks++) {
			const seen = await look();
			if (enough(seen) || looks > 1000) return seen;
			await new Promise(resolve => setTimeout(resolve, 10));
		}
	}
	const outcome = (call: Promise<unknown>) => call.then(() => "answered").catch((error: Error) => codeOf(error) ?? error.name);

	beforeEach(async () => {
		nats = await startServer("nats");
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-mesh-"));
		common = secrets();
	});
	afterEach(async () => {
		await Promise.all(brokers.splice(0).map(broker => broker.stop()));
		await nats.remove();
		fs.rmSync(folder, { recursive: true });
	});

	it("share the calls of a service, and a call keeps the name in which it is made", async () => {
		const caller = await node("caller", []);
		await Promise.all([node("a", [mill()]), node("b", [mill()])]);
		await caller.waitForServices("mill");
		await eventually(
			() => caller.registry.getServiceList({ onlyAvailable: true }).filter(({ name }) => name === "mill").length,
			count => count === 2,
		);
		const scope = { requestId: null, traceparent: null, actor: { kind: "user" as const, id: "usr_1" } };
		const answers = await withScope(scope, () => Promise.all(Array.from({ length: 10 }, () => ask(caller, who, {}))));
		expect(new Set(answers.map(answer => answer.node))).toEqual(new Set(["a", "b"]));
		expect(new Set(answers.map(({ actor }) => actor))).toEqual(new Set(["usr_1"]));
		expect((await ask(caller, who, {})).actor).toBeNull();
	});

	it("lose no call while one of two is stopped and started again", async () => {
		const caller = await node("caller", []);
		await node("a", [mill()]);
		let leaving = await node("b", [mill()]);
		await caller.waitForServices("mill");
		const outcomes: Promise<string>[] = [];
		for (let turn = 0; turn < 100; turn++) {
			outcomes.push(outcome(ask(caller, grind, {})));
			await new Promise(resolve => setTimeout(resolve, 10));
			if (turn === 30) void leaving.stop();
			if (turn === 70) leaving = await node("b2", [mill()]);
		}
		expect((await Promise.all(outcomes)).filter(told => told !== "answered")).toEqual([]);
	});

	it("repeat elsewhere what a node that was killed can no longer answer, at once and not when its heartbeat is missed", async () => {
		const caller = await node("caller", []);
		await node("a", [mill()]);
		const dying = await node("b", [mill()]);
		await caller.waitForServices("mill");
		await eventually(
			() => caller.registry.getServiceList({ onlyAvailable: true }).filter(({ name }) => name === "mill").length,
			count => count === 2,
		);
		// As a killed process does: the connection is gone, and nothing was said. A node whose connection is closed would end, and this is our process.
		const realKill = process.kill;
		process.kill = () => true;
		const { tx } = (dying as unknown as { transit: { tx: { client: { close(): Promise<void> } | null } } }).transit;
		await tx.client!.close();
		// Or its own end would stumble over it, and leave other things open.
		tx.client = null;
		const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(ask(caller, look, {}))));
		process.kill = realKill;
		expect(new Set(outcomes)).toEqual(new Set(["answered"]));
		expect(await outcome(ask(caller, look, {}, { nodeID: "b" }))).toBe("ServiceNotFoundError");
	});

	it("refuse calls to others at once while NATS is away, answer their own, and find each other again", async () => {
		const caller = await node("caller", [granary()]);
		await node("a", [mill()]);
		await caller.waitForServices("mill");
		expect((await readinessOf(caller)).ready).toBe(true);
		await nats.stop();
		await eventually(
			() => lineOf(caller).up,
			up => !up,
		);
		expect(await outcome(ask(caller, who, {}))).toBe("service_unavailable");
		expect(
			await eventually(
				() => readinessOf(caller),
				({ away }) => away.includes("nats"),
			),
		).toMatchObject({ ready: false, away: ["nats"] });
		await nats.restart();
		expect(
			await eventually(
				() => outcome(ask(caller, who, {})),
				told => told === "answered",
			),
		).toBe("answered");
		expect(
			(
				await eventually(
					() => readinessOf(caller),
					({ ready }) => ready,
				)
			).ready,
		).toBe(true);
	});

	it("stop with a sentence when they keep one service in two stores, or have other secrets", async () => {
		const first = await node("first", [granary()]);
		const realExit = process.exit;
		let ends = 0;
		process.exit = (() => ends++) as never;
		try {
			const later = [await node("second", [granary()]), await node("third", [], secrets())];
			await eventually(
				() => ends,
				count => count === 2,
			);
			expect([first, ...later].map(broker => (broker as unknown as { stopping: boolean }).stopping)).toEqual([false, true, true]);
		} finally {
			process.exit = realExit;
			process.exitCode = undefined;
		}
		expect(await outcome(first.call("granary.storeState"))).toBe("answered");
	});
});
