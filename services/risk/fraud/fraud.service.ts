// Risk: what was heard goes into a log, one node at a time judges it, and every checkout is decided on where it is asked.
import { setTimeout as pause } from "node:timers/promises";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { redisOf } from "../../../lib/redis.ts";
import { defineService } from "../../../lib/service.ts";
import { within } from "../../../lib/within.ts";
import type { BothStores } from "../../../mixins/both-stores.ts";
import { documentStore } from "../../../mixins/document-store.ts";
import { sqlStore } from "../../../mixins/sql-store.ts";
import { assess, conclude } from "./actions/assess.ts";
import { claimCase, decideCase, getCase, listCases, releaseCase } from "./actions/cases.ts";
import { listDecisions } from "./actions/decisions.ts";
import { getList, putListEntry, removeListEntry } from "./actions/lists.ts";
import { operatorActions } from "./actions/operators.ts";
import { backtest, getRules, listVersions, putRules } from "./actions/rules.ts";
import { clearUser, getUser, listUsers } from "./actions/users.ts";
import { clearUserSaga } from "./clear-user.saga.ts";
import { decideCaseSaga } from "./decide-case.saga.ts";
import { Desk, deskCollections } from "./desk/desk.ts";
import { Counters } from "./fraud.counters.ts";
import { Judge } from "./fraud.judge.ts";
import { heard } from "./fraud.listening.ts";
import { entityKey } from "./fraud.observations.ts";
import { reassess } from "./fraud.reassessing.ts";
import { RuleSets } from "./fraud.rule-sets.ts";
import { FraudTx } from "./fraud.store.ts";
import { entities } from "./migrations/0001-entities.ts";
import { risk } from "./migrations/0002-risk.ts";
import { lists } from "./migrations/0003-lists.ts";
import { shadowFires } from "./migrations/0004-shadow-fires.ts";
import { confirmations } from "./migrations/0005-confirmations.ts";
import { rulesChanged } from "./rules.contract.ts";

export type Fraud = BothStores<FraudTx> & {
	counters: Counters;
	ruleSets: RuleSets;
	desk: Desk;
	judge: Judge;
	/** Distinct interactions of somebody for life. */
	interactionsOf(userId: string): Promise<number>;
	/** The place of an observation in the log, as soon as it has one. Throws `service_unavailable` when that takes too long. */
	placeInLog(observationId: string): Promise<number>;
	announceRules(version: number, by: string | null): void;
};

const placeWithinMs = 2000;
const placeLookMs = 20;

/** What stands on the open stores. A saga that an earlier process left may need it before the service itself has started. */
function equip(service: Fraud): void {
	const { broker, documents, logger, runtime, store } = service;
	service.counters = new Counters(store, redisOf(broker));
	service.ruleSets = new RuleSets();
	service.desk = new Desk({ documents, broker, clock: runtime.clock, logger });
	service.judge = new Judge({
		store,
		counters: service.counters,
		ruleSets: service.ruleSets,
		desk: service.desk,
		reassess: () => reassess(service),
		announce: (version, by) => service.announceRules(version, by),
		logger,
	});
}

function sagasOf(service: Fraud) {
	equip(service);
	return [decideCaseSaga(service), clearUserSaga(service)];
}

export default defineService<Fraud>({
	name: "fraud",
	mixins: [
		sqlStore({ migrations: [entities, risk, lists, shadowFires, confirmations], tx: FraudTx, sagas: sagasOf }),
		documentStore({ collections: deskCollections, outbox: "sql" }),
	],

	actions: {
		assess,
		conclude,
		listDecisions,
		getUser,
		listUsers,
		clearUser,
		listCases,
		getCase,
		claimCase,
		releaseCase,
		decideCase,
		getRules,
		putRules,
		listVersions,
		backtest,
		getList,
		putListEntry,
		removeListEntry,
		...operatorActions,
	},

	events: heard,

	methods: {
		async interactionsOf(this: Fraud, userId: string): Promise<number> {
			const key = entityKey("user", userId);
			const series = (await this.counters.read([key])).get(key)?.series.interactions;
			return series && "n" in series ? series.n : 0;
		},

		async placeInLog(this: Fraud, observationId: string): Promise<number> {
			for (const until = performance.now() + placeWithinMs; performance.now() < until; ) {
				// In a flood of facts its turn does not end. Another node may be the judge: it looks by itself.
				await within(placeLookMs, this.judge.wake());
				const seq = await this.store.reader.seqOf(observationId);
				if (seq !== undefined) return seq;
				await pause(placeLookMs);
			}
			throw serviceUnavailable({ service: "The judge" });
		},

		announceRules(this: Fraud, version: number, by: string | null) {
			void this.broker.broadcast(rulesChanged.name, { version: String(version), by });
		},
	},

	async started() {
		await this.store.transaction(tx => this.ruleSets.install(tx));
		this.judge.start();
	},

	async stopped() {
		await this.judge?.stop();
		this.counters?.close();
	},
});
