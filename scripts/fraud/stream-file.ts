// A labelled stream as a file of JSON lines: what it is, who is who, and then every observation in the order in which it arrived.
//
//   {"stream":{"seed":7,"users":5000,"from":"2026-01-05T00:00:00.000Z","to":"…"}}
//   {"label":{"entity":"device:dev_…","scenario":"cardTesting","incident":1,"fraud":true}}      one line for each entity
//   {"observation":{"id":"evt_…","kind":"interaction","at":1767570330000,"entities":{…},"fields":{…}}}
//
// Facts are delivered at least once, so an observation may stand there twice. A file of observations alone is read as well: then nothing is labelled.
import fs from "node:fs";
import readline from "node:readline";
import type { Logged, Observation } from "../../services/risk/fraud/fraud.observations.ts";
import { OptionError } from "./option-error.ts";

export const fraudScenarios = ["cardTesting", "cardTestingSpread", "slowCardTesting", "takeover", "refundAbuse", "likeSpam"] as const;
export const honestScenarios = ["ordinary", "office", "familyTablet", "giftBuyer", "traveller", "honestReturner", "influencer"] as const;
export const scenarios = [...fraudScenarios, ...honestScenarios] as const;
export type Scenario = (typeof scenarios)[number];

export interface Label {
	/** As the log names it: `user:usr_…`. */
	entity: string;
	scenario: Scenario;
	/** Which of the scenario's incidents it belongs to: entities of one incident stand for one and the same story. */
	incident: number;
	fraud: boolean;
}

export interface StreamFacts {
	seed: number;
	users: number;
	from: string;
	to: string;
}

export type Line = { stream: StreamFacts } | { label: Label } | { observation: Observation };

/** The same log as risk keeps: each observation once, whatever was delivered twice, with its place; and what the stream says of itself. */
export class LogOfStream {
	readonly labels: Label[] = [];
	/** The labels as a backtest wants them. */
	readonly verdicts = new Map<string, "fraud" | "honest">();
	#facts: StreamFacts | undefined;
	readonly #known = new Set<string>();
	readonly #users = new Set<string>();

	/** The observation with its place; undefined for another line and for what is known. */
	take(line: Line): Logged | undefined {
		if ("observation" in line) return this.log(line.observation);
		if ("stream" in line) this.#facts = line.stream;
		else {
			this.labels.push(line.label);
			this.verdicts.set(line.label.entity, line.label.fraud ? "fraud" : "honest");
		}
		return undefined;
	}

	/** The observation with its place; undefined when it is known. */
	log(observation: Observation): Logged | undefined {
		const { id, entities } = observation;
		if (this.#known.has(id)) return undefined;
		this.#known.add(id);
		if (entities.user !== undefined) this.#users.add(entities.user);
		return { ...observation, seq: this.#known.size };
	}

	/** How many different observations there were. */
	get size(): number {
		return this.#known.size;
	}

	/** How many users the stream says it has, else how many were seen. */
	get users(): number {
		return this.#facts?.users ?? this.#users.size;
	}
}

const batchSize = 1000;

/** Reads a file piece by piece. `onBytes` hears how much of it was read. Throws an {@link OptionError} with the line that is wrong. */
export async function* readStream(file: string, log: LogOfStream, onBytes?: (bytes: number) => void): AsyncGenerator<readonly Logged[]> {
	const source = fs.createReadStream(file, { highWaterMark: 1 << 18 });
	source.on("data", () => onBytes?.(source.bytesRead));
	let batch: Logged[] = [];
	let at = 0;
	for await (const text of readline.createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) {
		at++;
		if (text === "") continue;
		const logged = log.take(lineOf(text, at, file));
		if (logged) batch.push(logged);
		if (batch.length < batchSize) continue;
		yield batch;
		batch = [];
	}
	if (batch.length > 0) yield batch;
}

function lineOf(text: string, at: number, file: string): Line {
	const line = parsed(text);
	if (isObject(line)) {
		if (isObject(line.stream)) return line as Line;
		if (isObject(line.label) && typeof line.label.entity === "string" && typeof line.label.fraud === "boolean") return line as Line;
		if (isObservation(line.observation)) return line as Line;
	}
	throw new OptionError(`${file}:${at} is neither an observation nor a label, as npm run fraud:generate writes them.`);
}

function isObservation(value: unknown): value is Observation {
	return (
		isObject(value) &&
		typeof value.id === "string" &&
		typeof value.kind === "string" &&
		Number.isSafeInteger(value.at) &&
		isObject(value.entities) &&
		isObject(value.fields)
	);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
