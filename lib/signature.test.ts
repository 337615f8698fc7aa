import { describe, expect, it } from "@jest/globals";
import { isSigned, sign } from "./signature.ts";

const now = Date.UTC(2026, 0, 5);
const body = '{"id":"evt_1"}';

describe("the signature of a provider's message", () => {
	it("is good for five minutes, before and after", () => {
		const signature = sign("secret", body, now);
		expect([-300_000, 0, 300_000].map(late => isSigned("secret", body, signature, now + late))).toEqual([true, true, true]);
		expect([-301_000, 301_000].map(late => isSigned("secret", body, signature, now + late))).toEqual([false, false]);
	});

	it("covers time and body with our secret", () => {
		const signature = sign("secret", body, now);
		expect(isSigned("other", body, signature, now)).toBe(false);
		expect(isSigned("secret", `${body} `, signature, now)).toBe(false);
		expect(isSigned("secret", body, signature.replace(/t=\d+/, `t=${now / 1000 + 1}`), now)).toBe(false);
	});

	it("may stand beside one of another secret while the secret is changed", () => {
		const [stamp, v1] = sign("secret", body, now).split(",");
		expect(isSigned("secret", body, `${stamp}, v1=00, ${v1}`, now)).toBe(true);
	});

	it("must be there", () => {
		for (const signature of [undefined, "", "v1=00", "t=1", "t=x,v1=00"]) expect(isSigned("secret", body, signature, now)).toBe(false);
	});
});
