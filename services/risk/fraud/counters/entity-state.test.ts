import { describe, expect, it } from "@jest/globals";
import type { Logged, Observation } from "../fraud.observations.ts";
import type { CounterName } from "../rules/seen.ts";
import type { EntityKind } from "../rules.contract.ts";
import { countOf, episodeOf, isSnoozed, type Needs, newState, observe } from "./entity-state.ts";
import { stateOf, textOf } from "./entity-text.ts";
import { anAsk, anAttempt, anEnd, anObservation, day, hour, logged, minute, noNeeds, start } from "./observed.ts";

/** An entity and what is seen of it. */
function anEntity(kind: EntityKind = "user", needs: Needs = noNeeds) {
	const state = newState();
	return {
		state,
		see: (...observations: (Observation | Logged)[]) => {
			for (const one of observations) observe(state, kind, one, needs);
		},
		count: (counter: CounterName, windowMs: number | null, now = start, ruleId?: string) =>
			countOf(state, anAsk(counter, windowMs, kind), now, { kind, ...(ruleId && { ruleId }) }),
	};
}
const times = <T>(count: number, make: (place: number) => T): T[] => Array.from({ length: count }, (_, place) => make(place));

describe("a window", () => {
	it("does not hold what happened exactly its length before, and holds what happened a millisecond later", () => {
		for (const [earlier, expected] of [
			[0, 1],
			[1, 100],
		] as const) {
			const { see, count } = anEntity();
			see(...times(99, place => logged(place + 1, { at: start })), logged(100, { at: start + hour - earlier }));
			expect(count("interactions", hour, start + hour - earlier)).toBe(expected);
			expect(count("interactions", null)).toBe(100);
		}
	});

	it("ends with the newest that was seen, also for what arrives out of order", () => {
		const { see, count } = anEntity();
		see(logged(1, { at: start + 30 * minute }), logged(2, { at: start + 25 * minute }));
		expect(count("interactions", 10 * minute, start + 25 * minute)).toBe(2);
		see(logged(3, { at: start + 41 * minute }), logged(4, { at: start + 31 * minute + 1 }));
		expect(count("interactions", 10 * minute, start + 31 * minute + 1)).toBe(2);
	});

	it("says that there were at least as many as a rule asks for, however many more there were", () => {
		const { see, count } = anEntity();
		see(...times(5000, place => logged(place + 1, { at: start + place })));
		expect(count("interactions", hour, start + 5000)).toBe(128);
		expect(count("interactions", null)).toBe(5000);
	});

	it("keeps more where a rule asks for more", () => {
		const series = "interactions";
		const { see, count } = anEntity("user", new Map([[series, { series, counter: series, where: null, cap: 1001 }]]));
		see(...times(3000, place => logged(place + 1, { at: start + place })));
		expect(count("interactions", hour, start + 3000)).toBe(1001);
	});
});

describe("an observation", () => {
	it("counts once, however often the log brings it", () => {
		const { see, count } = anEntity();
		const same = logged(7);
		see(...times(100, () => same), logged(5));
		expect(count("interactions", null)).toBe(1);
	});

	it("that is late counts for life, and moves no window", () => {
		const { see, count, state } = anEntity();
		see(logged(1, { at: start }), logged(2, { at: start + 2 * day, isLate: true }));
		expect(state.frontier).toBe(start);
		expect(count("interactions", hour)).toBe(1);
		expect(count("interactions", null)).toBe(2);
	});

	it("counts in a narrowed series where it is what that asks for, and in no other", () => {
		const series = 'interactions{"kind":"like"}';
		const where = { kind: "like" };
		const entity = anEntity("user", new Map([[series, { series, counter: "interactions", where, cap: 128 }]]));
		entity.see(logged(1, { fields: { kind: "like" } }), logged(2, { fields: { kind: "visit" } }));
		const ask = { ...anAsk("interactions", hour), series, where };
		expect(countOf(entity.state, ask, start, { kind: "user" })).toBe(1);
		expect(entity.count("interactions", hour)).toBe(2);
	});
});

