import { describe, expect, it } from "@jest/globals";
import { type EntityState, newState, observe } from "../counters/entity-state.ts";
import { entityKey, type Observation } from "../fraud.observations.ts";
import type { EntityKind } from "../rules.contract.ts";
import type { CounterAsk } from "./seen.ts";
import { Snapshot } from "./snapshot.ts";

const interactions: CounterAsk = { counter: "interactions", by: "user", windowMs: null, series: "interactions", where: null };
const visit = (nth: number): Observation => ({
	id: `evt_${nth}`,
	kind: "interaction",
	at: 1_000_000 + nth,
	entities: { user: "usr_1", device: "dev_1" },
	fields: { kind: "visit" },
});

function statesAfter(observations: readonly Observation[]): Map<string, EntityState> {
	const states = new Map<string, EntityState>();
	for (const observation of observations) {
		for (const [kind, id] of Object.entries(observation.entities)) {
			const key = entityKey(kind as EntityKind, id);
			const state = states.get(key) ?? newState();
			observe(state, kind as EntityKind, observation, new Map());
			states.set(key, state);
		}
	}
	return states;
}

const seen = (observations: readonly Observation[], listed: readonly string[] = []) => {
	const states = statesAfter(observations);
	return new Snapshot(
		observations.at(-1)!,
		key => states.get(key),
		key => listed.includes(key),
	);
};

describe("what a rule sees of an observation", () => {
	it("is its fields, and nothing that every object has", () => {
		const snapshot = seen([visit(1)]);
		expect(snapshot.field("kind")).toBe("visit");
		expect(snapshot.field("amount")).toBeUndefined();
		expect(snapshot.field("constructor")).toBeUndefined();
		expect(snapshot.now).toBe(1_000_001);
	});

	it("is the count around each of its entities, itself included", () => {
		const snapshot = seen([visit(1), visit(2), visit(3)]);
		expect(snapshot.count(interactions, "rule")).toBe(3);
		const window: CounterAsk = { ...interactions, by: "device", windowMs: 2 };
		expect(snapshot.count(window, "rule")).toBe(2);
		expect(snapshot.count(window, "another")).toBe(2);
	});

	it("is 0 of an entity that was no part of it or has no state", () => {
		expect(seen([visit(1)]).count({ ...interactions, by: "instrument" }, "rule")).toBe(0);
		expect(
			new Snapshot(
				visit(1),
				() => undefined,
				() => true,
			).count(interactions, "rule"),
		).toBe(0);
	});

	it("counts for life from where the rule's memory was taken away, for that rule alone", () => {
		const cleared: Observation = { id: "clear", kind: "cleared", at: 1_000_002, entities: { user: "usr_1" }, fields: {}, rules: ["rule"] };
		const snapshot = seen([visit(1), visit(2), cleared, visit(3)]);
		expect(snapshot.count(interactions, "rule")).toBe(1);
		expect(snapshot.count(interactions, "another")).toBe(3);
	});

	it("knows confirmed fraud from the lists, whatever was counted", () => {
		const confirmed: CounterAsk = { counter: "confirmedFraud", by: "device", windowMs: null, series: "confirmedFraud", where: null };
		expect(seen([visit(1)], ["device:dev_1"]).count(confirmed, "rule")).toBe(1);
		expect(seen([visit(1)], ["user:usr_1"]).count(confirmed, "rule")).toBe(0);
	});
});
