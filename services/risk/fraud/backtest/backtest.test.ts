import { describe, expect, it } from "@jest/globals";
import type { Logged, Observation } from "../fraud.observations.ts";
import { compileRules } from "../rules/rule-book.ts";
import type { Rule } from "../rules.contract.ts";
import { type Backtest, runBacktest } from "./backtest.ts";

const began = Date.UTC(2026, 0, 5);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const aRule = (over: Partial<Rule> = {}): Rule => ({
	id: "many",
	description: "Three of them within an hour.",
	state: "live",
	on: ["interaction"],
	when: { fact: { counter: "interactions", by: "user", window: "PT1H" }, operator: "gte", value: 3 },
	outcome: "flag",
	scope: "user",
	...over,
});
const lifetime = (value: number, over: Partial<Rule> = {}) =>
	aRule({ id: "lifetime", when: { fact: { counter: "interactions", by: "user" }, operator: "gte", value }, ...over });

let told = 0;
const visit = (user: string, at: number): Observation => ({
	id: `evt_${++told}`,
	kind: "interaction",
	at: began + at,
	entities: { user },
	fields: { kind: "visit", target: "prd_1" },
});
const every = (user: string, gap: number, count: number) => Array.from({ length: count }, (_, nth) => visit(user, nth * gap));

const onList = (list: string, key: string, at: number, over: { caseId?: string; until?: number } = {}): Observation => ({
	id: `lst_${++told}`,
	kind: "listed",
	at: began + at,
	entities: {},
	fields: {},
	entry: { list, entityKey: key, caseId: over.caseId ?? null, until: over.until === undefined ? null : began + over.until },
});

const logged = (observations: readonly Observation[]): Logged[] => observations.map((observation, at) => ({ ...observation, seq: at + 1 }));

/** In pieces, as a store reads it. */
async function* inPieces(log: readonly Logged[], size: number): AsyncGenerator<readonly Logged[]> {
	for (let from = 0; from < log.length; from += size) yield log.slice(from, from + size);
}

function backtest(observations: readonly Observation[], rules: readonly Rule[], over: Partial<Backtest> = {}, size = 7) {
	return runBacktest({ log: inPieces(logged(observations), size), rules: compileRules({ version: 1, rules }), ...over });
}

describe("what a rule would have matched", () => {
	it("is a match where its condition begins to hold, the observation itself counted", async () => {
		const matches: unknown[] = [];
		const log = every("usr_a", minute, 3);
		const report = await backtest(log, [aRule()], { matched: ({ entityKey, observation }) => matches.push([entityKey, observation.id]) });
		expect(report).toEqual({
			from: null,
			to: null,
			events: 3,
			rules: [{ id: "many", matches: 1, entities: 1, perDay: 1, overlap: {} }],
		});
		expect(matches).toEqual([["user:usr_a", log[2]!.id]]);
	});

	it("is one match for as long as the cooldown goes on, and the next one when it is over", async () => {
		// Every minute for two hours and a half: at 2, 62 and 122 minutes.
		const log = every("usr_a", minute, 150);
		const [row] = (await backtest(log, [aRule()])).rules;
		expect(row).toMatchObject({ matches: 3, entities: 1 });
		const [short] = (await backtest(log, [aRule({ cooldown: "PT10M" })])).rules;
		expect(short!.matches).toBe(15);
	});

	it("is one match for life where the rule counts for life, and one more after a clear", async () => {
		const clear: Observation = {
			id: "clear",
			kind: "cleared",
			at: began + 10.5 * minute,
			entities: { user: "usr_a" },
			fields: {},
			rules: ["lifetime"],
		};
		const log = every("usr_a", minute, 25);
		expect((await backtest(log, [lifetime(5)])).rules[0]!.matches).toBe(1);
		expect((await backtest([...log.slice(0, 11), clear, ...log.slice(11)], [lifetime(5)])).rules[0]!.matches).toBe(2);
		expect((await backtest([...log.slice(0, 11), clear, ...log.slice(11)], [lifetime(15)])).rules[0]!.matches).toBe(0);
	});

	it("leaves out what a rule was wrong about, for a month", async () => {
		const clear: Observation = { id: "clear", kind: "cleared", at: began, entities: { user: "usr_a" }, fields: {}, rules: ["many"] };
		const later = every("usr_a", minute, 5).map(one => ({ ...one, id: `${one.id}-later`, at: one.at + 31 * day }));
		expect((await backtest([clear, ...every("usr_a", minute, 5)], [aRule()])).rules[0]!.matches).toBe(0);
		expect((await backtest([clear, ...later], [aRule()])).rules[0]!.matches).toBe(1);
	});

	it("says nothing of those who are exempt", async () => {
		const log = [onList("staff", "user:usr_a", -1), ...every("usr_a", minute, 5), ...every("usr_b", minute, 5)];
		expect((await backtest(log, [aRule({ exempt: ["staff"] })])).rules[0]).toMatchObject({ matches: 1, entities: 1 });
	});

	it("counts an attempt before it is judged, as a checkout does", async () => {
		const attempt = (nth: number): Observation => ({
			id: `opr_${nth}`,
			kind: "attempt",
			at: began + nth * 1000,
			entities: { device: "dev_1", session: `crt_${nth}`, instrument: `ins_${nth}` },
			fields: { amount: 100, currency: "EUR" },
			attempt: { id: `pay_${nth}`, instrument: `ins_${nth}` },
		});
		const rule = aRule({
			on: ["checkout"],
			when: { fact: { counter: "declinedInstruments", by: "device", window: "PT1H" }, operator: "gte", value: 4 },
			scope: "device",
		});
		expect((await backtest([1, 2, 3].map(attempt), [rule])).rules[0]!.matches).toBe(0);
		expect((await backtest([1, 2, 3, 4].map(attempt), [rule])).rules[0]!.matches).toBe(1);
	});

	it("is not asked of drafts and retired rules", async () => {
		const rules = [aRule(), aRule({ id: "draft", state: "draft" }), aRule({ id: "shadow", state: "shadow" })];
		expect((await backtest(every("usr_a", minute, 3), rules)).rules.map(({ id, matches }) => [id, matches])).toEqual([
			["many", 1],
			["shadow", 1],
		]);
	});
});

