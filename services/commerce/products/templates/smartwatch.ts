import { glow, label, metalGradients, rounded, shadow, svg } from "./drawing.ts";
import { darker, isLight, lighter, mix, type Palette, type Subject } from "./palette.ts";

/** A dark screen that tells the time and how much of the day's walking is done. */
export function smartwatch(_subject: Subject, palette: Palette): { defs: string; body: string } {
	const { main, accent, choose } = palette;
	const isRound = choose("shape", 2) === 0;
	const frame = (inset: number, fill: string) =>
		isRound
			? `<circle r="${212 - inset}" fill="${fill}"/>`
			: `<rect x="${inset - 182}" y="${inset - 216}" width="${364 - 2 * inset}" height="${432 - 2 * inset}" rx="${108 - inset}"
				fill="${fill}"/>`;
	const ring = (radius: number, share: number, colour: string) => {
		const length = 2 * Math.PI * radius;
		return svg`<circle r="${radius}" fill="none" stroke="${colour}" stroke-opacity=".2" stroke-width="13"/>
			<circle r="${radius}" fill="none" stroke="${colour}" stroke-width="13" stroke-linecap="round"
				stroke-dasharray="${(length * share).toFixed(0)} ${length.toFixed(0)}" transform="rotate(-90)"/>`;
	};
	const shell = isLight(main) ? mix(main, "#9aa0a8", 0.25) : mix(main, "#2b2e33", 0.4);
	return {
		defs:
			metalGradients({ light: lighter(shell, 0.55), middle: shell, dark: darker(shell, 0.5) }) +
			rounded("band", main) +
			glow("screen", "#1b2029", "#0b0d11", "#050608"),
		body: svg`${shadow(420, 430, 310, 340)}<g transform="translate(400 400)">
			<path d="M-112-130Q-104-250-84-300L-76-420H76L84-300Q104-250 112-130z" fill="url(#band)"/>
			<path d="M-112 130Q-104 250-84 300L-76 420H76L84 300Q104 250 112 130z" fill="url(#band)"/>
			<path d="M${isRound ? 204 : 176}-62h20q8 0 8 8v44q0 8-8 8h-20zM${isRound ? 196 : 174} 40h12q6 0 6 6v60q0 6-6 6h-12z"
				fill="url(#back)"/>
			${frame(0, "url(#metal)")}${frame(10, "url(#back)")}${frame(18, "#07080a")}${frame(28, "url(#screen)")}
			<g transform="translate(0 ${isRound ? 0 : 14})">
			${ring(156, 0.5 + choose("move", 45) / 100, accent)}${ring(136, 0.3 + choose("stand", 60) / 100, "#6fd0b8")}</g>
			<g font-family="Helvetica,Arial,sans-serif">${label(0, 30, 80, "#f5f7fa", "10:08", ` font-weight="300"`)}
			${label(0, -58, 22, accent, ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"][choose("day", 7)]!, ` letter-spacing="4"`)}
			${label(0, 82, 24, "#9fb0c0", `${(3 + choose("steps", 9)).toString()} ${100 + choose("rest", 900)} steps`)}</g>
			<path d="M-120-150Q-40-200 60-178Q-70-120-110 60Q-160-60-120-150z" fill="#fff" opacity=".06"/></g>`,
	};
}
