// Every command as it is given from the shell, over the real socket, to a Stoa that runs in this process.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { answer, ask } from "../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../lib/cursor.ts";
import { newId } from "../../lib/ids.ts";
import { defineService } from "../../lib/service.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { adjust } from "../../services/commerce/inventory/inventory.contract.ts";
import { type Order, recentOrders } from "../../services/commerce/orders/orders.contract.ts";
import { eventually } from "../../test/support/http.ts";
import { beginCount, operationsNeighbours } from "../../test/support/operations-neighbours.ts";
import { type Stoa, startStoa } from "../../test/support/stoa.ts";
import { commands } from "./commands.ts";
import { throughSocket } from "./door.ts";
import { runOnce } from "./once.ts";

const euros = (amount: number) => ({ amount, currency: "EUR" });
const anOrder = (number: string): Order => ({
	id: newId("ord", Date.now()),
	number,
	cartId: "crt_1",
	userId: null,
	email: "a@example.org",
	status: "confirmed",
	paymentStatus: "captured",
	fulfilmentStatus: "unfulfilled",
	items: [],
	totals: { items: euros(3412), discount: euros(0), shipping: euros(0), tax: euros(0), total: euros(3412) },
	shippingAddress: { name: "A", line1: "B", city: "C", postalCode: "D", country: "DE" },
	payments: [],
	placedAt: new Date().toISOString(),
	version: 1,
});
const placed = [anOrder("S1001"), anOrder("S1002"), anOrder("S1003")].reverse();

const ordersStub = defineService({
	name: "orders",
	actions: {
		recent: answer(recentOrders, ctx => {
			const { limit = 20, cursor, status } = ctx.params;
			const before = cursor ? String(decodeCursor(cursor, 1)[0]) : "~";
			const found = placed.filter(order => order.id < before && (!status || order.status === status));
			return pageOf(found, limit, order => [order.id]);
		}),
	},
});

