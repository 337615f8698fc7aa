import { across, down, glow, label, marks, metalGradients, rounded, shadow, svg, wordmark } from "./drawing.ts";
import { darker, isLight, lighter, type Palette, type Subject } from "./palette.ts";

type Drawing = { defs: string; body: string };

/** A watch seen from afar, for what holds watches. */
const smallWatch = (
	x: number,
	y: number,
	size: number,
	dial: string,
	strap: string,
) => svg`<g transform="translate(${x} ${y}) scale(${size})">
	<path d="M-22-76H22L26 0L22 76H-22L-26 0z" fill="${strap}"/><circle r="44" fill="url(#metal)"/><circle r="36" fill="${dial}"/>
	${marks(29, 12, { length: 7, width: 2.4 }, isLight(dial) ? "#333" : "#eee")}
	<path d="M0 2L-19-12M0 2L17-21" stroke="${isLight(dial) ? "#222" : "#fff"}" stroke-width="3.6" stroke-linecap="round"/></g>`;

const dials = ["#1d2f52", "#efe6cf", "#1c1d20", "#26513f", "#cdd1d5", "#5f1f2a"];
const straps = ["#6b3f23", "#1f2023", "#8a5430", "#3c4249"];

/** Lines of the wood, one long dash after another. */
const grain = (x: number, y: number, width: number, height: number) =>
	[0.2, 0.42, 0.58, 0.83]
		.map(
			(at, n) =>
				`<path d="M${x} ${y + height * at}q${width / 4} ${n % 2 ? 9 : -9} ${width / 2} 0t${width / 2} 0" fill="none" stroke="#000"
					stroke-opacity=".13" stroke-width="2.5"/>`,
		)
		.join("");

const glare = `<path d="M126 144H330L250 360H126zM420 144h90l-80 216h-90z" fill="#fff" opacity=".45"/>`;

export function watchBox({ brand, name }: Subject, palette: Palette): Drawing {
	const { main, choose, accent } = palette;
	const lining = isLight(main) ? "#4a3b33" : ["#d9cdb8", "#8b2f36", "#39414d", "#c9c5be"][choose("lining", 4)]!;
	const glass = /glass/i.test(name) || choose("lid", 2) === 0;
	const places = [132, 311, 489, 668]
		.map(
			(x, at) => svg`<rect x="${x - 66}" y="372" width="132" height="118" rx="26" fill="${lighter(lining, 0.12)}" stroke="#000"
				stroke-opacity=".2" stroke-width="3"/>
		${choose(`place${at}`, 5) === 0 ? "" : smallWatch(x, 432, 0.86, dials[choose(`dial${at}`, 6)]!, straps[choose(`strap${at}`, 4)]!)}`,
		)
		.join("");
	return {
		defs: svg`${metalGradients(palette.metal)}${down("wood", lighter(main, 0.16), main, darker(main, 0.25))}
			${down("inside", darker(lining, 0.35), lining)}`,
		body: svg`${shadow(410, 650, 400, 90)}
			<path d="M92 124q0-14 14-14H694q14 0 14 14V360H92z" fill="url(#wood)"/>
			<path d="M126 144H674V360H126z" fill="${glass ? "#c8d4d8" : "url(#inside)"}"/>
			${glass ? glare : label(400, 262, 30, lighter(lining, isLight(lining) ? 0.6 : 0.35), wordmark(brand), ` letter-spacing="6"`)}
			<path d="M92 356H708L752 508H48z" fill="${darker(main, 0.3)}"/><path d="M112 364H688L724 498H76z" fill="url(#inside)"/>
			<g transform="translate(400 432) scale(.9 1) translate(-400 -432)">${places}</g>
			<path d="M44 500H756V636q0 14-14 14H58q-14 0-14-14z" fill="url(#wood)"/>
			${isLight(main) || choose("grain", 4) > 0 ? grain(44, 500, 712, 150) : ""}
			<path d="M44 503H756" stroke="#fff" stroke-opacity=".35" stroke-width="5"/>
			<rect x="370" y="496" width="60" height="52" rx="8" fill="url(#metal)"/>
			<circle cx="400" cy="522" r="8" fill="${darker(accent, 0.7)}"/>`,
	};
}

