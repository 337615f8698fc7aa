/** Tools are known by their name; one whose name tells nothing is drawn as what every bench has, a spring bar tool. */
import { across, down, glow, label, metalGradients, shadow, svg, wordmark } from "./drawing.ts";
import { darker, isLight, lighter, type Palette, type Subject } from "./palette.ts";

interface Bench extends Palette {
	name: string;
	/** The maker's mark, centred on its own zero. */
	mark: (x: number, y: number, size: number) => string;
}

const loupe = ({ mark }: Bench) => svg`<g transform="rotate(-16 400 400)">${shadow(420, 590, 300, 60)}
	<path d="M206 318L560 236Q640 410 560 572L206 486z" fill="url(#front)"/>
	<path d="M284 300Q300 400 284 504M316 292Q334 400 316 512M348 285Q368 400 348 520" fill="none" stroke="#000" stroke-opacity=".3"
		stroke-width="8"/>
	<path d="M206 312q-34 0-34 90t34 90z" fill="url(#metal)"/><ellipse cx="560" cy="404" rx="74" ry="170" fill="url(#metal)"/>
	<ellipse cx="564" cy="404" rx="62" ry="150" fill="#17181b"/><ellipse cx="548" cy="404" rx="38" ry="92" fill="url(#glass)"/>
	<path d="M528 352q18-34 38-18q-22 20-26 62z" fill="#fff" opacity=".9"/>${mark(392, 414, 12)}</g>`;

const screen = svg`<rect x="210" y="320" width="380" height="150" rx="12" fill="#0c1418"/>
	<path d="M230 420L570 372M230 440L570 392" stroke="#6fe0b0" stroke-width="5" stroke-dasharray="2 11" stroke-linecap="round"/>
	<g font-family="monospace">${label(300, 358, 22, "#8fd8ff", "+2 s/d")}${label(490, 358, 22, "#8fd8ff", "28800")}</g>`;

const well = svg`<ellipse cx="400" cy="352" rx="150" ry="44" fill="#000" fill-opacity=".45"/>
	<ellipse cx="400" cy="346" rx="150" ry="44" fill="none" stroke="url(#metal)" stroke-width="14"/>`;

const ram = svg`<path d="M384 150h32v150h-32z" fill="url(#metal)"/>
	<path d="M330 292h140v40H330zM300 130h200v34H300z" fill="url(#back)"/>`;

const instrument = ({ name, accent, mark }: Bench) => svg`${shadow(410, 610, 340, 70)}
	<path d="M172 316q0-26 26-26H602q26 0 26 26L652 570q0 26-26 26H174q-26 0-26-26z" fill="url(#front)"/>
	${/timegrapher|tester/i.test(name) ? screen : well}${/press/i.test(name) ? ram : ""}
	<circle cx="250" cy="534" r="26" fill="${accent}" stroke="#000" stroke-opacity=".3" stroke-width="4"/>${mark(470, 541, 20)}`;

const cloth = ({ main, mark }: Bench) => svg`<path d="M166 326L486 236L712 450L356 592z" fill="#000" opacity=".1"/>
	<path d="M158 312L478 222L700 434L348 576z" fill="#000" opacity=".12"/>
	<path d="M150 300L470 210L690 420L340 560z" fill="${darker(main, 0.35)}"/><path d="M130 280L450 190L670 400L320 540z" fill="url(#front)"/>
	<path d="M130 280L450 190L560 295L236 412z" fill="${lighter(main, 0.28)}"/>
	<path d="M152 284L446 202L648 398L326 522z" fill="none" stroke="${isLight(main) ? darker(main, 0.3) : "#fff"}"
	 stroke-opacity=".55" stroke-width="4" stroke-dasharray="12 8"/>
	<g transform="translate(70 470) rotate(-17 330 0) scale(1 .8)">${mark(400, 0, 20)}</g>`;

const driver = (x: number, height: number, colour: string) => svg`<g transform="translate(${x} ${600 - height})">
	<path d="M-5 ${height - 210}h10v120l-3 14h-4l-3-14z" fill="url(#metal)"/><rect x="-17" width="34" height="${height - 200}" rx="9"
		fill="url(#grip)"/>
	<path d="M-17 50h34v20h-34z" fill="${colour}"/><circle r="20" cy="2" fill="url(#metal)"/></g>`;

const drivers = ({ mark }: Bench) => svg`${shadow(410, 640, 360, 70)}
	${["#d8572a", "#e0b13c", "#4a8fb5", "#26513f", "#8b2f36"].map((colour, at) => driver(240 + at * 80, 400 - (at % 2) * 36, colour)).join("")}
	<path d="M160 520q0-14 14-14H626q14 0 14 14V626q0 16-16 16H176q-16 0-16-16z" fill="url(#front)"/>
	<path d="M162 512H638" stroke="#fff" stroke-opacity=".4" stroke-width="5"/>${mark(400, 588, 20)}`;

const tweezers = () => svg`<g transform="rotate(-38 400 400)">${shadow(400, 446, 330, 62)}
	<path d="M110 392q0-34 60-40L500 330L716 396L500 372L180 394z" fill="url(#metal)"/>
	<path d="M110 408q0 34 60 40L500 470L716 404L500 428L180 406z" fill="url(#back)"/><path d="M110 386h70v28h-70z" fill="url(#grip)"/>
	<path d="M330 346l70-5M350 454l70 5" stroke="#000" stroke-opacity=".35" stroke-width="16" stroke-dasharray="4 5"/></g>`;

const springBarTool = ({ mark }: Bench) => svg`<g transform="rotate(-42 400 400)">${shadow(400, 440, 330, 58)}
	<path d="M96 392h80v16h-80zM170 380h50v40h-50z" fill="url(#metal)"/><path d="M80 386l22-6v40l-22-6z" fill="url(#back)"/>
	<rect x="214" y="364" width="330" height="72" rx="22" fill="url(#front)"/>
	<path d="M250 400H508" stroke="#000" stroke-opacity=".28" stroke-width="60" stroke-dasharray="5 9"/>
	<path d="M318 364h134v72H318z" fill="url(#front)"/><path d="M540 376h50v48h-50z" fill="url(#metal)"/>
	<path d="M588 390H660L712 398v4L660 410H588z" fill="url(#back)"/>${mark(385, 405, 12)}</g>`;

const kinds: [RegExp, (bench: Bench) => string][] = [
	[/loupe/i, loupe],
	[/demagnetiser|timegrapher|cleaner|press|tester/i, instrument],
	[/cloth|\bmat\b/i, cloth],
	[/\b(set|kit)\b/i, drivers],
	[/tweezers|lifter/i, tweezers],
];

export function tool({ name, brand }: Subject, palette: Palette): { defs: string; body: string } {
	const { main } = palette;
	const ink = isLight(main) ? "#333333" : "#eeeeee";
	const mark = (x: number, y: number, size: number) => label(x, y, size, ink, wordmark(brand), ` letter-spacing="${size / 8}"`);
	const draw = kinds.find(([words]) => words.test(name))?.[1] ?? springBarTool;
	return {
		defs: svg`${metalGradients(palette.metal)}${across("grip", darker(main, 0.45), lighter(main, 0.25), main, darker(main, 0.45))}
			${down("front", lighter(main, 0.2), main, darker(main, 0.3))}${glow("glass", "#ffffff", "#dfeaf0", "#a9bfca")}`,
		body: draw({ ...palette, name, mark }),
	};
}
