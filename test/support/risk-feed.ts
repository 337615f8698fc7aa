// Hands facts to risk as its inbox hands them over, without the services that would tell them: so a test chooses order, time and repetition.
import type { Service } from "moleculer";
import { rfc3339 } from "../../lib/clock.ts";
import type { EventContract, HeardEvent, PayloadOf } from "../../lib/contract.ts";
import type { Effect } from "../../lib/facts.ts";
import { newId } from "../../lib/ids.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { recorded } from "../../services/identity/interactions/interactions.contract.ts";
import type { Attempt } from "../../services/risk/fraud/fraud.contract.ts";
import type { Fraud } from "../../services/risk/fraud/fraud.service.ts";
import type { Stoa } from "./stoa.ts";

/** Numbers that look random and are the same in every run. */
export function seeded(seed: number): (below: number) => number {
	let state = seed;
	return below => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 2 ** 32) * below);
	};
}

export const hash = (letter: string) => letter.repeat(64);

/** An attempt to buy; one more of the same buyer unless said otherwise. */
export const anAttempt = (given: Partial<Attempt> = {}): Attempt => ({
	attemptId: newId("opr", Date.now()),
	orderId: newId("ord", Date.now()),
	paymentId: newId("pay", Date.now()),
	userId: null,
	sessionId: newId("crt", Date.now()),
	addressHash: hash("a"),
	deviceHash: hash("d"),
	instrument: hash("1"),
	isShared: false,
	amount: { amount: 3412, currency: "EUR" },
	country: "DE",
	itemCount: 1,
	...given,
});

export class RiskFeed {
	readonly #service: Fraud;
	readonly #positions = new Map<string, number>();

	constructor(stoa: Stoa) {
		this.#service = stoa.service<Fraud>("fraud");
	}

	/** A fact that nobody has handed over yet, with its place. */
	fact<E extends EventContract>(event: E, data: PayloadOf<E>, at: number, id: string = newId("evt", at)): Envelope<PayloadOf<E>> {
		const producer = event.name.split(".")[0]!;
		const position = (this.#positions.get(producer) ?? 0) + 1;
		this.#positions.set(producer, position);
		const nobody = { requestId: null, traceparent: null, actor: null };
		const key = String((data as Record<string, unknown>)[event.key]);
		return { id, type: event.name, version: event.version, key, producer, position, occurredAt: rfc3339(at), ...nobody, data };
	}

	interaction(userId: string, at: number, given: { id?: string; kind?: "like" | "visit" } = {}): Envelope<PayloadOf<typeof recorded>> {
		const { id, kind = "visit" } = given;
		const data = { id: newId("int", at), userId, kind, target: "/shop", recordedAt: rfc3339(at), sessionId: `ses_${userId}` };
		return this.fact(recorded, { ...data, addressHash: hash("a"), deviceHash: null }, at, id);
	}

	/** In one go, as a feed does with what was numbered together. Facts of one producer in order of position. */
	async hand(...facts: Envelope<object>[]): Promise<void> {
		for (let at = 0; at < facts.length; at += 256)
			await this.#service.store.inbox.apply(facts.slice(at, at + 256) as Envelope[], this.#effect);
	}

	/** Resolves when all that was handed over is judged, and lies with the analysts. */
	async judged(): Promise<void> {
		const { judge, store } = this.#service;
		do await judge.wake();
		while ((await store.reader.hasUnnumbered()) || (await store.reader.judged()) < (await store.reader.logHead()));
		await judge.wake();
	}

	readonly #effect: Effect = async (envelope, tx) => {
		const heard = (this.#service as Service).schema.events![envelope.type] as HeardEvent;
		await heard.hear.call(this.#service, { params: envelope.data, envelope, tx } as never);
	};
}
