// Facts in, over documents: no transaction holds an effect and its inbox row together, so the effect comes first and must be harmless when
// repeated; then the floor rises. What an effect could not take is kept as a letter before the floor passes it.
import type { Clock } from "../../lib/clock.ts";
import type { DeliveryPolicy, Effect, FactInbox, Letter, LetterStatus, Settled } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Collection } from "./collection.ts";
import { type CollectionSpec, DuplicateKey, type StoredDocument } from "./engine.ts";
import { Turns } from "./turns.ts";

/** `_id` is the producer. */
export interface FloorDocument extends StoredDocument {
	position: number;
}
/** `_id` is the fact's id. */
export type LetterDocument = StoredDocument &
	Omit<Letter, "id" | "envelope"> & {
		/** JSON text: a payload may have keys that a document must not. */
		envelope: string;
	};

export const floorsSpec: CollectionSpec = {};
export const lettersSpec: CollectionSpec = { indexes: ["status", ["status", "position"], ["producer", "key", "position"]] };

// More producers than a mesh has services, so that one page holds them all.
const producersMax = 1000;

const letterOf = ({ _id, version: _, envelope, ...letter }: LetterDocument): Letter => ({
	id: _id,
	...letter,
	envelope: JSON.parse(envelope) as Envelope,
});
const sentenceOf = (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 2000);

export interface InboxGiven {
	floors: Collection<FloorDocument>;
	letters: Collection<LetterDocument>;
	clock: Clock;
	policy: DeliveryPolicy;
}

export class DocumentInbox implements FactInbox {
	readonly #given: InboxGiven;
	/** One fact of a producer after the other, letters of it included: else a letter could leave while a later fact still waits for it. */
	readonly #turns = new Turns();
	/** How far each producer is settled; its floor document follows within one write. */
	readonly #settled = new Map<string, number>();
	/** Positions that could neither take effect nor be kept. Nothing of their producer may pass them until they are handed over again. */
	readonly #stuck = new Map<string, number>();

	/** How many letters there are; counted at first need. With none, which is nearly always, a fact asks nothing before its effect. */
	#letterCount: number | undefined;

	constructor(given: InboxGiven) {
		this.#given = given;
	}

	async floors(): Promise<Map<string, number>> {
		const floors = await this.#given.floors.find({ limit: producersMax });
		return new Map(floors.map(({ _id, position }) => [_id, position]));
	}

	async apply(envelope: Envelope, effect: Effect): Promise<Settled> {
		const { producer, position } = envelope;
		const { outcome, raised } = await this.#turns.take(producer, async () => {
			this.#mustNotPass(producer, position);
			try {
				const known = position <= (await this.#settledOf(producer));
				const outcome = known ? "known" : await this.#settle(envelope, effect);
				if (!known) this.#settled.set(producer, position);
				this.#stuck.delete(producer);
				// Begun, not awaited: the next effect shares its commit.
				return { outcome, raised: this.#raise(producer) };
			} catch (error) {
				this.#stuck.set(producer, position);
				throw error;
			}
		});
		await raised;
		return outcome;
	}

	skipTo(producer: string, position: number): Promise<void> {
		return this.#turns.take(producer, async () => {
			this.#mustNotPass(producer, position);
			if (position <= (await this.#settledOf(producer))) return;
			this.#settled.set(producer, position);
			await this.#raise(producer);
		});
	}

