// Facts that a listener could not take, each a document until it took effect or was given up; later facts of its key wait behind it as letters too.
import type { Clock } from "../../lib/clock.ts";
import type { DeliveryPolicy, Letter, LetterStatus } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Collection } from "./collection.ts";
import { type CollectionSpec, DuplicateKey, type StoredDocument } from "./engine.ts";

/** `_id` is the fact's id. */
export type LetterDocument = StoredDocument &
	Omit<Letter, "id" | "envelope"> & {
		/** JSON text: a payload may have keys that a document must not. */
		envelope: string;
	};

export const lettersSpec: CollectionSpec = { indexes: ["status", ["status", "position"], ["producer", "key", "position"]] };

/** Whose letters wait for each other. */
type Key = Pick<Envelope, "producer" | "key">;

export const factOf = ({ envelope }: LetterDocument): Envelope => JSON.parse(envelope) as Envelope;
const shown = ({ _id, version: _, envelope, ...letter }: LetterDocument): Letter => ({
	id: _id,
	...letter,
	envelope: JSON.parse(envelope) as Envelope,
});
const sentenceOf = (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 2000);

export interface LettersGiven {
	letters: Collection<LetterDocument>;
	/** One process owns the data: what it counted once it knows. Else every question goes to the store. */
	exclusive: boolean;
	clock: Clock;
	policy: DeliveryPolicy;
}

export class Letters {
	readonly #given: LettersGiven;
	/** Counted at first need. With none, which is nearly always, a fact asks nothing before its effect. */
	#count: number | undefined;

	constructor(given: LettersGiven) {
		this.#given = given;
	}

	async page({ status, before, limit }: { status?: LetterStatus; before?: string; limit: number }): Promise<Letter[]> {
		const found = await this.#given.letters.find({
			filter: status ? { status } : {},
			sort: { field: "_id", order: "descending" },
			...(before ? { after: { value: before, id: before } } : {}),
			limit,
		});
		return found.map(shown);
	}

	async one(id: string): Promise<Letter | undefined> {
		const found = await this.get(id);
		return found && shown(found);
	}

	async due(now: number, limit: number): Promise<Letter[]> {
		const found = await this.#given.letters.find({
			filter: { status: "retrying", nextAt: { $lte: now } },
			sort: { field: "position", order: "ascending" },
			limit,
		});
		return found.map(shown);
	}

	get(id: string): Promise<LetterDocument | undefined> {
		return this.#given.letters.get(id);
	}

	/** False: there are surely none. */
	async mayExist(): Promise<boolean> {
		if (!this.#given.exclusive) return true;
		this.#count ??= await this.#given.letters.count();
		return this.#count > 0;
	}

	/** The letter of a key that all others wait for. */
	async firstOf(key: Key): Promise<LetterDocument | undefined> {
		return (await this.#firstTwoOf(key))[0];
	}

	/** Keeps a fact that failed with its error, or one that has to wait without. */
	async keep(envelope: Envelope, failed?: { thrown: unknown }): Promise<void> {
		const { clock, policy, letters } = this.#given;
		const now = clock.now();
		const dead = failed && policy.attempts <= 1;
		const { id, producer, position, key, type } = envelope;
		const letter = {
			producer,
			position,
			key,
			type,
			status: failed ? (dead ? "dead" : "retrying") : "waiting",
			attempts: failed ? 1 : 0,
			error: failed ? sentenceOf(failed.thrown) : null,
			nextAt: failed && !dead ? now + policy.backoff(1) : null,
			firstFailedAt: now,
			lastFailedAt: now,
			envelope: JSON.stringify(envelope),
		} as const;
		try {
			await letters.insert({ _id: id, ...letter });
			if (this.#count !== undefined) this.#count++;
		} catch (error) {
			// Another node, which had the producer for a moment more, keeps it already.
			if (!(error instanceof DuplicateKey)) throw error;
		}
		// On another node the one before it may have left meanwhile, without seeing this one.
		if (!failed) await this.#releaseFirst(envelope);
	}

	async countFailure(letter: LetterDocument, thrown: unknown): Promise<void> {
		const { clock, policy, letters } = this.#given;
		const now = clock.now();
		const attempts = letter.attempts + 1;
		const dead = attempts >= policy.attempts;
		await letters.change(letter._id, doc => {
			// Tried by two nodes at once it failed once, not twice.
			if (doc.attempts !== letter.attempts || doc.status !== "retrying") return undefined;
			const nextAt = dead ? null : now + policy.backoff(attempts);
			return { doc: { ...doc, attempts, status: dead ? "dead" : "retrying", error: sentenceOf(thrown), nextAt, lastFailedAt: now } };
		});
	}

	/** Puts a letter behind the one before it. Both were due when a process died between releasing this one and removing the other. */
	async putBack(letter: LetterDocument): Promise<void> {
		await this.#given.letters.change(letter._id, doc => ({ doc: { ...doc, status: "waiting", nextAt: null } }));
		await this.#releaseFirst(letter);
	}

	async makeDue(id: string): Promise<void> {
		await this.#given.letters.change(id, doc => ({ doc: { ...doc, status: "retrying", attempts: 0, nextAt: this.#given.clock.now() } }));
	}

	/** The next of the key is released before this one goes: dying in between leaves two that are due, never one that waits for nobody. */
	async leave(letter: LetterDocument): Promise<void> {
		const [first, second] = await this.#firstTwoOf(letter);
		if (second && first?._id === letter._id) await this.#release(second);
		if ((await this.#given.letters.remove(letter._id)) && this.#count !== undefined) this.#count--;
		// Another node may have kept one behind it that was not there a moment ago.
		if (!second) await this.#releaseFirst(letter);
	}

	/** Whoever is first of its key has nobody to wait for. */
	async #releaseFirst(key: Key): Promise<void> {
		const first = await this.firstOf(key);
		if (first?.status === "waiting") await this.#release(first);
	}

	async #release({ _id }: LetterDocument): Promise<void> {
		await this.#given.letters.change(_id, doc =>
			doc.status === "waiting" ? { doc: { ...doc, status: "retrying", attempts: 0, nextAt: this.#given.clock.now() } } : undefined,
		);
	}

	#firstTwoOf({ producer, key }: Key): Promise<LetterDocument[]> {
		return this.#given.letters.find({ filter: { producer, key }, sort: { field: "position", order: "ascending" }, limit: 2 });
	}
}
