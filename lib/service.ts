import type { ServiceSchema } from "moleculer";
import type { AnsweredAction, HeardEvent } from "./contract.ts";

/** A Moleculer service as we write it: `This` is what handlers and life cycle see. It stays a plain object. */
export interface ServiceDefinition<This> {
	name: string;
	mixins?: readonly Partial<ServiceSchema>[];
	settings?: Record<string, unknown>;
	dependencies?: readonly string[];
	actions?: Record<string, AnsweredAction>;
	events?: Record<string, HeardEvent>;
	methods?: Record<string, (this: This, ...args: never[]) => unknown>;
	created?(this: This): void;
	started?(this: This): Promise<void>;
	stopped?(this: This): Promise<void>;
}

/** Types a service's `this` and returns the object as Moleculer takes it. */
export const defineService = <This>(definition: ServiceDefinition<This>): ServiceSchema => definition as unknown as ServiceSchema;
