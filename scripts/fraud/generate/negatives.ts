// Those who only look as if they meant harm: what a rule must leave alone to be worth having.
import type { Observation } from "../../../services/risk/fraud/fraud.observations.ts";
import type { Label, Scenario } from "../stream-file.ts";
import type { Dice } from "./dice.ts";
import { begin, type Plot, purchasesAndReturns } from "./frauds.ts";
import type { Habits, Person } from "./person.ts";
import { type Actor, basket, day, hour, minute, Pace, type Seat, second, story, Teller, wakingHour } from "./shop.ts";

const honest = (scenario: Scenario, incident: number, entity: string): Label => ({ entity, scenario, incident, fraud: false });

/** On working days all of the staff shop from one address. */
export function office(name: string, incident: number): { habits: Habits; actor: Actor } {
	const address = `adr_${name}`;
	const elsewhere = (at: number) => {
		const hourOfDay = (at % day) / hour;
		const weekday = new Date(at).getUTCDay();
		return weekday % 6 !== 0 && hourOfDay >= 9 && hourOfDay < 17 ? { address } : undefined;
	};
	return { habits: { scenario: "office", incident, elsewhere }, actor: story([honest("office", incident, `address:${address}`)], []) };
}

/** Four people, four accounts, one tablet on the sofa. */
export function familyTablet(name: string, incident: number): { habits: Habits; actor: Actor } {
	const device = `dev_${name}`;
	const elsewhere = (_at: number, dice: Dice) => (dice.chance(0.6) ? { device } : undefined);
	return {
		habits: { scenario: "familyTablet", incident, elsewhere },
		actor: story([honest("familyTablet", incident, `device:${device}`)], []),
	};
}

/** Every other day another city, and now and then a borrowed or a new device. */
export function traveller(name: string, incident: number): { habits: Habits; actor: Actor } {
	const elsewhere = (at: number, dice: Dice) => ({
		address: `adr_${name}-${Math.floor(at / (2 * day))}`,
		...(dice.chance(0.25) && { device: `dev_${name}-${Math.floor(at / (5 * day))}` }),
	});
	return { habits: { scenario: "traveller", incident, elsewhere }, actor: story([], []) };
}

/** A traveller who also forgets the password on the way, and buys all the same. */
export function travellersPurchase(person: Person, plot: Plot): Observation[] {
	const { name, dice } = plot;
	const teller = new Teller(name, dice);
	const seat: Seat = { user: person.user, device: `dev_${name}`, address: `adr_${name}` };
	const pace = new Pace(begin(plot, hour));
	const told: Observation[] = [];
	for (let slips = dice.between(0, 6); slips > 0; slips--) told.push(teller.loginFailed(pace.after(20 * second), seat));
	told.push(teller.login(pace.after(20 * second), seat));
	const payment = { session: `ses_${name}`, instrument: person.card, amount: basket(dice), end: "authorized" } as const;
	return [...told, ...teller.purchase(pace.after(dice.between(2, 30) * minute), seat, payment)];
}

/** The birthday is tomorrow and the provider is away: 15 attempts with three cards in 12 minutes, until one gets through. */
export function giftBuyer(person: Person, plot: Plot): Observation[] {
	const { name, dice } = plot;
	const teller = new Teller(name, dice);
	const seat: Seat = { user: person.user, device: person.device, address: person.address };
	const session = `ses_${name}`;
	const amount = basket(dice);
	const began = begin(plot, 20 * minute);
	return Array.from({ length: 16 }, (_, nth) => {
		const at = began + nth * 48 * second + dice.between(0, 20) * second;
		const instrument = nth % 3 === 0 ? person.card : `ins_${name}-${nth % 3}`;
		return teller.purchase(at, seat, { session, instrument, amount, end: nth < 15 ? "unavailable" : "authorized" });
	}).flat();
}

/** Buys a lot, and a quarter of it does not fit. */
export const honestReturner = (person: Person, plot: Plot) => purchasesAndReturns(person, plot, { purchases: 12, returned: 3 });

/** 2,000 visits over the whole time: a day's work is to look at things. */
export function influencer(person: Person, plot: Plot): Observation[] {
	const { name, dice, from, to } = plot;
	const teller = new Teller(name, dice);
	const seat: Seat = { user: person.user, device: person.device, address: person.address };
	const days = Math.round((to - from) / day);
	return Array.from({ length: 2000 }, (_, nth) =>
		teller.interaction(from + Math.floor((nth * days) / 2000) * day + wakingHour(dice), seat, "visit", `prd_${nth}`),
	);
}
