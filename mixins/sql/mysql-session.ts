// One session with a MySQL or MariaDB server: statements one after the other, every wait bounded, whole numbers exact.
import { type ConnectionOptions, createConnection, type Connection as Driver, type FieldPacket, type ResultSetHeader } from "mysql2";
import type { Value } from "./engine.ts";
import { faultOf, SqlFault } from "./mysql-fault.ts";

/** Where the server is and who asks. */
export interface MysqlAddress {
	host: string;
	port: number;
	user: string;
	password: string;
	tls: boolean;
}

/**
 * Reads `mysql://user:password@host:port`; `?tls=true` encrypts and verifies by the machine's certificates (NODE_EXTRA_CA_CERTS adds to them).
 * The URL was checked when the configuration was read.
 */
export function addressOf(url: string): MysqlAddress {
	const { hostname, port, username, password, searchParams } = new URL(url);
	return {
		host: hostname.replace(/^\[|\]$/g, ""),
		port: Number(port || 3306),
		user: decodeURIComponent(username),
		password: decodeURIComponent(password),
		tls: searchParams.get("tls") === "true",
	};
}

export function driverOptions({ tls, ...address }: MysqlAddress, database?: string): ConnectionOptions {
	return {
		...address,
		database,
		charset: "UTF8MB4_BIN",
		connectTimeout: connectMs,
		supportBigNumbers: true,
		bigNumberStrings: true,
		dateStrings: true,
		// FOUND_ROWS is the driver's default, but what we count by must not hang on a default. A server must never ask us for a file.
		flags: ["FOUND_ROWS", "-LOCAL_FILES"],
		...(tls ? { ssl: { rejectUnauthorized: true } } : {}),
	};
}

const connectMs = 2000;
// A paused server must be told from a slow one before the gateway gives up. A wait for a lock ends first, and is not the server's fault.
const statementMs = 4000;
const lockWaitSeconds = 3;
/**
 * The server ends a session that asks nothing for so long, and with it the locks of a node that is paused or cut off in the middle of a transaction:
 * another may take over its work within 10 s. Sessions that are merely unused are closed by the pool before.
 */
export const silentSeconds = 6;

const setUp = [
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	`SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE',
	innodb_lock_wait_timeout = ${lockWaitSeconds}, wait_timeout = ${silentSeconds}`,
];

type Rows = Record<string, unknown>[];
type DriverResult = Rows | ResultSetHeader;

const longLong = 8;
const decimals = new Set([0, 246]);

/** Turns the columns that a statement answered as text into numbers. Throws where a number would not be exact. */
function exact(rows: Rows, fields: readonly FieldPacket[]): void {
	for (const { name, columnType = -1 } of fields) {
		if (columnType !== longLong && !decimals.has(columnType)) continue;
		for (const row of rows) {
			const text = row[name];
			if (typeof text !== "string") continue;
			const number = Number(text);
			// SUM of whole numbers is a DECIMAL without a point; with one it is an average, and was never exact.
			if (!text.includes(".") && !Number.isSafeInteger(number))
				throw new RangeError(`The value of ${name} is too large to be represented as a JavaScript number.`);
			row[name] = number;
		}
	}
}

export class MysqlSession {
	readonly #driver: Driver;
	#broken: SqlFault | undefined;
	/** Fails the statement under way. */
	#failing: ((fault: SqlFault) => void) | undefined;
	#tail: Promise<unknown> = Promise.resolve();
	/** Called once when the session breaks, also while nobody uses it. */
	onBroken: () => void = () => undefined;

	private constructor(driver: Driver) {
		this.#driver = driver;
		// A server that goes away ends its sessions: the idle ones must be known as dead before somebody begins a transaction on them.
		driver.on("error", error => this.break(faultOf(error)));
		driver.on("end", () => this.break(new SqlFault("lost", "PROTOCOL_CONNECTION_LOST")));
	}

	/** Rejects with a {@link SqlFault}. */
	static async open(options: ConnectionOptions): Promise<MysqlSession> {
		const session = await MysqlSession.connect(options);
		try {
			for (const statement of setUp) await session.query(statement);
			return session;
		} catch (error) {
			session.break(faultOf(error));
			throw error;
		}
	}

	/** Without the settings of the stores: for creating a schema and holding the lock of its migrations. */
	static connect(options: ConnectionOptions): Promise<MysqlSession> {
		return new Promise((resolve, reject) => {
			const driver = createConnection(options);
			const session = new MysqlSession(driver);
			// A server that hangs up before its greeting is told by the socket alone.
			session.onBroken = () => reject(session.#broken);
			driver.connect(error => {
				if (error) return session.break(faultOf(error));
				session.onBroken = () => undefined;
				resolve(session);
			});
		});
	}

	/** What broke it; undefined while it can be used. */
	get broken(): SqlFault | undefined {
		return this.#broken;
	}

	/** Rows, or how many rows matched. Rejects with a {@link SqlFault}. */
	query(sql: string, params: readonly Value[] = [], withinMs = statementMs): Promise<DriverResult> {
		const asked = this.#tail.then(() => this.#ask(sql, params, withinMs));
		this.#tail = asked.catch(() => undefined);
		return asked;
	}

	#ask(sql: string, params: readonly Value[], withinMs: number): Promise<DriverResult> {
		if (this.#broken) return Promise.reject(this.#broken);
		return new Promise((resolve, reject) => {
			// Nobody knows what an unanswered statement did; the session is given up, and the server undoes what it began.
			const timer = setTimeout(() => this.break(new SqlFault("timeout", "no answer")), withinMs);
			const settle = (act: () => void) => {
				clearTimeout(timer);
				this.#failing = undefined;
				act();
			};
			this.#failing = fault => settle(() => reject(fault));
			// Values are escaped by the driver. Statements prepared by the server refuse `LIMIT ?`, and would have to be prepared on each session.
			this.#driver.query({ sql, values: [...params] }, (error, result, fields) => {
				if (error) {
					const fault = faultOf(error);
					if (fault.breaks) this.break(fault);
					return settle(() => reject(fault));
				}
				try {
					if (Array.isArray(result)) exact(result as Rows, fields as FieldPacket[]);
					settle(() => resolve(result as DriverResult));
				} catch (tooLarge) {
					settle(() => reject(tooLarge));
				}
			});
		});
	}

	/** Ends the session without a word; whatever is under way on it fails with this fault. */
	break(fault: SqlFault): void {
		if (this.#broken) return;
		this.#broken = fault;
		this.#failing?.(fault);
		this.#driver.destroy();
		this.onBroken();
	}

	/** Says goodbye; never rejects. */
	close(): Promise<void> {
		if (this.#broken) return Promise.resolve();
		this.#broken = new SqlFault("lost", "closed");
		return new Promise(resolve => {
			const patience = setTimeout(() => {
				this.#driver.destroy();
				resolve();
			}, 500);
			this.#driver.end(() => {
				clearTimeout(patience);
				resolve();
			});
		});
	}
}
