// What can go wrong between us and a MySQL or MariaDB server, told apart by what has to be done. A driver's error holds SQL, values and the
// server's address; what leaves this folder holds none of them.

/**
 * `deadlock`, `lockWait`: the same work may succeed at once. `duplicate`: a row with that key stands. `lost`: the connection is gone, what was
 * not committed with it. `timeout`: nobody answers. `busy`: the server takes no more connections. `denied`: user or password. `statement`: the
 * statement itself is refused.
 */
export type FaultKind = "deadlock" | "lockWait" | "duplicate" | "lost" | "timeout" | "busy" | "denied" | "statement";

interface DriverError extends Error {
	code?: string;
	errno?: number;
	fatal?: boolean;
}

const byNumber: Readonly<Record<number, FaultKind>> = {
	1213: "deadlock",
	1020: "deadlock", // MariaDB: the row changed since the snapshot was taken
	1205: "lockWait",
	1062: "duplicate",
	1586: "duplicate",
	1040: "busy",
	1203: "busy",
	1226: "busy",
	1044: "denied",
	1045: "denied",
	1698: "denied",
	1053: "lost", // shutting down
	1290: "lost", // read only: no longer the primary, so another address answers for it now
	1836: "lost",
	1317: "lost", // killed by an operator
	1927: "lost",
	4031: "lost", // MySQL closed it for being idle
};

const timeouts = new Set(["ETIMEDOUT", "PROTOCOL_SEQUENCE_TIMEOUT"]);

function kindOf({ code, errno, fatal }: DriverError): FaultKind {
	if (code && timeouts.has(code)) return "timeout";
	const known = errno === undefined ? undefined : byNumber[errno];
	if (known) return known;
	// ECONNRESET and PROTOCOL_CONNECTION_LOST, but not ER_BAD_FIELD_ERROR.
	return fatal || /^(PROTOCOL_|E[A-Z]+$)/.test(code ?? "") ? "lost" : "statement";
}

/** Carries the server's own code (`ER_DUP_ENTRY`), never its sentence: that repeats values. */
export class SqlFault extends Error {
	override readonly name = "SqlFault";
	readonly kind: FaultKind;
	readonly reason: string;

	constructor(kind: FaultKind, reason: string) {
		super(kind === "duplicate" ? "A row with that key stands already." : `The database did not do it: ${kind} (${reason}).`);
		this.kind = kind;
		this.reason = reason;
	}

	/** The connection is of no use any more. */
	get breaks(): boolean {
		return this.kind === "lost" || this.kind === "timeout";
	}
}

export function faultOf(error: unknown): SqlFault {
	if (error instanceof SqlFault) return error;
	const driver = error as DriverError;
	return new SqlFault(kindOf(driver), driver.code ?? (driver.errno === undefined ? driver.name : String(driver.errno)));
}
