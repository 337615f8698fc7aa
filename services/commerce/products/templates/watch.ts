import { across, down, glow, label, marks, metalGradients, onCircle, round, rounded, shadow, svg, wordmark } from "./drawing.ts";
import { darker, isLight, lighter, mix, type Palette, type Subject } from "./palette.ts";

type Kind = "dress" | "diver" | "field" | "pilot" | "chronograph";

export const watchKind = (text: string): Kind =>
	/div(e|ing|er)/.test(text)
		? "diver"
		: /field|outdoor/.test(text)
			? "field"
			: /pilot|aviat|flieger/.test(text)
				? "pilot"
				: /chrono|racing/.test(text)
					? "chronograph"
					: "dress";

type Band = "leather" | "steel" | "nato" | "rubber";
const bands: Record<Kind, Band[]> = {
	dress: ["leather", "leather", "leather", "steel"],
	diver: ["steel", "rubber", "steel", "nato"],
	field: ["nato", "leather", "nato"],
	pilot: ["leather", "leather", "nato"],
	chronograph: ["leather", "steel", "rubber"],
};

/** Half a band, above the case; the other half is its mirror image. */
function halfBand(band: Band, { metal, accent, choose }: Palette): string {
	if (band === "steel") {
		// Rows of links are dashed strokes, the middle row half a link lower, like bricks; thinner dashes give every link its gloss.
		return svg`<path d="M-79-130V-420H79V-130z" fill="${darker(metal.dark, 0.2)}"/>
			<g stroke-dasharray="34 4"><path d="M-54-138V-420M54-138V-420" stroke="url(#link)" stroke-width="44"/>
			<path d="M0-119V-420" stroke="${mix(metal.light, metal.middle, 0.4)}" stroke-width="56"/></g>
			<g stroke="${metal.middle}" stroke-opacity=".55" stroke-dasharray="11 27"><path d="M-54-138V-420M54-138V-420" stroke-width="44"/>
			<path d="M0-119V-420" stroke-width="56"/></g>`;
	}
	const shape = `<path d="M-78-130L-66-420H66L78-130z" fill="url(#band)"/>`;
	if (band === "nato") {
		const stripe = choose("stripe", 2) === 0 ? `<path d="M-20-130L-17-420H17L20-130z" fill="${accent}" opacity=".75"/>` : "";
		return `${shape}${stripe}<path d="M0-130V-420" stroke="#000" stroke-opacity=".1" stroke-width="150" stroke-dasharray="2 4"/>`;
	}
	if (band === "rubber")
		return `${shape}<path d="M-44-250L-40-420M0-250V-420M44-250L40-420" stroke="#000" stroke-opacity=".35" stroke-width="14"/>`;
	return svg`${shape}
		<path d="M-66-215L-56-420M66-215L56-420M-60-222H60" fill="none" stroke="#e9dcc3" stroke-opacity=".8" stroke-width="3"
			stroke-dasharray="11 6"/>`;
}

const bandColour = (band: Band, { leather, choose }: Palette) =>
	band === "leather" ? leather : band === "rubber" ? "#202226" : ["#3d4433", "#2a3550", "#4b4d50", "#8b7a58"][choose("nato", 4)]!;

/** Twelve or fewer words round a circle, the first of them at one o'clock. */
const numerals = (radius: number, size: number, colour: string, words: (string | number)[], weight = 600) => {
	const texts = words.map((word, at) => {
		const { x, y } = onCircle(radius, (at + 1) * 30);
		return `<text x="${x}" y="${round(y + size * 0.36)}">${word}</text>`;
	});
	return `<g fill="${colour}" font-size="${size}" font-weight="${weight}">${texts.join("")}</g>`;
};

