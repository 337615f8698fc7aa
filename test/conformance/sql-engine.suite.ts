// What every SQL engine must do below the stores: count, undo, and keep its word when many write the same rows.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Connection, SqlEngine } from "../../mixins/sql/engine.ts";
import type { SqlPlace } from "./sql-places.ts";

const put =
	(name: string, amount = 0) =>
	(connection: Connection) =>
		connection.run("INSERT INTO boxes (name, amount) VALUES (?, ?)", [name, amount]);
const add = (name: string, amount: number) => (connection: Connection) =>
	connection.run("UPDATE boxes SET amount = amount + ? WHERE name = ?", [amount, name]);

/** Runs the suite over one engine. */
export function sqlEngineSuite(name: string, fresh: () => Promise<SqlPlace>): void {
	describe(`SQL engine ${name}`, () => {
		let place: SqlPlace;
		let engine: SqlEngine;

		const amountOf = async (box: string) =>
			(await engine.reader.all<{ amount: number }>("SELECT amount FROM boxes WHERE name = ?", [box]))[0]?.amount;
		/** Looks at both boxes under lock, in the order given, then moves. */
		const move = (from: string, to: string, ordered: readonly string[]) =>
			engine.transaction(async connection => {
				for (const box of ordered) await connection.all(`SELECT amount FROM boxes WHERE name = ?${engine.dialect.forUpdate}`, [box]);
				await add(from, -1)(connection);
				await add(to, 1)(connection);
			});

		beforeEach(async () => {
			place = await fresh();
			engine = await place.open();
		});
		afterEach(async () => {
			await engine.close();
			await place.remove();
		});

		describe("whole numbers", () => {
			it("are exact up to the largest safe one, also as a sum and in a condition", async () => {
				const large = Number.MAX_SAFE_INTEGER;
				await engine.transaction(put("large", large - 1));
				await engine.transaction(put("one", 1));
				await engine.transaction(put("negative", -large));
				expect(await amountOf("negative")).toBe(-large);
				const sums = await engine.reader.all("SELECT SUM(amount) AS total, COUNT(*) AS boxes FROM boxes WHERE amount > ?", [-large]);
				expect(sums).toEqual([{ total: large, boxes: 2 }]);
				expect(await engine.reader.all("SELECT name FROM boxes WHERE amount = ?", [large - 1])).toEqual([{ name: "large" }]);
			});

			it("beyond it are refused aloud instead of rounded", async () => {
				await engine.transaction(put("large", Number.MAX_SAFE_INTEGER));
				await engine.transaction(add("large", 2));
				await expect(amountOf("large")).rejects.toThrow(/too large/);
			});
		});

		describe("rows and keys", () => {
			it("count as changed when they matched, also where nothing became different", async () => {
				await engine.transaction(put("a", 1));
				expect(await engine.transaction(connection => connection.run("UPDATE boxes SET amount = 1 WHERE name = 'a'"))).toBe(1);
				expect(await engine.transaction(connection => connection.run("UPDATE boxes SET amount = 1 WHERE name = 'b'"))).toBe(0);
			});

			it("are inserted unless one with the same key stands, and what is wrong with a row is not swallowed with it", async () => {
				const insert = `${engine.dialect.insertIgnore} INTO boxes (name, amount) VALUES (?, ?)`;
				const once = (amount: number) => engine.transaction(connection => connection.runIfAbsent(insert, ["a", amount]));
				expect([await once(1), await once(2)]).toEqual([1, 0]);
				expect(await amountOf("a")).toBe(1);
				await expect(
					engine.transaction(connection => connection.runIfAbsent(insert.replace("amount", "height"), ["b", 1])),
				).rejects.toThrow();
			});

			it("are refused when the key stands", async () => {
				await engine.transaction(put("a"));
				await expect(engine.transaction(put("a"))).rejects.toThrow();
				expect(await amountOf("a")).toBe(0);
			});

			it("tell upper from lower case and a space at the end from none", async () => {
				for (const box of ["a", "A", "a ", "ä"]) await engine.transaction(put(box));
				expect(await engine.reader.all("SELECT name FROM boxes WHERE name = 'a'")).toEqual([{ name: "a" }]);
				const sorted = await engine.reader.all<{ name: string }>("SELECT name FROM boxes ORDER BY name");
				expect(sorted.map(row => row.name)).toEqual(["A", "a", "a ", "ä"]);
			});

			it("keep any text: quotes, backslashes, question marks, characters beyond the first plane", async () => {
				const text = 'it\'s \\ "here" ? \u0000 \n 🏛️ -- ; /* */';
				await engine.transaction(connection => connection.run("INSERT INTO boxes (name, amount, `lines`) VALUES (?, 0, ?)", ["a", text]));
				expect(await engine.reader.all("SELECT `lines` FROM boxes WHERE `lines` = ?", [text])).toEqual([{ lines: text }]);
			});
		});

		describe("savepoints", () => {
			it("undo what they hold, nested ones too, and nothing else", async () => {
				await engine.transaction(async connection => {
					await put("kept")(connection);
					const outer = connection.savepoint(async () => {
						await put("undone")(connection);
						await connection.savepoint(() => put("inner")(connection));
						throw new Error("cannot");
					});
					await expect(outer).rejects.toThrow("cannot");
					await connection.savepoint(() => put("second")(connection));
				});
				const rows = await engine.reader.all<{ name: string }>("SELECT name FROM boxes ORDER BY name");
				expect(rows.map(row => row.name)).toEqual(["kept", "second"]);
			});

			it("may be caught after a row that stands already, and the transaction goes on", async () => {
				await engine.transaction(put("a"));
				await engine.transaction(async connection => {
					await connection.savepoint(() => put("a")(connection)).catch(() => undefined);
					await put("b")(connection);
				});
				expect(await amountOf("b")).toBe(0);
			});
		});

		describe("many at once", () => {
			it("see what was committed before them: 200 that count miss none", async () => {
				await engine.transaction(put("a"));
				const count = () =>
					engine.transaction(async connection => {
						const [row] = await connection.all<{ amount: number }>(`SELECT amount FROM boxes WHERE name = 'a'${engine.dialect.forUpdate}`);
						await connection.run("UPDATE boxes SET amount = ? WHERE name = 'a'", [row!.amount + 1]);
					});
				await Promise.all(Array.from({ length: 200 }, count));
				expect(await amountOf("a")).toBe(200);
			});

			it("that look for a row and make it where it is missing make it once", async () => {
				const countOrMake = () =>
					engine.transaction(async connection => {
						const found = await connection.all(`SELECT amount FROM boxes WHERE name = 'a'${engine.dialect.forUpdate}`);
						await (found.length > 0 ? add("a", 1) : put("a", 1))(connection);
					});
				await Promise.all(Array.from({ length: 30 }, countOrMake));
				expect(await amountOf("a")).toBe(30);
			});

			it("survive a storm: 50 move one way and 50 the other, locking against each other, and not one is told of it", async () => {
				await engine.transaction(put("a", 1000));
				await engine.transaction(put("b", 1000));
				const forth = Array.from({ length: 50 }, () => move("a", "b", ["a", "b"]));
				const back = Array.from({ length: 50 }, () => move("b", "a", ["b", "a"]));
				const settled = await Promise.allSettled([...forth, ...back]);
				expect(settled.filter(({ status }) => status === "rejected")).toEqual([]);
				expect([await amountOf("a"), await amountOf("b")]).toEqual([1000, 1000]);
			});

			it("write nothing when their work throws, and throw just that", async () => {
				const wrecked = engine.transaction(async connection => {
					await put("wrecked")(connection);
					throw new Error("wrecked");
				});
				const [failed] = await Promise.allSettled([wrecked, engine.transaction(put("whole"))]);
				expect(failed).toMatchObject({ reason: { message: "wrecked" } });
				expect([await amountOf("wrecked"), await amountOf("whole")]).toEqual([undefined, 0]);
			});
		});

		it("answers that it is well", async () => {
			expect(await engine.healthy()).toBe(true);
		});
	});
}
