// The analysts' desk of risk by itself: its stores, actions and sagas, without anybody who judges. A test hands it the matches.
import { setTimeout as sleep } from "node:timers/promises";
import { answer } from "../../lib/contract.ts";
import { newId } from "../../lib/ids.ts";
import { defineService } from "../../lib/service.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import { documentStore } from "../../mixins/document-store.ts";
import { sqlStore } from "../../mixins/sql-store.ts";
import { profilesOf } from "../../services/identity/users/users.contract.ts";
import { claimCase, decideCase, getCase, listCases, releaseCase } from "../../services/risk/fraud/actions/cases.ts";
import { getList, putListEntry, removeListEntry } from "../../services/risk/fraud/actions/lists.ts";
import { clearUser, getUser, listUsers } from "../../services/risk/fraud/actions/users.ts";
import { clearUserSaga } from "../../services/risk/fraud/clear-user.saga.ts";
import { decideCaseSaga } from "../../services/risk/fraud/decide-case.saga.ts";
import { Desk, type DeskService, deskCollections } from "../../services/risk/fraud/desk/desk.ts";
import type { Match } from "../../services/risk/fraud/desk/match.ts";
import { RuleSets } from "../../services/risk/fraud/fraud.rule-sets.ts";
import { FraudTx } from "../../services/risk/fraud/fraud.store.ts";
import { risk } from "../../services/risk/fraud/migrations/0002-risk.ts";
import { lists } from "../../services/risk/fraud/migrations/0003-lists.ts";
import { shadowFires } from "../../services/risk/fraud/migrations/0004-shadow-fires.ts";
import { confirmations } from "../../services/risk/fraud/migrations/0005-confirmations.ts";

export type AnalystsDesk = DeskService & { seen: { name: string; payload: Record<string, unknown> }[] };

/** `seen` keeps what it broadcast. */
export const analystsDesk = () =>
	defineService<AnalystsDesk>({
		name: "fraud",
		mixins: [
			sqlStore({
				migrations: [risk, lists, shadowFires, confirmations],
				tx: FraudTx,
				sagas: (service: AnalystsDesk) => {
					const { documents, logger } = service;
					service.seen = [];
					service.ruleSets = new RuleSets();
					const broadcast = async (name: string, payload: unknown) =>
						void service.seen.push({ name, payload: payload as Record<string, unknown> });
					service.desk = new Desk({ documents, logger, clock: service.runtime.clock, broker: { broadcast } });
					return [decideCaseSaga(service), clearUserSaga(service)];
				},
			}),
			documentStore({ collections: deskCollections, outbox: "sql" }),
		],
		actions: {
			getUser,
			listUsers,
			clearUser,
			listCases,
			getCase,
			claimCase,
			releaseCase,
			decideCase,
			getList,
			putListEntry,
			removeListEntry,
		},
		methods: {
			interactionsOf: async () => 7,
			async placeInLog(this: AnalystsDesk, observationId: string) {
				for (;;) {
					const seq = await this.store.reader.seqOf(observationId);
					if (seq !== undefined) return seq;
					await this.store.transaction(tx => tx.numberLog(100));
					await sleep(1);
				}
			},
		},
	});

/** People of whom `users` knows: all but these. */
export const everybodyBut = (...unknown: string[]) =>
	defineService({
		name: "users",
		actions: {
			profilesOf: answer(profilesOf, ({ params }) => ({
				profiles: params.userIds
					.filter(userId => !unknown.includes(userId))
					.map(userId => ({ userId, name: "Ada", status: "active" as const })),
			})),
		},
	});

export const somebody = () => newId("usr", Date.now());

let matches = 0;
/** A match about a user, unless it is said to be about something else. */
export function aMatch(given: Partial<Match> = {}): Match {
	const count = ++matches;
	return {
		id: `match-${count}`,
		seq: 1,
		ruleId: "interactions.lifetime",
		entity: { kind: "user", id: somebody() },
		at: Date.UTC(2026, 0, 5, 9) + count,
		detail: "interactions by user: 100 (gte 100)",
		flags: true,
		...given,
	};
}
export const about = (id: string): Pick<Match, "entity"> => ({ entity: { kind: "user", id } });

/** The facts of a type about a key, once nothing is on its way any more. */
export async function toldOf({ documents }: DeskService, type: string, key: string): Promise<Envelope[]> {
	while ((await documents.source.pending()).pending > 0) await sleep(2);
	return documents.source.find({ type, key, limit: 1000 });
}