describe("the lists of the past", () => {
	const always = (over: Partial<Rule> = {}) => lifetime(1, { cooldown: "PT1S", ...over });
	const exempting = always({ exempt: ["staff"] });
	const visits = every("usr_a", minute, 10);
	/** Which of the visits matched. */
	async function matchedIn(log: readonly Observation[], rule: Rule = exempting) {
		const matched: string[] = [];
		await backtest(log, [rule], { matched: ({ observation }) => void matched.push(observation.id) });
		return visits.flatMap(({ id }, nth) => (matched.includes(id) ? [nth] : []));
	}
	const inOrder = (...observations: Observation[]) => [...visits, ...observations].sort((one, other) => one.at - other.at);

	it("excuse from when somebody came on one until they went", async () => {
		const expiring = onList("staff", "user:usr_a", 1.5 * minute, { until: 5 * minute });
		expect(await matchedIn(inOrder(expiring))).toEqual([0, 1, 5, 6, 7, 8, 9]);
		const [came, went] = [
			onList("staff", "user:usr_a", 2.5 * minute),
			onList("staff", "user:usr_a", 6.5 * minute, { until: 6.5 * minute }),
		];
		expect(await matchedIn(inOrder(came, went))).toEqual([0, 1, 2, 7, 8, 9]);
		// Said anew, it ends when it was said last.
		const sooner = onList("staff", "user:usr_a", 3.5 * minute, { until: 4.5 * minute });
		expect(await matchedIn(inOrder(came, sooner))).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
	});

	it("are those of when something happened, not of when it was heard", async () => {
		const late = [...visits.slice(0, 5), onList("staff", "user:usr_a", 6.5 * minute), ...visits.slice(5)];
		expect(await matchedIn(late)).toEqual([0, 1, 2, 3, 4, 5, 6]);
	});

	it("keep a device for as long as one case stands behind it, and tell no rule of what got it there", async () => {
		const visitsOfDevice = visits.map(one => ({ ...one, entities: { user: "usr_a", device: "dev_1" } }));
		const rule = always({ when: { fact: { counter: "confirmedFraud", by: "device" }, operator: "gte", value: 1 } });
		const [by, until] = [onList, 100 * minute];
		const log = [
			...visitsOfDevice.slice(0, 3),
			by("confirmedFraud", "device:dev_1", 2.5 * minute, { caseId: "cas_a", until }),
			...visitsOfDevice.slice(3, 5),
			by("confirmedFraud", "device:dev_1", 4.5 * minute, { caseId: "cas_b", until }),
			by("confirmedFraud", "device:dev_1", 4.6 * minute, { caseId: "cas_b", until: 4.6 * minute }),
			...visitsOfDevice.slice(5, 7),
			by("confirmedFraud", "device:dev_1", 6.5 * minute, { caseId: "cas_a", until: 6.5 * minute }),
			...visitsOfDevice.slice(7),
		];
		expect(await matchedIn(log, rule)).toEqual([3, 4, 5, 6]);
	});

	it("are no events, however long they are looked at", async () => {
		const cleared: Observation = { id: "clear", kind: "cleared", at: began + 40 * day, entities: { user: "usr_a" }, fields: {}, rules: [] };
		const log = [
			onList("staff", "user:usr_b", -30 * day),
			...visits,
			onList("staff", "user:usr_b", 30 * day, { until: 30 * day }),
			cleared,
		];
		const report = await backtest(log, [aRule()]);
		expect(report).toEqual(await backtest(visits, [aRule()]));
		expect(report.events).toBe(10);
		// What happened before `from` was judged by them nevertheless.
		const from = began + 5 * minute;
		expect((await backtest([onList("staff", "user:usr_a", -1), ...visits], [exempting], { from })).rules[0]!.matches).toBe(0);
	});
});

