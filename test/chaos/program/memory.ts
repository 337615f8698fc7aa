// What the shop has acknowledged, as its clients remember it: the measure of what must be there when everything is over.
import type { Answered, Ask, Client } from "./client.ts";
import type { Card, PlannedLine } from "./traffic-plan.ts";

export interface Goods {
	productId: string;
	sku: string;
	price: number;
	/** On the shelf before the first buyer came. */
	stock: number;
	isScarce: boolean;
}

/** An answer that stands for ever. */
export interface Final {
	status: number;
	text: string;
}

/** Whoever sends a request with a token that ends after some minutes. */
export interface Bearer {
	/** Undefined while the shop cannot say who one is. */
	token(): Promise<string | undefined>;
}

export interface KeyedAsk extends Ask {
	method: "POST";
	key: string;
}

export type KeyedName = "checkout" | "cancel" | "refund" | "restock";

/** A request with an Idempotency-Key, and the one answer that it may have. */
export class Keyed {
	readonly name: KeyedName;
	readonly ask: KeyedAsk;
	readonly by: Bearer | undefined;
	final: Final | undefined;
	/** How often it was answered finally. */
	answers = 0;

	constructor(name: KeyedName, ask: KeyedAsk, by?: Bearer) {
		this.name = name;
		this.ask = ask;
		this.by = by;
	}

	/** Sends it, for the first time or again. Undefined: who sends it could not sign in. */
	async send<Body>(client: Client, memory: Memory): Promise<Answered<Body> | undefined> {
		const token = await this.by?.token();
		if (this.by && token === undefined) return undefined;
		const answered = await client.ask<Body>({ ...this.ask, token });
		this.#remember(answered, memory);
		return answered;
	}

	#remember({ ending, seen }: Answered<unknown>, memory: Memory): void {
		// 202 and "not now" are no last words.
		if (ending !== "right" || !seen || seen.status === 202 || seen.status === 503) return;
		this.answers++;
		const { status, text } = seen;
		this.final ??= { status, text };
		if (this.final.status !== status || this.final.text !== text)
			memory.contradictions.push(
				`${this.name} ${this.ask.path}, key ${this.ask.key}: ${this.final.status}, then ${status} ${text.slice(0, 200)}`,
			);
	}
}

/** One cart, and what its buyer tried with it. */
export interface Purchase {
	cartId: string;
	cartToken: string | undefined;
	card: Card;
	by: Bearer | undefined;
	checkouts: Keyed[];
	cancel?: Keyed;
	refund?: Keyed;
}

export interface Registered {
	userId: string;
	email: string;
	password: string;
}

export class Memory {
	readonly goods: Goods[] = [];
	readonly keyed: Keyed[] = [];
	readonly purchases: Purchase[] = [];
	/** Carts answered 201. */
	readonly carts: string[] = [];
	readonly registered: Registered[] = [];
	/** Per product the versions that edits were answered with. */
	readonly edits = new Map<string, number[]>();
	/** Deliveries: each adds to its shelf exactly once. */
	readonly restocks: { sku: string; delta: number; keyed: Keyed }[] = [];
	/** One request, two different last words. */
	readonly contradictions: string[] = [];
	/** Must not be found anywhere: card numbers, passwords, tokens. By what they are. */
	readonly secrets = new Map<string, string>();

	keep(keyed: Keyed): Keyed {
		this.keyed.push(keyed);
		return keyed;
	}

	goodsOf = (lines: readonly PlannedLine[]) => lines.map(({ goods }) => this.goods[goods]!);

	/** The newest version of a product that an edit was answered with. */
	newestEdit(productId: string): number {
		return Math.max(0, ...(this.edits.get(productId) ?? []));
	}
}

interface Identified {
	id: string;
}

/** The order that a checkout was answered with. */
export function orderIdOf({ checkouts }: Purchase): string | undefined {
	const placed = checkouts.find(({ final }) => final?.status === 201)?.final;
	return placed && (JSON.parse(placed.text) as Identified).id;
}
