// Facts in, over documents: no transaction holds an effect and its inbox row together, so the effect comes first and must be harmless when
// repeated; then the floor rises. What an effect could not take is kept as a letter before the floor passes it.
import type { Effect, FactInbox, Letter, LetterStatus, Settled } from "../../lib/facts.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { Collection } from "./collection.ts";
import { type CollectionSpec, DuplicateKey, type StoredDocument } from "./engine.ts";
import { factOf, type LetterDocument, Letters, type LettersGiven } from "./fact-letters.ts";
import { Turns } from "./turns.ts";

/** `_id` is the producer. */
export interface FloorDocument extends StoredDocument {
	position: number;
}

export const floorsSpec: CollectionSpec = {};

// More producers than a mesh has services, so that one page holds them all.
const producersMax = 1000;

export interface InboxGiven extends LettersGiven {
	floors: Collection<FloorDocument>;
}

/**
 * Of several nodes one is handed the facts of a producer, but for a moment it may be two. Then an effect is repeated; a floor still only rises, each
 * node brings it up to what it has itself settled, and a letter is kept once.
 */
export class DocumentInbox implements FactInbox {
	readonly #floors: Collection<FloorDocument>;
	readonly #letters: Letters;
	/** One fact of a producer after the other, letters of it included: else a letter could leave while a later fact still waits for it. */
	readonly #turns = new Turns();
	/** How far each producer is known to be settled; another node may have settled more. Its floor document follows within one write. */
	readonly #settled = new Map<string, number>();
	/** Positions that could neither take effect nor be kept. Nothing of their producer may pass them until they are settled after all. */
	readonly #stuck = new Map<string, number>();
	readonly #raises = new Turns();
	/** Per producer the raise that has not begun yet: whatever is settled until it does shares its write. */
	readonly #raising = new Map<string, Promise<void>>();

	constructor(given: InboxGiven) {
		this.#floors = given.floors;
		this.#letters = new Letters(given);
	}

	async floors(): Promise<Map<string, number>> {
		const floors = await this.#floors.find({ limit: producersMax });
		for (const { _id, position } of floors) this.#learn(_id, position);
		return new Map(floors.map(({ _id, position }) => [_id, position]));
	}

	async apply(envelopes: readonly Envelope[], effect: Effect, after?: number): Promise<Settled[]> {
		const first = envelopes[0];
		if (!first) return [];
		const { producer } = first;
		const { outcomes, raised } = await this.#turns.take(producer, async () => {
			this.#mustNotPass(producer, first.position);
			if (after !== undefined) await this.#mustHaveSettled(producer, after);
			const outcomes: Settled[] = [];
			let raised: Promise<void> | undefined;
			for (const envelope of envelopes) {
				outcomes.push(await this.#applyOne(envelope, effect));
				// Begun, not awaited: the next effect shares its commit.
				raised = this.#raise(producer);
				raised.catch(() => undefined);
			}
			return { outcomes, raised };
		});
		await raised;
		return outcomes;
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
		if (position <= (this.#settled.get(producer) ?? 0)) return true;
		return position <= (await this.#readFloor(producer));
	}

	letters(query: { status?: LetterStatus; before?: string; limit: number }): Promise<Letter[]> {
		return this.#letters.page(query);
	}

	letter(id: string): Promise<Letter | undefined> {
		return this.#letters.one(id);
	}

	due(now: number, limit: number): Promise<Letter[]> {
		return this.#letters.due(now, limit);
	}

	retry(id: string, effect: Effect): Promise<Settled> {
		return this.#inTurnOf(id, "known", async letter => {
			if (letter.status !== "retrying") return "waiting";
			if ((await this.#letters.firstOf(letter))?._id !== letter._id) {
				await this.#letters.putBack(letter);
				return "waiting";
			}
			try {
				await effect(factOf(letter), undefined);
			} catch (error) {
				await this.#letters.countFailure(letter, error);
				return "failed";
			}
			await this.#letters.leave(letter);
			return "applied";
		});
	}

	redrive(id: string): Promise<boolean> {
		return this.#inTurnOf(id, false, async letter => {
			if (letter.status === "waiting") return false;
			await this.#letters.makeDue(id);
			return true;
		});
	}

	drop(id: string): Promise<boolean> {
		return this.#inTurnOf(id, false, async letter => {
			await this.#letters.leave(letter);
			return true;
		});
	}

	async #inTurnOf<T>(id: string, absent: T, work: (letter: LetterDocument) => Promise<T>): Promise<T> {
		const found = await this.#letters.get(id);
		if (!found) return absent;
		return this.#turns.take(found.producer, async () => {
			const letter = await this.#letters.get(id);
			return letter ? work(letter) : absent;
		});
	}

	async #applyOne(envelope: Envelope, effect: Effect): Promise<Settled> {
		const { producer, position } = envelope;
		try {
			const known = position <= (await this.#settledOf(producer));
			const outcome = known ? "known" : await this.#settle(envelope, effect);
			this.#learn(producer, position);
			this.#stuck.delete(producer);
			return outcome;
		} catch (error) {
			this.#stuck.set(producer, position);
			throw error;
		}
	}

	async #settle(envelope: Envelope, effect: Effect): Promise<Settled> {
		if (await this.#letters.mayExist()) {
			const first = await this.#letters.firstOf(envelope);
			if (first) {
				if (first._id === envelope.id || (await this.#letters.get(envelope.id))) return "known";
				await this.#letters.keep(envelope);
				return "waiting";
			}
		}
		try {
			await effect(envelope, undefined);
			return "applied";
		} catch (thrown) {
			await this.#letters.keep(envelope, { thrown });
			return "failed";
		}
	}

	async #settledOf(producer: string): Promise<number> {
		return this.#settled.get(producer) ?? this.#readFloor(producer);
	}

	async #readFloor(producer: string): Promise<number> {
		return this.#learn(producer, (await this.#floors.get(producer))?.position ?? 0);
	}

	#learn(producer: string, position: number): number {
		const settled = Math.max(position, this.#settled.get(producer) ?? 0);
		this.#settled.set(producer, settled);
		return settled;
	}

	#mustNotPass(producer: string, position: number): void {
		const stuck = this.#stuck.get(producer);
		if (stuck !== undefined && position > stuck && (this.#settled.get(producer) ?? 0) < stuck)
			throw new Error(`position ${stuck} of ${producer} is not settled yet`);
	}

	async #mustHaveSettled(producer: string, after: number): Promise<void> {
		if ((await this.#settledOf(producer)) >= after || (await this.#readFloor(producer)) >= after) return;
		throw new Error(`position ${after} of ${producer} is not settled yet`);
	}

	#raise(producer: string): Promise<void> {
		const waiting = this.#raising.get(producer);
		if (waiting) return waiting;
		let hasBegun = false;
		const raise = this.#raises.take(producer, () => {
			hasBegun = true;
			this.#raising.delete(producer);
			return this.#writeFloor(producer);
		});
		if (!hasBegun) this.#raising.set(producer, raise);
		return raise;
	}

	/** Brings the floor document up to what is settled by now, or learns from it that another node has settled more. */
	async #writeFloor(producer: string): Promise<void> {
		const raise = () =>
			this.#floors.change(producer, doc => {
				const position = this.#learn(producer, doc.position);
				return position > doc.position ? { doc: { ...doc, position } } : undefined;
			});
		if (await raise()) return;
		try {
			await this.#floors.insert({ _id: producer, position: this.#settled.get(producer)! });
		} catch (error) {
			if (!(error instanceof DuplicateKey)) throw error;
			await raise();
		}
	}
}
