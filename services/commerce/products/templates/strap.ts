import { across, metalGradients, rounded, svg } from "./drawing.ts";
import { darker, isLight, lighter, type Palette, type Subject } from "./palette.ts";

type Drawing = { defs: string; body: string };

const buckle = svg`<path d="M-74-14q0-16 16-16H58q16 0 16 16v46H54V-6q0-6-6-6H-48q-6 0-6 6v38H-74z" fill="url(#metal)"/>
	<path d="M-5-24h10l-1 66h-8z" fill="url(#back)"/>`;

const holes = (from: number, count: number) =>
	Array.from({ length: count }, (_, at) => `<ellipse cy="${from + at * 34}" rx="6" ry="8" fill="#000" fill-opacity=".6"/>`).join("");

/** What lies flat casts its own outline: three faint copies, each a little further off, make one soft edge. */
const cast = (outline: string) =>
	[7, 14, 22].map(off => `<path d="${outline}" fill="#000" opacity=".09" transform="translate(${off} ${off + 4})"/>`).join("");

/** The two halves lie side by side, as they come out of the envelope: the short one with the buckle, the long one with the holes. */
function pair(surface: (length: number) => string, keeper: string): string {
	const shortOutline = "M-52-12H52L60 388H-60z";
	const longOutline = "M-60 8q0-8 8-8H52q8 0 8 8L48 486Q44 540 0 552Q-44 540-48 486z";
	const short = svg`${cast(shortOutline)}<path d="M-52 20H52L60 380q0 8-8 8H-52q-8 0-8-8z" fill="url(#band)"/>${surface(380)}
		<path d="M-62 372h124v22h-124z" fill="${keeper}"/>
		<path d="M-58 96h116v26h-116zM-58 160h116v26h-116z" fill="${keeper}"/>${buckle}`;
	const long = svg`${cast(longOutline)}<path d="${longOutline}" fill="url(#band)"/>
		<g transform="translate(0 382) scale(1 -1)">${surface(380)}</g><path d="M-62-6h124v22h-124z" fill="${keeper}"/>${holes(270, 7)}`;
	return svg`<g transform="rotate(-9 400 400)"><g transform="translate(286 190)">${short}</g><g transform="translate(506 122)">${long}</g>
		</g>`;
}

export function leatherStrap(_subject: Subject, palette: Palette): Drawing {
	const { main, choose } = palette;
	const thread = choose("thread", 3) === 0 ? lighter(main, 0.25) : isLight(main) ? darker(main, 0.4) : "#eadfc8";
	const seam = `<path d="M-46 40L-50 362M46 40L50 362" stroke="${thread}" stroke-width="4" stroke-dasharray="14 8"/>`;
	const grain = `<path d="M0 20V380" stroke="#000" stroke-opacity=".05" stroke-width="92" stroke-dasharray="3 9"/>`;
	return {
		defs: metalGradients(palette.metal) + rounded("band", main),
		body: pair(() => grain + (choose("seam", 5) === 0 ? "" : seam), darker(main, 0.28)),
	};
}

export function rubberStrap(_subject: Subject, palette: Palette): Drawing {
	const { main, choose } = palette;
	const ribs = `<path d="M0 210V360" stroke="#000" stroke-opacity=".24" stroke-width="92" stroke-dasharray="9 9"/>`;
	const tropic = [-30, -10, 10, 30]
		.map(x => `<path d="M${x} 220V360" stroke="#000" stroke-opacity=".4" stroke-width="9" stroke-dasharray="9 11"/>`)
		.join("");
	const grooves = `<path d="M-26 206V360M0 206V360M26 206V360" stroke="#000" stroke-opacity=".28" stroke-width="8" stroke-linecap="round"/>`;
	return {
		defs: metalGradients(palette.metal) + rounded("band", main),
		body: pair(() => [ribs, tropic, grooves][choose("surface", 3)]!, darker(main, 0.3)),
	};
}

