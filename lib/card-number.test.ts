import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { holdsCardNumber, holdsCardNumberAnywhere, luhn, redactCardNumbers, schemeOf } from "./card-number.ts";

const visa = "4111111111111111";

describe("card numbers", () => {
	it("are known by their scheme's current prefix and length", () => {
		expect(
			Object.fromEntries(
				[
					"4111111111111111",
					"5555555555554444",
					"2223003122003222",
					"378282246310005",
					"6011111111111117",
					"30569309025904",
					"3530111333300000",
					"6200000000000005",
					"6759649826438453",
					"2200000000000004",
				].map(digits => [digits, schemeOf(digits)]),
			),
		).toEqual({
			"4111111111111111": "visa",
			"5555555555554444": "mastercard",
			"2223003122003222": "mastercard",
			"378282246310005": "amex",
			"6011111111111117": "discover",
			"30569309025904": "diners",
			"3530111333300000": "jcb",
			"6200000000000005": "unionpay",
			"6759649826438453": "maestro",
			"2200000000000004": "mir",
		});
	});

	it("of a length that a scheme no longer issues are none", () => {
		expect(schemeOf("4222222222222")).toBeUndefined();
		expect(schemeOf("41111111111111")).toBeUndefined();
		expect(schemeOf("3411111111111111")).toBeUndefined();
		expect(schemeOf("")).toBeUndefined();
	});

	it("end in the check digit of Luhn", () => {
		expect(luhn(visa)).toBe(true);
		expect(luhn("4111111111111112")).toBe(false);
		expect(luhn("4111 1111")).toBe(false);
		expect(luhn("")).toBe(false);
	});
});

describe("finding a card number in text", () => {
	it.each([
		["alone", visa],
		["in groups of four", "4111 1111 1111 1111"],
		["with dashes", "4111-1111-1111-1111"],
		["with no-break spaces and en dashes", "4111\u00a01111\u20131111\u20111111"],
		["digit by digit", [...visa].join(" ")],
		["with several separators in a row", "4111 -  1111  1111 - 1111"],
		["in prose", `Please charge ${visa}, thank you.`],
		["after another number", "12 pieces, or 7 4111 1111 1111 1111 12/27 123"],
		["between marks", `("${visa}")`],
		["after an underscore, which is no letter", `card_${visa}_x`],
		["with a month behind it", "4111 1111 1111 1111 12"],
		["of fifteen digits", "3782 822463 10005"],
		["of nineteen digits", "6200 0000 0000 0000 000"],
	])("sees one %s", (_manner, text) => {
		expect(holdsCardNumber(text)).toBe(true);
	});

	it.each([
		["nothing", ""],
		["a failed check digit", "4111111111111112"],
		["a letter before it", `a${visa}`],
		["a letter behind it", `${visa}a`],
		["an accented letter before it", `é${visa}`],
		["more digits before it", `99990000${visa}`],
		["a letter in its midst", "41111111x11111111"],
		["a new line in its midst", "4111 1111\n1111 1111"],
		["dots in its midst", "4111.1111.1111.1111"],
		["thirteen digits, as visa once had", "4222222222222"],
		["a prefix of no scheme", "1111111111111117"],
		["an id that carries its time", "ord_01J9ZK4Q8V7M3N5P6R2S4T6W8X"],
		["an id of digits", "prd_01234567890123456789012345"],
		["a time in milliseconds", "1732190400008"],
		["a time as text", "2024-11-21T11:47:00.000Z"],
		["a time without marks", "20241121114700"],
		["a barcode of thirteen digits", "4006381333931"],
	])("lets %s pass", (_what, text) => {
		expect(holdsCardNumber(text)).toBe(false);
	});

	it("never takes a counted time for one, whatever its unit", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1_000_000_000, max: 1_999_999_999 }), fc.nat(999_999_999), (seconds, nanoseconds) => {
				const digits = `${seconds}${String(nanoseconds).padStart(9, "0")}`;
				for (const length of [13, 16, 19]) expect(holdsCardNumber(digits.slice(0, length))).toBe(false);
			}),
		);
	});

	it("sees one wherever it stands and however it is separated", () => {
		const separator = fc.constantFrom("", " ", "-", " - ", "\u2009");
		fc.assert(
			fc.property(fc.array(separator, { minLength: 15, maxLength: 15 }), fc.string(), fc.string(), (separators, before, behind) => {
				const written = [...visa].map((digit, at) => digit + (separators[at] ?? "")).join("");
				expect(holdsCardNumber(`${before}.${written}.${behind}`)).toBe(true);
			}),
		);
	});
});

