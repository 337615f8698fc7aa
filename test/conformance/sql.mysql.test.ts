// What only a server that others share can do to us: connections lost at the worst moment, a server that is paused, ended or full.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { serviceUnavailable } from "../../lib/failure.ts";
import type { Connection, SqlEngine } from "../../mixins/sql/engine.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../support/engines/engines.ts";
import { eventually } from "../support/http.ts";
import { type MysqlPlace, mysqlPlace } from "./sql-places.ts";
import { type StatementCutter, startCutter } from "./statement-cutter.ts";

const insert = "INSERT INTO boxes (name, amount) VALUES (?, 0)";
// Every session is told READ COMMITTED first.
const commit = /COMMIT$/;
const addressOf = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });
const namesIn = async (engine: SqlEngine) =>
	(await engine.reader.all<{ name: string }>("SELECT name FROM boxes ORDER BY name")).map(({ name }) => name);
const unavailable = expect.objectContaining({ code: 503, type: serviceUnavailable.code });

describeWith("sql")("a connection to the database that is lost", () => {
	let place: MysqlPlace;
	let cutter: StatementCutter;
	/** Directly, and through what cuts. */
	let direct: SqlEngine;
	let cut: SqlEngine;
	let tries = 0;

	/** Puts a box of its own name each time it is tried, so that the boxes tell which try was committed. */
	const work = (given: { witness?: boolean; repeatable?: boolean } = {}) =>
		cut.transaction(async connection => {
			const name = `try ${++tries}`;
			if (given.repeatable) {
				connection.repeatable!();
				const found = await connection.all<{ name: string }>("SELECT name FROM boxes FOR UPDATE");
				if (found[0]) return `${found[0].name}, found by ${name}`;
			}
			await connection.run(insert, [name]);
			if (given.witness) connection.witness!("SELECT 1 FROM boxes WHERE name = ? FOR UPDATE", [name]);
			return name;
		});

	beforeEach(async () => {
		const url = await sharedServer("sql");
		place = mysqlPlace(url);
		direct = await place.open();
		cutter = await startCutter(addressOf(url));
		cut = place.openBy(url.replace(/:\d+$/, `:${cutter.port}`));
		tries = 0;
	});
	afterEach(async () => {
		await cut.close();
		await cutter.close();
		await direct.close();
		await place.remove();
	});

	it("before the commit was sent runs the work again, and nobody is told", async () => {
		cutter.cutAt(/INSERT/, "after");
		expect(await work()).toBe("try 2");
		expect(await namesIn(direct)).toEqual(["try 2"]);
	});

	it("during a read asks again", async () => {
		cutter.cutAt(/SELECT name/, "after");
		expect(await namesIn(cut)).toEqual([]);
		expect(cutter.cuts).toBe(1);
	});

	it("after the commit was done answers what was done, and does it once", async () => {
		cutter.cutAt(commit, "after");
		expect(await work({ witness: true })).toBe("try 1");
		expect(await namesIn(direct)).toEqual(["try 1"]);
		expect(tries).toBe(1);
	});

	it("before the commit arrived runs the work again", async () => {
		cutter.cutAt(commit, "before");
		expect(await work({ witness: true })).toBe("try 2");
		expect(await namesIn(direct)).toEqual(["try 2"]);
	});

	it("while the commit is still on its way waits for what becomes of it, instead of doing it twice", async () => {
		cutter.cutAt(commit, "held");
		const answered = work({ witness: true });
		await eventually(
			async () => cutter.cuts,
			cuts => cuts === 1,
		);
		await sleep(300);
		expect(tries).toBe(1);
		cutter.letGo();
		expect(await answered).toBe("try 1");
		expect(await namesIn(direct)).toEqual(["try 1"]);
	});

	it("with its commit never to arrive ends with the server's patience, and the work is run again", async () => {
		cutter.cutAt(commit, "held");
		expect(await work({ witness: true })).toBe("try 2");
		expect(await namesIn(direct)).toEqual(["try 2"]);
	});

	it("in the commit of work that knows its own success runs it again", async () => {
		cutter.cutAt(commit, "after");
		expect(await work({ repeatable: true })).toBe("try 1, found by try 2");
		expect(await namesIn(direct)).toEqual(["try 1"]);
	});

	it("in the commit of work that nobody can ask for is told as unknown, never as done or failed", async () => {
		cutter.cutAt(commit, "after");
		await expect(work()).rejects.toEqual(unavailable);
		expect(await namesIn(direct)).toEqual(["try 1"]);
		expect(tries).toBe(1);
	});

	it("does not make a witness of what a savepoint undid", async () => {
		cutter.cutAt(commit, "after");
		const answered = cut.transaction(async connection => {
			await connection.run(insert, [`kept ${++tries}`]);
			const undone = async () => {
				await connection.run(insert, ["undone"]);
				connection.witness!("SELECT 1 FROM boxes WHERE name = ? FOR UPDATE", ["undone"]);
				throw new Error("cannot");
			};
			await connection.savepoint(undone).catch(() => undefined);
		});
		await expect(answered).rejects.toEqual(unavailable);
		expect(await namesIn(direct)).toEqual(["kept 1"]);
	});

	it("inside of a savepoint is no failure of the work: whoever catches it cannot go on, and the whole is run again", async () => {
		cutter.cutAt(/'effect 1'/, "before");
		const caught: unknown[] = [];
		await cut.transaction(async connection => {
			const effect = `effect ${++tries}`;
			try {
				await connection.savepoint(() => connection.run(insert, [effect]));
			} catch (error) {
				caught.push(error);
				await connection.run(insert, ["letter"]);
			}
		});
		expect(caught).toHaveLength(1);
		expect(await namesIn(direct)).toEqual(["effect 2"]);
	});

	it("is not lent again, and the pool stays whole", async () => {
		for (const words of [/INSERT/, commit, /START/]) {
			cutter.cutAt(words, "before");
			await work({ witness: true });
		}
		await Promise.all(Array.from({ length: 20 }, () => work()));
		expect(cut.pool!()).toMatchObject({ waiting: 0, away: false });
		expect(cut.pool!().open).toBe(cut.pool!().idle);
	});
});

