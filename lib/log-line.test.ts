import { describe, expect, it } from "@jest/globals";
import { logLine } from "./log-line.ts";

describe("a log line", () => {
	it("says when, how bad, who and what", () => {
		expect(logLine("warn", ["the bank is slow", { ms: 900 }], { svc: "payments" }, 0)).toBe(
			"1970-01-01T00:00:00.000Z WARN  payments: the bank is slow { ms: 900 }",
		);
	});

	it("never shows a card number, however deep it lies", () => {
		const line = logLine(
			"error",
			[{ body: { number: "4242 4242 4242 4242" } }, new Error("refused 4000056655665556")],
			{ mod: "GATEWAY" },
			0,
		);
		expect(line).not.toMatch(/4242 4242|4000056655665556/);
	});
});
