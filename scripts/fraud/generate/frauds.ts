// Those who mean harm. Each function tells one incident from beginning to end.
import type { Observation } from "../../../services/risk/fraud/fraud.observations.ts";
import type { Label, Scenario } from "../stream-file.ts";
import type { Dice } from "./dice.ts";
import type { Person } from "./person.ts";
import { type Actor, basket, day, hour, minute, orderOf, Pace, type Seat, second, story, Teller } from "./shop.ts";

export interface Plot {
	name: string;
	dice: Dice;
	incident: number;
	from: number;
	to: number;
}

const cards = 60;

/** 60 stolen cards from one device in 20 minutes; every second tester also hides behind a handful of addresses. */
export function cardTesting(plot: Plot): Actor {
	const device = `dev_${plot.name}`;
	const addresses = names("adr", plot, plot.incident % 2 === 0 ? 6 : 1);
	const seats = range(cards).map(card => ({ device, address: addresses[card % addresses.length]! }));
	return testing("cardTesting", plot, seats, begin(plot, 20 * minute), 20 * minute);
}

/** The same with a new device for every card, so that only the six addresses tell. */
export function cardTestingSpread(plot: Plot): Actor {
	const [addresses, devices] = [names("adr", plot, 6), names("dev", plot, cards)];
	const seats = devices.map((device, card) => ({ device, address: addresses[card % addresses.length]! }));
	return testing("cardTestingSpread", plot, seats, begin(plot, 20 * minute), 20 * minute);
}

/** One card every half hour for a day: too slow for a window of an hour to see more than two. */
export function slowCardTesting(plot: Plot): Actor {
	const length = Math.min(day, plot.to - plot.from);
	const seat = { device: `dev_${plot.name}`, address: `adr_${plot.name}` };
	const seats = range(length / (30 * minute)).map(() => seat);
	return testing("slowCardTesting", plot, seats, begin(plot, length), length);
}

function testing(scenario: Scenario, plot: Plot, seats: readonly Seat[], began: number, length: number): Actor {
	const { name, dice } = plot;
	const teller = new Teller(name, dice);
	const step = length / seats.length;
	const told = seats.flatMap((seat, card) => {
		const end = dice.chance(0.88) ? "declined" : "authorized";
		const payment = { session: `crt_${name}-${card}`, instrument: `ins_${name}-${card}`, amount: dice.between(100, 500), end } as const;
		return teller.purchase(Math.floor(began + card * step + dice.throw() * step * 0.5), seat, payment);
	});
	return story(fraud(scenario, plot, entitiesOf(told)), told);
}

/** Somebody guesses a customer's password from a device of their own, buys within two hours, and sometimes locks the customer out. */
export function takeover(victim: Person, plot: Plot): Actor {
	const { name, dice } = plot;
	const teller = new Teller(name, dice);
	const seat: Seat = { user: victim.user, device: `dev_${name}`, address: `adr_${name}` };
	const told: Observation[] = [];
	const pace = new Pace(begin(plot, 3 * hour));
	for (let guesses = dice.between(5, 12); guesses > 0; guesses--)
		told.push(teller.loginFailed(pace.after(dice.between(10, 60) * second), seat));
	told.push(teller.login(pace.after(30 * second), seat));
	if (dice.chance(0.4)) told.push(teller.passwordChanged(pace.after(dice.between(1, 10) * minute), seat));
	const payment = { session: `ses_${name}`, instrument: victim.card, amount: 4 * basket(dice), end: "authorized" } as const;
	told.push(...teller.purchase(pace.after(dice.between(5, 90) * minute), seat, payment));
	return story(fraud("takeover", plot, [`user:${seat.user}`, `device:${seat.device}`, `address:${seat.address}`]), told);
}

/** Nine purchases of which most come back, one after the other. */
export function refundAbuse(abuser: Person, plot: Plot): Actor {
	return story(fraud("refundAbuse", plot, [`user:${abuser.user}`]), purchasesAndReturns(abuser, plot, { purchases: 9, returned: 7 }));
}

/** So many orders of which so many come back, spread over the whole stream. */
export function purchasesAndReturns(person: Person, plot: Plot, { purchases, returned }: { purchases: number; returned: number }) {
	const { name, dice, from, to } = plot;
	const teller = new Teller(name, dice);
	const gap = (to - from) / (purchases + 3);
	const seat: Seat = { user: person.user, device: person.device, address: person.address };
	return range(purchases).flatMap(nth => {
		const at = Math.floor(from + (nth + dice.throw()) * gap);
		const payment = { session: `ses_${name}-${nth}`, instrument: person.card, amount: basket(dice), end: "authorized" } as const;
		const told = teller.purchase(at, seat, payment);
		const order = orderOf(told)!;
		return nth < returned ? [...told, teller.refund(Math.floor(order.at + gap * (1 + dice.throw())), order)] : told;
	});
}

/** An account that was made to like: hundreds within 40 minutes, each a target of its own. */
export function likeSpam(plot: Plot): Actor {
	const { name, dice } = plot;
	const teller = new Teller(name, dice);
	const seat: Seat = { user: `usr_${name}`, device: `dev_${name}`, address: `adr_${name}` };
	const began = begin(plot, 40 * minute);
	const likes = dice.between(150, 400);
	const liked = range(likes).map(nth =>
		teller.interaction(Math.floor(began + ((nth + dice.throw()) * 40 * minute) / likes), seat, "like", `prd_${nth}`),
	);
	return story(fraud("likeSpam", plot, entitiesOf(liked)), [teller.login(began - second, seat), ...liked]);
}

const range = (length: number) => Array.from({ length: Math.floor(length) }, (_, at) => at);

const names = (kind: string, { name }: Plot, count: number) => range(count).map(at => `${kind}_${name}-${at}`);

/** Some time at which a story of that length still ends within the stream; the first minutes are left free for what comes before it. */
export function begin({ from, to, dice }: Plot, length: number): number {
	return from + minute + Math.floor(dice.throw() * Math.max(0, to - from - length - 2 * minute));
}

/** Whoever and whatever took part. Sessions are left out: nobody watches over one for longer than it lasts. */
function entitiesOf(told: readonly Observation[]): string[] {
	const found = told.flatMap(({ entities }) => Object.entries(entities).map(([kind, id]) => `${kind}:${id}`));
	return [...new Set(found)].filter(entity => !entity.startsWith("session:"));
}

function fraud(scenario: Scenario, { incident }: Plot, entities: readonly string[]): Label[] {
	return entities.map(entity => ({ entity, scenario, incident, fraud: true }));
}
