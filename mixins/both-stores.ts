// A service with rows and documents (decision 8). The SQL store keeps the service's facts, those told and those heard; a fact that a document makes
// true is written with it, carried into the SQL outbox, and has its place there among the others.
import type { FactRelay } from "../lib/facts.ts";
import type { DocumentService, DocumentStore } from "./document-store.ts";
import type { SqlTx } from "./sql/tx.ts";
import type { SqlService } from "./sql-store.ts";
import type { OperableStore } from "./store-actions.ts";

/**
 * `this` of a service with `mixins: [sqlStore({ … }), documentStore({ collections: { … }, outbox: "sql" })]`. Neither store is waited for inside of
 * the other's writes: a transaction awaits nothing but `tx`, so a document is changed before it or after it.
 */
export type BothStores<Tx extends SqlTx> = SqlService<Tx> & DocumentService;

/** What the SQL store's mixin finds on a service that has documents beside it: they are open only while it is. */
export interface Beside {
	documents?: DocumentStore;
	openBeside?(): Promise<void>;
	closeBeside?(): Promise<void>;
}

/** Who numbers the facts also carries them: one word wakes both, and either may have something to say. */
function together(relays: readonly FactRelay[]): FactRelay | undefined {
	if (relays.length <= 1) return relays[0];
	return {
		wake: () => {
			for (const relay of relays) relay.wake();
		},
		onTold: listener => {
			for (const relay of relays) relay.onTold(listener);
		},
	};
}

/** What the SQL store offers the operators, with the facts that still wait in documents. */
export const withDocuments = (own: OperableStore, { source, relay }: DocumentStore): OperableStore => ({
	...own,
	facts: source,
	relay: together([relay, own.relay].filter(one => one !== undefined)),
});
