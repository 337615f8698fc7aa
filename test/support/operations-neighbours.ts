// Two services that hear the stock, for what operators see and steer: one over SQL that can be told to refuse and that drives a process, one over documents.
import Type from "typebox";
import { action, answer, event, hear, tell } from "../../lib/contract.ts";
import { failure } from "../../lib/failure.ts";
import { defineService } from "../../lib/service.ts";
import { type DocumentService, documentStore } from "../../mixins/document-store.ts";
import type { StoredDocument } from "../../mixins/documents/engine.ts";
import type { Migration } from "../../mixins/sql/schema.ts";
import { column } from "../../mixins/sql/schema.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";
import { levelChanged } from "../../services/commerce/inventory/inventory.contract.ts";

export const noted = event({
	name: "mirror.noted",
	version: 1,
	key: "sku",
	delivery: "durable",
	summary: "A level was noted.",
	payload: Type.Object({ sku: Type.String(), onHand: Type.Integer() }),
});

export const beginCount = action({
	name: "books.beginCount",
	summary: "Begin to count a shelf.",
	allow: "internal",
	params: Type.Object({ sku: Type.String() }),
	returns: Type.Object({ id: Type.String() }),
});

export const countRefused = failure("conflict", "count_refused", () => "This shelf is not counted.");

const pages: Migration = {
	name: "0001-pages",
	up: schema => schema.createTable("pages", { sku: column.key(), entries: column.integer() }, ["sku"]),
};

type Books = SqlService<SqlTx>;
type Mirror = DocumentService;

/** `refuses`: SKUs whose facts the books cannot apply, `stands`: whether the counting of shelves gets no further. Both change as a test goes on. */
export function operationsNeighbours() {
	const state = { refuses: new Set<string>(), stands: false, applied: [] as string[] };

	const books = defineService<Books>({
		name: "books",
		mixins: [
			sqlStore({
				migrations: [pages],
				tx: SqlTx,
				sagas: () => [
					{
						kind: "count",
						deadlineMs: 3_600_000,
						steps: [
							{ name: "close shelf", run: async () => undefined, undo: async () => undefined },
							{
								name: "count shelf",
								run: async () => {
									if (state.stands) throw new Error("nobody is there to count");
								},
							},
						],
					},
				],
			}),
		],
		actions: {
			beginCount: answer(beginCount, async function (this: Books, ctx) {
				const { id } = await this.store.transaction(tx =>
					this.store.sagas.begin(tx, "count", { ...ctx.params, counter: { email: "counter@example.org", cartToken: "t" } }),
				);
				this.store.sagas.drive(id);
				return { id };
			}),
		},
		events: {
			...hear<typeof levelChanged, Books, SqlTx>(levelChanged, async ({ params: { sku, onHand }, tx }) => {
				if (state.refuses.has(sku)) throw new Error(`no page for ${sku}`);
				state.applied.push(`${sku} ${onHand}`);
				if ((await tx.run("UPDATE pages SET entries = entries + 1 WHERE sku = ?", [sku])) === 0)
					await tx.insert("pages", { sku, entries: 1 });
			}),
		},
	});

	const mirror = defineService<Mirror>({
		name: "mirror",
		mixins: [documentStore({ collections: { notes: {} } })],
		events: {
			...hear<typeof levelChanged, Mirror>(levelChanged, async function ({ params: { sku, onHand }, envelope }) {
				const facts = this.documents.facts();
				tell(facts, noted, { sku, onHand });
				await this.documents.collection<StoredDocument & { sku: string }>("notes").insert({ _id: envelope.id, sku }, facts);
			}),
		},
	});

	return { state, services: [books, mirror] };
}
