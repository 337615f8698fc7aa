// A backtest as a person reads it.
import type { BacktestReport } from "../../services/risk/fraud/rules.contract.ts";
import { table } from "../repl/table.ts";
import type { Scores } from "./scores.ts";

const percent = (part: number | null | undefined) => (part === null || part === undefined ? null : `${Math.round(part * 1000) / 10} %`);

/** One row a rule; `width`: of the terminal. */
export function reportText({ rules, events }: BacktestReport, width?: number): string {
	const rows = rules.map(({ id, matches, entities, perDay, precision, recall, overlap }) => {
		const others = Object.entries(overlap).map(([other, count]) => `${other} ${count}`);
		return [id, matches, entities, perDay, percent(precision), percent(recall), others.join(", ") || null];
	});
	const heads = ["rule", "matches", "entities", "per day", "precision", "recall", "at the same events"];
	return `${table(heads, rows, { nothing: "No rule was asked.", width })}\n\n${events} events were looked at.`;
}

/** One row a scenario, what was wrong first. */
export function scoresText(scores: Scores, report: BacktestReport, users: number, width?: number): string {
	const fraud = scores
		.fraud()
		.map(({ scenario, incidents, found, recall, precision, rules }) => [
			scenario,
			incidents,
			found,
			percent(recall),
			percent(precision),
			rules.join(", ") || null,
		]);
	const honest = scores
		.honest()
		.map(({ scenario, entities, alerted, alerts, rules }) => [scenario, entities, alerted, alerts, rules.join(", ") || null]);
	return [
		table(["fraud", "incidents", "found", "recall", "precision", "found by"], fraud, { nothing: "No fraud is labelled.", width }),
		table(["honest", "entities", "alerted", "alerts", "by"], honest, { nothing: "Nobody is labelled honest.", width }),
		`${scores.perThousandAndDay(report, users).toFixed(2)} alerts per 1,000 users and day (${users} users).`,
	].join("\n\n");
}