describe("the time that is looked at", () => {
	const log = every("usr_a", minute, 10);
	const at = (nth: number) => began + nth * minute;

	it("begins with what happened at `from` and ends before what happened at `to`", async () => {
		const report = await backtest(log, [aRule()], { from: at(2), to: at(8) });
		expect(report).toMatchObject({ from: "2026-01-05T00:02:00.000Z", to: "2026-01-05T00:08:00.000Z", events: 6 });
		expect((await backtest(log, [lifetime(10)], { from: at(9) })).rules[0]!.matches).toBe(1);
		expect((await backtest(log, [lifetime(10)], { to: at(9) })).rules[0]!.matches).toBe(0);
		expect((await backtest(log, [lifetime(10)], { to: at(9) + 1 })).rules[0]!.matches).toBe(1);
		expect((await backtest(log, [lifetime(10)], { from: at(9) + 1 })).events).toBe(0);
	});

	it("is warmed with what came before: the counters are full, and nothing was said yet", async () => {
		expect((await backtest(log, [lifetime(3)], { from: at(5) })).rules[0]).toMatchObject({ matches: 1 });
	});

	it("goes by when something happened, not by when it arrived", async () => {
		const [first, second, third] = log;
		expect((await backtest([first!, third!, second!], [aRule()], { to: at(2) })).events).toBe(2);
		expect((await backtest([first!, third!, second!], [aRule()])).rules[0]!.matches).toBe(1);
	});

	it("tells matches per day with two decimals, of a day at least", async () => {
		const two = [...every("usr_a", minute, 3), ...every("usr_b", minute, 3)];
		expect((await backtest(two, [aRule()])).rules[0]!.perDay).toBe(2);
		expect((await backtest(two, [aRule()], { from: began, to: began + 3 * day })).rules[0]!.perDay).toBe(0.67);
		expect((await backtest([...two, visit("usr_c", 4 * day)], [aRule()])).rules[0]!.perDay).toBe(0.5);
		expect((await backtest([], [aRule()])).rules[0]!.perDay).toBe(0);
	});
});

describe("the report", () => {
	it("says at how many events two rules held together, whether they kept quiet or not", async () => {
		const log = [...every("usr_a", minute, 5), ...every("usr_b", 2 * hour, 5)];
		const { rules } = await backtest(log, [lifetime(4), aRule(), aRule({ id: "never", on: ["refund"] })]);
		expect(rules.map(({ id, overlap }) => [id, overlap])).toEqual([
			["lifetime", { many: 2 }],
			["many", { lifetime: 2 }],
			["never", {}],
		]);
	});

	it("measures precision and recall by the labels of the rule's scope, and only where there are any", async () => {
		const log = ["usr_a", "usr_b", "usr_c", "usr_d"].flatMap(user => every(user, minute, 3));
		const labels = new Map<string, "fraud" | "honest">([
			["user:usr_a", "fraud"],
			["user:usr_b", "fraud"],
			["user:usr_c", "honest"],
			["user:usr_e", "fraud"],
			["device:dev_1", "fraud"],
		]);
		const [row] = (await backtest(log, [aRule()], { labels })).rules;
		expect(row).toMatchObject({ matches: 4, precision: 2 / 3, recall: 2 / 3 });
		const [silent] = (await backtest(log, [aRule({ on: ["refund"] })], { labels })).rules;
		expect(silent).not.toHaveProperty("precision");
		expect(silent).toHaveProperty("recall", 0);
		const [unlabelled] = (await backtest(log, [aRule()], { labels: new Map() })).rules;
		expect(Object.keys(unlabelled!)).toEqual(["id", "matches", "entities", "perDay", "overlap"]);
	});

	it("is the same to the byte for the same rules over the same log, however it is read", async () => {
		const log = Array.from({ length: 400 }, (_, nth) => visit(`usr_${(nth * 7) % 13}`, ((nth * 37) % 400) * minute));
		const rules = [lifetime(20), aRule(), aRule({ id: "a-third", cooldown: "PT5M" })];
		const texts = await Promise.all([1, 64, 1000].map(async size => JSON.stringify(await backtest(log, rules, {}, size))));
		expect(new Set(texts).size).toBe(1);
	});
});

describe("a backtest on a node that has other work", () => {
	it("gives it a turn between observations, and says how far it has come", async () => {
		let turns = 0;
		let isOver = false;
		const other = (async () => {
			for (; !isOver; turns++) await new Promise(resolve => setImmediate(resolve));
		})();
		const read: number[] = [];
		// One piece, so that no turn comes from reading.
		await backtest(every("usr_a", minute, 1000), [aRule()], { yieldEveryMs: 0, progress: count => void read.push(count) }, 1000);
		isOver = true;
		await other;
		expect(turns).toBeGreaterThan(25);
		expect(read.at(-1)).toBe(1000);
		expect(read.length).toBeGreaterThan(25);
	});
});
