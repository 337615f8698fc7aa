import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { StoreState } from "../../../lib/store-contract.ts";
import { backlogs, decodeIds, encodeIds, encodePlace, marksAfter, merge, placeOf } from "./operations.domain.ts";

const lists = (given: Record<string, number[]>) => Object.entries(given).map(([service, answer]) => ({ service, answer }));
const smaller = (a: number, b: number) => a < b;
const id = `evt_${"0".repeat(26)}`;

describe("one list out of many", () => {
	it("takes what comes first, whoever told it, and says whether more is left", () => {
		const given = lists({ orders: [1, 4, 6], payments: [2, 3], audit: [] });
		expect(merge(given, 3, smaller)).toEqual({
			taken: [
				{ service: "orders", answer: 1 },
				{ service: "payments", answer: 2 },
				{ service: "payments", answer: 3 },
			],
			more: true,
		});
		expect(merge(given, 5, smaller)).toMatchObject({ more: false });
		expect(merge([], 5, smaller)).toEqual({ taken: [], more: false });
	});

	it("keeps each service's own order, also where its clock went back", () => {
		const { taken } = merge(lists({ orders: [5, 1], payments: [3] }), 10, smaller);
		expect(taken.map(({ answer }) => answer)).toEqual([3, 5, 1]);
	});

	it("reads everything exactly once over any pages, although each page asks anew from its marks", () => {
		const told = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.array(fc.nat(50)));
		fc.assert(
			fc.property(told, fc.integer({ min: 1, max: 7 }), (all, limit) => {
				let marks = new Map<string, number>();
				const read: string[] = [];
				for (let more = true; more; ) {
					// A mark is how many were read; a service answers one more than a page.
					const asked = Object.entries(all).map(([service, times]) => ({
						service,
						answer: times
							.map((time, index) => ({ time, position: index + 1 }))
							.slice(marks.get(service) ?? 0, (marks.get(service) ?? 0) + limit + 1),
					}));
					const page = merge(asked, limit, (a, b) => a.time < b.time);
					read.push(...page.taken.map(({ service, answer }) => `${service} ${answer.position}`));
					marks = new Map(placeOf({ cursor: encodePlace({ marks: marksAfter(marks, page.taken, item => item.position) }) }).marks);
					more = page.more;
				}
				expect(read.toSorted()).toEqual(
					Object.entries(all)
						.flatMap(([service, times]) => times.map((_, index) => `${service} ${index + 1}`))
						.toSorted(),
				);
			}),
		);
	});
});

describe("cursors over many services", () => {
	it("carry a mark for each and the event after which the others begin", () => {
		const place = { newerThan: id, marks: new Map([["orders", 12]]) };
		expect(placeOf({ cursor: encodePlace(place) })).toEqual(place);
		expect(placeOf({ after: encodePlace({ marks: new Map() }) })).toEqual({ marks: new Map() });
		expect(placeOf({ after: id })).toEqual({ newerThan: id, marks: new Map() });
		expect(placeOf({})).toEqual({ marks: new Map() });
		const ids = new Map([["orders", "opr_1"]]);
		expect(decodeIds(encodeIds(ids))).toEqual(ids);
	});

	it("go on with a list, whatever it began with", () => {
		expect(placeOf({ cursor: encodePlace({ marks: new Map([["orders", 3]]) }), after: id })).toEqual({ marks: new Map([["orders", 3]]) });
	});

	it("that were not made here are refused where they stand", () => {
		const refused = (pointer: string) =>
			expect.objectContaining({
				type: "validation_failed",
				data: expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }),
			});
		const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
		for (const bad of [
			"x",
			"evt_1",
			encoded(["", "orders"]),
			encoded(["", "orders=x"]),
			encoded(["'", ""]),
			encoded(["", "a=1 b='"]),
			encoded([id]),
			encoded(["", "a=9e99"]),
		]) {
			expect(() => placeOf({ cursor: bad })).toThrow(refused("/cursor"));
			expect(() => placeOf({ after: bad })).toThrow(refused("/after"));
		}
	});
});

describe("what is on its way", () => {
	const state = (
		service: string,
		head: number,
		cursors: Record<string, number> = {},
		waiting = { pending: 0, oldestSeconds: 0 },
	): StoreState => ({
		service,
		head,
		cursors,
		...waiting,
		hasSagas: false,
		storeId: "sto_1",
	});
	const pending = (...states: StoreState[]) => Object.fromEntries(backlogs(states).map(backlog => [backlog.service, backlog.pending]));

	it("counts from the slowest listener", () => {
		expect(pending(state("orders", 10), state("audit", 0, { orders: 10 }), state("notifications", 0, { orders: 7 }))).toEqual({
			orders: 3,
			audit: 0,
			notifications: 0,
		});
	});

	it("does not wait for services that do not listen", () => {
		expect(pending(state("orders", 10), state("inventory", 4, { payments: 0 }))).toEqual({ orders: 0, inventory: 0 });
	});

	it("adds what has no number yet, and a listener that is ahead of an older answer takes nothing away", () => {
		expect(pending(state("products", 5, {}, { pending: 2, oldestSeconds: 1 }), state("audit", 0, { products: 6 }))).toEqual({
			products: 2,
			audit: 0,
		});
	});
});
