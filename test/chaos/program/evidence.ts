// What is really there, read from the databases themselves and not from what the product says of them.
import { createRequire } from "node:module";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import type { Envelope } from "../../../lib/vocabulary.ts";
import type { Order } from "../../../services/commerce/orders/orders.contract.ts";
import type { Link } from "../../../services/platform/audit/audit.domain.ts";

export interface OutboxRow {
	producer: string;
	id: string;
	position: number | null;
	fact: Omit<Envelope, "position">;
}

export interface Charge {
	authorizationKey: string;
	paymentId: string | null;
	status: string;
	amount: number;
	captured: number;
	refunded: number;
}

type OrderRow = Pick<Order, "id" | "cartId" | "status" | "paymentStatus"> & { body: Pick<Order, "items" | "totals"> };

export type Bought = Pick<Order, "id" | "cartId" | "status" | "paymentStatus"> & {
	items: readonly Pick<Order["items"][number], "sku" | "quantity">[];
	total: number;
};

export interface PaymentRow {
	id: string;
	orderId: string;
	status: string;
	amount: number;
	captured: number;
	refunded: number;
}

export interface Evidence {
	outbox: OutboxRow[];
	/** Per listening service and producer how far it has settled. */
	floors: { service: string; producer: string; position: number }[];
	letters: { service: string; id: string; status: string; error: string | null }[];
	sagas: { service: string; id: string; kind: string; status: string; updatedAt: number }[];
	orders: Bought[];
	carts: { id: string; status: string; orderId: string | null }[];
	payments: PaymentRow[];
	refunds: { id: string; paymentId: string; orderId: string; amount: number; status: string }[];
	intents: { id: string; operation: string; status: string }[];
	charges: Charge[];
	moves: { moveKey: string; authorizationKey: string; operation: string; amount: number; declineCode: string | null }[];
	shelves: { sku: string; onHand: number; reserved: number }[];
	movements: { sku: string; delta: number; reason: string }[];
	reservations: { orderId: string; status: string }[];
	chain: Link[];
	accounts: { userId: string; status: string }[];
	profiles: { userId: string }[];
	/** `revision` is the version that clients see. */
	products: { _id: string; revision: number }[];
	notifications: { type: string; channel: string; userId: string | null; orderId: string | null }[];
}

type Row = Record<string, unknown>;

/** What is used here of the driver that the document stores ride on; it brings no types. */
export interface MongoDatabase {
	listCollections(): { toArray(): Promise<{ name: string }[]> };
	collection(name: string): { find(filter: object): { toArray(): Promise<Row[]> } };
}
export interface Mongo {
	db(name: string): MongoDatabase & { admin(): { listDatabases(): Promise<{ databases: { name: string }[] }> } };
	close(force: boolean): Promise<void>;
}
const { MongoClient } = createRequire(import.meta.url)("mongodb") as {
	MongoClient: { connect(url: string, options: object): Promise<Mongo> };
};

export const openSql = (url: string): Promise<Connection> => mysql.createConnection({ uri: url, supportBigNumbers: true });
export const openMongo = (url: string): Promise<Mongo> => MongoClient.connect(url, { useUnifiedTopology: true });

/** Names of the schemas (or databases) of a namespace, by service. */
export async function schemasOf(sql: Connection, namespace: string): Promise<Map<string, string>> {
	const [rows] = await sql.query<RowDataPacket[]>("SELECT schema_name AS name FROM information_schema.schemata ORDER BY schema_name");
	return byService(
		rows.map(({ name }) => String(name)),
		namespace,
	);
}

export async function databasesOf(mongo: Mongo, namespace: string): Promise<Map<string, string>> {
	const { databases } = await mongo.db("admin").admin().listDatabases();
	return byService(
		databases.map(({ name }) => name),
		namespace,
	);
}

const byService = (names: readonly string[], namespace: string) =>
	new Map(names.filter(name => name.startsWith(`${namespace}_`)).map(name => [name.slice(namespace.length + 1), name]));

const decoded = <T>(rows: readonly Row[], ...json: readonly string[]): T[] =>
	rows.map(
		row =>
			Object.fromEntries(Object.entries(row).map(([name, value]) => [name, json.includes(name) ? JSON.parse(String(value)) : value])) as T,
	);

