// Carries durable facts from outboxes to listeners. Within a process every store hands its numbered rows to the listening services; between nodes
// JetStream does. Either way each listener's inbox settles them in order, and what a wake-up misses is read from the outbox.
import type { Middleware, Service, ServiceBroker } from "moleculer";
import { ask, type HeardEvent } from "../lib/contract.ts";
import type { FactSource } from "../lib/facts.ts";
import { runtimeOf } from "../lib/runtime.ts";
import { storeContract } from "../lib/store-contract.ts";
import type { OperableStore } from "../mixins/store-actions.ts";
import type { Wire } from "./facts/jetstream.ts";
import { Listening, type Producers } from "./facts/listening.ts";
import { Publishing } from "./facts/publishing.ts";
import { natsOptions } from "./nats-options.ts";

// A question is lost when NATS comes back to us before the other node has. A slow answer is given more time when it is asked for again.
const readWithinMs = 1000;

type StoreService = Service & { operable?: () => OperableStore; listening?: Listening };

interface KnownService {
	name: string;
	nodeID: string;
	available: boolean;
	actions?: Record<string, unknown>;
}

/** The producers of the whole mesh: those of this process directly, the others through their own actions. */
function producersOf(broker: ServiceBroker, local: ReadonlyMap<string, OperableStore>): Producers {
	const known = () =>
		(broker.registry as unknown as { getServiceList(options: object): KnownService[] }).getServiceList({
			withActions: true,
			onlyAvailable: true,
		});
	const remote = (producer: string): Pick<FactSource, "read"> => {
		let patienceMs = readWithinMs;
		return {
			async read(after, limit) {
				try {
					// Whoever follows asks again: the mesh need not.
					const given = { timeout: patienceMs, retries: 0 };
					const facts = await ask(broker, storeContract(producer).readFacts, { after, limit }, given);
					patienceMs = readWithinMs;
					return facts;
				} catch (error) {
					patienceMs *= 2;
					throw error;
				}
			},
		};
	};
	return {
		names: () => {
			const names = new Set(local.keys());
			for (const { name, actions } of known()) if (actions && `${name}.readFacts` in actions) names.add(name);
			return names;
		},
		source: producer => local.get(producer)?.facts ?? remote(producer),
		storeId: async producer => {
			const store = local.get(producer);
			return store ? store.storeId() : (await ask(broker, storeContract(producer).storeState, {})).storeId;
		},
		nodesOf: service => Math.max(1, known().filter(({ name, available }) => name === service && available).length),
	};
}

const heardBy = (service: Service) =>
	Object.values(service.schema.events ?? {}).filter((event): event is HeardEvent => (event as HeardEvent).contract?.delivery === "durable");

/** A new middleware per broker. */
export function durableEvents(): Middleware {
	const groups: Listening[] = [];
	const publishers: Publishing[] = [];
	let wire: Wire | undefined;

	/** A store's facts go out, and its relay hears of what other nodes told. */
	async function publish(service: StoreService, store: OperableStore, over: Wire): Promise<void> {
		const origin = { producer: service.name, storeId: await store.storeId() };
		const publishing = new Publishing({ origin, source: store.facts, leases: store.leases, wire: over, logger: service.logger });
		publishers.push(publishing);
		over.onHint(service.name, () => {
			store.relay?.wake();
			publishing.wake();
		});
		store.relay?.onTold(() => over.hint(service.name));
		publishing.start();
	}

	return {
		name: "DurableEvents",

		async starting(broker: ServiceBroker) {
			const { config, instance } = runtimeOf(broker);
			if (!config.nats) return;
			const { openWire } = await import("./facts/jetstream.ts");
			const options = natsOptions(config.nats, `${broker.nodeID} facts ${instance.slice(0, 8)}`);
			wire = await openWire({ options, namespace: config.namespace, replicas: config.nats.replicas, logger: broker.logger });
		},

		async started(broker: ServiceBroker) {
			const services = (broker.services as StoreService[]).filter(service => service.operable);
			const stores = new Map(services.map(service => [service.name, service.operable!()]));
			const producers = producersOf(broker, stores);
			for (const service of services) {
				const store = stores.get(service.name)!;
				if (wire) await publish(service, store, wire);
				const heard = heardBy(service);
				if (heard.length === 0) continue;
				const group = new Listening({ service, inbox: store.inbox, leases: store.leases, heard, producers, wire });
				service.listening = group;
				groups.push(group);
				await group.start();
			}
		},

		// Facts stop flowing before any store closes; what is left over waits in its outbox.
		async stopping() {
			await Promise.all(groups.map(group => group.stop()));
			await Promise.all(publishers.map(publisher => publisher.stop()));
		},

		async stopped() {
			await wire?.close();
			wire = undefined;
		},
	};
}
