/** Colour for the product pictures. Everything follows from the product's slug and colour, so that a picture never changes by itself. */

export interface Subject {
	slug: string;
	name: string;
	category: string;
	brand: string;
	colour?: string;
}

export interface Metal {
	light: string;
	middle: string;
	dark: string;
}

export interface Palette {
	/** The colour the product comes in: a dial, a strap, a lid. */
	main: string;
	/** What is printed or stitched on it. */
	ink: string;
	accent: string;
	leather: string;
	metal: Metal;
	paper: { light: string; dark: string };
	/** One of n, decided by the slug and by what is being decided. */
	choose(aspect: string, n: number): number;
}

/** FNV-1a with a final stir: one hash per aspect, so that two decisions about one product do not lean on each other. */
function hash(text: string): number {
	let value = 0x811c9dc5;
	for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
	value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
	return (value ^ (value >>> 13)) >>> 0;
}

/** The more particular word stands first: midnight blue is midnight before it is blue. */
const named: [RegExp, string][] = [
	[/navy and grey/, "#27364f"],
	[/red and blue/, "#a3303a"],
	[/midnight|abyss|night blue|deep blue|navy/, "#1d2f52"],
	[/sky|light blue|ice/, "#8fb7d3"],
	[/turquoise|teal|petrol/, "#1f9aa0"],
	[/mint/, "#9fd3bd"],
	[/olive/, "#5b5f3a"],
	[/sea green/, "#2b7268"],
	[/green/, "#26513f"],
	[/burgundy|oxblood|bordeaux|wine/, "#5f1f2a"],
	[/salmon|rose|pink/, "#dba88e"],
	[/coral/, "#e8745b"],
	[/orange/, "#df6a21"],
	[/cherry/, "#74331f"],
	[/red/, "#b3262e"],
	[/cognac|tan|honey/, "#a8622c"],
	[/walnut|brown/, "#5d3b26"],
	[/oak|natural/, "#b98d57"],
	[/champagne|gold|brass|yellow/, "#d3b26d"],
	[/two-tone/, "#c9b58a"],
	[/khaki|sand|beige/, "#b9a37b"],
	[/ivory|cream/, "#efe6cf"],
	[/white/, "#f1f0ec"],
	[/silver|steel/, "#cdd1d5"],
	[/anthracite|graphite|slate/, "#3c4249"],
	[/grey|gray/, "#7b8189"],
	[/black|ebony/, "#1c1d20"],
	[/blue/, "#25508a"],
];

const spare = ["#1d2f52", "#1c1d20", "#26513f", "#efe6cf", "#cdd1d5", "#5f1f2a", "#3c4249", "#25508a"];
const leathers = ["#6b3f23", "#2b221d", "#8a5430", "#4a2c1c", "#1f2023"];
const accents = ["#d8572a", "#c9a24a", "#c2353b", "#e0b13c", "#4a8fb5"];

const roseGold: Metal = { light: "#fbe6da", middle: "#d9a287", dark: "#8d5a45" };
const metals: [RegExp, Metal][] = [
	[/rose/, roseGold],
	[/gold|brass/, { light: "#fdf1cf", middle: "#d8b466", dark: "#8a6a2b" }],
	[/bronze|copper/, { light: "#efd3ab", middle: "#b1814b", dark: "#624022" }],
	[/titanium/, { light: "#dcdcd9", middle: "#96969a", dark: "#54555b" }],
	[/\b(black|night)\b/, { light: "#6d7077", middle: "#34363b", dark: "#121316" }],
];
const steel: Metal = { light: "#fafbfc", middle: "#b7bdc4", dark: "#6f767e" };

const channels = (hex: string) => [1, 3, 5].map(at => Number.parseInt(hex.slice(at, at + 2), 16));

/** Two colours in one pot: `share` is how much of the second goes in. */
export function mix(one: string, other: string, share: number): string {
	const second = channels(other);
	return `#${channels(one)
		.map((value, at) =>
			Math.round(value + (second[at]! - value) * share)
				.toString(16)
				.padStart(2, "0"),
		)
		.join("")}`;
}

export const lighter = (hex: string, share: number) => mix(hex, "#ffffff", share);
export const darker = (hex: string, share: number) => mix(hex, "#000000", share);

const brightness = (hex: string) => {
	const [red = 0, green = 0, blue = 0] = channels(hex);
	return (red * 299 + green * 587 + blue * 114) / 255_000;
};
export const isLight = (hex: string) => brightness(hex) > 0.6;

const grounds = ["#e9e4db", "#dfe4e6", "#e6e1e4", "#e0e5dc", "#e8e2d6", "#dde1e8", "#e9dfd8", "#e4e4e2"];

export function paletteOf({ slug, name, category, colour = "" }: Subject): Palette {
	const choose = (aspect: string, n: number) => hash(`${aspect}:${slug}`) % n;
	const spoken = colour.toLowerCase();
	const main = named.find(([words]) => words.test(spoken))?.[1] ?? spare[choose("main", spare.length)]!;
	const ground = grounds[choose("ground", grounds.length)]!;
	return {
		main,
		ink: isLight(main) ? "#26282c" : "#f3efe6",
		accent: accents[choose("accent", accents.length)]!,
		leather: leathers[choose("leather", leathers.length)]!,
		metal:
			metals.find(([words]) => words.test(name.toLowerCase()))?.[1] ??
			(/dress/.test(category) && choose("metal", 4) === 0 ? roseGold : steel),
		paper: { light: lighter(ground, 0.75), dark: darker(ground, 0.06) },
		choose,
	};
}
