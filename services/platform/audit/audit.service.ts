// The house's memory of who did what: hears every durable fact and chains it in the transaction that also notes that it was heard.
import { setImmediate } from "node:timers/promises";
import { answer, anyFact, hear } from "../../../lib/contract.ts";
import { numberOfCursor, pageOf } from "../../../lib/cursor.ts";
import { defineService } from "../../../lib/service.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import * as audit from "./audit.contract.ts";
import { beginning, entryOf, follows, type Head, headAt } from "./audit.domain.ts";
import { AuditTx } from "./audit.store.ts";
import { chain } from "./migrations/0001-chain.ts";

type Audit = SqlService<AuditTx>;

// Some three milliseconds of hashing: nobody notices that the event loop was held.
const pageSize = 200;

export default defineService<Audit>({
	name: "audit",
	mixins: [sqlStore({ migrations: [chain], tx: AuditTx })],

	actions: {
		listEntries: answer(audit.listEntries, async function (this: Audit, ctx) {
			const { limit = 20, cursor, ...wanted } = ctx.params;
			const before = cursor === undefined ? undefined : numberOfCursor(cursor);
			const links = await this.store.reader.newest({ ...wanted, before, limit: limit + 1 });
			const { data, nextCursor } = pageOf(links, limit, link => [link.sequence]);
			return { data: data.map(entryOf), nextCursor };
		}),

		verify: answer(audit.verify, async function (this: Audit) {
			// Facts go on being chained meanwhile; entries up to this head no longer change.
			const { head, last } = await this.store.reader.state();
			if (!head) return { entries: last, intact: false, brokenAt: 1, hash: beginning.hash };
			const broken = (brokenAt: number) => ({ ...head, intact: false, brokenAt });
			let walked: Head = beginning;
			while (walked.entries < head.entries) {
				const page = await this.store.reader.walk(walked.entries, Math.min(pageSize, head.entries - walked.entries));
				if (page.length === 0) return broken(walked.entries + 1);
				for (const link of page) {
					if (!follows(walked, link)) return broken(walked.entries + 1);
					walked = headAt(link);
				}
				await setImmediate();
			}
			if (walked.hash !== head.hash) return broken(head.entries);
			return last > head.entries ? broken(head.entries + 1) : { ...head, intact: true };
		}),
	},

	events: {
		...hear<typeof anyFact, Audit, AuditTx>(anyFact, ({ envelope, tx }) => tx.chain(envelope)),
	},

	async started() {
		await this.store.transaction(tx => tx.begin());
	},
});