describe("different values", () => {
	it("are kept up to a thousand and some, and the one that was not seen for longest goes", () => {
		const { see, count } = anEntity("address");
		const failure = (place: number, value: string) => logged(place, { kind: "loginFailed", at: start + place, value });
		see(failure(1, "usr_first"), ...times(1023, place => failure(place + 2, `usr_${place}`)), failure(1025, "usr_first"));
		expect(count("loginFailureUsers", hour, start + 1025)).toBe(1024);
		see(failure(1026, "usr_new"), failure(1027, "usr_first"));
		expect(count("loginFailureUsers", null)).toBe(1024);
		expect(count("loginFailureUsers", 3, start + 1027)).toBe(2);
	});
});

describe("new devices", () => {
	const login = (seq: number, device?: string) =>
		logged(seq, { kind: "login", entities: { user: "usr_a", ...(device === undefined ? {} : { device }) } });

	it("are those after the first, which is one where somebody was there before without a name for theirs", () => {
		const known = anEntity();
		known.see(login(1, "dev_a"), login(2));
		expect(known.count("newDevices", hour)).toBe(0);
		known.see(login(3, "dev_b"));
		expect(known.count("newDevices", hour)).toBe(1);
		const unnamed = anEntity();
		unnamed.see(login(1), login(2, "dev_a"));
		expect(unnamed.count("newDevices", hour)).toBe(1);
	});

	it("are also those that only pay, each once", () => {
		const { see, count } = anEntity();
		const paying = { ...anAttempt("att_1", "card_1"), entities: { user: "usr_a", device: "dev_b" } };
		see(login(1, "dev_a"), paying, { ...paying, seq: 2 });
		expect(count("newDevices", hour)).toBe(1);
	});
});

describe("the share of refunds", () => {
	it("is in whole per cent, all of them where there is no order in the window, and nothing where nothing was refunded", () => {
		const { see, count } = anEntity();
		see(...times(3, place => logged(place + 1, { kind: "order", at: start })));
		expect(count("refundShare", 30 * day)).toBe(0);
		see(
			logged(4, { kind: "refund", value: "ord_1" }),
			logged(5, { kind: "refund", value: "ord_1" }),
			logged(6, { kind: "refund", value: "ord_2" }),
		);
		expect(count("refundShare", 30 * day)).toBe(66);
		see(logged(7, { kind: "refund", value: "ord_2", at: start + 30 * day }));
		expect(count("refundShare", 30 * day, start + 30 * day)).toBe(100);
	});
});