const factsOf = (producer: string, rows: readonly Row[]): OutboxRow[] =>
	decoded<{ id: string; position: number | null; envelope: OutboxRow["fact"] }>(rows, "envelope").map(({ id, position, envelope }) => ({
		producer,
		id,
		position,
		fact: envelope,
	}));

export async function gather({ sql: sqlUrl, mongo: mongoUrl }: { sql: string; mongo: string }, namespace: string): Promise<Evidence> {
	const sql = await openSql(sqlUrl);
	const mongo = await openMongo(mongoUrl);
	try {
		const schemas = await schemasOf(sql, namespace);
		const rows = async (service: string, query: string) => {
			const [found] = await sql.query<RowDataPacket[]>(query.replaceAll("@", `\`${schemas.get(service)}\`.`));
			return found as Row[];
		};
		const all = async <T>(service: string, table: string, ...json: string[]) =>
			decoded<T>(await rows(service, `SELECT * FROM @${table}`), ...json);
		const inAll = async (query: string) =>
			(await Promise.all([...schemas.keys()].map(async service => (await rows(service, query)).map(row => ({ service, ...row }))))).flat();
		const documents = await documentsOf(mongo, namespace);
		const told = await inAll("SELECT id, position, envelope FROM @outbox");
		return {
			outbox: [
				...[...Map.groupBy(told, row => row.service)].flatMap(([producer, facts]) => factsOf(producer, facts)),
				...documents.flatMap(({ service, outbox }) =>
					factsOf(
						service,
						outbox.map(({ _id, ...row }) => ({ id: _id, ...row })),
					),
				),
			],
			floors: [
				...decoded<Evidence["floors"][number]>(await inAll("SELECT producer, position FROM @floors")),
				...documents.flatMap(({ service, floors }) =>
					floors.map(({ _id, position }) => ({ service, producer: String(_id), position: Number(position) })),
				),
			],
			letters: [
				...decoded<Evidence["letters"][number]>(await inAll("SELECT id, status, error FROM @letters")),
				...documents.flatMap(({ service, letters }) =>
					letters.map(({ _id, status, error }) => ({ service, id: String(_id), status: String(status), error: error as string | null })),
				),
			],
			sagas: decoded(await inAll("SELECT id, kind, status, updatedAt FROM @sagas")),
			orders: decoded<OrderRow>(await rows("orders", "SELECT id, cartId, status, paymentStatus, body FROM @orders"), "body").map(
				({ id, cartId, status, paymentStatus, body }) => ({
					id,
					cartId,
					status,
					paymentStatus,
					items: body.items,
					total: body.totals.total.amount,
				}),
			),
			carts: await all("carts", "carts"),
			payments: await all("payments", "payments"),
			refunds: await all("payments", "refunds"),
			intents: await all("payments", "intents"),
			charges: await all("payments", "bankCharges"),
			moves: await all("payments", "bankMoves"),
			shelves: await all("inventory", "shelves"),
			movements: await all("inventory", "movements"),
			reservations: await all("inventory", "reservations"),
			chain: decoded(await rows("audit", "SELECT * FROM @entries ORDER BY sequence")),
			accounts: await all("authentication", "accounts"),
			profiles: await all("users", "profiles"),
			products: (await collectionOf(mongo, `${namespace}_products`, "products")) as unknown as Evidence["products"],
			notifications: (await collectionOf(mongo, `${namespace}_notifications`, "notifications")) as unknown as Evidence["notifications"],
		};
	} finally {
		await Promise.all([sql.end(), mongo.close(true)]);
	}
}

const collectionOf = (mongo: Mongo, database: string, name: string) => mongo.db(database).collection(name).find({}).toArray();

async function documentsOf(mongo: Mongo, namespace: string) {
	const databases = [...(await databasesOf(mongo, namespace))];
	return Promise.all(
		databases.map(async ([service, database]) => ({
			service,
			outbox: await collectionOf(mongo, database, "outbox"),
			floors: await collectionOf(mongo, database, "floors"),
			letters: await collectionOf(mongo, database, "letters"),
		})),
	);
}
