// An engine as a shared server makes it: work is run again after a deadlock, and a COMMIT may be answered by a lost connection.
import type { Connection, SqlEngine } from "../../mixins/sql/engine.ts";

/** `again`: run twice, the first time undone. `committedAgain`: committed, not known, so run once more. `lost`, `unsaved`: rejects, committed or not. */
export type Mishap = "again" | "committedAgain" | "lost" | "unsaved";

const undone = new Error("undone");
export const connectionLost = () => new Error("the connection was lost in the middle of COMMIT");

/** `mishapOf` says what befalls the n-th transaction, from 1. */
export function restless(engine: SqlEngine, mishapOf: (n: number) => Mishap | undefined): SqlEngine {
	let count = 0;
	const undoing = (work: (connection: Connection) => Promise<unknown>) =>
		engine
			.transaction(async connection => {
				await work(connection);
				throw undone;
			})
			.catch(error => {
				if (error !== undone) throw error;
			});

	return {
		...engine,
		get reader() {
			return engine.reader;
		},
		async transaction(work) {
			const mishap = mishapOf(++count);
			if (mishap === "again" || mishap === "unsaved") await undoing(work);
			if (mishap === "committedAgain" || mishap === "lost") await engine.transaction(work);
			if (mishap === "lost" || mishap === "unsaved") throw connectionLost();
			return engine.transaction(work);
		},
	};
}
