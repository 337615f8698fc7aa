import { describe, expect, it } from "@jest/globals";
import { escapeHtml, htmlOf } from "../channels/html.ts";
import { NotificationType } from "../notifications.contract.ts";
import { isLocale, spokenLocale, wordingOf } from "./languages.ts";
import type { Abouts } from "./templates.ts";

const amount = { amount: 123456, currency: "EUR" };
const at = "2026-01-05T09:30:00.000Z";
const order = { orderNumber: "1001", amount };
const abouts: Abouts = {
	"order.confirmed": order,
	"order.onHold": order,
	"order.cancelled": order,
	"payment.refunded": order,
	"account.newLogin": { at },
	"account.passwordChanged": { at },
	"account.flagged": {},
	"cart.abandoned": {},
	"operator.userFlagged": { userId: "usr_1" },
	"operator.deadLetter": { letterId: "orders:evt_1", group: "orders", what: "payments.captured" },
};
const types = NotificationType.enum;
// What a language puts between an amount and its sign must not break a line.
const spaced = (text: string) => text.replaceAll("\u00a0", " ");

describe("the words of a notification", () => {
	it.each(["en", "de"])("stand in %s for every type, with nothing left out", locale => {
		for (const type of types) {
			const { title, body } = wordingOf(locale, type, abouts[type] as never);
			expect(title.length).toBeGreaterThan(10);
			expect(`${title} ${body}`).not.toMatch(/undefined|null|\[object|NaN|[{}]/);
		}
	});

	it("are not the same in two languages", () => {
		for (const type of types)
			expect(wordingOf("de", type, abouts[type] as never).title).not.toBe(wordingOf("en", type, abouts[type] as never).title);
	});

	it("name order, amount and moment as their reader writes them", () => {
		expect(wordingOf("en", "order.confirmed", order).body).toContain("order 1001 over €1,234.56");
		expect(spaced(wordingOf("de", "order.confirmed", order).body)).toContain("Bestellung 1001 über 1.234,56 €");
		expect(spaced(wordingOf("de-AT", "order.confirmed", order).body)).toContain("€ 1.234,56");
		expect(wordingOf("de", "account.newLogin", { at }).body).toContain("Am 05.01.2026, 09:30 UTC");
		expect(wordingOf("en", "payment.refunded", { orderNumber: "1", amount: { amount: 500, currency: "JPY" } }).body).toContain("¥500");
	});

	it("keep what is put into them on its line and in its direction", () => {
		const { title } = wordingOf("en", "operator.userFlagged", { userId: "usr_1\r\nBcc: all@example.org\u202e\u0000" });
		expect(title).toBe("User usr_1 Bcc: all@example.org  was flagged");
		expect(wordingOf("en", "operator.userFlagged", { userId: "x".repeat(5000) }).title.length).toBeLessThan(300);
	});
});

describe("the language of a notification", () => {
	it.each([
		["de", "de"],
		["DE-at", "de-AT"],
		["de-Latn-CH-1996", "de-CH"],
		["de-u-nu-thai", "de"],
		["en-GB", "en-GB"],
		["fr", "en"],
		["fr-CH", "en"],
		["constructor", "en"],
		["not a tag", "en"],
		["", "en"],
	])("of a reader of %s is %s", (asked, spoken) => {
		expect(spokenLocale(asked).locale).toBe(spoken);
	});

	it("is one that has a tag", () => {
		expect(["de", "de-AT", "fr", "zh-Hant-TW"].filter(tag => !isLocale(tag))).toEqual([]);
		expect(["", "d", "de_AT", "de-1996-1996", "de-x"].filter(isLocale)).toEqual([]);
	});
});

describe("a notification as a page", () => {
	it("is text throughout, whatever the words hold", () => {
		const page = htmlOf({ locale: "en", title: `<img src=x onerror="a()">`, body: "Tom & Jerry's <script>" });
		expect(page).not.toMatch(/<img|<script/);
		expect(page).toContain("<p>Tom &amp; Jerry&#39;s &lt;script&gt;</p>");
		expect(page).toContain('<html lang="en">');
		expect(escapeHtml(`a"b`)).toBe("a&quot;b");
	});
});
