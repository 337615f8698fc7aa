/**
 * The made-up catalogue of a watch shop. Product n is the same for everyone and for ever, so that a seed run twice adds nothing twice,
 * and it is worked out from n alone: nothing here remembers, reads or draws lots.
 */
import { goodsLines } from "./goods-lines.ts";
import { smartwatchLine } from "./smartwatch-line.ts";
import { strapLines } from "./strap-lines.ts";
import { type Choice, categories, type Line, type Maker, makers, type Sentence } from "./vocabulary.ts";
import { watchLines } from "./watch-lines.ts";

export interface SeedVariant {
	sku: string;
	options: Record<string, string>;
	/** Whole minor units of a currency with cents. */
	price: number;
	compareAt?: number;
}

export interface SeedProduct {
	slug: string;
	name: string;
	description: string;
	brand: string;
	brandName: string;
	category: string;
	tags: string[];
	attributes: Record<string, string>;
	variants: SeedVariant[];
	stock: Record<string, number>;
}

export const seedCategories = categories;
export const seedBrands = makers.map(({ slug, name }) => ({ slug, name }));

export function seedPeople() {
	return {
		customer: { email: "ines@stoa.example", name: "Ines Calloway" },
		merchant: { email: "tobias@stoa.example", name: "Tobias Renner" },
	};
}

const lines = new Map([...watchLines, smartwatchLine, ...strapLines, ...goodsLines].map(line => [line.category, line]));
const makerOf = new Map(makers.map(maker => [maker.slug, maker]));

/** Twenty products make one round of the shop window: every category is in it, the ones people come for twice. */
const round =
	`dive-watches leather-straps dress-watches smartwatches nato-straps field-watches chronographs watch-boxes pilot-watches rubber-straps
	dress-watches tools dive-watches leather-straps watch-winders field-watches chronographs steel-bracelets pilot-watches watch-rolls`.split(
		/\s+/,
	);

/** For each place in the round: its line, how many places of the round that line has, and which of them this one is. */
const places = round.map((category, place) => ({
	line: lines.get(category)!,
	share: round.filter(other => other === category).length,
	turn: round.slice(0, place).filter(other => other === category).length,
}));

type Dice = (sides: number) => number;

/** Mulberry32: small, quick, and the same numbers on every machine. */
function diceOf(seed: number): Dice {
	let state = Math.imul(seed, 0x9e3779b1);
	return sides => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * sides);
	};
}

const pick = <T>(from: readonly T[], dice: Dice): T => from[dice(from.length)]!;

export function seedProduct(n: number): SeedProduct {
	if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`Products are numbered from 1, there is no product ${n}.`);
	const { line, share, turn } = places[(n - 1) % round.length]!;
	const identity = identityOf(line, Math.floor((n - 1) / round.length) * share + turn);
	const dice = diceOf(n);
	const traits = traitsOf(line, identity.edition, dice);
	const offered = offeredBy(line, dice);
	const settled = { ...traits, ...offered.settled };
	const name = nameOf(line, identity, settled.size, dice);
	const regular = regularPrice(line, identity, settled, dice);
	// One product in seven is on sale.
	const reduction = dice(7) === 0 ? pick([0.15, 0.2, 0.25], dice) : 0;
	const variants = variantsOf(`${identity.maker.code}-${line.code}-${String(n).padStart(4, "0")}`, offered.axes, { regular, reduction });
	// Keys that no other object has cost the engine a hidden class each; an object without a prototype is a plain dictionary from the start.
	const stock: Record<string, number> = Object.create(null);
	for (const { sku } of variants) stock[sku] = dice(25) === 0 ? 0 : 5 + dice(116);
	return {
		slug: slugOf(name),
		name,
		description: describe(line, identity, settled, dice),
		brand: identity.maker.slug,
		brandName: identity.maker.name,
		category: line.category,
		tags: tagsOf(line, identity, settled, reduction > 0),
		attributes: attributesOf(settled),
		variants,
		stock,
	};
}

interface Identity {
	maker: Maker;
	model: Choice;
	edition: Choice;
	/** From 2 on, when a line has used up its model names with every maker and edition. */
	mark: number;
}

/**
 * The k-th product of a line. Model, maker, edition and mark are the digits of k, each shifted by the ones before it: no two products of
 * a line agree in all four, and yet neighbours differ in every one.
 */
function identityOf({ models, makers: names, editions }: Line, k: number): Identity {
	const modelAt = k % models.length;
	const pass = Math.floor(k / models.length);
	const editionAt = Math.floor(pass / names.length);
	// Two first-comers in three carry no edition at all, as in a real shop; the rest start somewhere along the list.
	const start = modelAt % 3 === 1 ? 1 + ((modelAt * 7) % (editions.length - 1)) : 0;
	return {
		// Eleven shares no divisor with the length of any list of models: all are used, and not in the order they are written in.
		model: models[(modelAt * 11) % models.length]!,
		maker: makerOf.get(names[(modelAt + pass) % names.length]!)!,
		edition: editions[(start + editionAt) % editions.length]!,
		mark: 1 + Math.floor(editionAt / editions.length),
	};
}

