import { describe, expect, it } from "@jest/globals";
import type { Preferences } from "./notifications.contract.ts";
import { channelsFor, defaultPreferences, erasedPreferences, preferencesDocument, shownPreferences } from "./preferences.domain.ts";

const preferring = (channels: Preferences["channels"]): Preferences => ({ locale: "en", channels });

describe("over which channels somebody is told", () => {
	it("is in the app and by email until they say otherwise", () => {
		expect(channelsFor("order.confirmed", defaultPreferences)).toEqual(["inApp", "email"]);
		expect(channelsFor("order.confirmed", preferring({ "cart.abandoned": [] }))).toEqual(["inApp", "email"]);
	});

	it("is what they said of the type, else what they said of everything", () => {
		const preferences = preferring({ "*": ["push"], "order.confirmed": ["sms", "email"] });
		expect(channelsFor("order.confirmed", preferences)).toEqual(["sms", "email"]);
		expect(channelsFor("payment.refunded", preferences)).toEqual(["push"]);
	});

	it("is nowhere for a type that they stopped", () => {
		expect(channelsFor("cart.abandoned", preferring({ "cart.abandoned": [] }))).toEqual([]);
		expect(channelsFor("order.cancelled", preferring({ "*": [] }))).toEqual([]);
	});

	it.each(["account.newLogin", "account.passwordChanged", "account.flagged"] as const)("is in the app at least for %s", type => {
		expect(channelsFor(type, preferring({ [type]: [] }))).toEqual(["inApp"]);
		expect(channelsFor(type, preferring({ "*": [] }))).toEqual(["inApp"]);
		expect(channelsFor(type, preferring({ [type]: ["email"] }))).toEqual(["inApp", "email"]);
		expect(channelsFor(type, preferring({ [type]: ["sms", "inApp"] }))).toEqual(["sms", "inApp"]);
	});
});

describe("preferences as a document", () => {
	it("read as they were said", () => {
		const said: Preferences = {
			locale: "de-AT",
			channels: { "*": ["email"], "operator.deadLetter": ["push", "inApp"], "cart.abandoned": [] },
		};
		const document = preferencesDocument("usr_1", said);
		expect(shownPreferences(document)).toEqual(said);
		expect(Object.keys(JSON.parse(JSON.stringify(document))).filter(name => name.includes("."))).toEqual([]);
	});

	it("of an erased person hold nothing that the person said", () => {
		expect(erasedPreferences("usr_1")).toEqual({ _id: "usr_1", locale: "en", channels: [], erased: true });
	});
});
