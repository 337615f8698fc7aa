/**
 * The words the made-up shop is written with: makers, and the makings of one product line per category. No line of it names a real company.
 * A choice is written `value = how a sentence says it = what it does to the price`; the last two may be left out.
 */
export interface Choice {
	value: string;
	prose: string;
	worth: number;
}

/** A sentence in its pieces: plain text at the even places, the names of what is filled in at the odd ones. */
export interface Sentence {
	pieces: string[];
	subjects: string[];
}

export interface Maker {
	slug: string;
	name: string;
	code: string;
	/** What the name on the dial does to the price. */
	worth: number;
}

/** What the lines of one family share: how such a thing is described and offered. */
export interface Family {
	axes: Record<string, Choice[]>;
	/** How many values of each axis a product offers; never more than six variants together. */
	offers: number[][];
	attributes: Record<string, Choice[]>;
	details: Sentence[];
	closers: Sentence[];
}

export interface Line extends Family {
	category: string;
	code: string;
	/** The kind of thing, at the end of the name; watches are known without one. */
	noun: string;
	/** "Pocket Loupe" rather than "Loupe Pocket". */
	editionFirst?: boolean;
	makers: string[];
	models: Choice[];
	/** An edition whose prose reads `attribute: value` decides that attribute, so that a Bronze is made of bronze. */
	editions: Choice[];
	price: { from: number; to: number };
	tags: string[];
	openers: Sentence[];
}

const rows = (text: string) => text.split("\n").flatMap(row => (row.trim() ? [row.trim()] : []));

const choice = (row: string): Choice => {
	const [value = "", prose = "", worth = "1"] = row.split("=").map(part => part.trim());
	// Inside a sentence a capital stays only where it is part of the word: "USB-C" keeps it, "Velvet" does not.
	const inSentence = /^[A-Z][a-z]/.test(value) ? value.charAt(0).toLowerCase() + value.slice(1) : value;
	return { value, prose: prose || inSentence, worth: Number(worth) };
};

/** One choice a row. */
export const choices = (text: TemplateStringsArray) => rows(text.join("")).map(choice);

/** Choices that need no more than their name, divided by commas. */
export const words = (text: TemplateStringsArray) =>
	rows(text.join(""))
		.flatMap(row => row.split(","))
		.flatMap(word => (word.trim() ? [choice(word)] : []));

/** One sentence a row; `{movement}` is filled in with the prose of that attribute, and `{Movement}` begins with a capital. */
export const sentences = (text: TemplateStringsArray): Sentence[] =>
	rows(text.join("")).map(row => {
		const pieces = row.split(/[{}]/);
		return { pieces, subjects: pieces.filter((_, at) => at % 2 === 1).map(name => name.toLowerCase()) };
	});

/** The plain edition, which has no word of its own, comes first. */
export const editions = (text: TemplateStringsArray) => [choice(""), ...choices(text)];

export const makers: Maker[] = [
	{ slug: "halden", name: "Halden", code: "HAL", worth: 1 },
	{ slug: "auremar", name: "Auremar", code: "AUR", worth: 1.5 },
	{ slug: "osterlind", name: "Osterlind", code: "OSL", worth: 0.8 },
	{ slug: "brackwater", name: "Brackwater", code: "BRK", worth: 1.1 },
	{ slug: "corvane", name: "Corvane", code: "CRV", worth: 1.8 },
	{ slug: "vessaly", name: "Vessaly", code: "VSL", worth: 1.25 },
	{ slug: "norrvik", name: "Norrvik", code: "NVK", worth: 0.7 },
	{ slug: "kestrow", name: "Kestrow", code: "KST", worth: 1.15 },
	{ slug: "telluno", name: "Telluno", code: "TLN", worth: 1 },
	{ slug: "tarn-and-fell", name: "Tarn & Fell", code: "TNF", worth: 1.2 },
	{ slug: "hollin-and-reed", name: "Hollin & Reed", code: "HNR", worth: 1.35 },
	{ slug: "pellorin", name: "Pellorin", code: "PLN", worth: 0.9 },
	{ slug: "millrace-supply", name: "Millrace Supply", code: "MRS", worth: 0.8 },
	{ slug: "solvenne", name: "Solvenne", code: "SVN", worth: 1.3 },
];

export const categories: { slug: string; name: string; parent?: string }[] = [
	{ slug: "watches", name: "Watches" },
	{ slug: "dress-watches", name: "Dress watches", parent: "watches" },
	{ slug: "dive-watches", name: "Dive watches", parent: "watches" },
	{ slug: "field-watches", name: "Field watches", parent: "watches" },
	{ slug: "pilot-watches", name: "Pilot watches", parent: "watches" },
	{ slug: "chronographs", name: "Chronographs", parent: "watches" },
	{ slug: "smartwatches", name: "Smartwatches", parent: "watches" },
	{ slug: "straps", name: "Straps" },
	{ slug: "leather-straps", name: "Leather straps", parent: "straps" },
	{ slug: "steel-bracelets", name: "Steel bracelets", parent: "straps" },
	{ slug: "nato-straps", name: "NATO straps", parent: "straps" },
	{ slug: "rubber-straps", name: "Rubber straps", parent: "straps" },
	{ slug: "accessories", name: "Accessories" },
	{ slug: "watch-winders", name: "Watch winders", parent: "accessories" },
	{ slug: "watch-boxes", name: "Watch boxes", parent: "accessories" },
	{ slug: "watch-rolls", name: "Watch rolls", parent: "accessories" },
	{ slug: "tools", name: "Tools", parent: "accessories" },
];
