// Who is flagged: one document per user. Every change is one conditional write, which also carries the fact that it makes true.
import type { Clock } from "../../../../lib/clock.ts";
import { rfc3339 } from "../../../../lib/clock.ts";
import { type PayloadOf, tell } from "../../../../lib/contract.ts";
import type { DocumentStore } from "../../../../mixins/document-store.ts";
import type { Collection, Decision } from "../../../../mixins/documents/collection.ts";
import { type CollectionSpec, DuplicateKey, type StoredDocument } from "../../../../mixins/documents/engine.ts";
import { type FraudUser, type Reason, userCleared, userFlagged } from "../cases.contract.ts";
import { type Match, reasonOf, withReason } from "./match.ts";
import type { Place } from "./places.ts";

const reasonsMax = 50;

/** `_id` is the user's. */
export interface FlagDocument extends StoredDocument {
	status: FraudUser["status"];
	/** With what nobody is shown: the match, and its place in the log. */
	reasons: (Reason & { matchId: string; seq: number })[];
	/** Milliseconds; when last. Null: never, only the rules' memory of them was cleared. */
	flaggedAt: number | null;
	/** Whatever happened up to this place in the log was cleared. */
	clearedSeq: number;
}
type Unsaved = Omit<FlagDocument, "version">;

export const flagsSpec: CollectionSpec = { indexes: ["flaggedAt", ["status", "flaggedAt"]] };

type People = PayloadOf<typeof userFlagged>;
/** Passes a fact on at once, beside its way through the outbox. Best effort: it must not fail. */
export type Announce = (event: typeof userFlagged | typeof userCleared, payload: People) => void;

export const shownReasons = (reasons: FlagDocument["reasons"]): Reason[] => reasons.map(({ rule, at, detail }) => ({ rule, at, detail }));

export interface FlagsGiven {
	documents: Pick<DocumentStore, "collection" | "facts">;
	clock: Clock;
	announce: Announce;
}

export class Flags {
	readonly #given: FlagsGiven;
	readonly #flags: Collection<FlagDocument>;

	constructor(given: FlagsGiven) {
		this.#given = given;
		this.#flags = given.documents.collection("flags");
	}

	/** Undefined for somebody who was neither flagged nor cleared. */
	get(userId: string): Promise<FlagDocument | undefined> {
		return this.#flags.get(userId);
	}

	/** Those who are flagged, or were; the one flagged last comes first. */
	page(query: { status?: FraudUser["status"]; after?: Place; limit: number }): Promise<FlagDocument[]> {
		const { status, after, limit } = query;
		return this.#flags.find({
			filter: { flaggedAt: { $gt: 0 }, ...(status === undefined ? {} : { status }) },
			sort: { field: "flaggedAt", order: "descending" },
			...(after === undefined ? {} : { after }),
			limit,
		});
	}

	/** Flags a user, or adds a reason. Harmless when repeated; what happened before they were cleared does nothing. */
	async flag(userId: string, match: Match): Promise<void> {
		const now = this.#given.clock.now();
		let told: People | undefined;
		await this.#put(userId, flag => {
			told = undefined;
			if (match.seq <= flag.clearedSeq || flag.reasons.some(({ matchId }) => matchId === match.id)) return undefined;
			const reasons = withReason(flag.reasons, { ...reasonOf(match), matchId: match.id, seq: match.seq }, reasonsMax);
			if (flag.status === "flagged") return { doc: { ...flag, reasons } };
			told = { userId, reasons: shownReasons(reasons) };
			return { doc: { ...flag, status: "flagged", reasons, flaggedAt: now }, facts: this.#facts(userFlagged, told) };
		});
		if (told) this.#given.announce(userFlagged, told);
	}

	/** Clears a user of what happened up to a place in the log; for what came later they stay flagged. Harmless when repeated. */
	async clear(userId: string, seq: number): Promise<void> {
		let told: People | undefined;
		await this.#put(userId, flag => {
			told = undefined;
			const clearedSeq = Math.max(flag.clearedSeq, seq);
			const fallen = flag.reasons.filter(reason => reason.seq <= seq);
			if (fallen.length === 0) return clearedSeq === flag.clearedSeq ? undefined : { doc: { ...flag, clearedSeq } };
			const reasons = flag.reasons.filter(reason => reason.seq > seq);
			if (reasons.length > 0) return { doc: { ...flag, reasons, clearedSeq } };
			told = { userId, reasons: shownReasons(fallen) };
			return { doc: { ...flag, status: "clear", reasons, clearedSeq }, facts: this.#facts(userCleared, told) };
		});
		if (told) this.#given.announce(userCleared, told);
	}

	#facts(event: typeof userFlagged | typeof userCleared, people: People) {
		const facts = this.#given.documents.facts();
		void tell(facts, event, people);
		return facts;
	}

	/** Decides on what stands, or on a clear user's flag where there is none yet. */
	async #put(userId: string, decide: (flag: Unsaved) => Decision<FlagDocument> | undefined): Promise<void> {
		if (await this.#flags.change(userId, decide)) return;
		const first = decide({ _id: userId, status: "clear", reasons: [], flaggedAt: null, clearedSeq: 0 });
		if (!first) return;
		try {
			await this.#flags.insert(first.doc, first.facts);
		} catch (error) {
			if (!(error instanceof DuplicateKey)) throw error;
			await this.#flags.change(userId, decide);
		}
	}
}

/** As it is shown; somebody without a document is clear. */
export function shownFlag(userId: string, flag: FlagDocument | undefined, interactions: number): FraudUser {
	const isFlagged = flag?.status === "flagged";
	return {
		userId,
		status: isFlagged ? "flagged" : "clear",
		reasons: isFlagged ? shownReasons(flag.reasons) : [],
		counters: { interactions },
		...(isFlagged ? { flaggedAt: rfc3339(flag.flaggedAt!) } : {}),
	};
}
