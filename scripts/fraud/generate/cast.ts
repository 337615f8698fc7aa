// Who takes part: ordinary customers and guests, and how many incidents of each scenario there are for so many customers.
import { Dice } from "./dice.ts";
import { cardTesting, cardTestingSpread, likeSpam, type Plot, refundAbuse, slowCardTesting, takeover } from "./frauds.ts";
import { familyTablet, giftBuyer, honestReturner, influencer, office, traveller, travellersPurchase } from "./negatives.ts";
import { type Habits, Person } from "./person.ts";
import { type Actor, basket, day, story, Teller, wakingHour } from "./shop.ts";

export interface Shop {
	seed: number;
	users: number;
	from: number;
	to: number;
}

/** Per 5,000 customers; of each at least one, so that a small stream tells every story too. */
const incidents = {
	cardTesting: 8,
	cardTestingSpread: 4,
	slowCardTesting: 4,
	takeover: 20,
	refundAbuse: 12,
	likeSpam: 12,
	office: 1,
	familyTablet: 12,
	giftBuyer: 12,
	traveller: 20,
	honestReturner: 20,
	influencer: 5,
};
const officeStaff = 200;
const family = 4;
const guestsPerUserAndDay = 0.004;

/** So few cannot play all the parts that need an account of their own. */
export const fewestUsers = 20;

/** Everybody, in the same order for the same seed. */
export function castFor(shop: Shop): Actor[] {
	return new Casting(shop).all();
}

class Casting {
	readonly #shop: Shop;
	readonly #actors: Actor[] = [];
	#hired = 0;

	constructor(shop: Shop) {
		this.#shop = shop;
	}

	all(): Actor[] {
		this.#each("cardTesting", plot => [cardTesting(plot)]);
		this.#each("cardTestingSpread", plot => [cardTestingSpread(plot)]);
		this.#each("slowCardTesting", plot => [slowCardTesting(plot)]);
		this.#each("likeSpam", plot => [likeSpam(plot)]);
		this.#each("takeover", plot => {
			const victim = this.#hire();
			return [victim, takeover(victim, plot)];
		});
		this.#each("refundAbuse", plot => {
			const abuser = this.#hire();
			return [abuser, refundAbuse(abuser, plot)];
		});
		this.#each("familyTablet", ({ name, incident }) => {
			const { habits, actor } = familyTablet(name, incident);
			return [actor, ...this.#hireAll(family, habits)];
		});
		this.#each("traveller", plot => {
			const { habits, actor } = traveller(plot.name, plot.incident);
			const person = this.#hire(habits);
			return [actor, person, story([], travellersPurchase(person, plot))];
		});
		this.#one("giftBuyer", giftBuyer);
		this.#one("honestReturner", honestReturner);
		this.#one("influencer", influencer);
		this.#each("office", ({ name, incident }) => {
			const { habits, actor } = office(name, incident);
			return [actor, ...this.#hireAll(Math.min(officeStaff, this.#shop.users - this.#hired), habits)];
		});
		while (this.#hired < this.#shop.users) this.#actors.push(this.#hire());
		this.#guests();
		return this.#actors;
	}

	#each(scenario: keyof typeof incidents, tell: (plot: Plot) => Actor[]): void {
		const { seed, users, from, to } = this.#shop;
		const count = Math.max(1, Math.round((incidents[scenario] * users) / 5000));
		for (let incident = 1; incident <= count; incident++) {
			const name = `${scenario}-${incident}`;
			this.#actors.push(...tell({ name, dice: new Dice(`${seed}/${name}`), incident, from, to }));
		}
	}

	/** One customer who does something besides living. */
	#one(scenario: "giftBuyer" | "honestReturner" | "influencer", tell: (person: Person, plot: Plot) => ReturnType<typeof giftBuyer>): void {
		this.#each(scenario, plot => {
			const person = this.#hire({ scenario, incident: plot.incident });
			return [person, story([], tell(person, plot))];
		});
	}

	#hire(habits?: Habits): Person {
		const number = ++this.#hired;
		const { seed, users } = this.#shop;
		return new Person({ number, name: `${number}`, dice: new Dice(`${seed}/person-${number}`), people: users, habits });
	}

	#hireAll = (count: number, habits: Habits) => Array.from({ length: count }, () => this.#hire(habits));

	/** Whoever buys once, without an account. */
	#guests(): void {
		const { seed, users, from, to } = this.#shop;
		const dice = new Dice(`${seed}/guests`);
		const count = Math.ceil(((to - from) / day) * users * guestsPerUserAndDay);
		for (let nth = 1; nth <= count; nth++) {
			const name = `guest-${nth}`;
			const at = from + dice.between(0, (to - from) / day - 1) * day + wakingHour(dice);
			const payment = { session: `crt_${name}`, instrument: `ins_${name}`, amount: basket(dice) };
			const seat = { device: `dev_${name}`, address: `adr_${name}` };
			const end = dice.chance(0.08) ? "declined" : "authorized";
			const told = new Teller(name, dice).purchase(at, seat, { ...payment, end });
			const own = [`device:${seat.device}`, `address:${seat.address}`, `instrument:${payment.instrument}`];
			this.#actors.push(
				story(
					own.map(entity => ({ entity, scenario: "ordinary", incident: 1, fraud: false })),
					told,
				),
			);
		}
	}
}
