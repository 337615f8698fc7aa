// Takes away what the nodes of one namespace made on servers that others use too.
import { createRequire } from "node:module";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import { connect } from "nats";
import type { ServerUrls } from "./cluster.ts";

/** What is used here of the driver that the document stores ride on; it brings no types. */
interface Database {
	admin(): { listDatabases(): Promise<{ databases: { name: string }[] }> };
	dropDatabase(): Promise<unknown>;
}
interface MongoDriver {
	MongoClient: { connect(url: string, options: object): Promise<{ db(name: string): Database; close(force: boolean): Promise<void> }> };
}
const { MongoClient } = createRequire(import.meta.url)("mongodb") as MongoDriver;

async function dropSchemas(url: string, begin: string): Promise<void> {
	const connection = await mysql.createConnection({ uri: url, connectTimeout: 5000 });
	try {
		const [rows] = await connection.query("SELECT schema_name AS name FROM information_schema.schemata");
		for (const { name } of rows as { name: string }[])
			if (name.startsWith(begin)) await connection.query(`DROP DATABASE ${connection.escapeId(name)}`);
	} finally {
		await connection.end();
	}
}

async function dropDatabases(url: string, begin: string): Promise<void> {
	const client = await MongoClient.connect(url, { useUnifiedTopology: true, serverSelectionTimeoutMS: 5000 });
	try {
		const { databases } = await client.db("admin").admin().listDatabases();
		for (const { name } of databases) if (name.startsWith(begin)) await client.db(name).dropDatabase();
	} finally {
		await client.close(true);
	}
}

async function deleteStream(servers: string, name: string): Promise<void> {
	const connection = await connect({ servers, reconnect: false, timeout: 5000 });
	try {
		const manager = await connection.jetstreamManager();
		for await (const stream of manager.streams.list()) if (stream.config.name === name) await manager.streams.delete(name);
	} finally {
		await connection.close();
	}
}

async function deleteKeys(url: string, begin: string): Promise<void> {
	const redis = new Redis(url, { maxRetriesPerRequest: 1, connectTimeout: 5000 });
	redis.on("error", () => undefined); // told by the command that fails
	try {
		for await (const keys of redis.scanStream({ match: `${begin}*`, count: 500 }) as AsyncIterable<string[]>)
			if (keys.length > 0) await redis.unlink(...keys);
	} finally {
		redis.disconnect();
	}
}

/** Its schemas, databases, stream and keys, on those of the servers that are named. */
export async function dropNamespace({ nats, sql, mongo, redis }: Partial<ServerUrls>, namespace: string): Promise<void> {
	await Promise.all([
		sql && dropSchemas(sql, `${namespace}_`),
		mongo && dropDatabases(mongo, `${namespace}_`),
		nats && deleteStream(nats, `${namespace}_facts`),
		redis && deleteKeys(redis, `${namespace}:`),
	]);
}
