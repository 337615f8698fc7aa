import { describe, expect, it } from "@jest/globals";
import { aligned, type SagaRecord, type StepRecord } from "./saga.ts";

const listOf = (...names: string[]) => ({ steps: names.map(name => ({ name })) });
const aSaga = (step: number, ...steps: StepRecord[]): Pick<SagaRecord, "id" | "kind" | "step" | "steps"> => ({
	id: "sag_1",
	kind: "checkout",
	step,
	steps,
});

describe("a saga that an older version began", () => {
	const begun = aSaga(
		1,
		{ name: "reserve stock", status: "done" },
		{ name: "authorize", status: "running" },
		{ name: "place", status: "pending" },
	);

	it("is as it is under the steps it knows", () => {
		expect(aligned(listOf("reserve stock", "authorize", "place"), begun)).toBe(begun);
	});

	it("goes on where it stands: a new step behind it is left out, a new one before it comes", () => {
		const { step, steps } = aligned(listOf("reserve stock", "assess risk", "authorize", "place", "thank"), begun);
		expect(step).toBe(2);
		expect(steps.map(({ status }) => status)).toEqual(["done", "skipped", "running", "pending", "pending"]);
	});

	it("has nothing left to do when it had done all of it", () => {
		const done = aSaga(1, { name: "reserve stock", status: "done" });
		expect(aligned(listOf("assess risk", "reserve stock"), done).step).toBe(2);
	});

	it("does not go on at a step that is gone", () => {
		expect(() => aligned(listOf("reserve stock", "place"), begun)).toThrow('"authorize"');
	});
});