describe("finding a card number in a JSON value", () => {
	it("looks into strings, numbers and keys at any depth", () => {
		expect(holdsCardNumberAnywhere(visa)).toBe(true);
		expect(holdsCardNumberAnywhere(4111111111111111)).toBe(true);
		expect(holdsCardNumberAnywhere({ note: ["a", { b: `pay ${visa}` }] })).toBe(true);
		expect(holdsCardNumberAnywhere({ note: [1, { b: 378282246310005 }] })).toBe(true);
		expect(holdsCardNumberAnywhere({ [visa]: 1 })).toBe(true);
		expect(holdsCardNumberAnywhere({ note: "hello", n: 5, ok: true, none: null, list: [] })).toBe(false);
		expect(holdsCardNumberAnywhere(undefined)).toBe(false);
	});

	it("goes by prefix and length where a number was too large to keep its check digit", () => {
		expect(holdsCardNumberAnywhere(JSON.parse('{"n":6200000000000000003}'))).toBe(true);
		expect(holdsCardNumberAnywhere(JSON.parse('{"n":1732190400000000000}'))).toBe(false);
	});

	it("takes neither a fraction's digits nor an amount for a card number", () => {
		expect(holdsCardNumberAnywhere([0.4111111111111111, 4.333333333333333, 9_007_199_254_740_991, 1e300, -1])).toBe(false);
		expect(holdsCardNumberAnywhere([-4111111111111111])).toBe(true);
	});

	it("lets pass what is declared exempt, and asks only about what it found", () => {
		const asked: string[][] = [];
		const isExempt = (path: string[]) => {
			asked.push(path);
			return path.at(-1) === "barcode";
		};
		const body = { name: "watch", variants: [{ barcode: visa }, { barcode: 1 }] };
		expect(holdsCardNumberAnywhere(body, isExempt)).toBe(false);
		expect(asked).toEqual([["variants", "0", "barcode"]]);
		expect(holdsCardNumberAnywhere({ ...body, note: visa }, isExempt)).toBe(true);
	});

	it("survives a value that is nested a hundred thousand deep", () => {
		let deep: unknown = visa;
		for (let level = 0; level < 100_000; level++) deep = [deep];
		expect(holdsCardNumberAnywhere(deep)).toBe(true);
	});
});

describe("redacting card numbers from logs", () => {
	it("replaces each one and keeps the rest", () => {
		expect(redactCardNumbers(`a ${visa}, then 3782 822463 10005 for order 12.`)).toBe("a [card number], then [card number] for order 12.");
		expect(redactCardNumbers("nothing here, 2024-11-21")).toBe("nothing here, 2024-11-21");
	});

	it("hides two numbers that share digits to the end of the second", () => {
		// A diners number of fourteen digits, 3607 4111 1111 11, would end within the visa number that begins in it.
		expect(redactCardNumbers("x 3607 4111 1111 11 11 1111 y")).toBe("x [card number] y");
	});

	it("leaves no text that holds one", () => {
		const piece = fc.constantFrom("4111", "1111", "36", "378282246310005", " ", "-", "a", ".", visa);
		fc.assert(
			fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
				expect(holdsCardNumber(redactCardNumbers(pieces.join("")))).toBe(false);
			}),
		);
	});
});
