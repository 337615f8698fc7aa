// One node of the mesh benchmark, with the product's own broker. As a program: `node bench/mesh/node.ts stall,till [CBOR|JSON]`.
import { ServiceBroker } from "moleculer";
import { makeRuntime } from "../../lib/runtime.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";
import { type ServiceName, services } from "./market.ts";

export type Serializer = "CBOR" | "JSON";

export interface NodeSettings {
	env: Record<string, string>;
	services: readonly ServiceName[];
	/** Instead of the product's own. */
	serializer?: Serializer;
}

export async function startNode({ env, services: names, serializer }: NodeSettings): Promise<ServiceBroker> {
	const options = brokerOptions(makeRuntime({ env }));
	const broker = new ServiceBroker({ ...options, ...(serializer ? { serializer } : {}), skipProcessEventRegistration: true });
	for (const name of names) broker.createService(services[name]());
	await broker.start();
	return broker;
}

if (import.meta.main) {
	const [names, serializer] = process.argv.slice(2) as [string, Serializer | undefined];
	const env = process.env as Record<string, string>;
	await startNode({ env, services: names.split(",") as ServiceName[], ...(serializer ? { serializer } : {}) });
}
