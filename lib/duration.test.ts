import { describe, expect, it } from "@jest/globals";
import { parseDuration } from "./duration.ts";

describe("a duration", () => {
	it.each([
		["PT1S", 1000],
		["PT0.25S", 250],
		["PT10M", 600_000],
		["PT1H30M", 5_400_000],
		["P1D", 86_400_000],
		["P2W", 14 * 86_400_000],
		["P1W1DT1H1M1S", 694_861_000],
		["PT0S", 0],
	])("%s lasts %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

	it.each(["", "P", "PT", "P1DT", "1H", "PT1", "P1M", "P1Y", "-PT1H", "PT1.5H", "PT0.0001S", "pt1h", " PT1H", "PT1M1H"])(
		"%j is none, for it has no fixed length or another form",
		text => expect(parseDuration(text)).toBeUndefined(),
	);
});