describe("the operator's prompt, one command at a time", () => {
	let stoa: Stoa;
	const { state, services } = operationsNeighbours();

	beforeAll(async () => {
		stoa = await startStoa({
			services: ["commerce/inventory", "platform/audit", "platform/operations"],
			also: [...services, ordersStub],
			delivery: { attempts: 2, backoff: () => 0 },
		});
		for (const sku of ["A-1", "A-2"]) await deliver(sku);
	});
	afterAll(() => stoa.stop());

	const deliver = (sku: string) =>
		ask(stoa.broker, adjust, { sku, delta: 1, reason: "delivery" }, { meta: stoa.as("usr_merchant", ["merchant"]) });
	async function repl(...words: string[]) {
		const said: string[] = [];
		const complained: string[] = [];
		const code = await runOnce(throughSocket(stoa.dataDir), words, {
			print: text => said.push(text),
			complain: text => complained.push(text),
		});
		return { code, said: said.join("\n"), complained: complained.join("\n") };
	}
	async function json<T>(...words: string[]): Promise<T> {
		const { code, said, complained } = await repl(...words, "--json");
		expect({ code, complained }).toEqual({ code: 0, complained: "" });
		return JSON.parse(said) as T;
	}
	const settled = () =>
		eventually(
			() => json<{ data: { pending: number }[] }>("outbox"),
			({ data }) => data.every(({ pending }) => pending === 0),
		);

	it("shows the outboxes as a table, and as JSON for scripts", async () => {
		await settled();
		expect((await repl("outbox")).said).toMatch(/^service +pending +oldest \(s\)\naudit +0 +0\n/);
		expect(await json("outbox")).toMatchObject({ data: expect.arrayContaining([{ service: "inventory", pending: 0, oldestSeconds: 0 }]) });
	});

	it("lists orders, and shows one by its id or its number", async () => {
		expect((await repl("orders", "--limit", "2")).said).toMatch(/S1003.*€34\.12.*guest\n.*S1002[\s\S]*There is more: --cursor \S+$/);
		const [first, second] = placed as [Order, Order];
		expect(await json("order", second.id)).toMatchObject({ order: { id: second.id }, facts: [] });
		expect(await json("order", first.number.toLowerCase())).toMatchObject({ order: { id: first.id } });
		expect((await repl("order", first.id)).said).toContain("confirmed");
		expect(await repl("order", "S9")).toMatchObject({ code: 1, complained: "There is no order S9." });
	});

	it("lists, shows, pushes and takes back sagas", async () => {
		state.stands = true;
		const [pushed, undone] = [await ask(stoa.broker, beginCount, { sku: "A-1" }), await ask(stoa.broker, beginCount, { sku: "A-2" })].map(
			({ id }) => `books:${id}`,
		) as [string, string];
		await eventually(
			() => json<{ data: { attempts: number }[] }>("saga", "list", "--kind", "count"),
			({ data }) => data.every(({ attempts }) => attempts > 0),
		);
		expect((await repl("saga", "list")).said).toMatch(new RegExp(`${undone} +count +running +count shelf .*\\n${pushed} `));
		expect((await repl("saga", "show", pushed)).said).toContain("nobody is there to count");
		expect((await repl("saga", "compensate", undone)).said).toContain("is undone");
		state.stands = false;
		expect((await repl("saga", "retry", pushed)).code).toBe(0);
		await eventually(
			() => json<{ status: string }>("saga", "show", pushed),
			({ status }) => status === "succeeded",
		);
		expect(await repl("saga", "retry", pushed)).toMatchObject({ code: 1, complained: expect.stringMatching(/^saga_state_conflict: /) });
	});

	it("lists, shows, redrives and drops dead letters, and says when a redriven one failed again", async () => {
		state.refuses.add("B-1");
		await deliver("B-1");
		const dead = async () => (await json<{ data: { id: string; status: string }[] }>("dlq", "list", "--group", "books")).data;
		const [letter] = await eventually(dead, found => found[0]?.status === "dead");
		expect((await repl("dlq", "list")).said).toContain("Error: no page for B-1");
		expect((await repl("dlq", "show", letter!.id)).said).toContain('"sku": "B-1"');
		expect(await repl("dlq", "redrive", letter!.id)).toMatchObject({ code: 1, said: `${letter!.id} failed again: Error: no page for B-1` });
		await eventually(dead, found => found[0]?.status === "dead");
		state.refuses.clear();
		expect(await repl("dlq", "redrive", letter!.id)).toMatchObject({ code: 0, said: `${letter!.id} was applied.` });
		expect((await repl("dlq", "list")).said).toBe("There are no dead letters.");

		state.refuses.add("B-2");
		await deliver("B-2");
		const [given] = await eventually(dead, found => found[0]?.status === "dead");
		expect((await repl("dlq", "drop", given!.id)).said).toContain("was dropped");
		expect(await dead()).toEqual([]);
		expect(await repl("dlq", "drop", given!.id)).toMatchObject({ code: 1 });
	});

	it("prints the newest facts, one JSON document a line, and follows them until it is told to end", async () => {
		await settled();
		const { said } = await repl("events", "tail", "--type", "mirror.noted", "--limit", "2", "--once", "--json");
		const facts = said.split("\n").map(line => JSON.parse(line) as Envelope);
		expect(facts).toMatchObject([{ type: "mirror.noted" }, { type: "mirror.noted" }]);

		const seen: Envelope[] = [];
		const ctrlC = new AbortController();
		const following = runOnce(
			throughSocket(stoa.dataDir),
			["events", "tail", "--key", "A-9", "--json"],
			{ print: line => seen.push(JSON.parse(line)), complain: () => undefined },
			ctrlC.signal,
		);
		await deliver("A-9");
		await eventually(
			async () => seen.map(({ type }) => type),
			types => types.includes("mirror.noted"),
		);
		ctrlC.abort();
		expect(await following).toBe(0);
		expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
	});

	it("replays a group", async () => {
		await settled();
		expect(await json("events", "replay", "books", "--dry-run")).toMatchObject({ group: "books", repaired: 0 });
		expect((await repl("events", "replay", "books")).said).toMatch(/^\d+ facts looked at, 0 were repaired\.$/);
		expect(await repl("events", "replay", "nobody")).toMatchObject({ code: 1, complained: expect.stringContaining("/group") });
		expect(await repl("events", "replay", "books", "--from", "yesterday")).toMatchObject({
			code: 1,
			complained: expect.stringContaining("/from"),
		});
	});

	it("checks the stock and the audit chain; what is wrong is seen in the exit code", async () => {
		await settled();
		expect(await repl("stock", "check")).toMatchObject({ code: 0, said: expect.stringMatching(/^All \d+ shelves are sound\.$/) });
		expect(await repl("audit", "verify")).toMatchObject({ code: 0, said: expect.stringContaining("is intact") });
		const stock = new DatabaseSync(path.join(stoa.dataDir, "inventory.db"));
		stock.exec("UPDATE shelves SET onHand = onHand + 1 WHERE sku = 'A-1'");
		expect(await repl("stock", "check")).toMatchObject({ code: 1, said: expect.stringMatching(/^1 of \d+ shelves are wrong:[\s\S]*A-1/) });
		stock.exec("UPDATE shelves SET onHand = onHand - 1 WHERE sku = 'A-1'");
		stock.close();
	});

	it("shows the only node, and refuses to drain it: nobody could go on with its work", async () => {
		const { nodeID } = stoa.broker;
		expect((await repl("nodes")).said).toMatch(new RegExp(`^id +state +version .*\\n${nodeID} +ready .*audit .*inventory`));
		expect(await json("nodes")).toMatchObject({ data: [{ id: nodeID, state: "ready", available: true }] });
		expect(await repl("drain", nodeID)).toMatchObject({ code: 1, complained: expect.stringContaining("is the only node") });
		expect(await repl("drain", "another")).toMatchObject({ code: 1, complained: expect.stringContaining(`There is: ${nodeID}.`) });
	});

	it("calls any action that needs no token", async () => {
		expect(await json("call", "inventory.levels", '{ "skus": ["A-2"] }')).toEqual({ levels: [{ sku: "A-2", available: 1 }] });
		expect(await repl("call", "inventory.levels", "{}")).toMatchObject({ code: 1, complained: expect.stringContaining("/skus") });
		expect(await repl("call", "inventory.levels", "[1]")).toMatchObject({
			code: 1,
			complained: expect.stringContaining("must be a JSON object"),
		});
		expect(await repl("call", "operations.readOutbox")).toMatchObject({ code: 1, complained: expect.stringMatching(/^unauthenticated: /) });
	});

	it("says what is wrong with what was typed", async () => {
		expect(await repl("bench")).toMatchObject({ code: 1, complained: 'There is no command "bench". Type help.' });
		expect(await repl("saga", "show")).toMatchObject({
			code: 1,
			complained: expect.stringMatching(/^saga show needs ID[\s\S]*Usage: saga show ID$/),
		});
		expect(await repl("saga", "list", "--status", "odd")).toMatchObject({
			code: 1,
			complained: expect.stringContaining("must be one of: running"),
		});
		expect(await repl("orders", "--limit", "-1")).toMatchObject({ code: 1 });
		expect(await repl("orders", "--nothing")).toMatchObject({ code: 1, complained: expect.stringContaining("--nothing") });
		expect(await repl("outbox", "now")).toMatchObject({ code: 1, complained: expect.stringContaining("one word too many") });
	});
});

