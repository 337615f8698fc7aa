// Which language somebody is written to in, and what is put into its sentences.
import { formatMoney } from "../../../../lib/money.ts";
import type { NotificationType } from "../notifications.contract.ts";
import { english } from "./english.ts";
import { german } from "./german.ts";
import type { Abouts, Language, Say, Wording } from "./templates.ts";

const languages: Readonly<Record<string, Language>> = { en: english, de: german };
const fallback = "en";

/** A well-formed language tag, whether or not we speak the language. */
export function isLocale(tag: string): boolean {
	try {
		return new Intl.Locale(tag).language !== "";
	} catch {
		return false;
	}
}

/**
 * `de-AT` is German with Austrian amounts and times; a language that we do not speak is English throughout. Language and region alone: whatever else
 * a tag may hold is the reader's invention, and formatters are kept per tag.
 */
export function spokenLocale(tag: string): { locale: string; language: Language } {
	const { language, region } = isLocale(tag) ? new Intl.Locale(tag) : { language: fallback, region: undefined };
	if (!Object.hasOwn(languages, language)) return { locale: fallback, language: languages[fallback]! };
	return { locale: region ? `${language}-${region}` : language, language: languages[language]! };
}

const sayIn = (locale: string): Say => ({
	money: amount => formatMoney(amount, locale),
	time: at => {
		const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
		return `${moment.format(Date.parse(at))} UTC`;
	},
});

// What is put into a sentence stays within it: no line of its own in a mail, no mark that turns the direction of the rest, no page of text.
const plain = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 200);
const plainly = <About extends object>(about: About): About =>
	Object.fromEntries(Object.entries(about).map(([name, value]) => [name, typeof value === "string" ? plain(value) : value])) as About;

/** A message in the reader's language, or the nearest that we speak. `locale` is the one that it was written in. */
export function wordingOf<Type extends NotificationType>(tag: string, type: Type, about: Abouts[Type]): Wording & { locale: string } {
	const { locale, language } = spokenLocale(tag);
	return { ...language(sayIn(locale))[type](plainly(about)), locale };
}
