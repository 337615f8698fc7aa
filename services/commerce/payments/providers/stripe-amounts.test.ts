import { describe, expect, it } from "@jest/globals";
import { stripeAmount } from "./stripe-amounts.ts";

const counted = (amount: number, currency: string) => stripeAmount({ amount, currency });

describe("an amount as Stripe counts it", () => {
	it("is ours for two digits and for none", () => {
		expect(counted(1_999, "EUR")).toBe(1_999);
		expect(counted(500, "JPY")).toBe(500);
	});

	it("of three digits must end in 0, because no card network knows the third", () => {
		expect(counted(1_230, "KWD")).toBe(1_230);
		expect(counted(1_234, "KWD")).toBeUndefined();
		expect(counted(5, "BHD")).toBeUndefined();
	});

	it("follows Stripe where it leaves ISO 4217", () => {
		expect(counted(40, "ISK")).toBe(4_000);
		expect(counted(7, "UGX")).toBe(700);
		expect(counted(1_200, "MGA")).toBe(12);
		expect(counted(1_220, "MGA")).toBeUndefined();
	});
});
