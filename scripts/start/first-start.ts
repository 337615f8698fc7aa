// What a new shop needs beside its running services: an administrator, and outside production something to sell.
// Everything is asked of the mesh and harmless when several nodes ask it at once.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBroker } from "moleculer";
import type { Config } from "../../lib/config.ts";
import { isDefinite } from "../../lib/failure.ts";
import { type SeededPeople, seedShop } from "../seed/seed.ts";
import { type Administrator, ensureAdministrator } from "./administrator.ts";

export interface FirstStart {
	administrator?: Administrator;
	seeded?: SeededPeople;
}

const waitMaxMs = 5000;

const identity = ["authentication", "users", "authorization"];
const shop = ["products", "inventory", ...identity];

/** The services of a node by its files. */
export const servicesOf = (files: readonly string[]) => files.map(file => path.basename(file, ".service.ts"));

export interface Duties {
	/** The node of the accounts makes the administrator, the node of the catalogue fills it. */
	administrator: boolean;
	seed: boolean;
	/** Everybody whom this takes runs on this very node: it is not ready before it is done. Otherwise others bring them, sooner or later. */
	alone: boolean;
}

/** What a node has to do for a new shop. Without a mesh nobody else will ever come, so what cannot be done here is nobody's duty. */
export function dutiesOf(services: readonly string[], config: Pick<Config, "nats" | "production">): Duties {
	const has = (names: readonly string[]) => names.every(name => services.includes(name));
	const reaches = (names: readonly string[]) => config.nats !== undefined || has(names);
	const administrator = services.includes("authentication") && reaches(identity);
	const seed = services.includes("products") && !config.production && reaches(shop);
	return { administrator, seed, alone: (!administrator || has(identity)) && (!seed || has(shop)) };
}

/** Asks until there is an answer: in a mesh the others may come later than we do, or be away for a while. A refusal is an answer. */
async function patiently<T>(broker: ServiceBroker, what: string, work: () => Promise<T>): Promise<T | undefined> {
	const isStopping = () => (broker as unknown as { stopping: boolean }).stopping;
	for (let attempt = 0; !isStopping(); attempt++) {
		try {
			return await work();
		} catch (error) {
			if (isDefinite(error)) throw error;
			// At first somebody is merely not there yet; after that it is worth a line now and then.
			if (attempt % 12 === 6) broker.logger.warn(`${what} has to wait: ${(error as Error).message}`);
			await sleep(Math.min(100 * 2 ** attempt, waitMaxMs), undefined, { ref: false });
		}
	}
	return undefined;
}

/** Does the node's duties, side by side: hashing passwords and filling the shop do not wait for each other. Rejects with what refused them. */
export async function firstStart(broker: ServiceBroker, config: Config, duties: Duties): Promise<FirstStart> {
	const inMesh = config.nats !== undefined;
	const once = <T>(what: string, work: () => Promise<T>) => (inMesh ? patiently(broker, what, work) : work());
	const [administrator, seeded] = await Promise.all([
		duties.administrator ? once("the administrator", () => ensureAdministrator(broker, config)) : undefined,
		duties.seed ? once("the seed", () => seedShop(broker, config)) : undefined,
	]);
	return { administrator, seeded };
}
