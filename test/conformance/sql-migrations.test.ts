// Schemas on a server: made by several nodes at once, gone on with after a kill, refused with a sentence. And the tables of every service.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createConnection } from "mysql2/promise";
import { prepareSchema } from "../../mixins/sql/mysql-schema.ts";
import { addressOf } from "../../mixins/sql/mysql-session.ts";
import { column, type Migration } from "../../mixins/sql/schema.ts";
import { freePort } from "../../scripts/free-port.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer } from "../support/engines/engines.ts";
import { aDatabase, dropDatabase } from "./sql-places.ts";

const quiet = { warn: () => undefined };
const run = promisify(execFile);
const script = path.resolve(import.meta.dirname, "../../scripts/migrate.ts");

describeWith("sql")("the schema of a service", () => {
	let url: string;
	let database: string;
	/** Which migrations began, in order. */
	let begun: string[];

	const prepare = (migrations: readonly Migration[]) => prepareSchema({ address: addressOf(url), database, migrations }, quiet);
	const ask = async (sql: string, values: string[] = []) => {
		const { host, port, user, password } = addressOf(url);
		const connection = await createConnection({ host, port, user, password });
		const [rows] = await connection.query(sql, values);
		await connection.end();
		return rows as Record<string, unknown>[];
	};
	const first: Migration = {
		name: "0001-first",
		async up(schema) {
			begun.push("0001-first");
			await schema.createTable("things", { id: column.key(), body: column.text() }, ["id"]);
		},
	};
	/** Dies after so many of its steps, once. */
	const dyingAfter = (steps: number): Migration => {
		let left = steps;
		const step = (work: Promise<void>) =>
			work.then(() => {
				if (--left === 0) throw new Error("killed");
			});
		return {
			name: "0002-second",
			async up(schema) {
				begun.push("0002-second");
				await step(schema.createTable("others", { id: column.key(), kind: column.key() }, ["id"], [{ fields: ["kind", "id"] }]));
				await step(schema.addColumn("things", "note", column.textOrNull()));
				await step(schema.addColumn("things", "code", column.keyOrNull()));
				await step(schema.addIndex("things", { fields: ["code"], unique: true }));
				await step(schema.addSequence("things", "sequence"));
			},
		};
	};

	beforeEach(async () => {
		url = await sharedServer("sql");
		database = aDatabase();
		begun = [];
	});
	afterEach(() => dropDatabase(url, database));

	it("is made once by five nodes that start at once", async () => {
		const ran = await Promise.all(Array.from({ length: 5 }, () => prepare([first])));
		expect(ran.filter(names => names.length > 0)).toHaveLength(1);
		expect(begun).toEqual(["0001-first"]);
		const tables = await ask("SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", [database]);
		expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(["migrations", "outbox", "things"]));
	});

	it("compares keys exactly, in every table", async () => {
		await prepare([first]);
		const rows = await ask("SELECT DISTINCT TABLE_COLLATION AS collation FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", [
			database,
		]);
		expect(rows).toHaveLength(1);
		expect(String(rows[0]!.collation)).toMatch(/^utf8mb4_.*bin$/);
	});

	it("is gone on with when the one that migrated it was killed, at whatever step", async () => {
		for (const steps of [1, 2, 3, 4, 5]) {
			database = aDatabase();
			const second = dyingAfter(steps);
			await expect(prepare([first, second])).rejects.toThrow(/0002-second/);
			expect(await prepare([first, second])).toEqual(["0002-second"]);
			const indexes = await ask(
				"SELECT INDEX_NAME AS name, NON_UNIQUE AS many FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'things'",
				[database],
			);
			expect(indexes.map(({ name, many }) => [name, Number(many)]).sort()).toEqual([
				["PRIMARY", 0],
				["things_code", 0],
				["things_sequence", 0],
			]);
			if (steps < 5) await dropDatabase(url, database);
		}
	});

	it("counts rows as they come where it was asked to", async () => {
		await prepare([first, dyingAfter(0)]);
		for (const id of ["b", "a", "c"]) await ask(`INSERT INTO \`${database}\`.things (id, body) VALUES (?, '')`, [id]);
		expect((await ask(`SELECT id FROM \`${database}\`.things ORDER BY sequence`)).map(({ id }) => id)).toEqual(["b", "a", "c"]);
	});

	it("refuses a text as a key, on every engine", async () => {
		const wide: Migration = { name: "0001-wide", up: schema => schema.createTable("wide", { id: column.text() }, ["id"]) };
		await expect(prepare([wide])).rejects.toThrow(/wide.id is a text/);
	});

	it("is not waited for when user or password are wrong, and the password is not shown", async () => {
		const wrong = { ...addressOf(url), password: "a secret of ours" };
		const refused = prepareSchema({ address: wrong, database, migrations: [] }, quiet);
		await expect(refused).rejects.toThrow("STOA_SQL_URL refuses the user");
		await expect(refused).rejects.not.toThrow("secret");
	});

	it("is waited for while the server is away, with a sentence, and given up after a time", async () => {
		const told: string[] = [];
		const away = { ...addressOf(url), port: await freePort() };
		const waiting = prepareSchema({ address: away, database, migrations: [] }, { warn: sentence => told.push(sentence), patienceMs: 1200 });
		await expect(waiting).rejects.toThrow("STOA_SQL_URL cannot be reached (ECONNREFUSED)");
		expect(told).toHaveLength(1);
	});
});

describeWith("sql")("scripts/migrate.ts", () => {
	const migrate = (env: Record<string, string>) =>
		run(process.execPath, [script], { env: { ...process.env, NODE_ENV: "test", SERVICES: "", STOA_SQL_URL: "", ...env } });

	it("makes the tables of every service, and has nothing to do the second time", async () => {
		const url = await sharedServer("sql");
		const namespace = aDatabase();
		const env = { STOA_SQL_URL: url, STOA_NAMESPACE: namespace };
		const { stdout } = await migrate(env);
		const databases = stdout
			.trim()
			.split("\n")
			.map(line => line.split(":")[0]!);
		expect(databases).toEqual(expect.arrayContaining([`${namespace}_orders`, `${namespace}_inventory`, `${namespace}_authentication`]));
		expect(stdout).toContain(`${namespace}_orders: 0000-platform`);
		const again = await migrate({ ...env, SERVICES: "commerce/orders" });
		expect(again.stdout.trim()).toBe(`${namespace}_orders: up to date`);
		for (const database of databases) await dropDatabase(url, database);
	});

	it("refuses without a server, in a sentence", async () => {
		await expect(migrate({})).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("STOA_SQL_URL is not set") });
	});
});

describe("scripts/migrate.ts --help", () => {
	it("says what it does", async () => {
		const { stdout } = await run(process.execPath, [script, "--help"]);
		expect(stdout).toContain("STOA_SQL_URL");
	});
});
