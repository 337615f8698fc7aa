import { describe, expect, it } from "@jest/globals";
import { Turns } from "./turns.ts";

describe("taking turns", () => {
	it("lets work of one key run in order, though the first is slow or fails, while another key goes ahead", async () => {
		const turns = new Turns();
		const done: string[] = [];
		let release = () => {};
		const slow = turns.take("a", async () => {
			await new Promise<void>(resolve => {
				release = resolve;
			});
			done.push("a1");
			throw new Error("a1 failed");
		});
		const next = turns.take("a", async () => done.push("a2"));
		await turns.take("b", async () => done.push("b1"));
		release();
		await expect(slow).rejects.toThrow("a1 failed");
		await next;
		expect(done).toEqual(["b1", "a1", "a2"]);
	});
});
