import type { Observation } from "../../../services/risk/fraud/fraud.observations.ts";
import type { Label, Scenario } from "../stream-file.ts";
import type { Dice } from "./dice.ts";
import { type Actor, basket, day, hour, minute, orderOf, Pace, type Seat, second, Teller, wakingHour } from "./shop.ts";

/** What makes somebody unlike the others. */
export interface Habits {
	scenario: Scenario;
	incident: number;
	/** Another place or device than their own, at that time. */
	elsewhere?: (at: number, dice: Dice) => Partial<Seat> | undefined;
}

export interface Cast {
	number: number;
	name: string;
	dice: Dice;
	/** How many people there are: they share homes and the addresses of mobile networks. */
	people: number;
	habits?: Habits | undefined;
}

/** Sessions per day on average; some come ten times as often, many hardly at all. */
const sessionsPerDay = 0.3;
const peoplePerHome = 2;
const peoplePerNetwork = 400;

/** A customer with a life: devices, a home, a network on the way, cards, and wishes that come now and then. */
export class Person implements Actor {
	readonly user: string;
	readonly device: string;
	readonly address: string;
	readonly card: string;
	readonly labels: readonly Label[];
	readonly teller: Teller;
	readonly #dice: Dice;
	readonly #devices: readonly string[];
	readonly #networks: readonly string[];
	readonly #cards: readonly string[];
	readonly #eagerness: number;
	readonly #habits: Habits | undefined;
	#session: string | undefined;
	#sessions = 0;
	#refunds: Observation[] = [];

	constructor({ number, name, dice, people, habits }: Cast) {
		this.user = `usr_${name}`;
		this.#dice = dice;
		this.#habits = habits;
		this.teller = new Teller(name, dice);
		this.#devices = Array.from({ length: dice.pick([1, 1, 2, 2, 3]) }, (_, at) => `dev_${name}-${at}`);
		this.#cards = Array.from({ length: dice.pick([1, 1, 2]) }, (_, at) => `ins_${name}-${at}`);
		this.device = this.#devices[0]!;
		this.card = this.#cards[0]!;
		this.address = `adr_home-${Math.floor(number / peoplePerHome)}`;
		const network = dice.between(0, Math.floor(people / peoplePerNetwork));
		this.#networks = [this.address, this.address, this.address, `adr_network-${network}`];
		this.#eagerness = Math.min(2, dice.skewed(sessionsPerDay));
		this.labels = this.#labelled();
	}

	day(from: number): Observation[] {
		const told = this.#refunds.filter(({ at }) => at < from + day);
		this.#refunds = this.#refunds.filter(({ at }) => at >= from + day);
		for (let left = this.#dice.count(this.#eagerness); left > 0; left--) told.push(...this.#visitShop(from + wakingHour(this.#dice)));
		return told;
	}

	#labelled(): Label[] {
		const { scenario = "ordinary", incident = 1 } = this.#habits ?? {};
		const own = [...this.#devices.map(id => `device:${id}`), ...this.#cards.map(id => `instrument:${id}`), `address:${this.address}`];
		// Theirs is the account; what they own, and the home that others share, is as ordinary as anybody's.
		return [
			{ entity: `user:${this.user}`, scenario, incident, fraud: false },
			...own.map(entity => ({ entity, scenario: "ordinary" as const, incident: 1, fraud: false })),
		];
	}

	#visitShop(began: number): Observation[] {
		const dice = this.#dice;
		const seat: Seat = {
			user: this.user,
			device: dice.pick(this.#devices),
			address: dice.pick(this.#networks),
			...this.#habits?.elsewhere?.(began, dice),
		};
		const pace = new Pace(began);
		const told = !this.#session || dice.chance(0.4) ? this.#signIn(pace, seat) : [];
		if (dice.chance(0.003)) told.push(this.teller.passwordChanged(pace.after(minute), seat));
		for (let left = 1 + dice.count(1.4); left > 0; left--) {
			const target = `prd_${Math.floor(dice.skewed(80))}`;
			told.push(this.teller.interaction(pace.after(dice.between(8, 150) * second), seat, "visit", target));
			if (dice.chance(0.07)) told.push(this.teller.interaction(pace.at + 5 * second, seat, "like", target));
		}
		return dice.chance(0.3) ? [...told, ...this.#fillCart(pace, seat)] : told;
	}

	/** Some mistype, and whoever does so once often does it again. */
	#signIn(pace: Pace, seat: Seat): Observation[] {
		const dice = this.#dice;
		const told: Observation[] = [];
		for (let slips = dice.chance(0.08); slips; slips = dice.chance(0.4))
			told.push(this.teller.loginFailed(pace.after(dice.between(5, 40) * second), seat));
		this.#session = `ses_${this.user.slice(4)}-${++this.#sessions}`;
		return [...told, this.teller.login(pace.after(dice.between(5, 20) * second), seat)];
	}

	#fillCart(pace: Pace, seat: Seat): Observation[] {
		const dice = this.#dice;
		const told: Observation[] = [];
		const items = dice.between(1, 3);
		for (let item = 1; item <= items; item++) told.push(this.teller.cart(pace.after(dice.between(10, 60) * second), seat, item));
		return dice.chance(0.45) ? [...told, ...this.#pay(pace, seat)] : told;
	}

	/** About every twelfth card is declined; most then try again, and some with another card. */
	#pay(pace: Pace, seat: Seat): Observation[] {
		const dice = this.#dice;
		const amount = basket(dice);
		const told: Observation[] = [];
		pace.after(minute);
		do {
			const end = dice.chance(0.08) ? "declined" : "authorized";
			const payment = { session: this.#session!, instrument: dice.pick(this.#cards), amount, end } as const;
			const purchase = this.teller.purchase(pace.after(dice.between(30, 200) * second), seat, payment);
			told.push(...purchase);
			const order = orderOf(purchase);
			if (order && dice.chance(0.05)) this.#refunds.push(this.teller.refund(order.at + dice.between(2 * 24, 14 * 24) * hour, order));
			if (order) break;
		} while (dice.chance(0.7));
		return told;
	}
}