	async knows({ producer, position }: Pick<Envelope, "id" | "producer" | "position">): Promise<boolean> {
		return position <= (await this.#settledOf(producer));
	}

	async letters({ status, before, limit }: { status?: LetterStatus; before?: string; limit: number }): Promise<Letter[]> {
		const found = await this.#given.letters.find({
			filter: status ? { status } : {},
			sort: { field: "_id", order: "descending" },
			...(before ? { after: { value: before, id: before } } : {}),
			limit,
		});
		return found.map(letterOf);
	}

	async letter(id: string): Promise<Letter | undefined> {
		const found = await this.#given.letters.get(id);
		return found && letterOf(found);
	}

	async due(now: number, limit: number): Promise<Letter[]> {
		const found = await this.#given.letters.find({
			filter: { status: "retrying", nextAt: { $lte: now } },
			sort: { field: "position", order: "ascending" },
			limit,
		});
		return found.map(letterOf);
	}

	retry(id: string, effect: Effect): Promise<Settled> {
		return this.#inTurnOf(id, "known", async letter => {
			if (letter.status !== "retrying") return "waiting";
			if ((await this.#firstOf(letter))!._id !== letter._id) {
				// Both were due when a process died between releasing this one and removing the one before it.
				await this.#given.letters.change(id, doc => ({ doc: { ...doc, status: "waiting", nextAt: null } }));
				return "waiting";
			}
			try {
				await effect(JSON.parse(letter.envelope) as Envelope, undefined);
			} catch (error) {
				await this.#countFailure(letter, error);
				return "failed";
			}
			await this.#leave(letter);
			return "applied";
		});
	}

	redrive(id: string): Promise<boolean> {
		return this.#inTurnOf(id, false, async letter => {
			if (letter.status === "waiting") return false;
			await this.#given.letters.change(id, doc => ({ doc: { ...doc, status: "retrying", attempts: 0, nextAt: this.#given.clock.now() } }));
			return true;
		});
	}

	drop(id: string): Promise<boolean> {
		return this.#inTurnOf(id, false, async letter => {
			await this.#leave(letter);
			return true;
		});
	}

	async #settle(envelope: Envelope, effect: Effect): Promise<Settled> {
		this.#letterCount ??= await this.#given.letters.count();
		if (this.#letterCount > 0) {
			if (await this.#given.letters.get(envelope.id)) return "known";
			if (await this.#firstOf(envelope)) {
				await this.#keep(envelope, "waiting", null);
				return "waiting";
			}
		}
		try {
			await effect(envelope, undefined);
			return "applied";
		} catch (error) {
			await this.#keep(envelope, "retrying", sentenceOf(error));
			return "failed";
		}
	}

	async #keep(envelope: Envelope, status: "waiting" | "retrying", error: string | null): Promise<void> {
		const { clock, policy, letters } = this.#given;
		const now = clock.now();
		const failed = status === "retrying";
		const dead = failed && policy.attempts <= 1;
		const { id, producer, position, key, type } = envelope;
		await letters.insert({
			_id: id,
			producer,
			position,
			key,
			type,
			status: dead ? "dead" : status,
			attempts: failed ? 1 : 0,
			error,
			nextAt: failed && !dead ? now + policy.backoff(1) : null,
			firstFailedAt: now,
			lastFailedAt: now,
			envelope: JSON.stringify(envelope),
		});
		this.#letterCount = (this.#letterCount ?? 0) + 1;
	}

	async #countFailure(letter: LetterDocument, error: unknown): Promise<void> {
		const { clock, policy, letters } = this.#given;
		const now = clock.now();
		const attempts = letter.attempts + 1;
		const dead = attempts >= policy.attempts;
		await letters.change(letter._id, doc => ({
			doc: {
				...doc,
				attempts,
				status: dead ? "dead" : "retrying",
				error: sentenceOf(error),
				nextAt: dead ? null : now + policy.backoff(attempts),
				lastFailedAt: now,
			},
		}));
	}

	/** The next of the key is released before this one goes: dying in between leaves two that are due, never one that waits for nobody. */
	async #leave(letter: LetterDocument): Promise<void> {
		const { letters, clock } = this.#given;
		const [first, second] = await letters.find({
			filter: { producer: letter.producer, key: letter.key },
			sort: { field: "position", order: "ascending" },
			limit: 2,
		});
		if (second && first?._id === letter._id)
			await letters.change(second._id, doc =>
				doc.status === "waiting" ? { doc: { ...doc, status: "retrying", attempts: 0, nextAt: clock.now() } } : undefined,
			);
		if ((await letters.remove(letter._id)) && this.#letterCount !== undefined) this.#letterCount--;
	}

	async #firstOf({ producer, key }: { producer: string; key: string }): Promise<LetterDocument | undefined> {
		return (await this.#given.letters.find({ filter: { producer, key }, sort: { field: "position", order: "ascending" }, limit: 1 }))[0];
	}

	async #inTurnOf<T>(id: string, absent: T, work: (letter: LetterDocument) => Promise<T>): Promise<T> {
		const found = await this.#given.letters.get(id);
		if (!found) return absent;
		return this.#turns.take(found.producer, async () => {
			const letter = await this.#given.letters.get(id);
			return letter ? work(letter) : absent;
		});
	}

	async #settledOf(producer: string): Promise<number> {
		const settled = this.#settled.get(producer) ?? (await this.#given.floors.get(producer))?.position ?? 0;
		if (!this.#settled.has(producer)) this.#settled.set(producer, settled);
		return settled;
	}

	#mustNotPass(producer: string, position: number): void {
		const stuck = this.#stuck.get(producer);
		if (stuck !== undefined && position > stuck) throw new Error(`position ${stuck} of ${producer} is not settled yet`);
	}

	/** Brings the floor document up to what is settled by now: facts that were settled together share the write. */
	async #raise(producer: string): Promise<void> {
		const { floors } = this.#given;
		const behind = () => this.#settled.get(producer)!;
		const raise = () => floors.change(producer, doc => (doc.position >= behind() ? undefined : { doc: { ...doc, position: behind() } }));
		if (await raise()) return;
		try {
			await floors.insert({ _id: producer, position: behind() });
		} catch (error) {
			if (!(error instanceof DuplicateKey)) throw error;
			await raise();
		}
	}
}
