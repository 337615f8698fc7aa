// The way to the server: patience with it, and what becomes of a question whose answer was lost.
import { setTimeout as sleep } from "node:timers/promises";
import { serviceUnavailable } from "../../lib/failure.ts";
import { isFault } from "./mongo-driver.ts";

// A caller waits 5 s and more: it should hear of an absence from us, with its name, rather than run out of time.
const patienceMs = 4000;
/** How long the driver looks for a server, or waits for a free connection to it. */
export const absenceMs = 1500;
// After a cut connection the next one usually stands at once.
const pauseMs = 50;

/** The document as it stands does not say yet whether our own write made it so. Worth another look, within the patience that is left. */
export class Undecided extends Error {}

class Late extends Error {}

export class MongoReach {
	readonly #underway = new Set<Promise<unknown>>();
	#closed = false;

	/**
	 * Asks until there is an answer or patience is over: then `service_unavailable`. `unsure`: an earlier attempt may have been carried out, or may be
	 * even later than this one, so a write must tell its own traces from those of others.
	 */
	ask<T>(attempt: (unsure: boolean) => Promise<T>): Promise<T> {
		if (this.#closed) return Promise.reject(new Error("the document store is closed"));
		const asked = this.#ask(attempt);
		this.#underway.add(asked);
		const leave = () => void this.#underway.delete(asked);
		asked.then(leave, leave);
		return asked;
	}

	/** Takes no more questions; resolves when those that were asked are answered. */
	async close(): Promise<void> {
		this.#closed = true;
		await Promise.allSettled(this.#underway);
	}

	async #ask<T>(attempt: (unsure: boolean) => Promise<T>): Promise<T> {
		const until = performance.now() + patienceMs;
		for (let unsure = false; ; unsure = true) {
			try {
				return await within(until - performance.now(), attempt(unsure));
			} catch (error) {
				if (!(isFault(error) || error instanceof Undecided || error instanceof Late)) throw error;
				// A write that the driver would still send after we have given up helps nobody.
				if (performance.now() + pauseMs + absenceMs > until) throw Object.assign(serviceUnavailable(), { cause: error });
			}
			await sleep(pauseMs);
		}
	}
}

/** Rejects with {@link Late} when the time is over; what was begun goes on unheard. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Late("the server did not answer in time")), Math.max(0, ms));
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
