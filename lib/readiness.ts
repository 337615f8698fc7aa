// Whether this node can do its work: every store of its own services is open and answers.
import type { Service, ServiceBroker } from "moleculer";
import { rfc3339 } from "./clock.ts";
import { ask } from "./contract.ts";
import { lineOf } from "./line.ts";
import { runtimeOf } from "./runtime.ts";
import { type StoreState, storeContract } from "./store-contract.ts";

export interface Readiness {
	ready: boolean;
	/** Services of this node whose store does not answer; `nats` while the other nodes cannot be reached. */
	away: string[];
	/** What the others say of theirs. */
	stores: StoreState[];
	checkedAt: string;
}

// Probes and scrapes may come from many at once: the stores are asked once for all of them. Bad news is asked again sooner.
const lastsMs = 1000;
const lastsMsWhenAway = 50;
const patienceMs = 2000;

const known = new WeakMap<ServiceBroker, { until: number; readiness: Promise<Readiness> }>();

const hasStore = (service: Service) => Boolean((service.schema.actions as Record<string, unknown> | undefined)?.storeState);

let holding = 0;

/** Keeps this process from calling itself ready (a first start that still fills the shop) until what is returned is called. */
export function holdReadiness(): () => void {
	holding++;
	let held = true;
	return () => {
		if (held) holding--;
		held = false;
	};
}

const isStopping = (broker: ServiceBroker) => (broker as unknown as { stopping: boolean }).stopping;

async function check(broker: ServiceBroker): Promise<Readiness> {
	const services = (broker.services as Service[]).filter(hasStore).map(({ name }) => name);
	const checkedAt = rfc3339(runtimeOf(broker).clock.now());
	// Before they have started there is nobody to ask, and each question would be a warning in the log.
	if (!broker.started) return { ready: false, away: services, stores: [], checkedAt };
	const asked = services.map(name => ask(broker, storeContract(name).storeState, {}, { timeout: patienceMs, nodeID: broker.nodeID }));
	const answers = await Promise.allSettled(asked);
	const stores = answers.flatMap(answer => (answer.status === "fulfilled" ? [answer.value] : []));
	const away = services.filter((_, at) => answers[at]!.status === "rejected");
	if (!lineOf(broker).up) away.push("nats");
	return { ready: holding === 0 && !isStopping(broker) && away.length === 0, away, stores, checkedAt };
}

/** Ready: started, not stopping, and every store open. Never rejects. */
export function readinessOf(broker: ServiceBroker): Promise<Readiness> {
	let last = known.get(broker);
	if (!last || last.until <= performance.now() || isStopping(broker)) {
		const asking = { until: Number.POSITIVE_INFINITY, readiness: check(broker) };
		asking.readiness.then(({ ready }) => {
			asking.until = performance.now() + (ready ? lastsMs : lastsMsWhenAway);
		});
		last = asking;
		known.set(broker, last);
	}
	return last.readiness;
}