/** A tachymeter: what takes nine seconds is done 400 times an hour. */
const unitsPerHour = [400, 240, 200, 170, 140, 120, 100, 90, 80, 75, 65, 60];
const roman = ["I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

const dressHours = (choose: Palette["choose"]) => (["roman", "batons", "needles"] as const)[choose("hours", 3)];

/** The hours of a dial, as each kind of watch writes them. */
function hours(kind: Kind, { ink, accent, choose }: Palette, lume: string): string {
	switch (kind) {
		case "diver":
			return svg`${marks(158, 60, { length: 10, width: 2 }, ink)}
				<g stroke="${ink}" stroke-width="2" fill="${lume}">
				${[1, 2, 4, 5, 7, 8, 10, 11]
					.map(hour => onCircle(134, hour * 30))
					.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="13"/>`)
					.join("")}
				<path d="M-18-150H18L0-114zM-9 148V114H9V148zM-148-9H-112V9H-148z"/></g>`;
		case "field":
			return svg`${marks(160, 60, { length: 12, width: 2 }, ink)}${marks(158, 12, { length: 16, width: 6 }, accent)}
				${numerals(124, 42, ink, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])}`;
		case "pilot":
			return svg`${marks(160, 60, { length: 14, width: 3 }, ink)}${marks(157, 12, { length: 24, width: 7 }, ink)}
				${numerals(116, 46, ink, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 700)}
				<path d="M-18-142H18L0-108zM-30-138a4 4 0 1 1-.1 0M30-138a4 4 0 1 1-.1 0" fill="${lume}"/>`;
		case "chronograph":
			return svg`${marks(160, 60, { length: 12, width: 2 }, ink)}${marks(148, 12, { length: 28, width: 7 }, ink)}`;
		case "dress":
			if (dressHours(choose) === "roman") return marks(164, 60, { length: 5, width: 1.5 }, ink) + numerals(136, 30, ink, roman, 400);
			if (dressHours(choose) === "batons") {
				return marks(140, 12, { length: 40, width: 5 }, "url(#metal)") + marks(166, 60, { length: 4, width: 1.5 }, ink);
			}
			return svg`${marks(140, 12, { length: 34, width: 3 }, ink)}${marks(148, 4, { length: 26, width: 9 }, ink)}
				<circle r="168" fill="none" stroke="${ink}" stroke-opacity=".4"/>`;
	}
}

/** Small dials are one drawing, repeated; only their hands differ. */
function subDials(face: string, ink: string, dials: { x: number; y: number; degrees: number }[]): string {
	const again = dials.map(({ x, y }, at) => (at === 0 ? "" : `<use href="#small" x="${x - dials[0]!.x}" y="${y - dials[0]!.y}"/>`));
	const pointers = dials.map(({ x, y, degrees }) => `<path d="M-2 8L0-34L2 8z" transform="translate(${x} ${y}) rotate(${degrees})"/>`);
	return svg`<g id="small"><g transform="translate(${dials[0]!.x} ${dials[0]!.y})"><circle r="44" fill="${face}"/>
		<circle r="43" fill="none" stroke="#000" stroke-opacity=".25" stroke-width="2"/>${marks(37, 12, { length: 8, width: 1.5 }, ink)}
		<circle r="4" fill="${ink}"/></g></g>
		${again.join("")}<g fill="${ink}">${pointers.join("")}</g>`;
}

function complications(kind: Kind, { main, ink, choose }: Palette): string {
	// Half of the chronographs have small dials of the opposite shade: the panda, and the panda in reverse.
	const opposite = choose("panda", 2) === 0;
	const face = isLight(main) ? (opposite ? "#24262a" : darker(main, 0.1)) : opposite ? "#ece9e1" : darker(main, 0.3);
	const hand = isLight(face) ? "#24262a" : "#f3efe6";
	if (kind === "chronograph") {
		const dials = [
			{ x: -80, y: 4, degrees: 40 },
			{ x: 80, y: 4, degrees: 130 },
			{ x: 0, y: 78, degrees: 250 },
		];
		return subDials(face, hand, dials.slice(0, choose("dials", 3) === 0 ? 2 : 3));
	}
	// A small dial at six would sit on the numeral there.
	if (kind === "dress" && dressHours(choose) !== "roman" && choose("seconds", 2) === 0) {
		return subDials(isLight(main) ? darker(main, 0.05) : lighter(main, 0.06), ink, [{ x: 0, y: 84, degrees: 215 }]);
	}
	if (kind !== "dress" && kind !== "pilot" && choose("date", 2) === 0) {
		return svg`<path d="M96-17h40v34h-40z" fill="#fbfaf6" stroke="#000" stroke-opacity=".35" stroke-width="2"/>
			${label(116, 9, 25, "#222", String(2 + choose("day", 27)))}`;
	}
	return "";
}

/** Eight past ten, as in every shop window: the hands frame the name and cover nothing. */
function hands(kind: Kind, { ink, accent, main, metal }: Palette, lume: string): string {
	const broad = kind === "diver" || kind === "pilot" || kind === "field";
	const hour = broad ? "M-6 22L-6-30L-13-50L0-104L13-50L6-30L6 22z" : "M-5 24L-9-26L0-102L9-26L5 24z";
	const minute = broad ? "M-5 26L-5-40L-10-62L0-152L10-62L5-40L5 26z" : "M-4 28L-7-36L0-152L7-36L4 28z";
	const both = `<path d="${hour}" transform="rotate(304)"/><path d="${minute}" transform="rotate(50)"/>`;
	const body = isLight(main) && !broad ? (metal.middle === "#b7bdc4" ? "#2c3a57" : metal.dark) : broad ? lume : metal.light;
	const second = isLight(main) || accent !== "#c9a24a" ? accent : ink;
	const sweep =
		kind === "dress"
			? ""
			: svg`<g transform="rotate(${kind === "chronograph" ? 0 : 222})" fill="${second}"><path d="M-2 44V-160H2V44z"/>
				<circle cy="36" r="9"/></g>`;
	return svg`<g opacity=".28" transform="translate(4 7)">${both}</g>
		<g fill="${body}" stroke="${darker(isLight(body) ? metal.dark : body, 0.25)}" stroke-width="2" stroke-linejoin="round">${both}</g>
		${sweep}<circle r="9" fill="url(#metal)"/><circle r="3.5" fill="${darker(metal.dark, 0.4)}"/>`;
}

/** The turning ring of a diver and the scale of a chronograph; other watches have none, and more dial for it. */
function ringOf(kind: Kind, { main, metal, choose }: Palette): string {
	if (kind === "diver") {
		const insert = choose("insert", 3) === 0 || isLight(main) ? "#202226" : darker(main, 0.35);
		return svg`${marks(226, 90, { length: 14, width: 8 }, metal.dark)}<circle r="221" fill="url(#metal)"/><circle r="212" fill="${insert}"/>
			${marks(200, 60, { length: 10, width: 2.5 }, "#e9e6de")}${marks(196, 12, { length: 22, width: 5 }, "#e9e6de")}
			<path d="M-13-209H13L0-184z" fill="#f4f1e7"/><circle cy="-200" r="4.5" fill="#7fd6b4"/><circle r="180" fill="url(#back)"/>`;
	}
	if (kind === "chronograph" && choose("tachymeter", 3) > 0) {
		return svg`<circle r="216" fill="#1f2125"/><circle r="216" fill="none" stroke="url(#metal)" stroke-width="6"/>
			${marks(187, 60, { length: 6, width: 2 }, "#e9e6de")}${numerals(203, 16, "#e9e6de", unitsPerHour)}<circle r="180"
				fill="url(#back)"/>`;
	}
	return "";
}

/** Crown and, for a chronograph, its two pushers. */
function buttons(kind: Kind): string {
	const crown = `<path d="M${kind === "pilot" ? "216-28h44l6 8v40l-6 8h-44" : "218-20h30l5 6v28l-5 6h-30"}z" fill="url(#grip)"/>`;
	if (kind !== "chronograph") return crown;
	const push = (degrees: number) => `<path d="M206-14h34v-7h20v42h-20v-7h-34z" transform="rotate(${degrees})"/>`;
	return `${crown}<g fill="url(#grip)">${push(-32)}${push(32)}</g>`;
}

export function watch(subject: Subject, palette: Palette): { defs: string; body: string } {
	const kind = watchKind(`${subject.category} ${subject.name}`.toLowerCase());
	const { main, ink, metal, choose } = palette;
	const choices = bands[kind];
	const band = choices[choose("band", choices.length)]!;
	const lume = choose("lume", 3) === 0 ? "#e6d3a0" : "#eef3e4";
	const brand = wordmark(subject.brand);
	const numbered = kind === "field" || kind === "pilot";
	const lug = (side: 1 | -1) =>
		svg`M${150 * side}-120C${146 * side}-190 ${124 * side}-224 ${112 * side}-262
			Q${106 * side}-274 ${96 * side}-274Q${82 * side}-272 ${82 * side}-254V-120z`;
	const ring = ringOf(kind, palette);
	const half = `${halfBand(band, palette)}<path d="${lug(-1)}${lug(1)}" fill="url(#lug)" stroke="${metal.dark}" stroke-opacity=".5"/>`;
	return {
		defs: svg`${metalGradients(metal)}${glow("dial", lighter(main, 0.16), main, darker(main, 0.38))}
			${band === "steel" ? across("link", metal.middle, metal.light, metal.middle, metal.dark) : rounded("band", bandColour(band, palette))}
			${down("lug", metal.dark, metal.light, metal.middle)}<linearGradient id="grip" x2="0" y2="1">
			${[0, 0.25, 0.5, 0.75, 1].map((at, n) => `<stop offset="${at}" stop-color="${n % 2 ? metal.light : metal.dark}"/>`).join("")}
			</linearGradient>`,
		body: svg`${shadow(420, 430, 330, 330)}<g transform="translate(400 400)">
			<g id="half">${half}</g><use href="#half" transform="scale(1 -1)"/>
			${buttons(kind)}<circle r="228" fill="url(#metal)" stroke="${metal.dark}" stroke-opacity=".6" stroke-width="2"/>
			${ring || `<circle r="214" fill="url(#back)"/>`}<g transform="scale(${ring ? 1 : 1.18})">
			<circle r="176" fill="url(#dial)"/><circle r="175" fill="none" stroke="#000" stroke-opacity=".4" stroke-width="4"/>
			${hours(kind, palette, lume)}
			${label(0, numbered ? -62 : -80, Math.min(numbered ? 14 : 17, 140 / brand.length), ink, brand, ` letter-spacing="1"`)}
			${complications(kind, palette)}${hands(kind, palette, lume)}
			<path d="M-150-92A176 176 0 0 1 74-160Q-60-110-128 30Q-172-20-150-92z" fill="#fff" opacity=".1"/></g></g>`,
	};
}
