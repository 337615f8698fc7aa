// I8, its other half: looks for what buyers handed over in confidence in everything that is kept or printed.
import { Redis } from "ioredis";
import type { RowDataPacket } from "mysql2/promise";
import { connect } from "nats";
import { databasesOf, openMongo, openSql, schemasOf } from "./evidence.ts";
import type { ServerUrls } from "./options.ts";

/** Words long enough to be a secret. Tokens have dots, dashes and underscores inside; what stands around them are quotes, spaces and slashes. */
const words = /[A-Za-z0-9_.-]{12,}/g;

/** A text, and where it was found. */
export type Texts = AsyncIterable<[place: string, text: string]>;

/** What was found where; each secret is named by what it is and never repeated. */
export async function findSecrets(secrets: ReadonlyMap<string, string>, texts: Texts): Promise<string[]> {
	const found = new Set<string>();
	for await (const [place, text] of texts)
		for (const [word] of text.matchAll(words)) {
			const what = secrets.get(word);
			if (what) found.add(`${what} was found in ${place}`);
		}
	return [...found];
}

/** Everything that the mesh keeps on its servers, except the bank's own books: a bank knows its tokens. */
export async function* everythingKept({ sql, mongo, redis, nats }: ServerUrls, namespace: string): Texts {
	yield* rowsOf(sql, namespace);
	yield* documentsOf(mongo, namespace);
	yield* keysOf(redis, namespace);
	yield* messagesOf(nats, namespace);
}

async function* rowsOf(url: string, namespace: string): Texts {
	const sql = await openSql(url);
	try {
		for (const [service, schema] of await schemasOf(sql, namespace)) {
			const [tables] = await sql.query<RowDataPacket[]>("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?", [
				schema,
			]);
			for (const { name } of tables) {
				if (String(name).toLowerCase().startsWith("bank")) continue;
				const [rows] = await sql.query<RowDataPacket[]>(`SELECT * FROM \`${schema}\`.\`${name}\``);
				for (const row of rows) yield [`the table ${service}.${name}`, JSON.stringify(row)];
			}
		}
	} finally {
		await sql.end();
	}
}

async function* documentsOf(url: string, namespace: string): Texts {
	const mongo = await openMongo(url);
	try {
		for (const [service, database] of await databasesOf(mongo, namespace))
			for (const { name } of await mongo.db(database).listCollections().toArray())
				for (const document of await mongo.db(database).collection(name).find({}).toArray())
					yield [`the collection ${service}.${name}`, JSON.stringify(document)];
	} finally {
		await mongo.close(true);
	}
}

async function* keysOf(url: string, namespace: string): Texts {
	const redis = new Redis(url);
	try {
		for await (const keys of redis.scanStream({ match: `${namespace}:*`, count: 500 }) as AsyncIterable<string[]>)
			for (const key of keys) yield ["Redis", `${key} ${await kept(redis, key)}`];
	} finally {
		redis.disconnect();
	}
}

async function kept(redis: Redis, key: string): Promise<string> {
	switch (await redis.type(key)) {
		case "string":
			return (await redis.get(key)) ?? "";
		case "hash":
			return JSON.stringify(await redis.hgetall(key));
		case "zset":
			return (await redis.zrange(key, 0, -1)).join(" ");
		case "set":
			return (await redis.smembers(key)).join(" ");
		case "list":
			return (await redis.lrange(key, 0, -1)).join(" ");
		default:
			return "";
	}
}

async function* messagesOf(servers: string, namespace: string): Texts {
	const connection = await connect({ servers });
	try {
		const manager = await connection.jetstreamManager();
		const stream = `${namespace}_facts`;
		const { state } = await manager.streams.info(stream);
		if (state.messages === 0) return;
		const consumer = await connection.jetstream().consumers.get(stream);
		for await (const message of await consumer.consume()) {
			yield ["the stream of facts", message.string()];
			if (message.info.pending === 0) return;
		}
	} finally {
		await connection.close();
	}
}