describe("help", () => {
	const repl = async (...words: string[]) => {
		const said: string[] = [];
		const code = await runOnce(throughSocket("/nowhere"), words, { print: text => said.push(text), complain: text => said.push(text) });
		return { code, said: said.join("\n") };
	};

	it("needs no running process", async () => {
		const { code, said } = await repl("help");
		expect(code).toBe(0);
		for (const { name } of commands) expect(said).toContain(name);
		expect((await repl("help", "saga")).said).toContain("saga compensate ID");
		expect((await repl("help", "dlq", "drop")).said).toMatch(/^dlq drop ID\n/);
		expect((await repl("help", "bench")).code).toBe(1);
		expect((await repl("exit")).code).toBe(0);
	});

	it.each(commands.map(({ name }) => name))("%s says what it does and what it takes", async name => {
		const { code, said } = await repl(...name.split(" "), "--help");
		expect(code).toBe(0);
		expect(said).toContain("--json");
	});

	it("says so in a sentence when nothing runs", async () => {
		const empty = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-test-"));
		const said: string[] = [];
		expect(await runOnce(throughSocket(empty), ["outbox"], { print: text => said.push(text), complain: text => said.push(text) })).toBe(1);
		expect(said).toEqual([`No Stoa runs on ${empty}. Start it with npm start, or name its folder: STOA_DATA_DIR=… npm run repl`]);
		fs.rmSync(empty, { recursive: true });
	});
});
