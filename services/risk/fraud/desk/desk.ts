// The analysts' desk: who is flagged, and what waits for a decision. Documents only; what a decision means for rows is the sagas' business.
import type { Logger } from "moleculer";
import type { Clock } from "../../../../lib/clock.ts";
import type { BothStores } from "../../../../mixins/both-stores.ts";
import type { DocumentStore } from "../../../../mixins/document-store.ts";
import type { CollectionSpec } from "../../../../mixins/documents/engine.ts";
import type { CaseEntity } from "../cases.contract.ts";
import type { RuleSets } from "../fraud.rule-sets.ts";
import type { FraudTx } from "../fraud.store.ts";
import { Cases, casesSpec } from "./cases.ts";
import { Flags, flagsSpec } from "./flags.ts";
import type { Match } from "./match.ts";

export const deskCollections: Readonly<Record<string, CollectionSpec>> = { flags: flagsSpec, cases: casesSpec };

export interface DeskGiven {
	documents: DocumentStore;
	broker: { broadcast(event: string, payload: object): Promise<unknown> };
	clock: Clock;
	logger: Pick<Logger, "warn">;
}

export class Desk {
	readonly flags: Flags;
	readonly cases: Cases;

	constructor({ documents, broker, clock, logger }: DeskGiven) {
		this.cases = new Cases({ documents, clock });
		const announce = async ({ name }: { name: string }, payload: object) => {
			try {
				await broker.broadcast(name, payload);
			} catch (error) {
				// What a broadcast loses, the fact brings a moment later.
				logger.warn("a flag could not be broadcast", error);
			}
		};
		this.flags = new Flags({ documents, clock, announce: (event, people) => void announce(event, people) });
	}

	/** Lays a match before the analysts, and flags the user it is about if it asks for that. Harmless when repeated. */
	async carry(match: Match): Promise<void> {
		// The case first: whoever sees a flag finds the case that explains it.
		await this.cases.open(match);
		await this.flag(match);
	}

	/** Flags the user whom a match is about, if it asks for that. Harmless when repeated. Nobody else: a flag falls with the user's own case. */
	async flag(match: Match): Promise<void> {
		const { kind, id } = match.entity;
		if (match.flags && kind === "user") await this.flags.flag(id, match);
	}

	/** Closes what waited about something that needs no decision any more, as an order that was cancelled. */
	async withdrawCase(entity: CaseEntity, note: string): Promise<void> {
		const open = await this.cases.openOf(entity);
		if (open) await this.cases.withdraw(open._id, note);
	}
}

/** What the actions and sagas of the desk find in their service. */
export type DeskService = BothStores<FraudTx> & {
	desk: Desk;
	ruleSets: RuleSets;
	/** Distinct interactions of a user, for life. */
	interactionsOf(userId: string): Promise<number>;
	/** The place of an observation in the log, as soon as it has one. */
	placeInLog(observationId: string): Promise<number>;
};
