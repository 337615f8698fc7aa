// What we use of MongoDB's driver 3.7, which moleculer-db-adapter-mongo brings without types: the part that every server speaking the protocol keeps
// for single documents. No sessions, no transactions, no pipeline updates.

export type Json = Readonly<Record<string, unknown>>;

export interface MongoCursor {
	sort(order: Readonly<Record<string, 1 | -1>>): MongoCursor;
	limit(count: number): MongoCursor;
	toArray(): Promise<Record<string, unknown>[]>;
}

export interface MongoCollection {
	find(filter: Json, options?: { projection?: Json; batchSize?: number }): MongoCursor;
	findOne(filter: Json, options?: { projection?: Json }): Promise<Record<string, unknown> | null>;
	countDocuments(filter: Json): Promise<number>;
	insertOne(document: Json): Promise<unknown>;
	insertMany(documents: readonly Json[], options: { ordered: true }): Promise<unknown>;
	replaceOne(filter: Json, document: Json): Promise<{ matchedCount: number }>;
	deleteOne(filter: Json): Promise<{ deletedCount: number }>;
	bulkWrite(operations: readonly { updateOne: { filter: Json; update: Json } }[], options: { ordered: true }): Promise<unknown>;
	createIndex(fields: Json, options: { name: string; unique?: true; sparse?: true }): Promise<unknown>;
}

export interface MongoDatabase {
	collection(name: string, concerns: { readConcern: Json; writeConcern: Json }): MongoCollection;
	command(command: Json): Promise<unknown>;
	dropDatabase(): Promise<unknown>;
}

export interface MongoClient {
	db(name: string): MongoDatabase;
	close(force: boolean): Promise<void>;
}

/** Codes of a server that cannot answer now: no primary, shutting down, a time limit, a write concern that was not reached in time. */
const passingCodes = new Set([6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436]);
const passingNames = new Set([
	"MongoNetworkError",
	"MongoNetworkTimeoutError",
	"MongoServerSelectionError",
	"MongoTimeoutError",
	"MongoWriteConcernError",
	"MongoPoolClearedError",
	"MongoPoolClosedError",
	"MongoWaitQueueTimeoutError",
]);

interface DriverError {
	name?: string;
	code?: unknown;
	message?: string;
	writeErrors?: readonly { index: number }[];
}

/** Whether it is the way or the server's state that failed, not the request: what was asked for may or may not have been done. */
export function isFault(error: unknown): boolean {
	const { name, code } = (error ?? {}) as DriverError;
	return passingNames.has(name ?? "") || (typeof code === "number" && passingCodes.has(code));
}

/** The index that an error says has the value already, by its name; undefined for every other error. */
export function takenIndex(error: unknown): string | undefined {
	const { code, message } = (error ?? {}) as DriverError;
	if (code !== 11000 && code !== 11001) return undefined;
	return / index: (\S+) dup key: /.exec(message ?? "")?.[1] ?? "_id_";
}

/** Which of many inserts in order was the first that failed. */
export const failedAt = (error: unknown): number => (error as DriverError).writeErrors?.[0]?.index ?? 0;
