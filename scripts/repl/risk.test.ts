// What an operator asks of risk and of people, over the real socket, to the whole product in this process.
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../lib/contract.ts";
import { newId } from "../../lib/ids.ts";
import type { Mesh } from "../../lib/operator-socket.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { recordBatch } from "../../services/identity/interactions/interactions.contract.ts";
import { type Case, claimCase, type FraudUser } from "../../services/risk/fraud/cases.contract.ts";
import type { Decision } from "../../services/risk/fraud/fraud.contract.ts";
import type { BacktestReport, CountedRule } from "../../services/risk/fraud/rules.contract.ts";
import { aCartOf, anAdministrator, aProduct, aShopper, checkout, eventually, type Person } from "../../test/support/http.ts";
import { type Stoa, startStoa } from "../../test/support/stoa.ts";
import { commands } from "./commands.ts";
import { complete } from "./complete.ts";
import { Door, throughSocket } from "./door.ts";
import { runOnce } from "./once.ts";

type Queue = { data: Case[]; nextCursor: string | null };
const unknown = newId("usr", 0);

describe("the operator's prompt, about people and risk", () => {
	let stoa: Stoa;
	let flagged: Person;
	let calm: Person;
	/** The case of whoever was flagged. */
	let found: Case;

	beforeAll(async () => {
		stoa = await startStoa();
		[flagged, calm] = [await aShopper(stoa), await aShopper(stoa)];
		await visit(calm, 3);
		const { sku } = await aProduct(stoa, await anAdministrator(stoa));
		const { token } = calm;
		expect((await checkout(stoa, { ...(await aCartOf(stoa, calm, [{ sku, quantity: 1 }])), token })).status).toBe(201);
		await visit(flagged, 100);
		const cases = await eventually(
			() => json<Queue>("fraud", "queue"),
			({ data }) => data.length > 0,
		);
		[found] = cases.data as [Case];
		await eventually(standing, ({ status }) => status === "flagged");
	});
	afterAll(() => stoa.stop());

	async function visit({ id }: Person, times: number): Promise<void> {
		for (let left = times; left > 0; left -= 50) {
			const items = Array.from({ length: Math.min(left, 50) }, () => ({ kind: "visit" as const, target: `/page/${newId("prd", 0)}` }));
			await ask(stoa.broker, recordBatch, { items }, { meta: stoa.as(id) });
		}
	}
	async function repl(...words: string[]) {
		const said: string[] = [];
		const complained: string[] = [];
		const output = { print: (text: string) => said.push(text), complain: (text: string) => complained.push(text) };
		const code = await runOnce(throughSocket(stoa.dataDir), words, output);
		return { code, said: said.join("\n"), complained: complained.join("\n") };
	}
	async function json<T>(...words: string[]): Promise<T> {
		const { code, said, complained } = await repl(...words, "--json");
		expect({ code, complained }).toEqual({ code: 0, complained: "" });
		return JSON.parse(said) as T;
	}
	type Standing = FraudUser & { cases: Case[]; decisions: Decision[] };
	const standing = () => json<Standing>("fraud", "show", flagged.id);
	const file = (name: string, content: string) => {
		const full = path.join(stoa.dataDir, name);
		fs.writeFileSync(full, content);
		return full;
	};

	describe("interactions and notify", () => {
		it("show what somebody did, newest first, page by page, and how much it is together", async () => {
			const page = await repl("interactions", flagged.id, "--limit", "2");
			expect(page.said).toMatch(/^recorded +kind +target +id\n(.* visit +\/page\/.*\n){2}\nTogether: 100\n\nThere is more: --cursor \S+$/);
			const [, cursor] = /--cursor (\S+)$/.exec(page.said)!;
			const next = await json<{ data: { id: string }[]; total: number }>("interactions", flagged.id, "--cursor", cursor!);
			expect(next).toMatchObject({ total: 100 });
			expect(page.said).not.toContain(next.data[0]!.id);
			expect(await json("interactions", flagged.id, "--kind", "like")).toMatchObject({ data: [], total: 0 });
			expect((await repl("interactions", unknown)).said).toBe("There are no interactions.\n\nTogether: 0");
			expect(await repl("interactions", "ada")).toMatchObject({ code: 1, complained: expect.stringContaining('USER is "ada"') });
		});

		it("show what somebody was told, over which channel, and what became of it", async () => {
			await eventually(
				() => json<{ data: { type: string }[] }>("notify", flagged.id),
				({ data }) => data.some(({ type }) => type === "account.flagged"),
			);
			const { said } = await repl("notify", flagged.id);
			expect(said).toMatch(/^at +type +channel +status +read +title\n/);
			expect(said).toMatch(/ account\.flagged +email +kept +- /);
			expect((await repl("notify", unknown)).said).toBe("They were told nothing.");
		});
	});

	describe("fraud queue", () => {
		it("lists the cases that wait, and who has taken them", async () => {
			expect(found).toMatchObject({ userId: flagged.id, status: "open", entity: { kind: "user", id: flagged.id } });
			const line = (status: string, assignee: string) =>
				new RegExp(`^id +about .*\\n${found.id} +user:${flagged.id} +${flagged.id} +interactions.* ${status} +\\d+ \\w+ +${assignee}$`);
			expect((await repl("fraud", "queue")).said).toMatch(line("open", "-"));
			const analyst = newId("usr", 0);
			await ask(stoa.broker, claimCase, { id: found.id }, { meta: stoa.as(analyst, ["risk"]) });
			expect((await repl("fraud", "queue")).said).toMatch(line("claimed", analyst));
			expect((await repl("fraud", "queue", "--status", "open")).said).toBe("No case waits.");
		});

		it("goes on where a page ended, whatever the statuses of its cases", async () => {
			const other = await aShopper(stoa);
			await visit(other, 100);
			const both = await eventually(
				() => json<Queue>("fraud", "queue"),
				({ data }) => data.length === 2,
			);
			expect(both.data.map(({ status }) => status)).toEqual(["open", "claimed"]);
			expect(both.nextCursor).toBeNull();
			const first = await json<Queue>("fraud", "queue", "--limit", "1");
			const second = await json<Queue>("fraud", "queue", "--limit", "1", "--cursor", first.nextCursor!);
			expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(both.data.map(({ id }) => id));
			expect(second.nextCursor).toBeNull();
			await eventually(
				() => json<FraudUser>("fraud", "show", other.id),
				({ status }) => status === "flagged",
			);
			expect(await repl("fraud", "clear", other.id, "only", "a", "test")).toMatchObject({ code: 0 });
		});
	});

	describe("fraud show", () => {
		it("says how somebody stands, why, and how their purchases were decided", async () => {
			const seen = await standing();
			expect(seen).toMatchObject({ status: "flagged", counters: { interactions: 100 }, cases: [{ id: found.id }], decisions: [] });
			const { said } = await repl("fraud", "show", flagged.id);
			expect(said).toMatch(
				/^user +usr_.*\nstatus +flagged\nflagged at +\d{4}-.*\ninteractions +100\n\nrule +at +what it saw\ninteractions/,
			);
			expect(said).toMatch(/no decisions$/);

			const bought = await eventually(
				() => json<Standing>("fraud", "show", calm.id),
				({ counters }) => counters.interactions === 3,
			);
			expect(bought).toMatchObject({
				status: "clear",
				reasons: [],
				cases: [],
				decisions: [{ outcome: "allow", orderId: expect.any(String) }],
			});
			expect((await repl("fraud", "show", calm.id)).said).toMatch(/\n\nno cases\n\ndecision +at +order .*\ndec_.* allow +0 +1 +-$/);
		});

		it("shows one case with whom it is about", async () => {
			expect(await json("fraud", "show", found.id)).toMatchObject({ id: found.id, user: { status: "flagged" }, decisions: [] });
			expect((await repl("fraud", "show", found.id)).said).toMatch(/^case +cas_.*\nabout +user:usr_.*\nstatus +claimed\nassignee +usr_/);
		});

		it("of nobody says so", async () => {
			expect(await repl("fraud", "show", unknown)).toMatchObject({ code: 1, complained: expect.stringMatching(/^not_found: /) });
			expect(await repl("fraud", "show", newId("cas", 0))).toMatchObject({ code: 1, complained: expect.stringMatching(/^not_found: /) });
			expect(await repl("fraud", "show", "S1001")).toMatchObject({ code: 1, complained: expect.stringContaining("usr_… or cas_…") });
		});
	});

	describe("fraud rules and fraud backtest", () => {
		it("list the rules in force and how often each has matched", async () => {
			const set = await json<{ rules: CountedRule[] }>("fraud", "rules");
			const [first] = set.rules.filter(({ matches }) => matches.count > 0);
			expect((await repl("fraud", "rules")).said).toMatch(
				new RegExp(
					`^id +state +outcome +on +scope +matches +last\\n[\\s\\S]*\\n?${first!.id} +live +flag +interaction +user +\\d+ +\\d{4}-[\\s\\S]*\\n\\nVersion 1$`,
				),
			);
		});

		it("say what the rules in force, or those of a file, would have matched", async () => {
			const { rules } = await json<{ rules: CountedRule[] }>("fraud", "rules");
			const report = await json<BacktestReport>("fraud", "backtest");
			expect(report.rules.map(({ id }) => id)).toEqual(rules.filter(({ state }) => state !== "retired").map(({ id }) => id));
			const own = {
				id: "three.visits",
				description: "Somebody came three times.",
				state: "draft",
				on: ["interaction"],
				when: { fact: { counter: "interactions", by: "user" }, operator: "gte", value: 3 },
				outcome: "flag",
				scope: "user",
			};
			for (const content of [[own], { rules: [own] }]) {
				const tried = await json<BacktestReport>("fraud", "backtest", file("rules.json", JSON.stringify(content)));
				expect(tried.rules).toMatchObject([{ id: "three.visits", entities: 3 }]);
			}
			const { said } = await repl("fraud", "backtest", file("rules.json", JSON.stringify([own])));
			expect(said).toMatch(/rule +matches +entities +per day[\s\S]*three\.visits +3 +3 [\s\S]*\d+ events were looked at\.$/);
			const late = await json<BacktestReport>("fraud", "backtest", "--from", new Date(Date.now() + 60_000).toISOString());
			expect(late.events).toBe(0);
		});

		it("say what is wrong with a file, and with its rules", async () => {
			expect(await repl("fraud", "backtest", "/nowhere.json")).toMatchObject({
				code: 1,
				complained: expect.stringContaining("cannot be read"),
			});
			expect(await repl("fraud", "backtest", file("half.json", "[{"))).toMatchObject({
				code: 1,
				complained: expect.stringContaining("as JSON"),
			});
			expect(await repl("fraud", "backtest", file("none.json", "{}"))).toMatchObject({
				code: 1,
				complained: expect.stringContaining("holds no list of rules"),
			});
			expect(await repl("fraud", "backtest", file("wrong.json", '[{"id":"x"}]'))).toMatchObject({
				code: 1,
				complained: expect.stringContaining("/rules/0"),
			});
			expect(await repl("fraud", "backtest", "--from", "yesterday")).toMatchObject({
				code: 1,
				complained: expect.stringContaining("/from"),
			});
		});
	});

	it("a backtest that takes long says on the way how far it is, unless its answer is wanted as data", async () => {
		const looks = [null, { read: 10, total: 100 }, { read: 40, total: 100 }, { read: 90, total: 100 }];
		let looked = 0;
		/** Is done when it was asked after as often as there are answers. */
		const slow = (): Mesh => {
			let done: (report: BacktestReport) => void;
			const report = new Promise<BacktestReport>(resolve => {
				done = resolve;
			});
			const answers: Record<string, () => unknown> = {
				"fraud.getRulesAtPrompt": () => ({ version: 1, rules: [] }),
				"fraud.backtestAtPrompt": () => report,
				"fraud.backtestProgress": () => {
					if (looked === looks.length) done({ from: null, to: null, events: 100, rules: [] });
					return looks[looked++] ?? null;
				},
			};
			return { call: async action => answers[action]!(), close: () => undefined };
		};
		const said: string[] = [];
		const run = (...words: string[]) => {
			looked = 0;
			const way = { greeting: "", folder: stoa.dataDir, open: async () => slow() };
			return runOnce(way, ["fraud", "backtest", ...words], { print: text => said.push(text), complain: text => said.push(text) });
		};
		expect(await run()).toBe(0);
		const ways = ["40 of 100 observations were read.", "90 of 100 observations were read."];
		expect(said).toEqual([...ways, "No rule was asked.\n\n100 events were looked at."]);
		said.length = 0;
		expect(await run("--json")).toBe(0);
		expect(said.map(text => JSON.parse(text) as BacktestReport)).toEqual([{ from: null, to: null, events: 100, rules: [] }]);
	});

	it("completes the ids of whom and what it is about", async () => {
		const door = new Door(throughSocket(stoa.dataDir));
		const mesh = (): Promise<Mesh> => door.mesh();
		expect((await complete(commands, "fraud ", mesh))[0]).toEqual(["backtest", "clear", "queue", "rules", "show"]);
		expect((await complete(commands, "fraud show usr_", mesh))[0]).toEqual([`${flagged.id} `]);
		expect((await complete(commands, "fraud show cas_", mesh))[0]).toEqual([`${found.id} `]);
		expect((await complete(commands, "fraud clear u", mesh))[0]).toEqual([`${flagged.id} `]);
		await door.close();
	});

	describe("fraud clear", () => {
		it("wants a reason", async () => {
			expect(await repl("fraud", "clear", flagged.id)).toMatchObject({
				code: 1,
				complained: expect.stringMatching(/^fraud clear needs REASON[\s\S]*Usage: fraud clear USER REASON…$/),
			});
			expect(await standing()).toMatchObject({ status: "flagged" });
		});

		it("clears somebody and closes their case in the operator's name; again, it says that they were not flagged", async () => {
			expect(await repl("fraud", "clear", flagged.id, "an", "influencer,", "as agreed")).toEqual({
				code: 0,
				said: `${flagged.id} is clear.`,
				complained: "",
			});
			expect(await standing()).toMatchObject({ status: "clear", reasons: [], counters: { interactions: 100 } });
			const closed = await json<Case>("fraud", "show", found.id);
			expect(closed).toMatchObject({ status: "closed", decision: "falsePositive", note: "an influencer, as agreed" });
			const told = async (type: string, key: string) => {
				const { said } = await repl("events", "tail", "--type", type, "--key", key, "--once", "--json");
				return said
					.split("\n")
					.filter(Boolean)
					.map(line => JSON.parse(line) as Envelope);
			};
			for (const [type, key] of [
				["fraud.userCleared", flagged.id],
				["fraud.caseClosed", found.id],
			] as const) {
				const facts = await eventually(
					() => told(type, key),
					seen => seen.length > 0,
				);
				expect(facts.map(({ actor }) => actor)).toEqual([{ kind: "operator", id: "repl" }]);
			}
			expect((await repl("fraud", "queue")).said).toBe("No case waits.");
			expect(await repl("fraud", "clear", flagged.id, "again")).toMatchObject({
				code: 0,
				said: `${flagged.id} was not flagged.`,
			});
			expect(await repl("fraud", "clear", unknown, "nobody")).toMatchObject({ code: 1, complained: expect.stringMatching(/^not_found: /) });
		});
	});
});
