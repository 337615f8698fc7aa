// Counts what the door answered, cheaply enough to be always on; the operations port shows it.
import type { Measurement } from "../../../lib/measurement.ts";

const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export class Meter {
	/** By route and status, so that a request looks up no text made for it alone. */
	readonly #answers = new Map<string, Map<number, number>>();
	readonly #buckets = new Array<number>(boundsSeconds.length).fill(0);
	#seconds = 0;
	#total = 0;

	/** `route` is the action's name, or the door's; never a path, which a stranger chooses. */
	count(route: string, status: number, seconds: number): void {
		let statuses = this.#answers.get(route);
		if (!statuses) {
			statuses = new Map();
			this.#answers.set(route, statuses);
		}
		statuses.set(status, (statuses.get(status) ?? 0) + 1);
		this.#seconds += seconds;
		this.#total++;
		const bucket = boundsSeconds.findIndex(bound => seconds <= bound);
		if (bucket >= 0) this.#buckets[bucket]!++;
	}

	measurements(): Measurement[] {
		const answers = [...this.#answers].flatMap(([route, statuses]) =>
			[...statuses].map(([status, value]) => ({ labels: { route, status: String(status) }, value })),
		);
		// Each bucket of a histogram holds all that came before it.
		const upTo = (at: number) => this.#buckets.slice(0, at + 1).reduce((sum, count) => sum + count, 0);
		const buckets = boundsSeconds.map((bound, at) => ({ suffix: "_bucket", labels: { le: String(bound) }, value: upTo(at) }));
		return [
			{ name: "stoa_http_requests_total", type: "counter", help: "Requests answered, by route and status.", samples: answers },
			{
				name: "stoa_http_request_duration_seconds",
				type: "histogram",
				help: "From the first byte of a request to its answer.",
				samples: [
					...buckets,
					{ suffix: "_bucket", labels: { le: "+Inf" }, value: this.#total },
					{ suffix: "_sum", value: this.#seconds },
					{ suffix: "_count", value: this.#total },
				],
			},
		];
	}
}
