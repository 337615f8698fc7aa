// What waits for an analyst. That an entity has one case at a time is the unique `openKey`'s to decide, and that a case has one owner the version of its
// document: every change is one conditional write, which also carries the fact that it makes true.
import { requireMatch } from "../../../../lib/canonical.ts";
import { type Clock, rfc3339 } from "../../../../lib/clock.ts";
import { tell } from "../../../../lib/contract.ts";
import { notFound, serviceUnavailable } from "../../../../lib/failure.ts";
import { derivedId } from "../../../../lib/ids.ts";
import type { DocumentStore } from "../../../../mixins/document-store.ts";
import type { Collection } from "../../../../mixins/documents/collection.ts";
import { type CollectionSpec, DuplicateKey, type StoredDocument } from "../../../../mixins/documents/engine.ts";
import {
	type Case,
	type CaseDecision,
	type CaseEntity,
	caseAlreadyClaimed,
	caseClosed,
	caseNotYours,
	caseOpened,
	caseStateConflict,
	type Reason,
} from "../cases.contract.ts";
import { type Match, reasonOf, withReason } from "./match.ts";
import type { Place } from "./places.ts";

const reasonsMax = 100;
// A match that comes again comes soon: only while it is being carried may it be carried twice.
const matchIdsMax = 1000;
// Each round needs somebody who opened and closed the case of this very entity meanwhile.
const roundsMax = 20;

/** `_id` is the case's. */
export interface CaseDocument extends StoredDocument {
	/** The entity while the case is open or claimed, the case's own id once it is closed. */
	openKey: string;
	entity: CaseEntity;
	userId: string | null;
	orderId: string | null;
	status: Case["status"];
	reasons: Reason[];
	matchIds: string[];
	assignee: string | null;
	decision: CaseDecision | null;
	note: string | null;
	/** The process that closed it: doing so again, it finds its own work. */
	decidedBy: string | null;
	openedAt: number;
	closedAt: number | null;
}

export const casesSpec: CollectionSpec = {
	indexes: ["openedAt", ["status", "openedAt"], ["userId", "openedAt"], ["userId", "status", "openedAt"]],
	arrayIndexes: ["matchIds"],
	unique: ["openKey"],
};

/** How a case ends. */
export interface Closing {
	/** Of the process that closes it. */
	process: string;
	decision?: "confirmed" | "falsePositive";
	note?: string;
	by?: string;
	/** Only if `by` has claimed it. */
	isOwn?: boolean;
	ifMatch?: string;
}

/** Who wants to change a case, and what they have read of it. */
export interface Asking {
	by: string;
	ifMatch?: string | undefined;
}

export interface CasesGiven {
	documents: Pick<DocumentStore, "collection" | "facts">;
	clock: Clock;
}

const keyOf = ({ kind, id }: CaseEntity) => `${kind}:${id}`;

/** Whom and what it is about. A device or an address is many people's: its case is about nobody in particular. */
function subjectOf({ entity: { kind, id }, userId }: Match): Pick<CaseDocument, "userId" | "orderId"> {
	if (kind === "user") return { userId: id, orderId: null };
	if (kind === "order") return { userId: userId ?? null, orderId: id };
	return { userId: kind === "session" && userId !== undefined ? userId : null, orderId: null };
}

/** What facts say of a case. */
const aboutOf = ({ _id, entity, userId, orderId }: Omit<CaseDocument, "version">) => ({
	caseId: _id,
	entity,
	...(userId === null ? {} : { userId }),
	...(orderId === null ? {} : { orderId }),
});

function refuseClosed({ _id, status }: CaseDocument): void {
	if (status === "closed") throw caseStateConflict({ caseId: _id, status });
}

/** Throws what refuses somebody a decision. */
export function refuseDecision(doc: CaseDocument, { by, ifMatch }: Asking): void {
	requireMatch(ifMatch, shownCase(doc));
	refuseClosed(doc);
	if (doc.assignee !== by) throw caseNotYours({ caseId: doc._id });
}

export class Cases {
	readonly #given: CasesGiven;
	readonly #cases: Collection<CaseDocument>;

	constructor(given: CasesGiven) {
		this.#given = given;
		this.#cases = given.documents.collection("cases");
	}

	get(id: string): Promise<CaseDocument | undefined> {
		return this.#cases.get(id);
	}

	/** The one case of an entity that is open or claimed. */
	openOf(entity: CaseEntity): Promise<CaseDocument | undefined> {
		return this.#cases.findOne({ openKey: keyOf(entity) });
	}