/** One long ribbon and a short one behind it, held together by steel loops. */
export function natoStrap({ colour = "" }: Subject, palette: Palette): Drawing {
	const { main, accent, choose } = palette;
	const second = /red and blue/i.test(colour) ? "#27427a" : /grey/i.test(colour) ? "#9aa0a6" : accent;
	const stripes = [
		"",
		`<path d="M-12 0H12V600H-12z" fill="${second}"/>`,
		`<path d="M-32 0H-14V600H-32zM14 0H32V600H14z" fill="${second}"/>`,
	][/ and /.test(colour) ? 1 + choose("stripe", 2) : choose("stripe", 3) === 0 ? 2 : 0]!;
	const weave = `<path d="M0 0V600" stroke="#000" stroke-opacity=".1" stroke-width="104" stroke-dasharray="2 4"/>`;
	const loop = (y: number) =>
		`<path d="M-68 ${y}H68v26H-68z" fill="url(#metal)"/><path d="M-68 ${y + 24}H68" stroke="#000" stroke-opacity=".3" stroke-width="3"/>`;
	return {
		defs: metalGradients(palette.metal) + rounded("band", main),
		body: svg`<g transform="rotate(-14 400 400)">
			<g transform="translate(520 250)">${cast("M-60-8H60V336H-60z")}<path d="M-52 0H52V330H-52z" fill="url(#band)"/>
			<path d="M0 0V330" stroke="#000" stroke-opacity=".12" stroke-width="104" stroke-dasharray="2 4"/>${loop(-10)}${loop(312)}</g>
			<g transform="translate(330 84)">${cast("M-58-10H58V590Q52 616 0 632Q-52 616-52 590z")}
			<path d="M-52 0H52V590Q52 616 0 632Q-52 616-52 590z" fill="url(#band)"/>${stripes}${weave}
			${holes(360, 7)}<g transform="translate(0 6) scale(.92)">${buckle}</g>${loop(110)}${loop(166)}</g></g>`,
	};
}

export function steelBracelet(subject: Subject, palette: Palette): Drawing {
	const { choose, main } = palette;
	const metal = isLight(main) ? palette.metal : { light: lighter(main, 0.4), middle: main, dark: darker(main, 0.5) };
	const gold = { light: "#fdf1cf", middle: "#d8b466", dark: "#8a6a2b" };
	const mesh = /mesh|milanese/i.test(subject.name);
	const rows = [
		"M-60 0h38v34h-38zM-18 19h36v34h-36zM22 0h38v34h-38z",
		"M-60 0h26v24h-26zM-30 0h16v24h-16zM-10 0h20v24h-20zM14 0h16v24h-16zM34 0h26v24h-26z",
	];
	const style = choose("rows", 2);
	const pitch = style === 0 ? 38 : 28;
	const links = (count: number) => Array.from({ length: count }, (_, at) => `<use href="#row" y="${at * pitch}"/>`).join("");
	// Two paths of many wires each: a gradient has no width to spread over on a single upright line.
	const wires = (from: number, length: number, offset: number) =>
		`<path d="${[0, 24, 48, 72, 96].map(at => `M${from + at} 0V${length}`).join("")}" stroke-dashoffset="${offset}"/>`;
	const woven = (length: number) => wires(-54, length, 0) + wires(-42, length, 6);
	const half = (x: number, y: number, length: number) => svg`<g transform="translate(${x} ${y})">${cast(`M-66-20H66V${length}H-66z`)}
		<path d="M-63-4H63V${length}H-63z" fill="${darker(metal.dark, 0.45)}"/>
		${
			mesh
				? `<g fill="none" stroke="url(#link)" stroke-width="10" stroke-dasharray="9 4">${woven(length)}</g>`
				: `<g fill="url(#link)">
		${links(Math.floor(length / pitch))}</g>`
		}
		<path d="M-70-34Q0-8 70-34V6H-70z" fill="url(#metal)"/></g>`;
	const twoTone = /two-tone|gold/i.test(subject.colour ?? "");
	return {
		defs: svg`<path id="row" d="${rows[style]!}"/>${metalGradients(twoTone && /^gold/i.test(subject.colour ?? "") ? gold : metal)}
			${across("link", metal.dark, metal.light, twoTone ? gold.middle : metal.middle, metal.light, metal.dark)}`,
		body: svg`<g transform="rotate(-9 400 400)">${half(286, 150, 456)}${half(506, 150, 380)}
			<path d="M436 524h140v118q0 14-14 14H450q-14 0-14-14z" fill="url(#metal)"/>
			<path d="M436 566h140M436 618h140" stroke="${metal.dark}" stroke-opacity=".6" stroke-width="3"/></g>`,
	};
}
