// The log of what was heard. Everything that counters know can be made from it again; its order is given once, by whoever judges.
import { SqlTx } from "../../../mixins/sql/tx.ts";
import type { Logged, Observation, ObservationKind } from "./fraud.observations.ts";

const observationOf = ({ body, seq }: { body: string; seq: number }): Logged => ({ ...(JSON.parse(body) as Observation), seq });

const pageMax = 2000;

export class LogTx extends SqlTx {
	/** Writes an observation down; one that is there already changes nothing. */
	async log(observation: Observation): Promise<void> {
		const { id, at, kind } = observation;
		await this.insertIfAbsent("observations", { id, seq: null, at, kind, body: JSON.stringify(observation) });
	}

	/** Numbers the oldest observations without a number, without gaps, in the order in which they were written. Answers how many. */
	async numberLog(limit: number): Promise<number> {
		const order = this.given.exclusive ? "rowid" : "sequence";
		const rows = await this.all<{ id: string }>(`SELECT id FROM observations WHERE seq IS NULL ORDER BY ${order} LIMIT ?`, [limit]);
		if (rows.length === 0) return 0;
		const head = await this.logHead();
		const ids = rows.map(({ id }) => id);
		const cases = ids.map(() => "WHEN ? THEN ?").join(" ");
		await this.run(`UPDATE observations SET seq = CASE id ${cases} END WHERE id IN (${ids.map(() => "?").join(", ")})`, [
			...ids.flatMap((id, at) => [id, head + at + 1]),
			...ids,
		]);
		return rows.length;
	}

	async logHead(): Promise<number> {
		return (await this.get<{ seq: number }>("SELECT COALESCE(MAX(seq), 0) AS seq FROM observations"))!.seq;
	}

	/** Whether something waits for its number; of these kinds only, if some are named. */
	async hasUnnumbered(kinds: readonly ObservationKind[] = []): Promise<boolean> {
		const ofKind = kinds.length > 0 ? `AND kind IN (${kinds.map(() => "?").join(", ")})` : "";
		return (await this.get(`SELECT 1 FROM observations WHERE seq IS NULL ${ofKind} LIMIT 1`, kinds)) !== undefined;
	}

	async logAfter(seq: number, limit: number): Promise<Logged[]> {
		const rows = await this.all<{ body: string; seq: number }>("SELECT seq, body FROM observations WHERE seq > ? ORDER BY seq LIMIT ?", [
			seq,
			limit,
		]);
		return rows.map(observationOf);
	}

	/** The log from its beginning, up to a place in it, a page at a time: so long a past need not fit into memory. */
	async *pages(until = Number.MAX_SAFE_INTEGER): AsyncGenerator<readonly Logged[]> {
		for (let seq = 0; seq < until; ) {
			const page = (await this.logAfter(seq, pageMax)).filter(one => one.seq <= until);
			if (page.length === 0) return;
			yield page;
			seq = page[page.length - 1]!.seq;
		}
	}

	/** Its place in the log; undefined while it has none. */
	async seqOf(observationId: string): Promise<number | undefined> {
		return (await this.get<{ seq: number | null }>("SELECT seq FROM observations WHERE id = ?", [observationId]))?.seq ?? undefined;
	}

	/** How far the log was judged. */
	async judged(): Promise<number> {
		return (await this.get<{ value: number }>("SELECT value FROM counters WHERE name = 'judged'"))?.value ?? 0;
	}

	/** The batch that was judged last: from behind where, and up to where. */
	async lastJudged(): Promise<{ from: number; to: number }> {
		const rows = await this.all<{ name: string; value: number }>(
			"SELECT name, value FROM counters WHERE name IN ('judged', 'judgedBefore')",
		);
		const kept = (name: string) => rows.find(row => row.name === name)?.value ?? 0;
		return { from: kept("judgedBefore"), to: kept("judged") };
	}

	/** Moves on from where the judge believed to stand; false when another one has moved meanwhile. */
	async moveJudged(from: number, to: number): Promise<boolean> {
		await this.insertIfAbsent("counters", { name: "judged", value: 0 });
		if ((await this.run("UPDATE counters SET value = ? WHERE name = 'judged' AND value = ?", [to, from])) === 0) return false;
		await this.put("counters", { name: "judgedBefore" }, { value: from });
		return true;
	}
}