	/** Newest first. */
	page(query: { status?: Case["status"]; userId?: string; after?: Place; limit: number }): Promise<CaseDocument[]> {
		const { status, userId, after, limit } = query;
		return this.#cases.find({
			filter: { ...(status === undefined ? {} : { status }), ...(userId === undefined ? {} : { userId }) },
			sort: { field: "openedAt", order: "descending" },
			...(after === undefined ? {} : { after }),
			limit,
		});
	}

	/** Adds a match to the open case of its entity, or opens one. A match that some case has already does nothing. */
	async open(match: Match): Promise<void> {
		for (let round = 0; round < roundsMax; round++) {
			if ((await this.#join(match)) || (await this.#cases.findOne({ matchIds: match.id }))) return;
			try {
				return await this.#insert(match);
			} catch (error) {
				if (!(error instanceof DuplicateKey)) throw error;
				// The id is made of the match: this very match has opened a case. Otherwise somebody was faster, and there is one to join.
				if (error.field === "_id") return;
			}
		}
		throw serviceUnavailable();
	}

	/** Takes a case for oneself. Throws what refuses it. */
	claim(id: string, { by, ifMatch }: Asking): Promise<CaseDocument> {
		return this.#change(id, doc => {
			requireMatch(ifMatch, shownCase(doc));
			refuseClosed(doc);
			if (doc.assignee === by) return undefined;
			if (doc.assignee !== null) throw caseAlreadyClaimed({ caseId: id });
			return { doc: { ...doc, status: "claimed", assignee: by } };
		});
	}

	/** Gives a case back. Throws what refuses it. */
	release(id: string, { by, ifMatch }: Asking): Promise<CaseDocument> {
		return this.#change(id, doc => {
			requireMatch(ifMatch, shownCase(doc));
			refuseClosed(doc);
			if (doc.assignee === null) return undefined;
			if (doc.assignee !== by) throw caseNotYours({ caseId: id });
			return { doc: { ...doc, status: "open", assignee: null } };
		});
	}

	/** Notes that its owner cannot decide yet. Throws what refuses it. */
	doubt(id: string, asking: Asking & { note?: string | undefined }): Promise<CaseDocument> {
		return this.#change(id, doc => {
			refuseDecision(doc, asking);
			const note = asking.note ?? doc.note;
			return doc.decision === "unsure" && doc.note === note ? undefined : { doc: { ...doc, decision: "unsure", note } };
		});
	}

	/** Ends a case and tells it. The same process again finds it closed by itself. Throws what refuses it. */
	close(id: string, closing: Closing): Promise<CaseDocument> {
		const { process, decision, note, by, isOwn, ifMatch } = closing;
		return this.#change(id, doc => {
			if (doc.decidedBy === process) return undefined;
			if (isOwn) refuseDecision(doc, { by: by!, ifMatch });
			refuseClosed(doc);
			const closed: CaseDocument = {
				...doc,
				status: "closed",
				openKey: id,
				decision: decision ?? null,
				note: note ?? doc.note,
				decidedBy: process,
				closedAt: this.#given.clock.now(),
			};
			const facts = this.#given.documents.facts();
			void tell(facts, caseClosed, { ...aboutOf(closed), ...(decision ? { decision } : {}), ...(by ? { by } : {}) });
			return { doc: closed, facts };
		});
	}

	/** Closes a case without a decision; one that is closed stays as it is. */
	async withdraw(id: string, note: string): Promise<void> {
		try {
			await this.close(id, { process: `withdrawn ${id}`, note });
		} catch (error) {
			if (!caseStateConflict.matches(error)) throw error;
		}
	}

	async #change(id: string, decide: Parameters<Collection<CaseDocument>["change"]>[1]): Promise<CaseDocument> {
		const doc = await this.#cases.change(id, decide);
		if (!doc) throw notFound();
		return doc;
	}

	/** False when the entity has no open case. */
	async #join(match: Match): Promise<boolean> {
		const open = await this.openOf(match.entity);
		if (!open) return false;
		const joined = await this.#cases.change(open._id, doc => {
			if (doc.matchIds.includes(match.id) || doc.status === "closed") return undefined;
			const matchIds = [...doc.matchIds, match.id].slice(-matchIdsMax);
			return { doc: { ...doc, matchIds, reasons: withReason(doc.reasons, reasonOf(match), reasonsMax) } };
		});
		return joined?.matchIds.includes(match.id) ?? false;
	}

	async #insert(match: Match): Promise<void> {
		const fresh: Omit<CaseDocument, "version"> = {
			_id: derivedId("cas", match.at, match.id),
			openKey: keyOf(match.entity),
			entity: match.entity,
			...subjectOf(match),
			status: "open",
			reasons: [reasonOf(match)],
			matchIds: [match.id],
			assignee: null,
			decision: null,
			note: null,
			decidedBy: null,
			openedAt: this.#given.clock.now(),
			closedAt: null,
		};
		const facts = this.#given.documents.facts();
		void tell(facts, caseOpened, aboutOf(fresh));
		await this.#cases.insert(fresh, facts);
	}
}

/** As analysts see it. */
export function shownCase(doc: CaseDocument): Case {
	const { _id, entity, userId, orderId, status, reasons, assignee, decision, note, openedAt, closedAt, version } = doc;
	const known = Object.entries({ userId, orderId, assignee, decision, note }).filter(([, value]) => value !== null);
	return {
		id: _id,
		entity,
		status,
		reasons,
		openedAt: rfc3339(openedAt),
		...(closedAt === null ? {} : { closedAt: rfc3339(closedAt) }),
		version,
		...Object.fromEntries(known),
	};
}
