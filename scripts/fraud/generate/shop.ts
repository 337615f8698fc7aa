// What can happen in the shop, one function each: what somebody does becomes the observations that risk would make of the facts.
import type { AttemptEnd, Entities, Observation, ObservationKind } from "../../../services/risk/fraud/fraud.observations.ts";
import type { Label } from "../stream-file.ts";
import type { Dice } from "./dice.ts";

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Somebody, or some story, whose days are told one after the other. */
export interface Actor {
	labels: readonly Label[];
	/** What they do in the 24 hours from then; the last of it may end after midnight. */
	day(from: number): Observation[];
}

/** Time as it passes for somebody: later and later. */
export class Pace {
	at: number;

	constructor(began: number) {
		this.at = began;
	}

	after(ms: number): number {
		this.at += ms;
		return this.at;
	}
}

/** Where somebody sits, and as whom. Without a user it is a guest. */
export interface Seat {
	user?: string;
	device?: string;
	address: string;
}

export interface Payment {
	session: string;
	instrument: string;
	amount: number;
	end: AttemptEnd;
}

/** Tells what one actor does; ids are unique because the actor's name is. */
export class Teller {
	readonly #name: string;
	readonly #dice: Dice;
	#told = 0;

	constructor(name: string, dice: Dice) {
		this.#name = name;
		this.#dice = dice;
	}

	interaction(at: number, seat: Seat, kind: "like" | "visit", target: string): Observation {
		return this.#tell("interaction", at, { ...seat }, { kind, target });
	}

	login(at: number, seat: Seat): Observation {
		return this.#tell("login", at, { ...seat }, { result: "succeeded", by: "login" });
	}

	loginFailed(at: number, seat: Seat): Observation {
		return {
			...this.#tell("loginFailed", at, { ...seat }, { result: "failed", by: "login" }),
			value: seat.user ?? `email:${this.#next()}`,
		};
	}

	passwordChanged(at: number, { user }: Seat): Observation {
		return this.#tell("password", at, { user }, {});
	}

	cart(at: number, { user }: Seat, itemCount: number): Observation {
		const fields = { status: "open", itemCount, amount: itemCount * basket(this.#dice), currency: "EUR" };
		return this.#tell("cart", at, { user }, fields);
	}

	/** The attempt, what became of it a little later, and the order when it was paid. */
	purchase(at: number, seat: Seat, { session, instrument, amount, end }: Payment): Observation[] {
		const entities = { ...seat, session, instrument };
		const itemCount = this.#dice.between(1, 4);
		const fields = { amount, currency: "EUR", country: this.#dice.chance(0.9) ? "DE" : "AT", itemCount, userStatus: "clear" };
		const attempt = { id: `pay_${this.#next()}`, instrument };
		const answeredAt = at + this.#dice.between(300, 2500);
		const told: Observation[] = [
			{ id: `opr_${this.#next()}`, kind: "attempt", at, entities, fields, attempt },
			{ id: this.#id(), kind: "attemptOutcome", at: answeredAt, entities, fields, attempt: { ...attempt, end } },
		];
		if (end !== "authorized") return told;
		const order = this.#tell("order", answeredAt + 200, entities, { amount, currency: "EUR" });
		return [...told, { ...order, value: `ord_${this.#next()}` }];
	}

	/** Gives back what `order` had cost. */
	refund(at: number, order: Observation): Observation {
		return { ...this.#tell("refund", at, order.entities, { amount: order.fields.amount!, currency: "EUR" }), value: order.value! };
	}

	#tell(kind: ObservationKind, at: number, entities: Entities, fields: Observation["fields"]): Observation {
		return { id: this.#id(), kind, at, entities, fields };
	}

	#id = () => `evt_${this.#next()}`;

	#next = () => `${this.#name}-${++this.#told}`;
}

export const orderOf = (purchase: readonly Observation[]) => purchase.find(({ kind }) => kind === "order");

/** An actor whose whole story is known from the start. */
export function story(labels: readonly Label[], told: readonly Observation[]): Actor {
	return { labels, day: from => told.filter(({ at }) => at >= from && at < from + day) };
}

/** Cents of an ordinary basket. */
export const basket = (dice: Dice) => 900 + Math.round(Math.min(60_000, dice.skewed(6500)));

/** A moment of the day at which people are awake. */
export const wakingHour = (dice: Dice) => 7 * hour + Math.floor(((dice.throw() + dice.throw()) / 2) * 16 * hour);
