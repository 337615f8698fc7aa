// Flushes a SQLite write-ahead log off the event loop; calls that come while one flush runs share the next. With synchronous=NORMAL (SQLite then
// syncs the log only before a checkpoint) and every answer waiting for its flush, this promises what synchronous=FULL does.
import fs from "node:fs";

export interface WalSync {
	/** Resolves when everything committed before the call is on the disk. */
	flushed(): Promise<void>;
	close(): void;
}

/** The log must exist: open the database and read or write it first. */
export function walSync(databaseFile: string): WalSync {
	// The log keeps its inode while a connection is open, and SQLite takes no POSIX lock on it that closing this descriptor could drop.
	const descriptor = fs.openSync(`${databaseFile}-wal`, "r+");
	let current: Promise<void> | undefined;
	let next: Promise<void> | undefined;

	function begin(): Promise<void> {
		current = new Promise<void>((resolve, reject) => fs.fdatasync(descriptor, error => (error ? reject(error) : resolve()))).finally(() => {
			current = undefined;
		});
		return current;
	}

	return {
		flushed() {
			if (!current) return begin();
			// A flush under way may have begun before this commit was written, so it does not count.
			next ??= current
				.catch(() => undefined)
				.then(() => {
					next = undefined;
					return begin();
				});
			return next;
		},
		close: () => fs.closeSync(descriptor),
	};
}
