// What the n-th visitor of the shop means to do. It follows from the seed and n alone; what becomes of it depends on the shop.
import { Random } from "./random.ts";

export const cards = [
	"visa",
	"mastercard",
	"own",
	"chargeDeclined",
	"insufficientFunds",
	"authenticationSucceeds",
	"authenticationFails",
	"slow",
	"unavailable",
] as const;
export type Card = (typeof cards)[number];

/** Index into the goods of the run. */
export interface PlannedLine {
	goods: number;
	quantity: number;
}

export interface Browse {
	kind: "browse";
	words: string;
	goods: number;
	/** `again`: the product once more with its ETag. */
	look: "again" | "storefront" | "stock";
}

export interface Buy {
	kind: "buy";
	/** Index into the members, who have an account; undefined: a guest. */
	member: number | undefined;
	lines: PlannedLine[];
	/** Added to the cart after it was looked at. */
	more: PlannedLine | undefined;
	card: Card;
	/** Whether the same checkout is sent twice: both at once, or again after the answer. */
	repeats: "no" | "at once" | "afterwards";
	then: "nothing" | "cancel" | "refund" | "refund in part";
}

export type Visit =
	| Browse
	| Buy
	| { kind: "leave a cart"; lines: PlannedLine[] }
	| { kind: "register" }
	| { kind: "sign in"; member: number }
	| { kind: "edit"; goods: number }
	| { kind: "restock"; goods: number; delta: number };

export interface TrafficGiven {
	seed: number;
	members: number;
	/** The first of the goods are plenty, the rest are last pieces. */
	goods: number;
	scarce: number;
}

const kinds: Record<Visit["kind"], number> = {
	browse: 38,
	buy: 45,
	"leave a cart": 5,
	register: 2,
	"sign in": 3,
	edit: 4,
	restock: 3,
};
const cardWeights: Record<Card, number> = {
	visa: 54,
	mastercard: 10,
	own: 5,
	chargeDeclined: 8,
	insufficientFunds: 4,
	authenticationSucceeds: 6,
	authenticationFails: 4,
	slow: 4,
	unavailable: 5,
};
const words = ["watch", "tidewater", "halyard", "steel", "zzz nothing"];

export function visitOf(n: number, given: TrafficGiven): Visit {
	const random = new Random(given.seed, "visit", n);
	const kind = random.weighted(kinds);
	switch (kind) {
		case "browse":
			return { kind, words: random.pick(words), goods: anyGoods(random, given), look: random.pick(["again", "storefront", "stock"]) };
		case "buy":
			return purchase(random, given);
		case "leave a cart":
			return { kind, lines: linesOf(random, given) };
		case "register":
			return { kind };
		case "sign in":
			return { kind, member: random.whole(0, given.members - 1) };
		case "edit":
			return { kind, goods: anyGoods(random, given) };
		case "restock":
			return { kind, goods: random.whole(given.goods - given.scarce, given.goods - 1), delta: random.whole(1, 4) };
	}
}

const anyGoods = (random: Random, { goods }: TrafficGiven) => random.whole(0, goods - 1);

function linesOf(random: Random, given: TrafficGiven): PlannedLine[] {
	const kinds = random.shuffled(Array.from({ length: given.goods }, (_, goods) => goods)).slice(0, random.whole(1, 3));
	return kinds.map(goods => ({ goods, quantity: random.whole(1, 3) }));
}

function purchase(random: Random, given: TrafficGiven): Buy {
	return {
		kind: "buy",
		member: random.chance(0.4) ? random.whole(0, given.members - 1) : undefined,
		lines: linesOf(random, given),
		more: random.chance(0.3) ? { goods: anyGoods(random, given), quantity: 1 } : undefined,
		card: random.weighted(cardWeights),
		repeats: random.weighted({ no: 70, "at once": 15, afterwards: 15 }),
		then: random.weighted({ nothing: 68, cancel: 16, refund: 8, "refund in part": 8 }),
	};
}
