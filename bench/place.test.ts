import { describe, expect, it } from "@jest/globals";
import { withPlace } from "./place.ts";

describe("a place that is set up for a run", () => {
	it("is cleared away once when the work is done, and its result handed on", async () => {
		let removed = 0;
		const remove = async () => void removed++;
		expect(
			await withPlace(
				async () => ({ remove, width: 6 }),
				async ({ width }) => width * 7,
			),
		).toBe(42);
		expect(removed).toBe(1);
	});

	it("is cleared away when the work fails", async () => {
		let removed = 0;
		const remove = async () => void removed++;
		const work = withPlace(
			async () => ({ remove }),
			() => Promise.reject(new Error("out of stock")),
		);
		await expect(work).rejects.toThrow("out of stock");
		expect(removed).toBe(1);
	});

	it("that could not be set up says why, and leaves no listener behind", async () => {
		const before = process.listenerCount("SIGINT");
		const nothing = withPlace(
			() => Promise.reject(new Error("no server")),
			async () => undefined,
		);
		await expect(nothing).rejects.toThrow("no server");
		expect(process.listenerCount("SIGINT")).toBe(before);
	});
});
