/**
 * A picture for a product that has none: drawn, not photographed, from what is known of it. The same product gives the same bytes, so that
 * a picture can be cached for ever. It is meant for an `img`: it holds no script and no link, and its ids are its own, so that two of them
 * written into one page would mix up their colours.
 */
import { escapeXml, glow, svg } from "./templates/drawing.ts";
import { present, watchBox, watchRoll, watchWinder } from "./templates/goods.ts";
import { type Palette, paletteOf, type Subject } from "./templates/palette.ts";
import { smartwatch } from "./templates/smartwatch.ts";
import { leatherStrap, natoStrap, rubberStrap, steelBracelet } from "./templates/strap.ts";
import { tool } from "./templates/tool.ts";
import { watch } from "./templates/watch.ts";

type Drawing = (subject: Subject, palette: Palette) => { defs: string; body: string };

/** The first that fits is drawn: a watch box is a box before it is a watch. */
const families: [RegExp, Drawing][] = [
	[/winder/, watchWinder],
	[/roll|pouch|travel/, watchRoll],
	[/box|case|storage|accessor/, watchBox],
	[/tool|care|loupe|repair/, tool],
	[/nato|nylon|textile/, natoStrap],
	[/rubber|silicone/, rubberStrap],
	[/bracelet|mesh/, steelBracelet],
	[/strap|leather/, leatherStrap],
	[/smart/, smartwatch],
	[/watch|chrono|diver|pilot/, watch],
];

export function pictureOf(subject: Subject): string {
	const palette = paletteOf(subject);
	const category = subject.category.toLowerCase();
	const draw = families.find(([words]) => words.test(category))?.[1] ?? present;
	const { defs, body } = draw(subject, palette);
	const title = subject.colour ? `${subject.name}, ${subject.colour.toLowerCase()}` : subject.name;
	return svg`<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800" viewBox="0 0 800 800"
		 font-family="Georgia,serif" text-anchor="middle" role="img" aria-labelledby="title"><title id="title">${escapeXml(title)}</title>
		<defs>${glow("paper", palette.paper.light, palette.paper.light, palette.paper.dark)}
		<radialGradient id="shade"><stop offset=".45" stop-opacity=".34"/><stop offset="1" stop-opacity="0"/></radialGradient>${defs}</defs>
		<rect width="800" height="800" fill="url(#paper)"/>${body}</svg>`;
}
