// Counts what became of the requests, by the fault that was under way while they were.

/** The promise is 8 s; the rest is for two cores that run the whole shop, its servers and the buyers. Who is not answered by then is answered wrongly. */
export const answeredWithinMs = 9000;

/** What was broken meanwhile; `calm`: nothing. */
export type Weather = string;

/** How a request ended, its one repeat on the other gateway included. `lost`: cut off, or not answered in time, twice. */
export type Ending = "right" | "later" | "wrong" | "lost";

export interface Line {
	weather: Weather;
	requests: number;
	wrong: number;
	/** Reads that were not answered with what was asked for. */
	failedReads: number;
	/** Requests that were not. */
	failed: number;
	/** Cut off, and repeated on the other gateway. */
	cutOff: number;
	slowestMs: number;
}

export interface Counted {
	what: string;
	isRead: boolean;
	ending: Ending;
	cutOff: boolean;
	ms: number;
	why?: string;
}

// More of them say nothing that the first did not.
const saidMax = 200;

export class Tally {
	readonly #lines = new Map<Weather, Line>();
	/** Wrong answers, in words. */
	readonly wrong: string[] = [];
	/** Failures in a weather in which there must be none. */
	readonly failures: string[] = [];

	count(weather: Weather, { what, isRead, ending, cutOff, ms, why }: Counted): void {
		const line = this.#of(weather);
		line.requests++;
		line.slowestMs = Math.max(line.slowestMs, ms);
		if (cutOff) line.cutOff++;
		const said = `${what} (${weather}): ${why ?? ending}`;
		if (ending === "wrong") {
			line.wrong++;
			if (this.wrong.length < saidMax) this.wrong.push(said);
		} else if (ending !== "right") {
			line.failed++;
			if (isRead) line.failedReads++;
			if (mustNotFail(weather, isRead) && this.failures.length < saidMax) this.failures.push(said);
		}
	}

	/** Everybody has met calm weather; the others in the order they came. */
	lines(): Line[] {
		return [...this.#lines.values()];
	}

	get requests(): number {
		return this.lines().reduce((sum, { requests }) => sum + requests, 0);
	}

	#of(weather: Weather): Line {
		let line = this.#lines.get(weather);
		if (!line) {
			line = { weather, requests: 0, wrong: 0, failedReads: 0, failed: 0, cutOff: 0, slowestMs: 0 };
			this.#lines.set(weather, line);
		}
		return line;
	}
}

/** A node may be killed without a reader noticing, and be stopped or moved without anybody noticing. */
export function mustNotFail(weather: Weather, isRead: boolean): boolean {
	return weather === "calm" || weather === "term" || (weather === "kill" && isRead);
}
