/** What every product picture is drawn with: shapes as SVG text. Only numbers and escaped words go into it. */
import { darker, lighter, type Metal } from "./palette.ts";

/** XML knows no way to write a control character or half a surrogate pair; the five marks of its own are spelled out. */
export const escapeXml = (text: string) =>
	text
		.toWellFormed()
		// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the very characters to be left out
		.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
		.replace(/[&<>"']/g, mark => `&#${mark.charCodeAt(0)};`);

/** Many lines in the source, one in the picture. */
export const svg = (parts: TemplateStringsArray, ...values: (string | number)[]) =>
	String.raw({ raw: parts }, ...values)
		.replace(/\n\s*(?=<)|(?<=>)\n\s*/g, "")
		.replace(/\n\s*/g, " ");

export const round = (value: number) => Math.round(value * 10) / 10;

/** A turn in degrees from twelve o'clock, as a point. */
export const onCircle = (radius: number, degrees: number) => {
	const angle = ((degrees - 90) * Math.PI) / 180;
	return { x: round(radius * Math.cos(angle)), y: round(radius * Math.sin(angle)) };
};

const stops = (colours: string[]) =>
	colours.map((colour, at) => `<stop offset="${round(at / (colours.length - 1))}" stop-color="${colour}"/>`).join("");

export const across = (id: string, ...colours: string[]) => `<linearGradient id="${id}">${stops(colours)}</linearGradient>`;
export const down = (id: string, ...colours: string[]) => `<linearGradient id="${id}" x2="0" y2="1">${stops(colours)}</linearGradient>`;
export const slanted = (id: string, ...colours: string[]) => `<linearGradient id="${id}" x2="1" y2="1">${stops(colours)}</linearGradient>`;
export const glow = (id: string, ...colours: string[]) => `<radialGradient id="${id}" cy=".4" r=".7">${stops(colours)}</radialGradient>`;

export const metalGradients = ({ light, middle, dark }: Metal) =>
	slanted("metal", light, middle, dark, middle, light) + slanted("back", dark, middle, light, middle);

/** Cloth, leather and rubber are round at the edges: light in the middle, dark at both sides. */
export const rounded = (id: string, colour: string) =>
	across(id, darker(colour, 0.35), colour, lighter(colour, 0.13), colour, darker(colour, 0.4));

/** Marks round a circle as one dashed stroke: a sixty-mark ring costs one element. */
export function marks(radius: number, count: number, size: { length: number; width: number }, colour: string): string {
	const step = (2 * Math.PI * radius) / count;
	const gap = (step - size.width).toFixed(3);
	return svg`<circle r="${radius}" fill="none" stroke="${colour}" stroke-width="${size.length}"
		 stroke-dasharray="${size.width} ${gap}" stroke-dashoffset="${size.width / 2}" transform="rotate(-90)"/>`;
}

/** The soft shadow of something that lies on the table. */
export const shadow = (x: number, y: number, rx: number, ry: number) =>
	`<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="url(#shade)"/>`;

export const label = (x: number, y: number, size: number, colour: string, words: string, more = "") =>
	`<text x="${x}" y="${y}" font-size="${size}" fill="${colour}"${more}>${escapeXml(words)}</text>`;

/** A brand as it is printed on things: `tarn-and-fell` is TARN & FELL. */
export const wordmark = (brand: string) => [...brand.replace(/-and-/g, " & ").replaceAll("-", " ").toUpperCase()].slice(0, 18).join("");
