import { describe, expect, it } from "@jest/globals";
import { fixedInstrument, instrumentOf } from "./sandbox-cards.ts";

const secret = Buffer.alloc(32, 7);
const now = Date.UTC(2026, 5, 30, 23, 59);
const card = (number: string, given: { expMonth?: number; expYear?: number } = {}) => ({
	number,
	expMonth: 12,
	expYear: 2030,
	cvc: "123",
	...given,
});
const flawsOf = (work: () => unknown) => {
	try {
		work();
	} catch (error) {
		return (error as { data: { errors: { pointer: string; code: string }[] } }).data.errors.map(
			({ pointer, code }) => `${pointer} ${code}`,
		);
	}
	return [];
};

describe("a card in the sandbox", () => {
	it("is known by brand, last digits and one fingerprint per number, however it was typed", () => {
		const typed = instrumentOf(card("4242 4242 4242 4242"), now, secret);
		expect(typed).toMatchObject({ behaviour: "pays", brand: "visa", last4: "4242" });
		expect(instrumentOf(card("4242424242424242", { expYear: 2031 }), now, secret).fingerprint).toBe(typed.fingerprint);
		expect(JSON.stringify(typed)).not.toContain("424242");
	});

	it("behaves as its first digits say", () => {
		const behaviours = ["4000000000000002", "4000010000000001", "4000020000000000", "4000030000000009", "5555555555554444"].map(
			number => instrumentOf(card(number), now, secret).behaviour,
		);
		expect(behaviours).toEqual(["declines", "lacksFunds", "authenticates", "unavailable", "pays"]);
	});

	it("is refused when its check digit is wrong or its last day is over, and every flaw is named at once", () => {
		expect(flawsOf(() => instrumentOf(card("4242424242424241", { expYear: 2025 }), now, secret))).toEqual([
			"/number luhn",
			"/expYear expired",
		]);
	});

	it("is good to the last minute of its month", () => {
		expect(flawsOf(() => instrumentOf(card("4242424242424242", { expMonth: 6, expYear: 2026 }), now, secret))).toEqual([]);
		expect(flawsOf(() => instrumentOf(card("4242424242424242", { expMonth: 6, expYear: 2026 }), now + 60_000, secret))).toEqual([
			"/expYear expired",
		]);
	});

	it("has fixed tokens, each an instrument of its own, and no token of that name from a prototype", () => {
		const fingerprints = ["tok_visa", "tok_mastercard", "tok_slow"].map(token => fixedInstrument(token, secret)!.fingerprint);
		expect(new Set(fingerprints).size).toBe(3);
		expect(fixedInstrument("constructor", secret)).toBeUndefined();
	});
});
