// Which services keep a store, and how they are asked: all at once, and whole or not at all. A list with a hole in it would look complete.
import type { ServiceBroker } from "moleculer";
import { kindOf, serviceUnavailable } from "../../../lib/failure.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import type { Answered } from "./operations.domain.ts";

export type StoreDoor = ReturnType<typeof storeContract>;

/** What marks a service as one with a store. */
const mark = ".storeState";

export class Stores {
	readonly #broker: ServiceBroker;
	/** By name. What was seen once stays: a service that is away is missed, not forgotten. */
	readonly #known = new Map<string, StoreDoor>();

	constructor(broker: ServiceBroker) {
		this.#broker = broker;
	}

	/** Learns of the services that are in the registry now. */
	discover(): void {
		for (const { name } of this.#broker.registry.getActionList({}) as { name: string }[]) {
			if (!name.endsWith(mark)) continue;
			const service = name.slice(0, -mark.length);
			if (!this.#known.has(service)) this.#known.set(service, storeContract(service));
		}
	}

	has(service: string): boolean {
		this.discover();
		return this.#known.has(service);
	}

	/** Asks one service. Throws `service_unavailable` naming it when it cannot answer; undefined for a service that nobody has heard of. */
	async one<Answer>(service: string, work: (store: StoreDoor) => Promise<Answer>): Promise<Answer | undefined> {
		if (!this.has(service)) return undefined;
		return this.#ask(service, work);
	}

	/** Asks every service, or those named, in order of name. */
	async each<Answer>(work: (store: StoreDoor, service: string) => Promise<Answer>, only?: string): Promise<Answered<Answer>[]> {
		this.discover();
		const services = only === undefined ? [...this.#known.keys()].sort() : [only];
		return Promise.all(services.map(async service => ({ service, answer: await this.#ask(service, store => work(store, service)) })));
	}

	async #ask<Answer>(service: string, work: (store: StoreDoor) => Promise<Answer>): Promise<Answer> {
		try {
			return await work(this.#known.get(service)!);
		} catch (error) {
			throw kindOf(error) === "unavailable" ? serviceUnavailable({ service }) : error;
		}
	}
}
