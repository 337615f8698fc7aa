// The smallest market that a mesh can be measured with. A stall answers what something costs: one call. A market tells what was sold, and a till,
// perhaps on another node, writes it down: one fact, from its outbox into the transaction of its effect.
import type { ServiceSchema } from "moleculer";
import Type from "typebox";
import { action, answer, event, hear } from "../../lib/contract.ts";
import type { FactInbox } from "../../lib/facts.ts";
import { defineService } from "../../lib/service.ts";
import { Money, Quantity, Sku } from "../../lib/vocabulary.ts";
import { column, type Migration } from "../../mixins/sql/schema.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";
import type { OperableStore } from "../../mixins/store-actions.ts";
import { percentile } from "../load.ts";

const Line = { sku: Sku, quantity: Quantity };

export const price = action({
	name: "stall.price",
	summary: "What some pieces cost.",
	allow: "internal",
	idempotent: true,
	params: Type.Object(Line),
	returns: Type.Object({ ...Line, total: Money }),
});

export const sold = event({
	name: "market.sold",
	version: 1,
	key: "buyer",
	delivery: "durable",
	summary: "Somebody bought something.",
	payload: Type.Object({ run: Type.String(), buyer: Type.String(), toldAtMs: Type.Number() }),
});

export const taken = action({
	name: "till.taken",
	summary: "How many facts of a run took effect, when the last of them did, and how long they were under way.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ run: Type.String() }),
	returns: Type.Object({ facts: Type.Integer(), lastAtMs: Type.Number(), p50Ms: Type.Number(), p99Ms: Type.Number() }),
});

/** The clock that all processes of one machine have in common, in milliseconds since it began. */
export const machineMs = () => Number(process.hrtime.bigint()) / 1e6;

const stall = (): ServiceSchema =>
	defineService({
		name: "stall",
		actions: {
			price: answer(price, ({ params: { sku, quantity } }) => ({ sku, quantity, total: { amount: quantity * 1250, currency: "EUR" } })),
		},
	});

export type Market = SqlService<SqlTx>;

const market = (): ServiceSchema => defineService<Market>({ name: "market", mixins: [sqlStore({ migrations: [], tx: SqlTx })] });

interface Takings {
	underWayMs: number[];
	lastAtMs: number;
}
type Till = SqlService<SqlTx> & { takings: Map<string, Takings> };

const takingsTable: Migration = {
	name: "0001-takings",
	async up(schema) {
		await schema.createTable("takings", { id: column.key(), run: column.key(), buyer: column.key() }, ["id"]);
	},
};

/** Notes the facts of a batch when the transaction of their effects has ended: no sooner did they take effect. */
function noting(inbox: FactInbox, takings: Till["takings"]): FactInbox {
	return {
		...inbox,
		async apply(facts, effect, after) {
			const settled = await inbox.apply(facts, effect, after);
			const now = machineMs();
			facts.forEach(({ data }, at) => {
				if (settled[at] !== "applied") return;
				const { run, toldAtMs } = data as { run: string; toldAtMs: number };
				const known = takings.get(run) ?? { underWayMs: [], lastAtMs: now };
				known.underWayMs.push(now - toldAtMs);
				takings.set(run, { ...known, lastAtMs: now });
			});
			return settled;
		},
	};
}

function till(): ServiceSchema {
	const store = sqlStore({ migrations: [takingsTable], tx: SqlTx });
	const operable = store.methods!.operable as unknown as (this: Till) => OperableStore;
	return defineService<Till>({
		name: "till",
		mixins: [store],
		created() {
			this.takings = new Map();
		},
		actions: {
			taken: answer(taken, function (this: Till, { params: { run } }) {
				const { underWayMs, lastAtMs } = this.takings.get(run) ?? { underWayMs: [], lastAtMs: 0 };
				underWayMs.sort((a, b) => a - b);
				const [p50Ms = 0, p99Ms = 0] = [50, 99].map(percent => percentile(underWayMs, percent));
				return { facts: underWayMs.length, lastAtMs, p50Ms, p99Ms };
			}),
		},
		events: {
			...hear<typeof sold, Till, SqlTx>(sold, async ({ params: { run, buyer }, envelope: { id }, tx }) => {
				await tx.insert("takings", { id, run, buyer });
			}),
		},
		methods: {
			operable(this: Till): OperableStore {
				const own = operable.call(this);
				return { ...own, inbox: noting(own.inbox, this.takings) };
			},
		},
	});
}

export const services = { stall, market, till };
export type ServiceName = keyof typeof services;