describe("declined instruments of a device", () => {
	const declined = (place: number, at = start) => [anAttempt(`opr_${place}`, `card_${place}`, at), anEnd(`opr_${place}`, "declined", at)];

	it("are counted once each, within an hour of their attempt", () => {
		const { see, count } = anEntity("device");
		see(...times(3, place => declined(place)).flat(), anAttempt("opr_again", "card_0"), anEnd("opr_again", "declined"));
		expect(count("declinedInstruments", hour)).toBe(3);
		expect(count("declinedInstruments", hour, start + hour)).toBe(0);
	});

	it("count the one that is tried now, so that the fourth can be refused unseen", () => {
		const { see, count } = anEntity("device");
		see(...times(3, place => declined(place)).flat(), anAttempt("opr_4", "card_4"));
		expect(count("declinedInstruments", hour)).toBe(4);
	});

	it("count four that are tried in parallel, and for a minute only", () => {
		const { see, count } = anEntity("device");
		see(...times(4, place => anAttempt(`opr_${place}`, `card_${place}`)));
		expect(count("declinedInstruments", hour, start + minute - 1)).toBe(4);
		expect(count("declinedInstruments", hour, start + minute)).toBe(0);
	});

	it("are none when nobody could ask the provider, two hundred times", () => {
		const { see, count } = anEntity("device");
		see(...times(200, place => [anAttempt(`opr_${place}`, `card_${place}`), anEnd(`opr_${place}`, "unavailable")]).flat());
		expect(count("declinedInstruments", hour)).toBe(0);
		expect(count("paymentAttempts", 10 * minute)).toBe(0);
		expect(count("paymentAttempts", null)).toBe(0);
	});

	it("are none when they were refused by ourselves, failed for another reason, or were authorized", () => {
		const { see, count } = anEntity("device");
		for (const end of ["blocked", "failed", "authorized"] as const) see(anAttempt(`opr_${end}`, `card_${end}`), anEnd(`opr_${end}`, end));
		expect(count("declinedInstruments", hour)).toBe(0);
		expect(count("paymentAttempts", hour)).toBe(3);
	});

	it("are none where nothing is paid with", () => {
		const { see, count } = anEntity("device");
		see(anAttempt("opr_1", null), anAttempt("opr_2", null), anEnd("opr_2", "declined"));
		expect(count("declinedInstruments", hour)).toBe(0);
	});

	it("cannot be pushed out by a thousand attempts that were blocked", () => {
		const { see, count } = anEntity("device");
		see(...times(4, place => declined(place)).flat());
		see(
			...times(1000, place => [
				anAttempt(`opr_x${place}`, `card_x${place}`, start + place),
				anEnd(`opr_x${place}`, "blocked", start + place),
			]).flat(),
		);
		expect(count("declinedInstruments", hour, start + 1000)).toBe(4);
	});
});

describe("declined instruments of an address", () => {
	it("do not count twelve colleagues who pay at once, nor when one of them is declined", () => {
		const { see, count } = anEntity("address");
		see(...times(12, place => anAttempt(`opr_${place}`, `card_${place}`)));
		expect(count("declinedInstruments", hour)).toBe(0);
		see(anEnd("opr_3", "declined"));
		expect(count("declinedInstruments", hour)).toBe(1);
	});

	it("do not count the one being judged, so that nobody is refused for what three neighbours tried", () => {
		const { see, state } = anEntity("address");
		see(...times(4, place => anAttempt(`opr_${place}`, `card_${place}`)), ...times(3, place => anEnd(`opr_${place}`, "declined")));
		const ask = anAsk("declinedInstruments", hour, "address");
		expect(countOf(state, ask, start, { kind: "address", instrument: "card_3" })).toBe(3);
		expect(countOf(state, ask, start, { kind: "address", instrument: "card_4" })).toBe(4);
	});

	it("count those that are tried beside two declined ones", () => {
		const { see, count } = anEntity("address");
		see(...times(4, place => anAttempt(`opr_${place}`, `card_${place}`)), anEnd("opr_0", "declined"), anEnd("opr_1", "declined"));
		expect(count("declinedInstruments", hour)).toBe(4);
	});
});

describe("an attempt", () => {
	it("counts once, whether the check or the log brings it first, and its end once too", () => {
		const { see, count } = anEntity("device");
		const attempt = anAttempt("opr_1", "card_1");
		const end = anEnd("opr_1", "declined");
		see(attempt, end, { ...attempt, seq: 1 }, attempt, { ...end, seq: 2 }, end);
		expect(count("paymentAttempts", hour)).toBe(1);
		expect(count("paymentAttempts", null)).toBe(1);
		expect(count("declinedInstruments", hour)).toBe(1);
	});

	it("that was taken back stays so, also when it is heard of only after that", () => {
		const { see, count } = anEntity("device");
		const attempt = anAttempt("opr_1", "card_1");
		see(anEnd("opr_1", "unavailable"), attempt, { ...attempt, seq: 1 }, { ...anEnd("opr_1", "declined"), seq: 2 });
		expect(count("paymentAttempts", null)).toBe(0);
		expect(count("declinedInstruments", null)).toBe(0);
	});

	it("that nobody assessed is none, but what was declined in it is known", () => {
		const { see, count } = anEntity("device");
		see(anEnd("opr_1", "declined", start, "card_1"));
		expect(count("paymentAttempts", hour)).toBe(0);
		expect(count("declinedInstruments", hour)).toBe(1);
		see(anAttempt("opr_1", "card_1", start - minute));
		expect(count("paymentAttempts", hour)).toBe(1);
		expect(count("declinedInstruments", hour)).toBe(1);
	});
});