describeWith("sql")("two transactions that wait for each other", () => {
	let place: MysqlPlace;
	let engine: SqlEngine;
	beforeEach(async () => {
		place = mysqlPlace(await sharedServer("sql"));
		engine = await place.open();
		for (const name of ["a", "b"]) await engine.transaction(connection => connection.run(insert, [name]));
	});
	afterEach(async () => {
		await engine.close();
		await place.remove();
	});

	it("inside of savepoints whose failure is kept leave no letter of it", async () => {
		let meeting = 2;
		let met: () => void;
		const both = new Promise<void>(resolve => {
			met = resolve;
		});
		const raise = (connection: Connection, name: string) => connection.run("UPDATE boxes SET amount = amount + 1 WHERE name = ?", [name]);
		let caught = 0;
		const cross = (first: string, second: string) =>
			engine.transaction(async connection => {
				try {
					await connection.savepoint(async () => {
						await raise(connection, first);
						if (--meeting <= 0) met();
						await both;
						await raise(connection, second);
					});
				} catch {
					caught++;
					await connection.run(insert, [`letter ${first}`]);
				}
			});
		await Promise.all([cross("a", "b"), cross("b", "a")]);
		expect(caught).toBeGreaterThan(0);
		expect(await engine.reader.all("SELECT name, amount FROM boxes ORDER BY name")).toEqual([
			{ name: "a", amount: 2 },
			{ name: "b", amount: 2 },
		]);
	});
});

describeWith("sql")("a storm", () => {
	it("of 50 against 50 from two nodes with many connections, and none is told of a deadlock", async () => {
		const url = await sharedServer("sql");
		const place = mysqlPlace(url);
		await (await place.open()).close();
		const nodes = [place.openBy(url, { poolMax: 25 }), place.openBy(url, { poolMax: 25 })];
		await nodes[0]!.transaction(connection => connection.run("INSERT INTO boxes (name, amount) VALUES ('a', 1000), ('b', 1000)"));
		const move = (from: string, to: string, at: number) =>
			nodes[at % 2]!.transaction(async connection => {
				await connection.run("UPDATE boxes SET amount = amount - 1 WHERE name = ?", [from]);
				await connection.run("UPDATE boxes SET amount = amount + 1 WHERE name = ?", [to]);
			});
		const moves = Array.from({ length: 50 }, (_, at) => [move("a", "b", at), move("b", "a", at)]).flat();
		const settled = await Promise.allSettled([...moves, move("a", "b", 0)]);
		expect(settled.filter(({ status }) => status === "rejected")).toEqual([]);
		expect(await nodes[1]!.reader.all("SELECT name, amount FROM boxes ORDER BY name")).toEqual([
			{ name: "a", amount: 999 },
			{ name: "b", amount: 1001 },
		]);
		for (const node of nodes) await node.close();
		await place.remove();
	});
});

