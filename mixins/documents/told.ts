// The facts of one write, on their way into the document that makes them true.

import type { Clock } from "../../lib/clock.ts";
import type { EventContract, FactSink } from "../../lib/contract.ts";
import { checkPayload, seal, type Told } from "../../lib/facts.ts";
import { currentScope } from "../../lib/scope.ts";

/** Filled with `tell(facts, event, payload)`, then handed to the one write whose truth they are. */
export class Facts implements FactSink {
	readonly sealed: Told[] = [];
	readonly #producer: string;
	readonly #clock: Clock;

	constructor(producer: string, clock: Clock) {
		this.#producer = producer;
		this.#clock = clock;
	}

	/** Throws a TypeError for a payload that is not what the event declares: a listener must never meet it. */
	append(event: EventContract, payload: Record<string, unknown>): void {
		checkPayload(event, payload);
		this.sealed.push(seal(event, payload, { now: this.#clock.now(), producer: this.#producer, scope: currentScope() }));
	}
}