describe("a rule's memory of an entity", () => {
	const cleared = (rules: string[], given: Partial<Observation> = {}) => anObservation({ kind: "cleared", rules, ...given });

	it("is taken away by a clear: what it counts for life begins again, for this rule alone", () => {
		const { see, count, state } = anEntity();
		see(...times(100, place => logged(place + 1)), { ...cleared(["hundred"]), seq: 101 });
		expect(count("interactions", null, start, "hundred")).toBe(0);
		expect(count("interactions", null, start, "other")).toBe(100);
		expect(count("interactions", null)).toBe(100);
		expect([episodeOf(state, "hundred"), episodeOf(state, "other")]).toEqual([101, 0]);
		see(...times(50, place => logged(102 + place)));
		expect(count("interactions", null, start, "hundred")).toBe(50);
		see(...times(50, place => logged(152 + place)));
		expect(count("interactions", null, start, "hundred")).toBe(100);
	});

	it("forgets attempts and different values too, and never counts below nothing", () => {
		const { see, count } = anEntity("device");
		see(anAttempt("opr_1", "card_1"), anEnd("opr_1", "declined"), anAttempt("opr_2", "card_2"), cleared(["cards"]));
		expect(count("paymentAttempts", null, start, "cards")).toBe(0);
		see(anEnd("opr_2", "unavailable"), anAttempt("opr_3", "card_1"), anEnd("opr_3", "declined"));
		expect(count("paymentAttempts", null, start, "cards")).toBe(0);
		expect(count("declinedInstruments", null, start, "cards")).toBe(0);
		see(anAttempt("opr_4", "card_4"), anEnd("opr_4", "declined"));
		expect(count("declinedInstruments", null, start, "cards")).toBe(1);
	});

	it("sleeps for thirty days where it looks at windows, and not where it counts for life", () => {
		const { see, state } = anEntity();
		see(cleared(["hourly"]));
		expect(isSnoozed(state, "hourly", start + 30 * day - 1, true)).toBe(true);
		expect(isSnoozed(state, "hourly", start + 30 * day, true)).toBe(false);
		expect(isSnoozed(state, "hourly", start, false)).toBe(false);
		expect(isSnoozed(state, "other", start, true)).toBe(false);
	});

	it("begins a new episode with every clear, without a place in the log the next one", () => {
		const { see, state } = anEntity();
		see(cleared(["a"]), cleared(["a", "b"]));
		expect([episodeOf(state, "a"), episodeOf(state, "b")]).toEqual([2, 1]);
	});
});

describe("the text of a state", () => {
	it("says all of it", () => {
		const { see, state } = anEntity("user");
		see(
			logged(1, { isLate: true }),
			logged(2, { kind: "login", entities: { user: "usr_a", device: "dev_a" } }),
			logged(3, { kind: "login", entities: { user: "usr_a", device: "dev_b" }, at: start + 5 }),
			logged(4, { kind: "refund", value: "ord_1" }),
			logged(5, { kind: "cleared", rules: ["a", "b"] }),
			anAttempt("opr_1", "card_1"),
			anAttempt("opr_2", "card_2", start + 3),
			anAttempt("opr_3", null, start + 2),
			anEnd("opr_2", "declined", start + 9),
			anEnd("opr_4", "authorized", start + 1),
		);
		expect(stateOf(textOf(state))).toEqual(state);
		expect(textOf(stateOf(textOf(state)))).toBe(textOf(state));
	});

	it("is refused where it was written by another version", () => {
		expect(() => stateOf("[2]")).toThrow("format 2");
	});
});
