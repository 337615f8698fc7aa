import { aligned, decimal, machine, ratio, whole } from "../tables.ts";
import type { Assess } from "./assess.ts";
import type { Attempts, Cost, Worth } from "./measure.ts";

export interface FraudFigures {
	worth: Worth;
	cost: Cost;
	attempts: Attempts;
	assess: Assess;
}

const percent = (part: number | null) => (part === null ? "–" : `${decimal(part * 100)} %`);

/** Every row as it was measured, those that were missed too. */
export function report({ worth, cost, attempts, assess }: FraudFigures): string {
	const fraud = worth.fraud.map(({ scenario, incidents, found, recall, precision, rules }) => [
		scenario,
		whole(incidents),
		whole(found),
		percent(recall),
		percent(precision),
		rules.join(", ") || "–",
	]);
	const honest = worth.honest.map(({ scenario, entities, alerted, alerts, rules }) => [
		scenario,
		whole(entities),
		whole(alerted),
		whole(alerts),
		rules.join(", ") || "–",
	]);
	return [
		`${whole(worth.observations)} observations of ${whole(worth.users)} users; ${machine()}`,
		"",
		...aligned([["fraud", "incidents", "found", "recall", "precision", "found by"], ...fraud]),
		"",
		...aligned([["honest", "entities", "alerted", "alerts", "by"], ...honest]),
		"",
		`${decimal(worth.alertsPerThousandUsersAndDay)} alerts per 1,000 users and day.`,
		"",
		...aligned([
			["cost", "observations/s", "seconds", "÷ parsing"],
			[`parsing ${whole(cost.observations)} lines`, perSecond(cost, cost.parseSeconds), decimal(cost.parseSeconds), "1.00"],
			[
				`parsing and replaying them through ${cost.rules} rules`,
				perSecond(cost, cost.replaySeconds),
				decimal(cost.replaySeconds),
				ratio(cost.replaySeconds, cost.parseSeconds),
			],
		]),
		"",
		`While it replayed, everything else waited ${decimal(cost.longestTurnMs)} ms for a turn at most.`,
		`One attempt, counted and decided with the trace of ${attempts.rules} rules: p50 ${decimal(attempts.p50Us)} µs, p99 ${decimal(attempts.p99Us)} µs (${whole(attempts.count)} attempts).`,
		"",
		...aligned([
			["fraud.assess, embedded", "at once", "p50 ms", "p99 ms", "÷ one commit", "per second"],
			...assess.rows.map(({ atOnce, count, p50Ms, p99Ms, perSecond: rate }) => [
				`${whole(count)} decisions, kept`,
				whole(atOnce),
				decimal(p50Ms),
				decimal(p99Ms),
				ratio(p50Ms, assess.commitP50Ms),
				whole(rate),
			]),
		]),
	].join("\n");
}

const perSecond = ({ observations }: Cost, seconds: number) => whole(observations / seconds);
