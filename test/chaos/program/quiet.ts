// After the last fault: what was left open is brought to its end as its clients would, and then everything must come to rest by itself.
import { setTimeout as sleep } from "node:timers/promises";
import { renewMs } from "../../../lib/leases.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import type { Saga, StoreState } from "../../../lib/store-contract.ts";
import type { Page } from "../../../lib/vocabulary.ts";
import type { Keyed } from "./memory.ts";
import { insist, type Street } from "./purchase.ts";

const atOnce = 12;

async function each<T>(list: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
	let next = 0;
	const worker = async () => {
		while (next < list.length) await work(list[next++]!);
	};
	await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker));
}

/** Sends every request that has no last word until it has one, and every other once more. Answers what stayed open. */
export async function settle(street: Street): Promise<string[]> {
	const { memory, client } = street;
	const ofCheckout = new Map(memory.purchases.flatMap(purchase => purchase.checkouts.map(checkout => [checkout, purchase])));
	const isOpen = (keyed: Keyed) => keyed.final === undefined;
	await each(memory.keyed, async keyed => {
		const purchase = ofCheckout.get(keyed);
		if (!isOpen(keyed)) return keyed.send(client, memory);
		if (purchase) return insist(street, purchase, keyed, purchase.card === "unavailable" ? 2 : 10);
		for (let attempt = 1; attempt <= 10 && isOpen(keyed); attempt++) {
			if (attempt > 1) await sleep(300 * attempt);
			await keyed.send(client, memory);
		}
	});
	// A bank that is never there gives no last word.
	const open = memory.keyed.filter(keyed => isOpen(keyed) && !keyed.ask.mayFail);
	return open.map(({ name, ask }) => `${name} ${ask.path} was never answered with a last word`);
}

export interface Quiet {
	seconds: number;
	/** What still moved when patience ended. */
	restless: string[];
	states: StoreState[];
}

/** Waits until no saga runs, no payment is open, and every listener has heard every fact. */
export async function untilQuiet(street: Street, mesh: Mesh, withinMs = 60_000): Promise<Quiet> {
	const began = performance.now();
	for (;;) {
		const { restless, states } = await look(street, mesh).catch(error => ({ restless: [String(error)], states: [] }));
		const tookMs = performance.now() - began;
		if (restless.length === 0 || tookMs > withinMs) {
			// How far it came through facts that do not concern it a listener writes down once a second.
			await sleep(2 * renewMs);
			return { seconds: tookMs / 1000, restless, states };
		}
		await sleep(200);
	}
}

async function look({ client, people }: Street, mesh: Mesh): Promise<{ restless: string[]; states: StoreState[] }> {
	const token = await people.admin.token();
	const read = async <T>(path: string) => {
		const { body } = await client.ask<Page<T>>({ method: "GET", path, token, allowed: [200] });
		if (!body) throw new Error(`${path} was not answered`);
		return body.data;
	};
	const stores = await read<{ service: string; pending: number }>("/v1/outbox");
	const states = await Promise.all(stores.map(async ({ service }) => (await mesh.call(`${service}.storeState`)) as StoreState));
	const heads = new Map(states.map(({ service, head }) => [service, head]));
	const restless = states.flatMap(({ service, pending, cursors }) => [
		...(pending > 0 ? [`${service} has ${pending} facts without a position`] : []),
		...Object.entries(cursors).flatMap(([producer, at]) =>
			at < (heads.get(producer) ?? 0) ? [`${service} is at ${at} of ${heads.get(producer)} facts of ${producer}`] : [],
		),
	]);
	for (const { id, kind, error } of await read<Saga>("/v1/sagas?status=running&limit=100"))
		restless.push(`${kind} ${id} is running (${error ?? "no error"})`);
	for (const { id } of await read<{ id: string }>("/v1/payments?status=pending&limit=100")) restless.push(`payment ${id} is pending`);
	for (const { id, status } of await read<{ id: string; status: string }>("/v1/dead-letters?status=retrying&limit=100"))
		restless.push(`letter ${id} is ${status}`);
	return { restless, states };
}
