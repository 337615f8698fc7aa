import { describe, expect, it } from "@jest/globals";
import type { Observation } from "../../../services/risk/fraud/fraud.observations.ts";
import { linesOf } from "../generate-command.ts";
import { type Label, type Scenario, scenarios } from "../stream-file.ts";
import { labelledStream } from "./stream.ts";

const minute = 60_000;
const options = { seed: 7, users: 400, days: 8 };
const textOf = (given: typeof options) => [...linesOf(labelledStream(given))].join("");

const stream = labelledStream(options);
const arrived = [...stream.days()].flat();
const once = [...new Map(arrived.map(observation => [observation.id, observation])).values()];
const labelled = new Map(stream.labels.map(label => [label.entity, label]));

const labelsOf = (scenario: Scenario) => stream.labels.filter(label => label.scenario === scenario);
const around = ({ entity }: Label) =>
	once.filter(({ entities }) => Object.entries(entities).some(([kind, id]) => `${kind}:${id}` === entity));
const kindsOf = (observations: readonly Observation[], kind: string) => observations.filter(observation => observation.kind === kind);
const instrumentsOf = (attempts: readonly Observation[]) => new Set(attempts.map(({ attempt }) => attempt!.instrument));

describe("a generated stream", () => {
	it("is the same to the byte for the same seed, and another one for another", () => {
		const small = { ...options, users: 60, days: 2 };
		expect(textOf(small)).toBe(textOf(small));
		expect(textOf({ ...small, seed: 8 })).not.toBe(textOf(small));
	});

	it("says what it is, then who is who, then what happened", () => {
		const kinds = textOf({ ...options, users: 60, days: 2 })
			.trim()
			.split("\n")
			.map(line => Object.keys(JSON.parse(line) as object).join());
		expect(kinds[0]).toBe("stream");
		expect(kinds.slice(1)).toEqual([...kinds.slice(1)].sort());
		expect(new Set(kinds)).toEqual(new Set(["stream", "label", "observation"]));
	});

	it.each(scenarios)("has %s in it, with each entity labelled once and seen", scenario => {
		const labels = labelsOf(scenario);
		expect(labels.length).toBeGreaterThan(0);
		expect(labels.every(label => labelled.get(label.entity) === label)).toBe(true);
		const isFraud = labels[0]!.fraud;
		expect(labels.every(({ fraud }) => fraud === isFraud)).toBe(true);
		expect(labels.some(label => around(label).length > 0)).toBe(true);
	});

	it("tells every story in a small shop of a day as well", () => {
		const small = labelledStream({ seed: 1, users: 20, days: 1 });
		expect(new Set(small.labels.map(({ scenario }) => scenario))).toEqual(new Set(scenarios));
		expect([...small.days()].flat().length).toBeGreaterThan(2000);
	});

	it("has users by the number that was asked for, besides those who were made up to like", () => {
		const users = stream.labels.filter(({ entity, scenario }) => entity.startsWith("user:") && scenario !== "likeSpam");
		expect(users).toHaveLength(options.users);
	});
});

describe("the order in which it arrives", () => {
	it("has about a tenth late, by ten minutes at most, and never an attempt", () => {
		let newest = 0;
		const late = new Map<string, number>();
		const seen = new Set<string>();
		for (const { id, at, kind } of arrived) {
			if (!seen.has(id) && at < newest) {
				late.set(id, newest - at);
				expect(kind).not.toBe("attempt");
			}
			seen.add(id);
			newest = Math.max(newest, at);
		}
		expect(late.size / once.length).toBeGreaterThan(0.07);
		expect(late.size / once.length).toBeLessThan(0.12);
		expect(Math.max(...late.values())).toBeLessThanOrEqual(10 * minute);
	});

	it("has some of them twice, with the same id and nothing else in it", () => {
		const repeated = arrived.filter((observation, at) => arrived.indexOf(observation) !== at);
		expect(repeated.length / arrived.length).toBeGreaterThan(0.01);
		expect(arrived.length - once.length).toBe(repeated.length);
	});
});

describe("the stories it tells", () => {
	it("60 cards are tried from one device in 20 minutes", () => {
		const device = labelsOf("cardTesting").find(({ entity }) => entity.startsWith("device:"))!;
		const attempts = kindsOf(around(device), "attempt");
		const times = attempts.map(({ at }) => at);
		expect(instrumentsOf(attempts).size).toBe(60);
		expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(20 * minute);
	});

	it("a slow tester tries a card every half hour", () => {
		const device = labelsOf("slowCardTesting").find(({ entity }) => entity.startsWith("device:"))!;
		const times = kindsOf(around(device), "attempt").map(({ at }) => at);
		expect(times).toHaveLength(48);
		// Never four within an hour, so that no rule of the starter pack can see it.
		expect(times.every((at, nth) => nth < 3 || at - times[nth - 3]! >= 60 * minute)).toBe(true);
	});

	it("an account is taken over after five failures or more, from a device it never had, with a purchase within two hours", () => {
		const user = labelsOf("takeover").find(({ entity }) => entity.startsWith("user:"))!;
		const foreign = around(user).filter(({ entities }) => labelled.get(`device:${entities.device}`)?.scenario === "takeover");
		expect(kindsOf(foreign, "loginFailed").length).toBeGreaterThanOrEqual(5);
		const [attempt] = kindsOf(foreign, "attempt");
		const first = Math.min(...foreign.map(({ at }) => at));
		expect(attempt!.at - first).toBeLessThan(2 * 60 * minute);
	});

	it("a gift buyer's attempts all meet a provider that is away, but for the last", () => {
		const [user] = labelsOf("giftBuyer");
		const ends = kindsOf(around(user!), "attemptOutcome").filter(({ attempt }) => attempt!.end === "unavailable");
		expect(ends).toHaveLength(15);
	});

	it("an influencer visits 2,000 times and an abuser has most orders refunded", () => {
		const [influencer] = labelsOf("influencer");
		expect(kindsOf(around(influencer!), "interaction").length).toBeGreaterThanOrEqual(2000);
		const [abuser] = labelsOf("refundAbuse");
		expect(kindsOf(around(abuser!), "refund").length).toBeGreaterThanOrEqual(7);
	});

	it("about every twelfth card of ordinary buyers is declined", () => {
		const ordinary = kindsOf(once, "attemptOutcome").filter(
			({ entities }) => labelled.get(`instrument:${entities.instrument}`)?.fraud === false,
		);
		const declined = ordinary.filter(({ attempt }) => attempt!.end === "declined").length / ordinary.length;
		expect(declined).toBeGreaterThan(0.04);
		expect(declined).toBeLessThan(0.13);
	});
});
