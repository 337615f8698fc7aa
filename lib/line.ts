// Whether this node can reach the others. Without NATS there are no others, and the line is always up.
import type { ServiceBroker } from "moleculer";

export interface Line {
	up: boolean;
}

const lines = new WeakMap<ServiceBroker, Line>();

/** The line of a broker's node. The mesh middleware keeps it; everybody else reads it. */
export function lineOf(broker: ServiceBroker): Line {
	let line = lines.get(broker);
	if (!line) {
		line = { up: true };
		lines.set(broker, line);
	}
	return line;
}