/** The attributes of one product. An edition that names one decides it. */
function traitsOf(line: Line, edition: Choice, dice: Dice): Record<string, Choice> {
	const [decided, wanted = ""] = edition.prose.split(": ");
	const traits: Record<string, Choice> = {};
	for (const key in line.attributes) {
		const from = line.attributes[key]!;
		const asked = key === decided ? from.filter(({ value }) => value.startsWith(wanted)) : [];
		traits[key] = pick(asked.length > 0 ? asked : from, dice);
	}
	return traits;
}

function attributesOf(settled: Record<string, Choice>): Record<string, string> {
	const attributes: Record<string, string> = {};
	for (const key in settled) attributes[key] = settled[key]!.value;
	return attributes;
}

/** Where the buyer has a choice it becomes an option, and where there is one value only an attribute. A colour is always an option. */
function offeredBy(line: Line, dice: Dice) {
	const counts = pick(line.offers, dice);
	let at = 0;
	const axes: [string, Choice[]][] = [];
	const settled: Record<string, Choice> = {};
	for (const key in line.axes) {
		const values = line.axes[key]!;
		const start = dice(values.length);
		const count = counts[at++] ?? 1;
		const drawn = [...values.slice(start), ...values.slice(0, start)].slice(0, count);
		// Colours as they come; sizes in the order they are written in, from small to large.
		const taken = axes.length === 0 ? drawn : values.filter(value => drawn.includes(value));
		if (axes.length === 0 || taken.length > 1) axes.push([key, taken]);
		else settled[key] = taken[0]!;
	}
	return { axes, settled };
}

function nameOf(line: Line, { maker, model, edition, mark }: Identity, size: Choice | undefined, dice: Dice): string {
	// "Tidewater 40": one size only, so the name may carry it; beside an edition it does so half of the time.
	const shown = size && (edition.value === "" || dice(2) === 0) ? size.value.replace(" mm", "") : "";
	const parts = line.editionFirst ? [edition.value, model.value] : [model.value, shown, edition.value, line.noun];
	return [maker.name, ...parts, mark > 1 ? `Mk ${mark}` : ""].filter(Boolean).join(" ");
}

const slugOf = (name: string) =>
	name
		.toLowerCase()
		.replaceAll("&", "and")
		.replace(/[^a-z0-9]+/g, "-");

function regularPrice(line: Line, { maker, model, edition }: Identity, settled: Record<string, Choice>, dice: Dice): number {
	let worth = maker.worth * model.worth * edition.worth;
	for (const key in settled) worth *= settled[key]!.worth;
	return (line.price.from + dice(line.price.to - line.price.from)) * worth;
}

/** The price a shop would write on the card: 14.90 and 39.90, then 149 and 389, then 1,190 and 2,340. */
function cardPrice(amount: number): number {
	const [step, below] = amount < 3_000 ? [100, 10] : amount < 10_000 ? [500, 10] : amount < 100_000 ? [1_000, 100] : [5_000, 1_000];
	return Math.max(Math.round(amount / step), 1) * step - below;
}

function variantsOf(code: string, axes: [string, Choice[]][], price: { regular: number; reduction: number }): SeedVariant[] {
	let drafts = [{ sku: code, options: {} as Record<string, string>, worth: 1 }];
	for (const [key, values] of axes) {
		drafts = drafts.flatMap(({ sku, options, worth }) =>
			values.map(value => ({ sku: `${sku}-${value.prose}`, options: { ...options, [key]: value.value }, worth: worth * value.worth })),
		);
	}
	return drafts.map(({ sku, options, worth }) => {
		const regular = cardPrice(price.regular * worth);
		if (price.reduction === 0) return { sku, options, price: regular };
		// The cheapest things would be rounded back to the price they had.
		const reduced = Math.min(cardPrice(price.regular * worth * (1 - price.reduction)), regular - 100);
		return { sku, options, price: reduced, compareAt: regular };
	});
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** An opening, a fact and mostly a parting word; no later sentence tells an attribute that an earlier one has told. */
function describe(line: Line, { maker, model }: Identity, settled: Record<string, Choice>, dice: Dice): string {
	const told = new Set<string>();
	const tell = (from: Sentence[]) => {
		const untold = from.filter(({ subjects }) => !subjects.some(name => told.has(name)));
		const { pieces, subjects } = pick(untold.length > 0 ? untold : from, dice);
		for (const name of subjects) if (name in settled) told.add(name);
		return pieces.map((piece, at) => (at % 2 === 0 ? piece : wordFor(piece))).join("");
	};
	const words: Record<string, string> = { brand: maker.name, model: model.value, purpose: model.prose };
	const wordFor = (name: string) => words[name] ?? settled[name]?.prose ?? capital(settled[name.toLowerCase()]?.prose ?? "");
	const opening = `${tell(line.openers)} ${tell(line.details)}`;
	return dice(5) === 0 ? opening : `${opening} ${tell(line.closers)}`;
}

/** What of a product is worth finding it by, besides its kind. */
const findable = ["movement", "case", "leather", "links", "weave", "material", "lid", "outside"];

function tagsOf(line: Line, { edition }: Identity, settled: Record<string, Choice>, onSale: boolean): string[] {
	const tags = [...line.tags];
	for (const key of findable) if (settled[key]) tags.push(settled[key].value.split(",", 1)[0]!.toLowerCase());
	const word = edition.value.toLowerCase();
	if (word && !tags.includes(word)) tags.push(word);
	if (onSale) tags.push("sale");
	return tags;
}
