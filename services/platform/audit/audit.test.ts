import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { canonicalJson } from "../../../lib/canonical.ts";
import { action, answer, ask, event, tell } from "../../../lib/contract.ts";
import { sha256 } from "../../../lib/crypto.ts";
import { defineService } from "../../../lib/service.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as audit from "./audit.contract.ts";

// A neighbour with something to tell.
const opened = event({
	name: "stalls.opened",
	version: 1,
	key: "stall",
	delivery: "durable",
	summary: "A stall opened.",
	payload: Type.Object({ stall: Type.String(), count: Type.Integer(), note: Type.Optional(Type.String()) }),
});
const open = action({
	name: "stalls.open",
	summary: "Open a stall.",
	allow: "internal",
	params: Type.Object({ stall: Type.String(), count: Type.Integer() }),
	returns: Type.Object({}),
});
type Stalls = SqlService<SqlTx>;
const stalls = defineService<Stalls>({
	name: "stalls",
	mixins: [sqlStore({ migrations: [], tx: SqlTx })],
	actions: {
		open: answer(open, async function (this: Stalls, ctx) {
			await this.store.transaction(async tx => tell(tx, opened, ctx.params));
			return {};
		}),
	},
});

describe("the audit chain", () => {
	let stoa: Stoa;
	let told = 0;

	beforeAll(async () => {
		stoa = await startStoa({ services: ["platform/audit"], also: [stalls] });
	});
	afterAll(() => stoa.stop());

	const verify = () => ask(stoa.broker, audit.verify, {});
	const list = (params: Parameters<typeof ask<typeof audit.listEntries>>[2] = {}) =>
		ask(stoa.broker, audit.listEntries, params, { meta: stoa.as("usr_operator", ["operator"]) });
	/** Facts arrive after their transaction: waits until all that were told are chained. */
	const settled = async () => {
		while ((await verify()).entries < told) await new Promise(resolve => setImmediate(resolve));
	};
	const openStall = async (stall: string, count = 1) => {
		await ask(stoa.broker, open, { stall, count });
		told++;
	};
	/** Somebody with access to the database file. */
	const tamper = (sql: string) => {
		const database = new DatabaseSync(path.join(stoa.dataDir, "audit.db"), { timeout: 2000 });
		database.exec(sql);
		database.close();
	};
	/** Tampers, looks, and puts everything back. */
	const verdictAfter = async (sql: string) => {
		tamper("CREATE TABLE entriesBefore AS SELECT * FROM entries; CREATE TABLE headsBefore AS SELECT * FROM heads");
		tamper(sql);
		const verdict = await verify();
		tamper(
			"DELETE FROM entries; INSERT INTO entries SELECT * FROM entriesBefore; DELETE FROM heads; INSERT INTO heads SELECT * FROM headsBefore",
		);
		tamper("DROP TABLE entriesBefore; DROP TABLE headsBefore");
		return verdict;
	};

	it("is intact before anything happened", async () => {
		expect(await verify()).toEqual({ entries: 0, intact: true, hash: "0".repeat(64) });
	});

	it("lines up facts that come at once, without a gap and in order per key", async () => {
		await Promise.all(Array.from({ length: 300 }, (_, count) => openStall(`stall-${count % 7}`, count)));
		await settled();
		expect(await verify()).toMatchObject({ entries: 300, intact: true });
		const mine = (await list({ key: "stall-3", limit: 100 })).data;
		expect(mine.map(entry => entry.data.count)).toEqual([...mine.map(entry => entry.data.count as number)].sort((a, b) => b - a));
		expect(mine).toHaveLength(43);
	});

	it("lets whoever reads an entry recompute its hash", async () => {
		const [newest, older] = (await list({ limit: 2 })).data;
		const { hash, ...content } = newest!;
		expect(sha256(canonicalJson(content))).toBe(hash);
		expect(newest!.previousHash).toBe(older!.hash);
	});

	it("lists newest first, page by page, by actor, type and key", async () => {
		const first = await list({ limit: 100 });
		const second = await list({ limit: 100, cursor: first.nextCursor! });
		expect(first.data.map(entry => entry.sequence)).toEqual(Array.from({ length: 100 }, (_, index) => told - index));
		expect(second.data[0]!.sequence).toBe(told - 100);
		expect((await list({ type: "stalls.opened", key: "stall-0" })).data.every(entry => entry.key === "stall-0")).toBe(true);
		expect(await list({ type: "stalls.closed" })).toEqual({ data: [], nextCursor: null });
		expect(await list({ actor: "usr_nobody" })).toEqual({ data: [], nextCursor: null });
	});

	it("keeps one entry of a fact that is heard twice, and of a whole replay", async () => {
		const before = await verify();
		const replay = () => ask(stoa.broker, storeContract("audit").replayFacts, { dryRun: false });
		expect(await replay()).toEqual({ considered: told, repaired: 0 });
		// Even if the inbox had forgotten everything, the chain knows what it holds.
		tamper("DELETE FROM inbox; DELETE FROM floors");
		expect(await replay()).toEqual({ considered: told, repaired: told });
		expect(await verify()).toEqual(before);
	});

	it("names the actor and the request of a fact", async () => {
		const request = { id: "req-audited", method: "POST", path: "/v1/stalls", address: "127.0.0.1" };
		await ask(stoa.broker, open, { stall: "named", count: 1 }, { meta: { request } });
		told++;
		await settled();
		expect((await list({ key: "named" })).data[0]).toMatchObject({ requestId: "req-audited", action: "stalls.opened" });
	});

	describe("when somebody changed the database", () => {
		beforeEach(settled);

		it("finds a changed entry", async () => {
			expect(await verdictAfter(`UPDATE entries SET data = replace(data, '"count":', '"count":1') WHERE sequence = 150`)).toMatchObject({
				intact: false,
				brokenAt: 150,
			});
			expect(await verdictAfter("UPDATE entries SET actorKind = 'user', actorId = 'usr_other' WHERE sequence = 7")).toMatchObject({
				intact: false,
				brokenAt: 7,
			});
			expect(await verdictAfter("UPDATE entries SET data = '{' WHERE sequence = 8")).toMatchObject({ intact: false, brokenAt: 8 });
		});

		it("finds a removed entry", async () => {
			expect(await verdictAfter("DELETE FROM entries WHERE sequence = 20")).toMatchObject({ intact: false, brokenAt: 20 });
			expect(
				await verdictAfter("DELETE FROM entries WHERE sequence = 20; UPDATE entries SET sequence = sequence - 1 WHERE sequence > 20"),
			).toMatchObject({ intact: false, brokenAt: 20 });
		});

		it("finds two entries that were swapped", async () => {
			const swap =
				"UPDATE entries SET sequence = 9999 WHERE sequence = 30; UPDATE entries SET sequence = 30 WHERE sequence = 31; UPDATE entries SET sequence = 31 WHERE sequence = 9999";
			expect(await verdictAfter(swap)).toMatchObject({ intact: false, brokenAt: 30 });
		});

		it("finds a tail that was cut off", async () => {
			expect(await verdictAfter("DELETE FROM entries WHERE sequence > 290")).toMatchObject({ entries: told, intact: false, brokenAt: 291 });
			expect(await verdictAfter("DELETE FROM entries")).toMatchObject({ intact: false, brokenAt: 1 });
		});

		it("finds entries that were put behind the end, and a head that is gone", async () => {
			const forged = `INSERT INTO entries SELECT sequence + 1, 'evt_forged', at, actorKind, actorId, action, factKey, requestId, data, hash, hash FROM entries WHERE sequence = ${told}`;
			expect(await verdictAfter(forged)).toMatchObject({ intact: false, brokenAt: told + 1 });
			expect(await verdictAfter("UPDATE heads SET entries = entries - 1")).toMatchObject({ intact: false });
			expect(await verdictAfter("DELETE FROM heads")).toMatchObject({ intact: false, brokenAt: 1 });
		});

		it("is intact again when everything is back in its place", async () => {
			expect(await verify()).toMatchObject({ entries: told, intact: true });
		});
	});

	it("goes on after a restart where it ended", async () => {
		await stoa.restart();
		await openStall("after");
		await settled();
		expect(await verify()).toMatchObject({ entries: told, intact: true });
	});

	it("is read by operators only", async () => {
		await expect(ask(stoa.broker, audit.listEntries, {})).rejects.toMatchObject({ type: "unauthenticated" });
		await expect(ask(stoa.broker, audit.listEntries, {}, { meta: stoa.as("usr_1") })).rejects.toMatchObject({ type: "permission_missing" });
		await expect(list({ cursor: "nonsense" })).rejects.toMatchObject({ type: "validation_failed" });
	});
});