describeWith("own sql")("a database server", () => {
	let server: TestServer;
	let place: MysqlPlace;
	let engine: SqlEngine;
	const warnings: string[] = [];
	const put = (name: string) => engine.transaction(connection => connection.run(insert, [name]));

	beforeAll(async () => {
		server = await startServer("sql", { maxConnections: 12 });
	});
	afterAll(() => server.remove());
	beforeEach(async () => {
		place = mysqlPlace(server.url);
		await (await place.open()).close();
		warnings.length = 0;
		engine = place.openBy(server.url, { poolMax: 4, warn: sentence => warnings.push(sentence) });
	});
	afterEach(async () => {
		server.resume();
		await engine.close();
		await place.remove();
	});

	const untilWell = () => eventually(engine.healthy.bind(engine), well => well, 10_000);

	it("that is paused is told as away, to those who wait for a connection too, and soon to the next ones at once", async () => {
		await put("before");
		server.pause();
		const settled = await Promise.allSettled(Array.from({ length: 12 }, (_, at) => put(`paused ${at}`)));
		for (const one of settled) expect(one).toMatchObject({ status: "rejected", reason: unavailable });
		await expect(engine.reader.all("SELECT 1")).rejects.toEqual(unavailable);
		expect(engine.pool!().away).toBe(true);
		expect(await engine.healthy()).toBe(false);
		server.resume();
		await untilWell();
		await put("after");
		expect(await namesIn(engine)).toEqual(["after", "before"]);
	});

	it("that ends and starts again is used again, and its dead connections are not", async () => {
		await Promise.all(["a", "b", "c", "d"].map(put));
		await server.stop();
		await expect(put("away")).rejects.toEqual(unavailable);
		await server.restart();
		await untilWell();
		await Promise.all(["e", "f", "g", "h"].map(put));
		expect(await namesIn(engine)).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
	});

	it("that is full lets us wait for a connection that becomes free", async () => {
		const greedy = place.openBy(server.url, { poolMax: 20 });
		let release: () => void = () => undefined;
		const held = new Promise<void>(resolve => {
			release = resolve;
		});
		let holders = 0;
		const hold = () => {
			holders++;
			return held;
		};
		// The server has twelve to give; one is ours by now, or will be.
		const holding = Array.from({ length: 11 }, () => greedy.transaction(hold));
		await eventually(
			async () => holders,
			count => count === 11,
		);
		const waiting = [put("a"), put("b"), put("c")];
		await sleep(200);
		release();
		await Promise.all(holding);
		await greedy.close();
		await Promise.all(waiting);
		expect(await namesIn(engine)).toEqual(["a", "b", "c"]);
	});

	it("whose connections are all in use refuses after a while, and says nothing of itself", async () => {
		let release: () => void = () => undefined;
		const held = new Promise<void>(resolve => {
			release = resolve;
		});
		const holding = Array.from({ length: 4 }, () => engine.transaction(() => held));
		await expect(put("late")).rejects.toEqual(unavailable);
		release();
		await Promise.all(holding);
		await put("in time");
	});

	it("that refuses a statement is quoted in the log, without values, and to the caller without the statement", async () => {
		const refused = engine.transaction(connection => connection.run("INSERT INTO boxes (name, height) VALUES (?, ?)", ["secret", 1]));
		const error = await refused.catch((thrown: unknown) => thrown);
		const { password, port } = new URL(server.url);
		for (const hidden of ["INSERT", "secret", "height", password, port])
			expect(JSON.stringify(error) + String(error)).not.toContain(hidden);
		expect(warnings).toEqual([expect.stringContaining("INSERT INTO boxes (name, height) VALUES (?, ?)")]);
	});

	it("that holds a transaction of a node which is gone ends it, so that others can go on", async () => {
		await put("a");
		const other = place.openBy(server.url);
		const raise = (connection: Connection) => connection.run("UPDATE boxes SET amount = amount + 1 WHERE name = 'a'");
		let isHolding = false;
		const paused = engine.transaction(async connection => {
			await raise(connection);
			if (isHolding) return;
			isHolding = true;
			await sleep(7000);
		});
		await eventually(
			async () => isHolding,
			holding => holding,
		);
		await eventually(
			() => other.transaction(raise).catch(() => 0),
			changed => changed === 1,
			15_000,
		);
		// The one that comes back has lost what it wrote, and does it again or says that it did not.
		const [{ status }] = await Promise.allSettled([paused]);
		expect(await other.reader.all("SELECT amount FROM boxes")).toEqual([{ amount: status === "fulfilled" ? 2 : 1 }]);
		await other.close();
	});
});