export function watchWinder({ name, brand }: Subject, palette: Palette): Drawing {
	const { main, choose } = palette;
	const double = /double|duo|grand/i.test(name);
	const drum = (
		x: number,
		turn: number,
	) => svg`<g transform="translate(${x} 372) scale(${double ? 0.92 : 1})"><circle r="176" fill="url(#metal)"/>
		<circle r="164" fill="url(#drum)"/>
		<g transform="rotate(${turn})"><rect x="-76" y="-128" width="152" height="256" rx="58" fill="url(#cushion)"/>
		${smallWatch(0, 0, 1.5, dials[choose(`dial${x}`, 6)]!, straps[choose(`strap${x}`, 4)]!)}</g>
		<path d="M-126-60A140 140 0 0 1 20-138Q-80-90-110 40Q-150 0-126-60z" fill="#fff" opacity=".16"/></g>`;
	const [left, width] = double ? [40, 720] : [170, 460];
	return {
		defs: svg`${metalGradients(palette.metal)}${down("wood", lighter(main, 0.18), main, darker(main, 0.3))}
			${glow("drum", "#4a4d52", "#26282c", "#101114")}${rounded("cushion", "#8c8174")}`,
		body: svg`${shadow(410, 690, double ? 420 : 330, 70)}
			<path d="M${left + 40} 660h50v26h-50zM${left + width - 90} 660h50v26h-50z" fill="#17181b"/>
			<rect x="${left}" y="130" width="${width}" height="534" rx="34" fill="url(#wood)"/>
			${grain(left, 130, width, 80)}${grain(left, 560, width, 100)}
			<rect x="${left + 5}" y="135" width="${width - 10}" height="524" rx="30" fill="none" stroke="#fff" stroke-opacity=".22"
				stroke-width="4"/>
			${double ? drum(218, -18) + drum(582, 28) : drum(400, choose("turn", 60) - 30)}
			<circle cx="400" cy="606" r="22" fill="url(#metal)"/><path d="M400 588v14" stroke="#333" stroke-width="4"/>
			<circle cx="452" cy="606" r="6" fill="#6fd08c"/>
			${label(left + width - 96, 614, 17, isLight(main) ? "#333" : "#e8dfcf", wordmark(brand), ` letter-spacing="2"`)}`,
	};
}

export function watchRoll({ brand }: Subject, palette: Palette): Drawing {
	const { main, choose } = palette;
	const thread = isLight(main) ? darker(main, 0.4) : "#e8dcc4";
	const name = wordmark(brand);
	const strap = (x: number) => svg`<path d="M${x} 262h54v300h-54z" fill="${darker(main, 0.32)}"/>
		<path d="M${x + 8} 262v300M${x + 46} 262v300" stroke="${thread}" stroke-opacity=".7" stroke-width="2.5" stroke-dasharray="9 6"/>
		<rect x="${x - 9}" y="436" width="72" height="58" rx="9" fill="none" stroke="url(#metal)" stroke-width="10"/>
		<path d="M${x + 24} 440h7v50h-7z" fill="url(#back)"/>`;
	return {
		defs: svg`${metalGradients(palette.metal)}${down("hide", darker(main, 0.25), lighter(main, 0.2), main, darker(main, 0.5))}`,
		body: svg`${shadow(410, 590, 380, 90)}
			<path d="M130 260H620V564H130Q70 564 70 412T130 260z" fill="url(#hide)"/>
			<path d="M150 282H612M150 542H612" stroke="${thread}" stroke-opacity=".8" stroke-width="3.5" stroke-dasharray="13 7"/>
			<ellipse cx="632" cy="412" rx="96" ry="152" fill="${darker(main, 0.35)}"/>
			<ellipse cx="634" cy="412" rx="82" ry="134" fill="${lighter(main, 0.18)}"/>
			<path d="M634 300q58 30 56 112t-54 96q-44-14-42-92t44-72q28 10 26 66t-26 48" fill="none" stroke="${darker(main, 0.4)}"
				stroke-width="9" stroke-linecap="round"/>
			${strap(196)}${strap(452)}
			${label(352, 408 + choose("mark", 20), Math.min(24, 210 / name.length), darker(main, 0.5), name, ` letter-spacing="3"`)}`,
	};
}

/** For what the shop has never heard of: a present, with the brand on its ribbon. */
export function present({ brand }: Subject, palette: Palette): Drawing {
	const { main, accent } = palette;
	return {
		defs: svg`${across("side", lighter(main, 0.16), main, darker(main, 0.2))}${across("top", lighter(main, 0.3), lighter(main, 0.1))}
			${across("ribbon", lighter(accent, 0.2), darker(accent, 0.2))}`,
		body: svg`${shadow(410, 660, 360, 80)}<path d="M170 340H630V640q0 14-14 14H184q-14 0-14-14z" fill="url(#side)"/>
			<rect x="150" y="270" width="500" height="90" rx="12" fill="url(#top)"/>
			<path d="M150 356h500v12H150z" fill="#000" fill-opacity=".18"/><path d="M364 270h72v384h-72z" fill="url(#ribbon)"/>
			<path d="M400 270Q290 130 250 190T400 270Q510 130 550 190T400 270" fill="none" stroke="url(#ribbon)" stroke-width="30"
				stroke-linejoin="round"/>
			<circle cx="400" cy="262" r="24" fill="${darker(accent, 0.15)}"/>
			${label(270, 600, 20, isLight(main) ? "#333" : "#eee", wordmark(brand).slice(0, 12), ` letter-spacing="2"`)}`,
	};
}
