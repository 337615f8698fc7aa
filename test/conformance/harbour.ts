// A service with rows and documents, and one that hears it: a ship is a document, its tolls are rows, and of both facts are told.
import { ServiceBroker, type ServiceSchema } from "moleculer";
import Type from "typebox";
import { readConfig } from "../../lib/config.ts";
import { event, hear, tell } from "../../lib/contract.ts";
import { makeRuntime, type Runtime } from "../../lib/runtime.ts";
import { defineService } from "../../lib/service.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";
import type { BothStores } from "../../mixins/both-stores.ts";
import { documentStore } from "../../mixins/document-store.ts";
import { DuplicateKey, type StoredDocument } from "../../mixins/documents/engine.ts";
import { column, type Migration } from "../../mixins/sql/schema.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";
import type { OperableStore } from "../../mixins/store-actions.ts";

export const moored = event({
	name: "harbour.moored",
	version: 1,
	key: "shipId",
	delivery: "durable",
	summary: "A ship has come in once more.",
	payload: Type.Object({ shipId: Type.String(), visit: Type.Integer() }),
});
export const paid = event({
	name: "harbour.paid",
	version: 1,
	key: "shipId",
	delivery: "durable",
	summary: "A ship has paid its toll.",
	payload: Type.Object({ shipId: Type.String(), toll: Type.Integer() }),
});

/** A fact that is heard twice meets its own row, and stays as a letter. */
const logbook: Migration = {
	name: "0001-logbook",
	async up(schema) {
		await schema.createTable("logbook", { id: column.key(), position: column.integer(), type: column.key() }, ["id"]);
	},
};
const note = (tx: SqlTx, { id, position, type }: { id: string; position: number; type: string }) =>
	tx.insert("logbook", { id, position, type });

interface Ship extends StoredDocument {
	visits: number;
}
export type Harbour = BothStores<SqlTx> & { operable(): OperableStore };

export const bothStores = () => [
	sqlStore({ migrations: [logbook], tx: SqlTx }),
	documentStore({ collections: { ships: {} }, outbox: "sql" }),
];

/** Keeps a logbook of what it told of its own ships. */
export const harbour = (mixins: readonly Partial<ServiceSchema>[] = bothStores()) =>
	defineService<Harbour>({
		name: "harbour",
		mixins,
		events: { ...hear<typeof moored, Harbour, SqlTx>(moored, async ({ envelope, tx }) => void (await note(tx, envelope))) },
		async started() {
			this.metadata.openAtStart = (await this.documents.healthy()) && (await this.store.facts.head()) >= 0;
		},
	});

export type Lighthouse = SqlService<SqlTx>;
export const lighthouse = () =>
	defineService<Lighthouse>({
		name: "lighthouse",
		mixins: [sqlStore({ migrations: [logbook], tx: SqlTx })],
		events: {
			...hear<typeof moored, Lighthouse, SqlTx>(moored, async ({ envelope, tx }) => void (await note(tx, envelope))),
			...hear<typeof paid, Lighthouse, SqlTx>(paid, async ({ envelope, tx }) => void (await note(tx, envelope))),
		},
	});

export const shipsOf = ({ documents }: Harbour) => documents.collection<Ship>("ships");

/** A ship comes in, for the first time or again. */
export async function moor(service: Harbour, shipId: string): Promise<void> {
	const facts = (visit: number) => {
		const told = service.documents.facts();
		tell(told, moored, { shipId, visit });
		return told;
	};
	const ships = shipsOf(service);
	const known = await ships.change(shipId, ({ version: _, ...ship }) => ({
		doc: { ...ship, visits: ship.visits + 1 },
		facts: facts(ship.visits + 1),
	}));
	if (known) return;
	try {
		await ships.insert({ _id: shipId, visits: 1 }, facts(1));
	} catch (error) {
		// It came in at another node at the same moment.
		if (!(error instanceof DuplicateKey)) throw error;
		await moor(service, shipId);
	}
}

export const pay = (service: Harbour, shipId: string, toll: number): Promise<void> =>
	service.store.transaction(tx => Promise.resolve(tell(tx, paid, { shipId, toll })));

/** Position and name of what was noted, in the order of positions. */
export const logbookOf = async ({ store }: Lighthouse): Promise<string[]> => {
	const rows = await store.reader.all<{ position: number; type: string }>("SELECT position, type FROM logbook ORDER BY position");
	return rows.map(({ position, type }) => `${position} ${type}`);
};

/** A node that runs these services. */
export async function aNode(
	env: Record<string, string>,
	services: readonly ServiceSchema[],
	given: Partial<Runtime> = {},
): Promise<ServiceBroker> {
	const config = readConfig({ NODE_ENV: "test", STOA_OPS_PORT: "0", STOA_LOG_LEVEL: "fatal", STOA_DURABILITY: "process", ...env });
	const runtime = makeRuntime({ config, ...given });
	const broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
	for (const service of services) broker.createService(service);
	await broker.start();
	return broker;
}
